//! What is kept of an activation in place of its elements: enough for its statistics, made while the elements are in the processor's cache.
//!
//! Moments are those of each sample of the batch, put together in sample order, and the elements of which the quantiles are taken have fixed
//! places in the batch: so nothing depends on how it was cut.

use crate::elements::ACTIVATION;
use crate::statistics::{COUNT, SAMPLE, assemble};
use seismograd_tensor::moments::Moments;
use std::ops::Range;
use std::sync::Arc;

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
    /// What is kept of so many elements: signals of one size are many.
    places: Vec<(usize, Arc<[usize]>)>,
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
            places: Vec::new(),
        }
    }

    /// The elements of each sample.
    pub(crate) fn cut<'a>(&self, elements: &'a [f32]) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        elements.chunks_exact((elements.len() / self.cut.samples.len().max(1)).max(1))
    }

    /// Adds that of these elements, of whose samples the moments are given; its number.
    pub(crate) fn add(&mut self, elements: &[f32], moments: impl ExactSizeIterator<Item = Moments>) -> usize {
        let (all, first) = self.extent(elements.len());
        let fixed = self.fixed(elements.len()).map(|place| place.map(|at| elements[at]));
        self.entries.push((self.samples.len(), fixed));
        self.add_moments(moments);
        self.samples.extend(sampled(all, first..first + elements.len()).map(|place| elements[place - first]));
        self.entries.len() - 1
    }

    /// The places, ascending, of the elements that a digest of so many keeps.
    pub(crate) fn places(&mut self, elements: usize) -> Arc<[usize]> {
        if let Some((_, places)) = self.places.iter().find(|(of, _)| *of == elements) {
            return Arc::clone(places);
        }
        let (all, first) = self.extent(elements);
        let mut places: Vec<usize> = sampled(all, first..first + elements).map(|place| place - first).collect();
        for place in self.fixed(elements).into_iter().flatten() {
            places.insert(places.partition_point(|&other| other < place), place);
        }
        let places: Arc<[usize]> = places.into();
        self.places.push((elements, Arc::clone(&places)));
        places
    }

    /// Adds the digest of so many elements of which a glimpse was had; its number.
    pub(crate) fn add_glimpse(
        &mut self,
        elements: usize,
        kept: &[f32],
        moments: impl ExactSizeIterator<Item = Moments>,
    ) -> usize {
        let (places, (all, first)) = (self.places(elements), self.extent(elements));
        assert_eq!(kept.len(), places.len(), "a glimpse of other elements");
        let at = |place: usize| kept[places.partition_point(|&other| other < place)];
        let fixed = self.fixed(elements).map(|place| place.map(at));
        self.entries.push((self.samples.len(), fixed));
        self.add_moments(moments);
        let mut found = places.iter().zip(kept);
        let mut kept = |place: usize| *found.find(|(at, _)| **at == place).expect("it was asked for").1;
        self.samples.extend(sampled(all, first..first + elements).map(|place| kept(place - first)));
        self.entries.len() - 1
    }

    /// The elements of the whole batch, and the first of them that is here, where so many are.
    fn extent(&self, elements: usize) -> (usize, usize) {
        let features = elements / self.cut.samples.len().max(1);
        (features * self.cut.of, features * self.cut.samples.start)
    }

    /// Where the elements of fixed name are, of so many, if they are here.
    fn fixed(&self, elements: usize) -> [Option<usize>; ACTIVATION.len()] {
        let (of, (_, first)) = (self.cut.of, self.extent(elements));
        let features = elements / self.cut.samples.len().max(1);
        ACTIVATION.map(|element| element.place(of, features).checked_sub(first).filter(|&at| at < elements))
    }

    fn add_moments(&mut self, moments: impl ExactSizeIterator<Item = Moments>) {
        self.moments.extend(moments);
        // As many for each digest, so that they are found again: none stand for samples without elements.
        self.moments.resize_with(self.entries.len() * self.cut.samples.len(), Moments::default);
    }

    /// The digest of a number.
    pub(crate) fn get(&self, at: usize) -> Digest<'_> {
        let (first, elements) = self.entries[at];
        let end = self.entries.get(at + 1).map_or(self.samples.len(), |(next, _)| *next);
        let samples = self.cut.samples.len();
        Digest { moments: &self.moments[at * samples..][..samples], sample: &self.samples[first..end], elements }
    }
}

/// The places, inside of a range and ascending, of the sample of `n` elements that quantiles are taken of, or all where there are no more than
/// [`SAMPLE`].
///
/// There is one in each of as many strata of equal length, and it moves through them by the golden ratio: places at equal distances would all be of one
/// channel wherever a multiple of the channels' number is that distance.
pub(crate) fn sampled(n: usize, range: Range<usize>) -> impl ExactSizeIterator<Item = usize> {
    let few = n <= SAMPLE;
    let place = move |i: usize| if few { i } else { in_stratum(i, n) };
    // The first place at or behind an element is in that element's stratum or the next one.
    let before = |element: usize| {
        let stratum = if few { element } else { element * SAMPLE / n };
        stratum + usize::from(place(stratum) < element)
    };
    (before(range.start)..before(range.end)).map(place)
}

/// The place in stratum `i` of `n` elements.
fn in_stratum(i: usize, n: usize) -> usize {
    const GOLDEN: u32 = 0x9e37_79b9;
    let share = (i as u128) << 32 | u128::from((i as u32).wrapping_mul(GOLDEN));
    ((share * n as u128 / SAMPLE as u128) >> 32) as usize
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
        // The fraction of the golden ratio is 0.618: 1.618 strata of 2.44 elements.
        assert_eq!((all.len(), all[0], all[1]), (SAMPLE, 0, 3));
        assert!(
            all.iter()
                .enumerate()
                .all(|(i, &place)| (i * 10_000 / SAMPLE..=(i + 1) * 10_000 / SAMPLE).contains(&place))
        );
        for cut in [1, 2, 3, 4, 777, 5000, 9999] {
            assert_eq!(sampled(10_000, 0..cut).chain(sampled(10_000, cut..10_000)).collect::<Vec<_>>(), all);
        }
        assert_eq!(sampled(5, 2..4).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(sampled(0, 0..0).count(), 0);
    }

    #[test]
    fn every_channel_has_its_share_of_the_sample() {
        for (samples, features, channels) in [(100, 32 * 32 * 32, 32), (50, 32 * 32 * 32, 32), (200, 16 * 16 * 64, 64)]
        {
            let mut counts = vec![0; channels];
            let n = samples * features;
            sampled(n, 0..n).for_each(|place| counts[place % channels] += 1);
            let share = SAMPLE / channels;
            assert!(counts.iter().all(|count| (share / 2..=2 * share).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn a_glimpse_gives_the_digest_of_the_whole() {
        for (features, samples, of) in [(1, 0..1, 1), (10, 2..5, 7), (2500, 0..3, 12), (2500, 9..12, 12), (3, 1..1, 2)]
        {
            let elements: Vec<f32> = (0..samples.len() * features).map(|at| (at * 7919 % 1009) as f32).collect();
            let mut digests = Digests::new(Cut { samples, of }, 2);
            let moments: Vec<Moments> = digests.cut(&elements).map(Moments::of).collect();
            digests.add(&elements, moments.iter().copied());
            let kept: Vec<f32> = digests.places(elements.len()).iter().map(|&at| elements[at]).collect();
            digests.add_glimpse(elements.len(), &kept, moments.into_iter());
            let [whole, glimpsed] = [0, 1].map(|at| digests.get(at));
            assert_eq!((whole.sample, whole.elements), (glimpsed.sample, glimpsed.elements));
        }
    }

    #[test]
    fn nothing_gives_zeros() {
        assert_eq!(columns(&[], 1, &[0, 1]), [0.0; COUNT + 4]);
    }
}
