//! What one graph shows of the recorded sites, digested as it is shown.

use crate::digest::{Cut, Digest, Digests};
use seismograd_autodiff::{Flow, Glimpse, Observer, Passage, Port, Site, Tensor, Var};
use seismograd_tensor::moments::Moments;
use std::sync::{Arc, Mutex, PoisonError};

/// Which ends of which scopes are kept, each in a slot of its own.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// How each scope's name begins. Every end of every scope of every graph is looked up several times, and comparing these integers beats a tree of names.
    beginnings: Vec<u64>,
    scopes: Vec<(String, [Option<Slot>; 2])>,
    len: usize,
    /// Of watches that are no more, for the next ones: each step watches the same samples.
    spare: Mutex<Vec<Memory>>,
}

/// What a watch fills.
#[derive(Debug, Default)]
struct Memory {
    digests: Digests,
    seen: Vec<Seen>,
    values: Vec<(Var, usize)>,
}

/// Bytes of a name's beginning.
const BEGINNING: usize = 8;

/// The first bytes of a name.
fn beginning(name: &str) -> u64 {
    name.bytes().take(BEGINNING).fold(0, |beginning, byte| beginning << 8 | u64::from(byte))
}

/// Where an end of a scope is kept.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: usize,
    /// Whether all elements are kept, for exact quantiles.
    whole: bool,
}

impl Watched {
    /// Adds an end of a scope, in the next slot.
    pub(crate) fn add(&mut self, scope: &str, port: Port, whole: bool) -> usize {
        let at = self.len;
        let known = self.find(scope).unwrap_or_else(|| {
            self.beginnings.push(beginning(scope));
            self.scopes.push((scope.to_owned(), [None; 2]));
            self.scopes.len() - 1
        });
        self.scopes[known].1[port as usize] = Some(Slot { at, whole });
        self.len += 1;
        at
    }

    /// Empty memory for a watch of these samples.
    fn memory(&self, cut: Cut) -> Memory {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let of_the_same = spare.iter().position(|memory| memory.digests.are_of(&cut));
        let at = of_the_same.or(spare.len().checked_sub(1));
        let mut memory = at.map(|at| spare.swap_remove(at)).unwrap_or_default();
        drop(spare);
        memory.digests.restart(cut);
        memory.seen.resize_with(self.len, Seen::default);
        memory
    }

    fn slot(&self, site: Site<'_>) -> Option<Slot> {
        self.scopes[self.find(site.scope)?].1[site.port as usize]
    }

    /// Where a scope is among the scopes.
    fn find(&self, scope: &str) -> Option<usize> {
        let wanted = beginning(scope);
        let mut alike = self.beginnings.iter().enumerate().filter(|(_, beginning)| **beginning == wanted);
        let is_it = |name: &str| name.len() == scope.len() && (scope.len() <= BEGINNING || name == scope);
        alike.find(|(at, _)| is_it(&self.scopes[*at].0)).map(|(at, _)| at)
    }
}

/// What is kept of a tensor.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// The tensor, which shares the graph's memory.
    Whole(Tensor),
    /// The number of its digest among the watch's, which sites of one node share, in whatever shape.
    Digest(usize),
}

/// What was seen at one site.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub value: Option<Kept>,
    pub gradient: Option<Kept>,
}

/// The node that was shown last, and the number of its digest: its other sites are shown next.
type Last = Option<(Var, usize)>;

/// Observes one graph at one step, for [`crate::Recorder::activations`].
///
/// Sites that are not recorded are passed over. Where a scope opens more than once in a graph, the first opening is kept. Of the output layer's sites
/// the tensors are kept until the watch is dropped; what other sites show is digested at once, so that their memory is free. Of a convolution before a
/// ReLU, and of a gradient behind one, a glimpse will do. A ReLU behind a convolution that is recorded too has its moments from that glimpse, and so has a
/// gradient behind which another is recorded; alone each is digested by itself, to the same statistics up to rounding.
#[derive(Clone, Debug)]
pub struct Watch {
    watched: Arc<Watched>,
    digests: Digests,
    seen: Vec<Seen>,
    /// The nodes whose values were digested, and the numbers of their digests.
    values: Vec<(Var, usize)>,
    last_gradient: Last,
    /// What a ReLU makes of a node that was shown.
    rectified: Option<(Var, Known)>,
    /// Gradients that follow from one that was shown.
    passed: Vec<(Var, Known)>,
}

/// What is known of a node before it is shown.
#[derive(Clone, Debug)]
enum Known {
    /// It is what goes on of a node of which a glimpse was had.
    Behind(Arc<Glimpse>),
    /// Its moments, by sample.
    Moments(Vec<Moments>),
}

impl Known {
    /// By sample.
    fn moments(&self) -> impl ExactSizeIterator<Item = Moments> {
        let samples = match self {
            Known::Behind(of) => of.moments.len(),
            Known::Moments(moments) => moments.len(),
        };
        (0..samples).map(|at| match self {
            Known::Behind(of) => of.moments[at][1],
            Known::Moments(moments) => moments[at],
        })
    }
}

impl Watch {
    pub(crate) fn new(watched: &Arc<Watched>, cut: Cut) -> Watch {
        let Memory { digests, seen, values } = watched.memory(cut);
        Watch {
            watched: Arc::clone(watched),
            digests,
            seen,
            values,
            last_gradient: None,
            rectified: None,
            passed: Vec::new(),
        }
    }

    /// The digest of a number.
    pub(crate) fn digest(&self, at: usize) -> Digest<'_> {
        self.digests.get(at)
    }

    pub(crate) fn seen(&self, slot: usize) -> &Seen {
        &self.seen[slot]
    }

    pub(crate) fn is_of(&self, watched: &Arc<Watched>) -> bool {
        Arc::ptr_eq(&self.watched, watched)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let (digests, mut seen, mut values) =
            (std::mem::take(&mut self.digests), std::mem::take(&mut self.seen), std::mem::take(&mut self.values));
        seen.clear();
        values.clear();
        let mut spare = self.watched.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.push(Memory { digests, seen, values });
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
        self.keep_value(site, Some(value), |watch| watch.add_value(site, value.as_slice()));
    }

    fn gradient(&mut self, site: Site<'_>, gradient: &Tensor) {
        self.keep_gradient(site, Some(gradient), |watch| watch.add_gradient(site, gradient.as_slice()));
    }

    fn places(&mut self, site: Site<'_>, flow: Flow, elements: usize) -> Option<Arc<[usize]>> {
        let slot = self.watched.slot(site).filter(|slot| !slot.whole)?;
        let will_do = match flow {
            Flow::Value => self.seen[slot.at].value.is_none(),
            Flow::Gradient => true,
            Flow::SpreadGradient => self.passed.iter().any(|(node, _)| *node == site.node),
        };
        will_do.then(|| self.digests.places(elements))
    }

    fn glimpse(&mut self, site: Site<'_>, flow: Flow, seen: &Arc<Glimpse>) {
        match flow {
            Flow::Value => self.keep_value(site, None, |watch| {
                watch.rectified = Some((site.node, Known::Behind(Arc::clone(seen))));
                watch.digests.add_glimpse(seen.len, &seen.elements, seen.moments.iter().map(|[own, _]| *own))
            }),
            Flow::Gradient => self.keep_gradient(site, None, |watch| {
                for passage in site.passes().filter(|passage| passage.gated) {
                    watch.passed.push((passage.node, Known::Behind(Arc::clone(seen))));
                }
                watch.digests.add_glimpse(seen.len, &seen.elements, seen.moments.iter().map(|[own, _]| *own))
            }),
            Flow::SpreadGradient => self.keep_gradient(site, None, |watch| {
                let found = watch.take_passed(site.node).expect("no place was asked for without");
                watch.digests.add_glimpse(seen.len, &seen.elements, found.moments())
            }),
        }
    }
}

impl Slot {
    /// What is kept of a tensor without looking at its elements, if anything.
    fn keep(self, site: Site<'_>, tensor: Option<&Tensor>, last: Last) -> Option<Kept> {
        if let Some(tensor) = tensor.filter(|_| self.whole) {
            return Some(Kept::Whole(tensor.clone()));
        }
        last.filter(|(node, _)| *node == site.in_any_shape()).map(|(_, digest)| Kept::Digest(digest))
    }
}

impl Watch {
    /// Keeps what a value shows at a site, of which `digest` makes a digest if there is none yet.
    fn keep_value(&mut self, site: Site<'_>, value: Option<&Tensor>, digest: impl FnOnce(&mut Watch) -> usize) {
        let Some(slot) = self.watched.slot(site) else { return };
        if self.seen[slot.at].value.is_none() {
            let kept = slot.keep(site, value, self.values.last().copied()).unwrap_or_else(|| {
                let digest = digest(self);
                self.values.push((site.in_any_shape(), digest));
                Kept::Digest(digest)
            });
            self.seen[slot.at].value = Some(kept);
        }
    }

    /// The same of a gradient.
    fn keep_gradient(&mut self, site: Site<'_>, gradient: Option<&Tensor>, digest: impl FnOnce(&mut Watch) -> usize) {
        let Some(slot) = self.watched.slot(site) else { return };
        let kept = slot.keep(site, gradient, self.last_gradient).unwrap_or_else(|| {
            let digest = digest(self);
            self.last_gradient = Some((site.in_any_shape(), digest));
            Kept::Digest(digest)
        });
        // The reverse loop comes to a scope's first opening last.
        self.seen[slot.at].gradient = Some(kept);
    }

    /// What was found of a gradient with another.
    fn take_passed(&mut self, node: Var) -> Option<Known> {
        let at = self.passed.iter().position(|(passed, _)| *passed == node)?;
        Some(self.passed.swap_remove(at).1)
    }

    /// Adds the digest of elements of which something is known.
    fn add_known(&mut self, elements: &[f32], found: Known) -> usize {
        match &found {
            Known::Behind(of) => self.digests.add_glimpse(elements.len(), &of.behind, found.moments()),
            Known::Moments(_) => self.digests.add(elements, found.moments()),
        }
    }

    /// Adds the digest of a value. A ReLU mostly follows what is computed for whoever asks: its moments are found in the same pass.
    fn add_value(&mut self, site: Site<'_>, elements: &[f32]) -> usize {
        match self.rectified.take().filter(|(node, _)| Some(*node) == site.rectifies()) {
            Some((_, found)) => self.add_known(elements, found),
            None => self.add(elements),
        }
    }

    /// Adds the digest of a gradient. What a ReLU or a max pooling makes of it is shown next: its moments are found in the same pass.
    fn add_gradient(&mut self, site: Site<'_>, elements: &[f32]) -> usize {
        if let Some(found) = self.take_passed(site.node) {
            return self.add_known(elements, found);
        }
        let passages: Vec<Passage> = site.passes().filter(|_| self.is_finite(site.in_any_shape())).collect();
        if passages.is_empty() {
            return self.add(elements);
        }
        let samples = self.digests.cut(elements).zip(self.digests.cut(site.value().as_slice()));
        let both = samples.map(|(gradient, value)| Moments::with_gated(gradient, value));
        let (own, gated): (Vec<_>, Vec<_>) = both.map(|[own, gated]| (own, gated)).unzip();
        for Passage { node, gated: is_gated, elements: all } in passages {
            let zeros = (all - elements.len()) / own.len().max(1);
            let moments = if is_gated { &gated } else { &own };
            let moments = moments.iter().map(|moments| moments.with_zeros(zeros)).collect();
            self.passed.push((node, Known::Moments(moments)));
        }
        self.digests.add(elements, own.into_iter())
    }

    /// Whether a node's value was digested and is finite.
    fn is_finite(&self, node: Var) -> bool {
        let digest = self.values.iter().find(|(shown, _)| *shown == node).map(|(_, digest)| self.digests.get(*digest));
        digest.is_some_and(|digest| digest.moments.iter().all(|moments| moments.mean.is_finite()))
    }

    fn add(&mut self, elements: &[f32]) -> usize {
        let moments = self.digests.cut(elements).map(Moments::of);
        self.digests.add(elements, moments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seismograd_autodiff::{Graph, Window};
    use std::collections::BTreeMap;

    fn watch(watched: Watched) -> Watch {
        Watch::new(&Arc::new(watched), Cut { samples: 0..1, of: 1 })
    }

    fn item(watch: &Watch, kept: &Option<Kept>) -> f32 {
        match kept.as_ref().expect("it was shown") {
            Kept::Whole(tensor) => tensor.item(),
            Kept::Digest(digest) => Digest::columns(&[watch.digest(*digest)])[0],
        }
    }

    #[test]
    fn the_first_opening_of_a_scope_is_kept() {
        for whole in [true, false] {
            let mut graph = Graph::new();
            let x = graph.leaf(Tensor::full(&[1], 3.0));
            let square = graph.scope("square", x, |graph, x| graph.mul(x, x));
            let fourth = graph.scope("square", square, |graph, x| graph.mul(x, x));
            let mut watched = Watched::default();
            let slot = watched.add("square", Port::Output, whole);
            let mut watch = watch(watched);
            graph.observe_values(&mut watch);
            graph.backward_from(fourth, Tensor::full(&[1], 1.0), &mut watch);
            let seen = watch.seen(slot);
            assert_eq!((item(&watch, &seen.value), item(&watch, &seen.gradient)), (9.0, 18.0));
        }
    }

    #[test]
    fn scopes_whose_names_begin_alike_are_told_apart() {
        let names = ["residual1", "residual2", "residual", "r", ""];
        let mut watched = Watched::default();
        let slots = names.map(|name| watched.add(name, Port::Output, false));
        assert_eq!(watched.add("r", Port::Input, false), names.len());
        assert_eq!(names.map(|name| watched.find(name)), [0, 1, 2, 3, 4].map(Some));
        assert_eq!(slots, [0, 1, 2, 3, 4]);
        assert_eq!(["residual3", "residua", "s"].map(|name| watched.find(name)), [None; 3]);
    }

    #[test]
    fn nothing_of_a_watch_shows_in_the_next_one() {
        let mut watched = Watched::default();
        let slots = ["a", "b"].map(|scope| watched.add(scope, Port::Output, false));
        let watched = Arc::new(watched);
        // Other sizes and other samples in between.
        for (size, samples) in [(9000, 0..1), (9000, 0..1), (50, 0..1), (9000, 1..2), (9000, 0..1)] {
            let mut graph = Graph::new();
            let elements: Vec<f32> = (0..size).map(|at| (at * 7919 % 1009) as f32 - 300.0).collect();
            let x = graph.leaf(Tensor::new(&[1, size], elements.clone()));
            let cut = Cut { samples, of: 2 };
            let mut watch = Watch::new(&watched, cut.clone());
            assert!(slots.iter().all(|&slot| watch.seen(slot).value.is_none() && watch.seen(slot).gradient.is_none()));
            graph.scope("a", x, |_, x| x);
            graph.observe_values(&mut watch);
            let Some(Kept::Digest(digest)) = watch.seen(slots[0]).value else { panic!("it was shown") };
            assert!(watch.seen(slots[1]).value.is_none());
            let mut alone = Digests::new(cut);
            let moments = alone.cut(&elements).map(Moments::of);
            alone.add(&elements, moments);
            let [found, expect] = [watch.digest(digest), alone.get(0)].map(|digest| (digest.sample, digest.elements));
            assert_eq!(found, expect);
        }
        assert_eq!(watched.spare.lock().expect("no thread panicked").len(), 1);
    }

    #[test]
    fn what_is_kept_whole_is_shared() {
        let mut graph = Graph::new();
        let x = graph.leaf(Tensor::zeros(&[1000]));
        graph.scope("a", x, |_, x| x);
        let mut watched = Watched::default();
        let slot = watched.add("a", Port::Input, true);
        let mut watch = watch(watched);
        graph.observe_values(&mut watch);
        let Some(Kept::Whole(kept)) = &watch.seen(slot).value else { panic!("it was shown") };
        assert_eq!(kept.as_slice().as_ptr(), graph.value(x).as_slice().as_ptr());
    }

    #[test]
    fn a_relu_is_digested_with_what_it_rectifies() {
        let mut graph = Graph::new();
        let pixels = (0..2 * 64).map(|at| ((at * 7919 % 1009) as f32 - 500.0) / 64.0).collect();
        let x = graph.constant(Tensor::new(&[2, 8, 8, 1], pixels));
        let w = graph.leaf(Tensor::new(&[4, 1, 1, 1], vec![1.0, -1.0, 0.5, 0.25]));
        let mut watched = Watched::default();
        let slots = ["conv", "relu"].map(|scope| watched.add(scope, Port::Output, false));
        let cut = Cut { samples: 0..2, of: 2 };
        let mut watch = Watch::new(&Arc::new(watched), cut.clone());
        let mut node = x;
        for scope in ["conv", "relu"] {
            graph.open_scope(scope, node);
            node = if scope == "conv" { graph.conv2d(x, w, None, Window::square(1, 0)) } else { graph.relu(node) };
            graph.observe_open_scope(Port::Output, node, &mut watch);
            graph.close_scope(node);
            // Both are seen in the pass that computes them: nothing is digested before, and nothing is left after.
            assert!(watch.values.len() == if scope == "conv" { 0 } else { 2 } && watch.rectified.is_none());
        }
        let relu = graph.value(node).as_slice().to_vec();
        let conv = graph.conv2d(x, w, None, Window::square(1, 0));
        for (slot, elements) in slots.into_iter().zip([graph.value(conv).as_slice(), &relu]) {
            let Some(Kept::Digest(digest)) = watch.seen(slot).value else { panic!("it was shown") };
            let mut alone = Digests::new(cut.clone());
            let moments = alone.cut(elements).map(Moments::of);
            alone.add(elements, moments);
            let [found, expect] = [watch.digest(digest), alone.get(0)].map(|digest| Digest::columns(&[digest]));
            for (found, expect) in found.into_iter().zip(expect) {
                assert!((found - expect).abs() <= 1e-6 * expect.abs().max(1.0), "{found}, {expect}");
            }
        }
    }

    /// Keeps the gradients at the outputs of scopes, by their names.
    #[derive(Default)]
    struct Gradients(BTreeMap<String, Vec<f32>>);

    impl Observer for Gradients {
        fn gradient(&mut self, site: Site<'_>, gradient: &Tensor) {
            if site.port == Port::Output {
                self.0.insert(site.scope.to_owned(), gradient.as_slice().to_vec());
            }
        }
    }

    #[test]
    fn a_gradient_is_digested_with_what_goes_on_through_a_relu_and_a_pooling() {
        const SCOPES: [&str; 6] = ["conv0", "relu0", "conv1", "relu1", "pool", "flatten"];
        for bad in [None, Some(f32::NAN), Some(f32::INFINITY)] {
            let mut graph = Graph::new();
            let mut pixels: Vec<f32> = (0..2 * 400).map(|at| ((at * 7919 % 1009) as f32 - 500.0) / 64.0).collect();
            pixels[7] = bad.unwrap_or(pixels[7]);
            let x = graph.constant(Tensor::new(&[2, 20, 20, 1], pixels));
            let cut = Cut { samples: 0..2, of: 2 };
            let mut watched = Watched::default();
            let slots = SCOPES.map(|scope| watched.add(scope, Port::Output, false));
            let mut watch = Watch::new(&Arc::new(watched), cut.clone());
            let mut node = x;
            for scope in SCOPES {
                graph.open_scope(scope, node);
                node = match scope {
                    "conv0" | "conv1" => {
                        let fan_in = if scope == "conv0" { 1 } else { 4 };
                        let weights = (0..4 * fan_in).map(|at| (at as f32 * 1.7).sin()).collect();
                        let w = graph.leaf(Tensor::new(&[4, fan_in, 1, 1], weights));
                        graph.conv2d(node, w, None, Window::square(1, 0))
                    }
                    "pool" => graph.max_pool2d(node, [3, 3], Window::square(3, 0)),
                    "flatten" => graph.reshape(node, &[2, 144]),
                    _ => graph.relu(node),
                };
                graph.observe_open_scope(Port::Output, node, &mut watch);
                graph.close_scope(node);
            }
            let upstream = (0..graph.value(node).len()).map(|at| (at as f32 * 0.7).cos()).collect();
            let upstream = Tensor::new(graph.value(node).shape(), upstream);
            let mut seen = Gradients::default();
            graph.backward_from(node, upstream.clone(), &mut seen);
            graph.backward_from(node, upstream, &mut watch);
            assert!(watch.passed.is_empty());
            for (scope, slot) in SCOPES.into_iter().zip(slots) {
                let Some(Kept::Digest(digest)) = watch.seen(slot).gradient else { panic!("it was shown") };
                let mut alone = Digests::new(cut.clone());
                let moments = alone.cut(&seen.0[scope]).map(Moments::exact);
                alone.add(&seen.0[scope], moments);
                let [found, expect] = [watch.digest(digest), alone.get(0)].map(|digest| Digest::columns(&[digest]));
                for (found, expect) in found.into_iter().zip(expect) {
                    let close = (found - expect).abs() <= 2e-6 * expect.abs().max(1.0);
                    assert!(close || found.is_nan() && expect.is_nan(), "{scope}: {found}, {expect}");
                }
            }
        }
    }

    #[test]
    fn sites_of_one_node_share_a_digest() {
        let mut graph = Graph::new();
        let x = graph.leaf(Tensor::full(&[1, 2], 3.0));
        let square = graph.scope("a", x, |graph, x| graph.mul(x, x));
        let flat = graph.scope("flatten", square, |graph, x| graph.reshape(x, &[2]));
        let sum = graph.scope("b", flat, |graph, x| graph.sum(x, &[0]));
        let mut watched = Watched::default();
        let slots = [watched.add("a", Port::Output, false), watched.add("b", Port::Input, false)];
        let mut watch = watch(watched);
        graph.observe_values(&mut watch);
        graph.backward_from(sum, Tensor::scalar(1.0), &mut watch);
        let digests = |of: fn(&Seen) -> &Option<Kept>| {
            slots.map(|slot| match of(watch.seen(slot)) {
                Some(Kept::Digest(digest)) => *digest,
                other => panic!("{other:?}"),
            })
        };
        let (values, gradients) = (digests(|seen| &seen.value), digests(|seen| &seen.gradient));
        assert!(values[0] == values[1] && gradients[0] == gradients[1] && values[0] != gradients[0]);
    }
}
