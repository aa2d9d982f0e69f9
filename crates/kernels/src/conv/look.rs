//! What is seen of a convolution's results before a ReLU overwrites them.
//!
//! Whoever wants the moments of results and of what goes on through a ReLU would read them once more, and write them once more to rectify them. Here it
//! happens piece by piece, while a piece is in the first cache.

use crate::moments::{Moments, Running};
use crate::vector::Vector;

/// What was seen of results before they were overwritten.
#[derive(Clone, Debug, Default)]
pub struct Glimpse {
    /// How many results there were.
    pub len: usize,
    /// Of each sample: the results' moments, and those of what goes on.
    pub moments: Vec<[Moments; 2]>,
    /// The results at the places that were asked for.
    pub elements: Vec<f32>,
    /// What goes on at these places.
    pub behind: Vec<f32>,
}

/// A look at results, in their order, that leaves what a ReLU lets through in their place.
pub(super) struct Look<'a> {
    /// Results to keep, ascending.
    pub places: &'a [usize],
    /// The ReLU's value, where the results are the gradient behind it; otherwise they are rectified themselves.
    pub gate: Option<&'a [f32]>,
    /// Results of a sample.
    pub sample_len: usize,
    pub seen: Glimpse,
    /// Samples whose sums do not stand for them: their moments have to be found another way.
    pub again: Vec<usize>,
    /// Results of the current sample that were looked at.
    of_sample: usize,
    /// Of the current sample.
    running: Running,
}

impl<'a> Look<'a> {
    pub(super) fn new(places: &'a [usize], gate: Option<&'a [f32]>, sample_len: usize, results: usize) -> Look<'a> {
        assert!(places.is_sorted(), "places of results ascend");
        assert!(places.last().is_none_or(|&last| last < results), "a place behind {results} results");
        assert!(gate.is_none_or(|gate| gate.len() == results), "conv2d: elements behind the ReLU and of the gradient");
        let samples = results / sample_len.max(1);
        let (elements, behind) = (Vec::with_capacity(places.len()), Vec::with_capacity(places.len()));
        Look {
            places,
            gate,
            sample_len,
            seen: Glimpse { len: results, moments: Vec::with_capacity(samples), elements, behind },
            of_sample: 0,
            again: Vec::new(),
            running: Running::default(),
        }
    }

    /// Looks at a piece of one sample, which begins at `start` among the results, right behind the last one, and overwrites it.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn piece<V: Vector>(&mut self, x: &mut [f32], start: usize) {
        let end = start + x.len();
        let gate = self.gate.map(|gate| &gate[start..end]);
        let left = &self.places[self.seen.elements.len()..];
        let here = &left[..left.iter().take_while(|&&place| place < end).count()];
        self.seen.elements.extend(here.iter().map(|place| x[place - start]));
        // SAFETY: the level is the caller's.
        unsafe {
            if self.of_sample == 0 {
                self.running.start::<V>(x, gate.is_some());
            }
            self.running.add_passing::<V>(x, gate);
            self.seen.behind.extend(here.iter().map(|place| x[place - start]));
            self.of_sample += x.len();
            if self.of_sample == self.sample_len {
                self.of_sample = 0;
                let found = self.running.finish::<V>();
                if found.is_none() {
                    self.again.push(self.seen.moments.len());
                }
                self.seen.moments.push(found.unwrap_or_default());
            }
        }
    }
}
