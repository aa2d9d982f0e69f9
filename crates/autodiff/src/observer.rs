//! Who watches a graph, and where.

use crate::graph::{Graph, Node, Var};
use seismograd_tensor::Tensor;
use std::fmt;

/// One of the two ends of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// What flows into the scope.
    Input,
    /// What flows out of it.
    Output,
}

/// A place that can be watched: an end of a named scope.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The scope's path, such as `block1.conv2`.
    pub scope: &'a str,
    /// Which end of it.
    pub port: Port,
    /// The node that flows there. What is one scope's output and the next one's input is one node, and shows one tensor.
    pub node: Var,
    graph: &'a Graph,
}

impl<'a> Site<'a> {
    pub(crate) fn new(graph: &'a Graph, scope: &'a str, port: Port, node: Var) -> Site<'a> {
        Site { scope, port, node, graph }
    }

    /// The node that this one is the ReLU of, if it is one.
    pub fn rectifies(&self) -> Option<Var> {
        let node = self.graph_node();
        node.inputs.first().copied().filter(|_| node.rule.as_ref().is_some_and(|rule| rule.is_relu()))
    }

    /// Whether the value is computed for whoever asks: an operation behind it may do without.
    pub fn is_deferred(&self) -> bool {
        self.graph_node().deferred
    }

    fn graph_node(&self) -> &Node {
        &self.graph.nodes[self.node.index()]
    }
}

impl fmt::Debug for Site<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Site { scope, port, node, graph: _ } = self;
        f.debug_struct("Site").field("scope", scope).field("port", port).field("node", node).finish_non_exhaustive()
    }
}

/// Sees the values and gradients at the sites that it wants. `()` observes nothing.
pub trait Observer {
    /// Whether the site is to be shown. A value that nobody wants may never be computed on its own.
    fn wants(&self, _site: Site<'_>) -> bool {
        true
    }

    /// The value at a site.
    fn value(&mut self, _site: Site<'_>, _value: &Tensor) {}

    /// The gradient at a site, complete: every contribution has been added.
    fn gradient(&mut self, _site: Site<'_>, _gradient: &Tensor) {}
}

impl Observer for () {
    fn wants(&self, _site: Site<'_>) -> bool {
        false
    }
}
