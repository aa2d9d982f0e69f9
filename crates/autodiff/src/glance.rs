//! Values and gradients of which an observer gets a glimpse: they are seen while a ReLU overwrites them.
//!
//! Forward, a deferred value is put off at its site until the operation behind it has been pushed. Was that a ReLU, then both were computed in one pass, and
//! a glimpse of the value is there; otherwise the value is computed and shown as a whole. Backward, the operation behind a ReLU computes the ReLU's
//! gradient and what goes on of it in one pass.

use crate::graph::{Backward, Graph, Node, Var};
use crate::observer::{Flow, Observer, Port, Site};
use seismograd_tensor::{Glimpse, Tensor};
use std::sync::Arc;

/// A deferred value that is to be shown.
pub(crate) struct Pending {
    pub node: Var,
    /// The elements to keep.
    pub places: Arc<[usize]>,
    /// The scopes it flows through, and at which end.
    sites: Vec<(usize, Port)>,
    /// What was seen of it, if it was rectified in one pass.
    pub seen: Option<Arc<Glimpse>>,
}

impl Graph {
    /// Shows the observer what has been put off, to be called once a model has computed.
    pub fn show_pending(&mut self, observer: &mut dyn Observer) {
        for Pending { node, sites, seen, .. } in std::mem::take(&mut self.pending) {
            for (scope, port) in sites {
                let site = Site::new(self, &self.scopes[scope].path, port, node);
                match &seen {
                    Some(seen) => observer.glimpse(site, Flow::Value, seen),
                    None => observer.value(site, self.value(node)),
                }
            }
        }
    }

    pub(crate) fn observe(&mut self, scope: usize, port: Port, node: Var, observer: &mut dyn Observer) {
        if self.pending.iter().any(|pending| pending.node != node) {
            self.show_pending(observer);
        }
        let site = Site::new(self, &self.scopes[scope].path, port, node);
        if !observer.wants(site) {
            return;
        }
        let waiting = self.pending.iter().position(|pending| pending.node == node && pending.seen.is_none());
        match (self.places(site, observer), waiting) {
            (Some(places), Some(at)) if places == self.pending[at].places => self.pending[at].sites.push((scope, port)),
            (Some(places), None) => self.pending.push(Pending { node, places, sites: vec![(scope, port)], seen: None }),
            _ => observer.value(site, self.value(node)),
        }
    }

    /// The elements of a deferred value that an observer asks for, if a glimpse is to be had of it and will do.
    fn places(&self, site: Site<'_>, observer: &mut dyn Observer) -> Option<Arc<[usize]>> {
        let node = &self.nodes[site.node.index()];
        let rule = node.rule.as_ref().filter(|_| node.deferred && node.value.get().is_none())?;
        observer.places(site, Flow::Value, rule.glimpsed_elements(&self.context(node))?)
    }

    /// What a rule contributes, taken through the ReLU that made the first input where nobody has to see all of the ReLU's gradient: that ReLU, and
    /// the contributions. `sites` are those before the node, the latest last.
    pub(crate) fn contributions(
        &self,
        node: &Node,
        rule: &dyn Backward,
        upstream: Tensor,
        sites: &[Site<'_>],
        observer: &mut dyn Observer,
    ) -> (Option<Var>, Vec<Option<Tensor>>) {
        let context = self.context(node);
        let Some(relu) = self.relu_behind(node) else { return (None, rule.backward(&context, upstream)) };
        let own = sites.iter().rev().skip_while(|site| site.node > relu).take_while(|site| site.node == relu);
        let watched: Vec<Site<'_>> = own.copied().filter(|site| observer.wants(*site)).collect();
        let flow = if rule.spreads() { Flow::SpreadGradient } else { Flow::Gradient };
        let elements = self.value(relu).len();
        let mut asked = watched.iter().map(|site| observer.places(*site, flow, elements));
        let places = asked.next().flatten();
        if !watched.is_empty() && (places.is_none() || asked.any(|others| others != places)) {
            return (None, rule.backward(&context, upstream));
        }
        match rule.backward_through_relu(&context, upstream, places.as_deref()) {
            Ok((contributions, seen)) => {
                let seen = Arc::new(seen);
                watched.into_iter().for_each(|site| observer.glimpse(site, flow, &seen));
                (Some(relu), contributions)
            }
            Err(upstream) => (None, rule.backward(&context, upstream)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;
    use std::collections::BTreeMap;

    /// Sees all values and gradients of scopes: as wholes, or in glimpses of every third element.
    #[derive(Default)]
    struct Seer {
        glimpses: bool,
        values: BTreeMap<String, Vec<f32>>,
        gradients: BTreeMap<String, Vec<f32>>,
        glimpsed: Vec<(String, Flow)>,
    }

    fn name(site: Site<'_>) -> String {
        format!("{} {:?}", site.scope, site.port)
    }

    impl Observer for Seer {
        fn value(&mut self, site: Site<'_>, value: &Tensor) {
            let elements = value.as_slice().iter().step_by(3).copied().collect();
            assert!(self.values.insert(name(site), elements).is_none());
        }

        fn gradient(&mut self, site: Site<'_>, gradient: &Tensor) {
            let elements = gradient.as_slice().iter().step_by(3).copied().collect();
            assert!(self.gradients.insert(name(site), elements).is_none());
        }

        fn places(&mut self, _: Site<'_>, _: Flow, elements: usize) -> Option<Arc<[usize]>> {
            self.glimpses.then(|| (0..elements).step_by(3).collect())
        }

        fn glimpse(&mut self, site: Site<'_>, flow: Flow, seen: &Arc<Glimpse>) {
            let all = if flow == Flow::Value { &mut self.values } else { &mut self.gradients };
            assert!(all.insert(name(site), seen.elements.clone()).is_none());
            assert_eq!(seen.moments.len(), if flow == Flow::SpreadGradient { 0 } else { 2 });
            self.glimpsed.push((name(site), flow));
        }
    }

    fn numbers(shape: &[usize]) -> Tensor {
        let element = |at: usize| ((at * 7919 + shape.len()) % 1009) as f32 / 504.0 - 1.0;
        Tensor::new(shape, (0..shape.iter().product()).map(element).collect())
    }

    /// The gradients of all leaves of a small network whose scopes are shown to the observer as it computes.
    fn run(observer: &mut Seer) -> Vec<Tensor> {
        let mut g = Graph::new();
        let weights =
            [[16, 3, 3, 3], [16, 16, 3, 3], [16, 16, 3, 3], [2, 16, 1, 1]].map(|shape| g.leaf(numbers(&shape)));
        let mut node = g.constant(numbers(&[2, 8, 8, 3]));
        for (at, scope) in
            ["conv0", "relu0", "conv1", "relu1", "pool", "conv2", "tanh", "conv3"].into_iter().enumerate()
        {
            g.open_scope(scope, node);
            g.observe_open_scope(Port::Input, node, observer);
            node = match scope {
                "relu0" | "relu1" => g.relu(node),
                "pool" => g.max_pool2d(node, [2, 2], Window::square(2, 0)),
                "tanh" => g.tanh(node),
                "conv3" => g.conv2d(node, weights[3], None, Window::square(1, 0)),
                _ => g.conv2d(node, weights[[0, 0, 1, 1, 1, 2][at]], None, Window::square(1, 1)),
            };
            g.observe_open_scope(Port::Output, node, observer);
            g.close_scope(node);
        }
        g.show_pending(observer);
        let upstream = numbers(g.value(node).shape());
        let mut gradients = g.backward_from(node, upstream, observer);
        weights.map(|leaf| gradients.take(leaf).expect("it is used")).to_vec()
    }

    #[test]
    fn a_glimpse_shows_what_the_whole_would_show() {
        let (mut whole, mut glimpsed) = (Seer::default(), Seer { glimpses: true, ..Seer::default() });
        assert_eq!(run(&mut whole), run(&mut glimpsed));
        assert!(whole.glimpsed.is_empty());
        assert_eq!((&whole.values, &whole.gradients), (&glimpsed.values, &glimpsed.gradients));
        // A value that no ReLU follows is shown as a whole.
        let seen = |scope: &str, port: &str, flow| (format!("{scope} {port}"), flow);
        let expect = [
            seen("conv0", "Output", Flow::Value),
            seen("relu0", "Input", Flow::Value),
            seen("conv1", "Output", Flow::Value),
            seen("relu1", "Input", Flow::Value),
            seen("relu1", "Output", Flow::SpreadGradient),
            seen("pool", "Input", Flow::SpreadGradient),
            seen("relu0", "Output", Flow::Gradient),
            seen("conv1", "Input", Flow::Gradient),
        ];
        assert_eq!(glimpsed.glimpsed, expect);
    }
}
