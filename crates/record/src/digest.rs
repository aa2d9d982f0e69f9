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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        let sample: Vec<&[f32]> = pieces.iter().map(|piece| piece.sample).collect();
        let is_empty = sample.iter().all(|piece| piece.is_empty());
        let statistics = if is_empty { [0.0; COUNT] } else { assemble(&moments, &sample) };
        let element = |at: usize| pieces.iter().find_map(|piece| piece.elements[at]).unwrap_or(0.0);
        statistics.into_iter().chain((0..ACTIVATION.len()).map(element)).collect()
    }
}

/// Digests of the same samples, all in the same memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digests {
    cut: Cut,
    moments: Vec<Moments>,
    samples: Vec<f32>,
    /// Of each digest: where its elements of the sample begin, and those of fixed name.
    entries: Vec<(usize, [Option<f32>; ACTIVATION.len()])>,
    /// What is kept of so many elements: signals of one size are many.
    kept: Vec<(usize, Places)>,
}

impl Digests {
    /// None so far.
    #[cfg(test)]
    pub(crate) fn new(cut: Cut) -> Digests {
        Digests { cut, ..Digests::default() }
    }

    /// Whether they are of these samples.
    pub(crate) fn are_of(&self, cut: &Cut) -> bool {
        self.cut == *cut
    }

    /// None of these samples, in the memory of others. What is kept of so many elements stays known if the samples are the same.
    pub(crate) fn restart(&mut self, cut: Cut) {
        if !self.are_of(&cut) {
            self.kept.clear();
        }
        self.cut = cut;
        self.moments.clear();
        self.samples.clear();
        self.entries.clear();
    }

    /// The elements of each sample.
    pub(crate) fn cut<'a>(&self, elements: &'a [f32]) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        elements.chunks_exact((elements.len() / self.cut.samples.len().max(1)).max(1))
    }

    /// Adds that of these elements, of whose samples the moments are given; its number.
    pub(crate) fn add(&mut self, elements: &[f32], moments: impl ExactSizeIterator<Item = Moments>) -> usize {
        let kept = self.kept(elements.len());
        let (places, first) = (&self.kept[kept].1, self.samples.len());
        let fixed = places.fixed.map(|at| at.map(|at| elements[places.all[at]]));
        for run in places.sampled() {
            self.samples.extend(places.all[run].iter().map(|&place| elements[place]));
        }
        self.end(first, fixed, moments)
    }

    /// The places, ascending, of the elements that a digest of so many keeps.
    pub(crate) fn places(&mut self, elements: usize) -> Arc<[usize]> {
        let kept = self.kept(elements);
        Arc::clone(&self.kept[kept].1.all)
    }

    /// Adds the digest of so many elements of which a glimpse was had; its number.
    pub(crate) fn add_glimpse(
        &mut self,
        elements: usize,
        seen: &[f32],
        moments: impl ExactSizeIterator<Item = Moments>,
    ) -> usize {
        let kept = self.kept(elements);
        let (places, first) = (&self.kept[kept].1, self.samples.len());
        assert_eq!(seen.len(), places.all.len(), "a glimpse of other elements");
        let fixed = places.fixed.map(|at| at.map(|at| seen[at]));
        for run in places.sampled() {
            self.samples.extend_from_slice(&seen[run]);
        }
        self.end(first, fixed, moments)
    }

    /// Ends a digest whose elements of the sample begin at `first`; its number.
    fn end(
        &mut self,
        first: usize,
        fixed: [Option<f32>; ACTIVATION.len()],
        moments: impl ExactSizeIterator<Item = Moments>,
    ) -> usize {
        self.entries.push((first, fixed));
        self.moments.extend(moments);
        // As many for each digest, so that they are found again: none stand for samples without elements.
        self.moments.resize_with(self.entries.len() * self.cut.samples.len(), Moments::default);
        self.entries.len() - 1
    }

    /// What is kept of so many elements: where it stands.
    fn kept(&mut self, elements: usize) -> usize {
        if let Some(at) = self.kept.iter().position(|(of, _)| *of == elements) {
            return at;
        }
        let features = elements / self.cut.samples.len().max(1);
        let first = features * self.cut.samples.start;
        let of_sample = sampled(features * self.cut.of, first..first + elements).map(|place| place - first);
        let fixed = ACTIVATION.map(|element| element.place(self.cut.of, features).checked_sub(first));
        self.kept.push((elements, Places::new(of_sample, fixed.map(|place| place.filter(|&at| at < elements)))));
        self.kept.len() - 1
    }

    /// The digest of a number.
    pub(crate) fn get(&self, at: usize) -> Digest<'_> {
        let (first, elements) = self.entries[at];
        let end = self.entries.get(at + 1).map_or(self.samples.len(), |(next, _)| *next);
        let samples = self.cut.samples.len();
        Digest { moments: &self.moments[at * samples..][..samples], sample: &self.samples[first..end], elements }
    }
}

/// The places of the elements that are kept of a tensor.
#[derive(Clone, Debug)]
struct Places {
    /// All, ascending.
    all: Arc<[usize]>,
    /// Which of them are those of fixed name.
    fixed: [Option<usize>; ACTIVATION.len()],
    /// Which of them are no places of the sample, ascending.
    extra: Vec<usize>,
}

impl Places {
    /// Those of a sample, ascending, and of fixed name.
    fn new(sample: impl Iterator<Item = usize>, fixed: [Option<usize>; ACTIVATION.len()]) -> Places {
        let mut all: Arc<[usize]> = sample.collect();
        let mut named: Vec<usize> = fixed.into_iter().flatten().collect();
        named.sort_unstable();
        named.dedup();
        named.retain(|place| all.binary_search(place).is_err());
        // Mostly there is none: those of fixed name are in the first sample and in the last.
        if !named.is_empty() {
            let mut both = [&all[..], &named].concat();
            both.sort_unstable();
            all = both.into();
        }
        let at = |place: usize| all.partition_point(|&other| other < place);
        let (fixed, extra) = (fixed.map(|place| place.map(at)), named.into_iter().map(at).collect());
        Places { fixed, extra, all }
    }

    /// Which of them are the sample's: what lies between the others.
    fn sampled(&self) -> impl Iterator<Item = Range<usize>> {
        let begins = std::iter::once(0).chain(self.extra.iter().map(|at| at + 1));
        begins.zip(self.extra.iter().copied().chain([self.all.len()])).map(|(begin, end)| begin..end)
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
    let share = (u128::from((i as u32).wrapping_mul(GOLDEN)) * n as u128) >> 32;
    ((i as u64 * n as u64 + share as u64) / SAMPLE as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::ACTIVATION;
    use crate::statistics::summarize_sampled;

    fn columns(elements: &[f32], samples: usize, cuts: &[usize]) -> Vec<f32> {
        let features = elements.len() / samples;
        let pieces = cuts.windows(2).map(|cut| {
            let mut digests = Digests::new(Cut { samples: cut[0]..cut[1], of: samples });
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
        // The fraction of the golden ratio is 0.618: 1.618 strata of 4.88 elements.
        assert_eq!((all.len(), all[0], all[1]), (SAMPLE, 0, 7));
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
            let mut digests = Digests::new(Cut { samples, of });
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
