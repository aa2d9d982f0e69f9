//! Who watches a graph, and where.

use crate::graph::{Graph, Node, Var};
use seismograd_tensor::{Glimpse, Tensor};
use std::fmt;
use std::sync::Arc;

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
        let node = &self.graph.nodes[self.node.index()];
        node.inputs.first().copied().filter(|_| node.rule.as_ref().is_some_and(|rule| rule.is_relu()))
    }

    /// The node that this one is in another shape, or this one: value and gradient have the same elements, since nothing else uses that node.
    pub fn in_any_shape(&self) -> Var {
        let nodes = &self.graph.nodes;
        let mut node = self.node;
        while let Some(&input) = nodes[node.index()].inputs.first()
            && nodes[node.index()].rule.as_ref().is_some_and(|rule| rule.is_reshape())
            && nodes[input.index()].uses == 1
        {
            node = input;
        }
        node
    }

    /// The value there.
    pub fn value(&self) -> &'a Tensor {
        self.graph.value(self.node)
    }

    /// The nodes before this one whose gradients are known from its own: those of a ReLU's input, of what a max pooling spreads, or of both, where nothing
    /// else uses them. A change of shape in between changes nothing.
    pub fn passes(&self) -> impl Iterator<Item = Passage> + use<'a> {
        let only_input = |node: &'a Node| {
            let input = *node.inputs.first()?;
            (self.graph.nodes[input.index()].uses == 1).then_some(input)
        };
        let rule = |node: &'a Node| node.rule.as_deref();
        let node = &self.graph.nodes[self.in_any_shape().index()];
        let spread = only_input(node).filter(|_| rule(node).is_some_and(|rule| rule.spreads()));
        let (relu, elements) = match spread {
            Some(input) => (&self.graph.nodes[input.index()], self.graph.value(input).len()),
            None => (node, self.value().len()),
        };
        let gated = only_input(relu).filter(|_| rule(relu).is_some_and(|rule| rule.is_relu()));
        let passage = |node: Option<Var>, gated| node.map(|node| Passage { node, gated, elements });
        [passage(spread, false), passage(gated, true)].into_iter().flatten()
    }
}

/// A node whose gradient holds elements of a later node's gradient, each of them once, and zeros besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The node.
    pub node: Var,
    /// Whether the elements are those where the later node's value is above zero. Otherwise they are all, but where that value is a NaN.
    pub gated: bool,
    /// The number of elements, zeros with them.
    pub elements: usize,
}

impl fmt::Debug for Site<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Site { scope, port, node, graph: _ } = self;
        f.debug_struct("Site").field("scope", scope).field("port", port).field("node", node).finish_non_exhaustive()
    }
}

/// What is glimpsed on its way into a ReLU, or back out of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A value that is rectified.
    Value,
    /// A gradient of which the ReLU lets a part through.
    Gradient,
    /// Such a gradient that a max pooling spreads out ([`Passage`]): whoever has seen what it spreads knows its moments, which come with no glimpse of it.
    SpreadGradient,
}

/// Sees the values and gradients at the sites that it wants. `()` observes nothing.
///
/// What is shown as a whole has to be written to memory as a whole, where an operation and the ReLU around it would be one pass. An observer that needs
/// no more than moments and a few elements says so ([`Observer::places`]), and gets these ([`Observer::glimpse`]).
pub trait Observer {
    /// Whether the site is to be shown. A value that nobody wants may never be computed on its own.
    fn wants(&self, _site: Site<'_>) -> bool {
        true
    }

    /// The value at a site.
    fn value(&mut self, _site: Site<'_>, _value: &Tensor) {}

    /// The gradient at a site, complete: every contribution has been added.
    fn gradient(&mut self, _site: Site<'_>, _gradient: &Tensor) {}

    /// The places, ascending, of the elements to keep of a tensor of so many at a site, if a glimpse of it will do.
    fn places(&mut self, _site: Site<'_>, _flow: Flow, _elements: usize) -> Option<Arc<[usize]>> {
        None
    }

    /// What was seen at a site in place of the whole: the moments of each sample, with those of what goes on through the ReLU, and the elements at the
    /// places that were asked for. Who keeps it shares it with the other sites of the node.
    fn glimpse(&mut self, _site: Site<'_>, _flow: Flow, _seen: &Arc<Glimpse>) {}
}

impl Observer for () {
    fn wants(&self, _site: Site<'_>) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tensor, Window};

    /// Where the gradient at a scope's output goes on to: the nodes, whether gated, and their elements.
    fn passages(graph: &Graph, scope: &str) -> Vec<(u32, bool, usize)> {
        let site = graph.sites().find(|site| site.scope == scope && site.port == Port::Output).expect("a site");
        site.passes().map(|Passage { node, gated, elements }| (node.0, gated, elements)).collect()
    }

    #[test]
    fn a_gradient_passes_through_a_pooling_and_a_relu() {
        for (stride, used_twice) in [(2, false), (1, false), (2, true)] {
            let mut g = Graph::new();
            let x = g.leaf(Tensor::full(&[1, 4, 4, 1], 1.0));
            let y = g.scope("neg", x, |g, x| g.neg(x));
            let relu = g.scope("relu", y, |g, y| g.relu(y));
            let pool = g.scope("pool", relu, |g, y| g.max_pool2d(y, [2, 2], Window::square(stride, 0)));
            if used_twice {
                g.sum(relu, &[0, 1, 2, 3]);
            }
            g.sum(pool, &[0, 1, 2, 3]);
            let spread = if stride == 2 && !used_twice { vec![(relu.0, false, 16), (y.0, true, 16)] } else { vec![] };
            assert_eq!(passages(&g, "pool"), spread);
            assert_eq!(passages(&g, "relu"), [(y.0, true, 16)]);
            assert_eq!(passages(&g, "neg"), []);
        }
    }
}
