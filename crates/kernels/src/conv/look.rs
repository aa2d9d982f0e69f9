//! What is seen of a convolution's results before a ReLU overwrites them.
//!
//! Whoever wants the moments of results and of what goes on through a ReLU would read them once more, and write them once more to rectify them. Here it
//! happens piece by piece, while a piece is in the first cache.

use crate::level::Kernel;
use crate::moments::{Moments, PIECE, Running};
use crate::vector::{LANES, Vector};
use std::ops::Range;

/// What was seen of results before they were overwritten.
#[derive(Clone, Debug, Default)]
pub struct Glimpse {
    /// How many results there were.
    pub len: usize,
    /// Of each sample: the results' moments, and those of what goes on.
    pub moments: Vec<[Moments; 2]>,
    /// The results at the places that were asked for.
    pub elements: Vec<f32>,
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
    /// Of the current sample.
    running: Running,
}

impl<'a> Look<'a> {
    pub(super) fn new(places: &'a [usize], gate: Option<&'a [f32]>, sample_len: usize, results: usize) -> Look<'a> {
        debug_assert!(places.is_sorted(), "places of results");
        assert!(places.last().is_none_or(|&last| last < results), "a place behind {results} results");
        assert!(gate.is_none_or(|gate| gate.len() == results), "conv2d: elements behind the ReLU and of the gradient");
        let samples = results / sample_len.max(1);
        let (moments, elements) = (Vec::with_capacity(samples), Vec::with_capacity(places.len()));
        Look {
            places,
            gate,
            sample_len,
            seen: Glimpse { len: results, moments, elements },
            again: Vec::new(),
            running: Running::default(),
        }
    }

    /// Looks at a piece of one sample, right behind the last one, and overwrites it.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn piece<V: Vector>(&mut self, results: &mut [f32], piece: Range<usize>) {
        while let Some(&place) = self.places.get(self.seen.elements.len())
            && place < piece.end
        {
            self.seen.elements.push(results[place]);
        }
        let [starts_sample, ends_sample] = [piece.start, piece.end].map(|at| at.is_multiple_of(self.sample_len));
        let gate = self.gate.map(|gate| &gate[piece.clone()]);
        let x = &mut results[piece];
        // SAFETY: the level is the caller's.
        unsafe {
            if starts_sample {
                self.running.start::<V>(x, gate.is_some());
            }
            self.running.add::<V>(x, gate.unwrap_or(x));
            if ends_sample {
                let found = self.running.finish::<V>();
                if found.is_none() {
                    self.again.push(self.seen.moments.len());
                }
                self.seen.moments.push(found.unwrap_or_default());
            }
            overwrite::<V>(x, gate);
        }
    }
}

/// Leaves what goes on.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn overwrite<V: Vector>(x: &mut [f32], gate: Option<&[f32]>) {
    let whole = x.len() / LANES;
    assert!(gate.is_none_or(|gate| gate.len() == x.len()));
    let to = x.as_mut_ptr();
    // SAFETY: whole vectors of both, and the level is the caller's.
    unsafe {
        match gate {
            Some(gate) => {
                for at in (0..whole).map(|vector| vector * LANES) {
                    V::load(to.add(at)).where_positive(V::load(gate.as_ptr().add(at))).store(to.add(at));
                }
            }
            None => {
                for at in (0..whole).map(|vector| vector * LANES) {
                    V::load(to.add(at)).relu().store(to.add(at));
                }
            }
        }
    }
    for at in whole * LANES..x.len() {
        let stays = gate.map_or(x[at] > 0.0 || x[at].is_nan(), |gate| gate[at] > 0.0);
        x[at] = if stays { x[at] } else { 0.0 };
    }
}

/// A look at a sample that is there as a whole.
pub(super) struct LookAtSample<'a, 'l> {
    pub look: &'a mut Look<'l>,
    pub results: &'a mut [f32],
    pub sample: usize,
}

impl Kernel for LookAtSample<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (first, end) = (self.sample * self.look.sample_len, (self.sample + 1) * self.look.sample_len);
        for from in (first..end).step_by(PIECE) {
            // SAFETY: the level is the caller's.
            unsafe { self.look.piece::<V>(self.results, from..end.min(from + PIECE)) };
        }
    }
}
