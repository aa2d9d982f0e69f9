//! The reverse loop: the one place where gradients are accumulated, un-broadcast and observed.

use crate::graph::{Graph, Var};
use crate::observer::{Observer, Site};
use seismograd_tensor::Tensor;

/// The gradients of a graph's leaves.
pub struct Gradients(Vec<Option<Tensor>>);

impl Gradients {
    /// The gradient of a leaf; `None` where none flows.
    pub fn of(&self, leaf: Var) -> Option<&Tensor> {
        self.0[leaf.index()].as_ref()
    }

    /// Takes the gradient of a leaf out; `None` where none flows.
    pub fn take(&mut self, leaf: Var) -> Option<Tensor> {
        self.0[leaf.index()].take()
    }

    /// Adds a contribution, summed over what was broadcast. A value that is still deferred has not been broadcast.
    fn add(&mut self, var: Var, value: Option<&Tensor>, contribution: Tensor) {
        let contribution = match value {
            Some(value) if value.shape() != contribution.shape() => contribution.sum_to(value.shape()),
            _ => contribution,
        };
        match &mut self.0[var.index()] {
            Some(sum) => sum.accumulate(&contribution),
            empty => *empty = Some(contribution),
        }
    }
}

impl Graph {
    /// The gradients of a scalar with respect to every leaf.
    ///
    /// # Panics
    /// When `output` has more than one element.
    #[track_caller]
    pub fn backward(&self, output: Var) -> Gradients {
        let value = self.value(output);
        assert_eq!(value.len(), 1, "backward: shape {:?} is no scalar; use backward_from", value.shape());
        self.backward_from(output, Tensor::full(value.shape(), 1.0), &mut ())
    }

    /// The gradients of `sum(output * upstream)` with respect to every leaf, watched by `observer`.
    ///
    /// Nodes are visited from the last to the first, so a node's gradient is complete when it is reached. There the observer
    /// sees it, once for each site the node is.
    ///
    /// # Panics
    /// When `upstream` has not the shape of `output`.
    #[track_caller]
    pub fn backward_from(&self, output: Var, upstream: Tensor, observer: &mut dyn Observer) -> Gradients {
        assert_eq!(self.value(output).shape(), upstream.shape(), "backward: output and upstream");
        let mut gradients = Gradients((0..=output.index()).map(|_| None).collect());
        gradients.0[output.index()] = Some(upstream);
        let mut sites = self.sites_before(output);
        for at in (0..=output.index()).rev() {
            let node = &self.nodes[at];
            let Some(gradient) = &gradients.0[at] else { continue };
            while let Some(site) = sites.pop_if(|site| site.node.index() >= at) {
                // Later nodes are those that no gradient reached, or passed by.
                if site.node.index() == at && observer.wants(site) {
                    observer.gradient(site, gradient);
                }
            }
            let Some(rule) = node.rule.as_ref().filter(|_| node.needs_gradient) else { continue };
            let upstream = gradients.0[at].take().expect("it was there above");
            let (relu, contributions) = self.contributions(node, rule.as_ref(), upstream, &sites, observer);
            debug_assert_eq!(contributions.len(), node.inputs.len(), "a rule returns one contribution an input");
            let before_relu = relu.map(|relu| self.nodes[relu.index()].inputs[0]);
            let receivers = before_relu.into_iter().chain(node.inputs[usize::from(relu.is_some())..].iter().copied());
            for (input, contribution) in receivers.zip(contributions) {
                let source = &self.nodes[input.index()];
                if let Some(contribution) = contribution.filter(|_| source.needs_gradient) {
                    gradients.add(input, source.value.get(), contribution);
                }
            }
        }
        gradients.0.resize(self.len(), None);
        gradients
    }

    /// The sites at or before `output`, the latest node last.
    fn sites_before(&self, output: Var) -> Vec<Site<'_>> {
        let mut sites: Vec<_> = self.sites().filter(|site| site.node <= output).collect();
        // Reversed first, so that popping from the end visits the sites of one node in the order their scopes were opened.
        sites.reverse();
        sites.sort_by_key(|site| site.node);
        sites
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Port, Window};

    fn scalar(graph: &mut Graph, value: f32) -> Var {
        graph.leaf(Tensor::scalar(value))
    }

    #[test]
    fn a_relu_takes_no_value_away_that_another_node_has_broadcast() {
        let mut g = Graph::new();
        let x = g.leaf(Tensor::new(&[1, 1, 2, 1], vec![1.0, 2.0]));
        let w = g.leaf(Tensor::full(&[1, 1, 1, 1], 1.0));
        let conv = g.conv2d(x, w, None, Window::square(1, 0));
        let zeros = g.constant(Tensor::zeros(&[3, 1, 2, 1]));
        let thrice = g.add(conv, zeros);
        let relu = g.relu(conv);
        let sum = g.add(thrice, relu);
        let y = g.sum(sum, &[0, 1, 2, 3]);
        // Three samples of the sum, and as many of what the ReLU lets through.
        assert_eq!(g.backward(y).of(w).unwrap().item(), 18.0);
    }

    #[test]
    fn x_times_x() {
        let mut g = Graph::new();
        let x = scalar(&mut g, 3.0);
        let y = g.mul(x, x);
        assert_eq!(g.backward(y).of(x).unwrap().item(), 6.0);
    }

    #[test]
    fn a_shared_subexpression_accumulates() {
        // y = (x + 1)^2 + 3 (x + 1) at x = 2: dy/dx = 2 * 3 + 3.
        let mut g = Graph::new();
        let x = scalar(&mut g, 2.0);
        let one = g.constant(Tensor::scalar(1.0));
        let three = g.constant(Tensor::scalar(3.0));
        let s = g.add(x, one);
        let square = g.mul(s, s);
        let line = g.mul(three, s);
        let y = g.add(square, line);
        assert_eq!(g.backward(y).of(x).unwrap().item(), 9.0);
    }

    #[test]
    fn a_weight_used_twice_gathers_both_uses() {
        // y = w (w x) with x = 5: dy/dw = 2 w x.
        let mut g = Graph::new();
        let w = g.leaf(Tensor::full(&[1, 1], 2.0));
        let x = g.constant(Tensor::full(&[1, 1], 5.0));
        let once = g.matmul(w, x);
        let twice = g.matmul(w, once);
        assert_eq!(g.backward(twice).of(w).unwrap().item(), 20.0);
    }

    #[test]
    fn a_graph_of_a_hundred_thousand_nodes() {
        let mut g = Graph::new();
        let x = scalar(&mut g, 1.0);
        let mut y = x;
        for _ in 0..100_000 {
            y = g.add(y, x);
        }
        assert_eq!(g.value(y).item(), 100_001.0);
        assert_eq!(g.backward(y).of(x).unwrap().item(), 100_001.0);
    }

    #[test]
    fn constants_get_no_gradient() {
        let mut g = Graph::new();
        let (x, c) = (scalar(&mut g, 1.0), g.constant(Tensor::scalar(2.0)));
        let y = g.mul(x, c);
        let gradients = g.backward(y);
        assert!(gradients.of(c).is_none());
        assert_eq!(gradients.of(x).unwrap().item(), 2.0);
    }

    /// Sees the gradients at the outputs of scopes of this name.
    struct At(&'static str, Vec<Tensor>);

    impl Observer for At {
        fn wants(&self, site: Site<'_>) -> bool {
            site.scope == self.0 && site.port == Port::Output
        }

        fn gradient(&mut self, _: Site<'_>, gradient: &Tensor) {
            self.1.push(gradient.clone());
        }
    }

    #[test]
    fn a_relu_is_passed_by_unless_somebody_looks() {
        let mut values = (0..).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0);
        let mut tensor = |shape: &[usize]| Tensor::new(shape, values.by_ref().take(shape.iter().product()).collect());
        // Winograd's convolution, pooling, a direct convolution.
        let mut g = Graph::new();
        let x = g.leaf(tensor(&[2, 8, 8, 16]));
        let weights = [[16, 16, 3, 3], [16, 16, 3, 3], [5, 16, 2, 2]].map(|shape| g.leaf(tensor(&shape)));
        let same = Window::square(1, 1);
        let y = weights[..2].iter().enumerate().fold(x, |y, (at, &weight)| {
            let y = g.conv2d(y, weight, None, same);
            g.scope(["relu0", "relu1"][at], y, |g, y| g.relu(y))
        });
        let y = g.scope("pool", y, |g, y| g.max_pool2d(y, [2, 2], Window::square(2, 0)));
        let y = g.scope("relu2", y, |g, y| g.relu(y));
        let y = g.conv2d(y, weights[2], None, Window::square(1, 0));
        let upstream = tensor(g.value(y).shape());
        let leaves =
            |gradients: Gradients| [x, weights[0], weights[1], weights[2]].map(|leaf| gradients.of(leaf).cloned());
        let unwatched = leaves(g.backward_from(y, upstream.clone(), &mut ()));
        for scope in ["relu0", "relu1", "relu2", "pool"] {
            let mut seen = At(scope, Vec::new());
            assert_eq!(leaves(g.backward_from(y, upstream.clone(), &mut seen)), unwatched);
            // What is seen behind a ReLU is not masked: few of its elements are zero, unless a pooling spread it out.
            let zeros = seen.1[0].as_slice().iter().filter(|x| **x == 0.0).count() as f64 / seen.1[0].len() as f64;
            assert!(seen.1.len() == 1 && (zeros > 0.6) == (scope == "relu1"), "{scope}: {zeros}");
        }
    }

    #[test]
    fn a_relu_that_is_used_twice_gathers_both_uses() {
        // y = sum of conv(relu(x)) + relu(x), with a weight of 2.
        let mut g = Graph::new();
        let x = g.leaf(Tensor::new(&[1, 1, 2, 1], vec![3.0, -1.0]));
        let w = g.leaf(Tensor::full(&[1, 1, 1, 1], 2.0));
        let relu = g.relu(x);
        let conv = g.conv2d(relu, w, None, Window::square(1, 0));
        let both = g.add(conv, relu);
        let y = g.sum(both, &[0, 1, 2, 3]);
        assert_eq!(g.backward(y).of(x).unwrap().as_slice(), [3.0, 0.0]);
    }

    #[derive(Default)]
    struct Log(Vec<String>);

    impl Observer for Log {
        fn value(&mut self, site: Site<'_>, value: &Tensor) {
            self.0.push(format!("{}.{:?} = {}", site.scope, site.port, value.item()));
        }

        fn gradient(&mut self, site: Site<'_>, gradient: &Tensor) {
            self.0.push(format!("d {}.{:?} = {}", site.scope, site.port, gradient.item()));
        }
    }

    #[test]
    fn an_observer_sees_every_site_once() {
        let mut g = Graph::new();
        let x = scalar(&mut g, 3.0);
        let y = g.scope("outer", x, |g, x| {
            let square = g.scope("square", x, |g, x| g.mul(x, x));
            g.neg(square)
        });
        let mut log = Log::default();
        g.observe_values(&mut log);
        assert_eq!(
            log.0,
            ["outer.Input = 3", "outer.Output = -9", "outer.square.Input = 3", "outer.square.Output = 9"]
        );
        log.0.clear();
        g.backward_from(y, Tensor::scalar(1.0), &mut log);
        let expect =
            ["d outer.Output = 1", "d outer.square.Output = -1", "d outer.Input = -6", "d outer.square.Input = -6"];
        assert_eq!(log.0, expect);
    }
}
