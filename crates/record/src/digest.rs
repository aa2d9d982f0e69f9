//! What is kept of an activation in place of its elements: enough for its statistics, made while the elements are in the processor's cache.
//!
//! Moments are those of each sample of the batch, put together in sample order, and the elements of which the quantiles are taken have fixed
//! places in the batch: so nothing depends on how it was cut.

use crate::elements::ACTIVATION;
use crate::statistics::{COUNT, SAMPLE, assemble};
use seismograd_tensor::moments::Moments;
use std::ops::Range;

/// Some samples of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    /// Which.
    pub samples: Range<usize>,
    /// Of how many.
    pub of: usize,
}

/// What is kept of an activation on some samples of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digest<'a> {
    /// Of each sample.
    pub moments: &'a [Moments],
    /// The elements at the places of the sample that lie here.
    pub sample: &'a [f32],
    /// The elements of fixed name that lie here.
    pub elements: [Option<f32>; ACTIVATION.len()],
}

impl Digest<'_> {
    /// The columns of a whole batch, in sample order: the statistics, then the elements of fixed name.
    pub(crate) fn columns(pieces: &[Digest<'_>]) -> Vec<f32> {
        let moments = Moments::together(pieces.iter().flat_map(|piece| piece.moments));
        let sample = pieces.iter().map(|piece| piece.sample).collect::<Vec<_>>().concat();
        let statistics = if sample.is_empty() { [0.0; COUNT] } else { assemble(&moments, &sample) };
        let element = |at: usize| pieces.iter().find_map(|piece| piece.elements[at]).unwrap_or(0.0);
        statistics.into_iter().chain((0..ACTIVATION.len()).map(element)).collect()
    }
}

/// Digests of the same samples, all in the same memory.
#[derive(Clone, Debug)]
pub(crate) struct Digests {
    cut: Cut,
    moments: Vec<Moments>,
    samples: Vec<f32>,
    /// Of each digest: where its elements of the sample begin, and those of fixed name.
    entries: Vec<(usize, [Option<f32>; ACTIVATION.len()])>,
}

impl Digests {
    /// None so far, and room for so many.
    pub(crate) fn new(cut: Cut, room: usize) -> Digests {
        let samples = cut.samples.len();
        let expected = (SAMPLE * samples).div_ceil(cut.of.max(1)) + 1;
        Digests {
            cut,
            moments: Vec::with_capacity(room * samples),
            samples: Vec::with_capacity(room * expected),
            entries: Vec::with_capacity(room),
        }
    }

    /// The elements of each sample.
    pub(crate) fn cut<'a>(&self, elements: &'a [f32]) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        elements.chunks_exact((elements.len() / self.cut.samples.len().max(1)).max(1))
    }

    /// Adds that of these elements, of whose samples the moments are given; its number.
    pub(crate) fn add(&mut self, elements: &[f32], moments: impl ExactSizeIterator<Item = Moments>) -> usize {
        let Cut { samples, of } = &self.cut;
        let features = elements.len() / samples.len().max(1);
        let (all, first) = (features * of, features * samples.start);
        let here = |place: usize| place.checked_sub(first).and_then(|at| elements.get(at).copied());
        self.entries.push((self.samples.len(), ACTIVATION.map(|element| here(element.place(*of, features)))));
        self.moments.extend(moments);
        // As many for each digest, so that they are found again: none stand for samples without elements.
        self.moments.resize_with(self.entries.len() * samples.len(), Moments::default);
        self.samples.extend(sampled(all, first..first + elements.len()).map(|place| elements[place - first]));
        self.entries.len() - 1
    }

    /// The digest of a number.
    pub(crate) fn get(&self, at: usize) -> Digest<'_> {
        let (first, elements) = self.entries[at];
        let end = self.entries.get(at + 1).map_or(self.samples.len(), |(next, _)| *next);
        let samples = self.cut.samples.len();
        Digest { moments: &self.moments[at * samples..][..samples], sample: &self.samples[first..end], elements }
    }
}

/// The places, inside of a range, of the sample of `n` elements that quantiles are taken of: `i n / 4096`, rounded down, or all where there are no more
/// than 4096.
pub(crate) fn sampled(n: usize, range: Range<usize>) -> impl ExactSizeIterator<Item = usize> {
    let few = n <= SAMPLE;
    let before = |place: usize| if few { place } else { (place * SAMPLE).div_ceil(n) };
    (before(range.start)..before(range.end)).map(move |i| if few { i } else { i * n / SAMPLE })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::ACTIVATION;
    use crate::statistics::summarize_sampled;

    fn columns(elements: &[f32], samples: usize, cuts: &[usize]) -> Vec<f32> {
        let features = elements.len() / samples;
        let pieces = cuts.windows(2).map(|cut| {
            let mut digests = Digests::new(Cut { samples: cut[0]..cut[1], of: samples }, 2);
            let elements = &elements[cut[0] * features..cut[1] * features];
            // What stands before it in the same memory does not matter.
            for elements in [&vec![7.0; elements.len()], elements] {
                let moments = digests.cut(elements).map(Moments::of);
                digests.add(elements, moments);
            }
            digests
        });
        let pieces: Vec<Digests> = pieces.collect();
        Digest::columns(&pieces.iter().map(|digests| digests.get(1)).collect::<Vec<_>>())
    }

    #[test]
    fn no_cut_changes_a_bit() {
        for features in [1, 10, 512, 2500] {
            let elements: Vec<f32> = (0..12 * features).map(|at| ((at * 7919 % 1009) as f32 - 300.0) / 64.0).collect();
            let whole = columns(&elements, 12, &[0, 12]);
            for cuts in [&[0, 1, 12][..], &[0, 5, 10, 12], &[0, 3, 3, 6, 9, 12]] {
                let cut = columns(&elements, 12, cuts);
                assert_eq!(
                    cut.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
                    whole.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
                );
            }
            // Up to the order in which moments are put together they are what they are for the elements of one sample.
            for (at, (found, expect)) in whole.iter().zip(summarize_sampled(&elements)).enumerate() {
                assert!(
                    (found - expect).abs() <= 1e-6 * expect.abs().max(1.0),
                    "{at} of {features}: {found}, {expect}"
                );
            }
            let elements = ACTIVATION.map(|element| element.of(&elements, 12));
            assert_eq!(whole[COUNT..], elements);
        }
    }

    #[test]
    fn places_are_those_of_the_whole_batch() {
        let all: Vec<usize> = sampled(10_000, 0..10_000).collect();
        assert_eq!((all.len(), all[0], all[1], all[4095]), (SAMPLE, 0, 2, 4095 * 10_000 / 4096));
        for cut in [1, 2, 3, 777, 5000, 9999] {
            assert_eq!(sampled(10_000, 0..cut).chain(sampled(10_000, cut..10_000)).collect::<Vec<_>>(), all);
        }
        assert_eq!(sampled(5, 2..4).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(sampled(0, 0..0).count(), 0);
    }

    #[test]
    fn nothing_gives_zeros() {
        assert_eq!(columns(&[], 1, &[0, 1]), [0.0; COUNT + 4]);
    }
}
