//! Who watches a graph, and where.

use crate::graph::Var;
use seismograd_tensor::Tensor;

/// One of the two ends of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// What flows into the scope.
    Input,
    /// What flows out of it.
    Output,
}

/// A place that can be watched: an end of a named scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Site<'a> {
    /// The scope's path, such as `block1.conv2`.
    pub scope: &'a str,
    /// Which end of it.
    pub port: Port,
    /// The node that flows there. What is one scope's output and the next one's input is one node, and shows one tensor.
    pub node: Var,
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
