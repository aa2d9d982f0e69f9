//! What one shard's graph shows of the recorded sites. It keeps tensors and computes nothing.

use seismograd_autodiff::{Observer, Port, Site, Tensor};
use std::collections::HashMap;
use std::sync::Arc;

/// Which ends of which scopes are kept, each in a slot of its own. The map is only looked up, never walked, so its order is nobody's.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    slots: HashMap<String, [Option<usize>; 2]>,
    len: usize,
}

impl Watched {
    /// Adds an end of a scope, in the next slot.
    pub(crate) fn add(&mut self, scope: &str, port: Port) -> usize {
        let slot = self.len;
        self.slots.entry(scope.to_owned()).or_default()[port as usize] = Some(slot);
        self.len += 1;
        slot
    }

    fn slot(&self, site: Site<'_>) -> Option<usize> {
        self.slots.get(site.scope)?[site.port as usize]
    }
}

/// What was seen at one site. The tensors share the graph's memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub value: Option<Tensor>,
    pub gradient: Option<Tensor>,
}

/// Observes the graph of one shard at one step, for [`crate::Recorder::row`].
///
/// Sites that are not recorded are passed over. Where a scope opens more than once in a graph, the first opening is kept. The tensors live
/// until the watch is dropped.
#[derive(Clone, Debug)]
pub struct Watch {
    watched: Arc<Watched>,
    seen: Vec<Seen>,
}

impl Watch {
    pub(crate) fn new(watched: &Arc<Watched>) -> Watch {
        Watch { watched: Arc::clone(watched), seen: vec![Seen::default(); watched.len] }
    }

    pub(crate) fn seen(&self, slot: usize) -> &Seen {
        &self.seen[slot]
    }

    pub(crate) fn is_of(&self, watched: &Arc<Watched>) -> bool {
        Arc::ptr_eq(&self.watched, watched)
    }
}

impl AsRef<[Watch]> for Watch {
    /// The only watch of a shard that is computed in one graph.
    fn as_ref(&self) -> &[Watch] {
        std::slice::from_ref(self)
    }
}

impl Observer for Watch {
    fn wants(&self, site: Site<'_>) -> bool {
        self.watched.slot(site).is_some()
    }

    fn value(&mut self, site: Site<'_>, value: &Tensor) {
        if let Some(slot) = self.watched.slot(site) {
            self.seen[slot].value.get_or_insert_with(|| value.clone());
        }
    }

    fn gradient(&mut self, site: Site<'_>, gradient: &Tensor) {
        if let Some(slot) = self.watched.slot(site) {
            // The reverse loop comes to a scope's first opening last.
            self.seen[slot].gradient = Some(gradient.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seismograd_autodiff::Graph;

    #[test]
    fn the_first_opening_of_a_scope_is_kept() {
        let mut graph = Graph::new();
        let x = graph.leaf(Tensor::scalar(3.0));
        let square = graph.scope("square", x, |graph, x| graph.mul(x, x));
        let fourth = graph.scope("square", square, |graph, x| graph.mul(x, x));
        let mut watched = Watched::default();
        let slot = watched.add("square", Port::Output);
        let mut watch = Watch::new(&Arc::new(watched));
        graph.observe_values(&mut watch);
        graph.backward_from(fourth, Tensor::scalar(1.0), &mut watch);
        let seen = watch.seen(slot);
        assert_eq!(seen.value.as_ref().map(Tensor::item), Some(9.0));
        assert_eq!(seen.gradient.as_ref().map(Tensor::item), Some(18.0));
    }

    #[test]
    fn what_is_kept_is_shared() {
        let mut graph = Graph::new();
        let x = graph.leaf(Tensor::zeros(&[1000]));
        graph.scope("a", x, |_, x| x);
        let mut watched = Watched::default();
        let slot = watched.add("a", Port::Input);
        let mut watch = Watch::new(&Arc::new(watched));
        graph.observe_values(&mut watch);
        let kept = watch.seen(slot).value.as_ref().expect("it was shown");
        assert_eq!(kept.as_slice().as_ptr(), graph.value(x).as_slice().as_ptr());
    }
}
