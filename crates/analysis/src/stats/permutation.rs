//! Permutation of labels: every labeling where they are few, random ones where they are many. What is computed for a labeling is the
//! callers' business ([`energy`](super::energy), [`max_t`](super::max_t), [`permanova`](super::permanova)).

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use serde::{Deserialize, Serialize};

/// Statistics of two labelings that are equal on paper differ in their last bits, because their sums run in another order. To take such
/// a tie for a smaller statistic would make p too small, so what falls short by this much, relative to the size of the terms that were
/// added up, still counts as equal.
pub(super) const TIE: f64 = 1e-12;

/// How many labelings a test looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permutations {
    /// Up to this many distinct labelings, all of them are looked at and p is exact.
    pub limit: u64,
    /// Otherwise so many random labelings are.
    pub draws: u64,
    /// The seed of the random labelings.
    pub seed: u64,
}

impl Default for Permutations {
    /// All labelings up to 100,000 of them (two groups of 9 have 48,620), else 99,999 random ones: then the least p is 1/100,000.
    fn default() -> Self {
        Permutations { limit: 100_000, draws: 99_999, seed: 0 }
    }
}

/// The result of a permutation test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermutationTest {
    /// The statistic of the labels as they are.
    pub statistic: f64,
    /// The share of labelings with a statistic at least as large; `(1 + their number) / (1 + labelings)` where they are random, because
    /// the labels as they are count as one of them.
    pub p: f64,
    /// How many labelings were looked at.
    pub labelings: u64,
    /// Whether these were all that there are.
    pub exact: bool,
    /// The binomial standard error of p over the random draws; `None` where p is exact.
    pub standard_error: Option<f64>,
    /// The least p that this test can give, whatever the data. With all labelings `1 / C(n, m)`, and twice that for groups of one size
    /// and a statistic that does not tell the groups apart, because the mirrored labeling always ties; with random ones `1 / (1 + draws)`.
    pub least_p: f64,
}

/// What a walk over labelings looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub exact: bool,
    pub labelings: u64,
}

impl Walk {
    /// p, if `count` of the labelings had a statistic at least as large.
    pub(super) fn p(self, count: u64) -> f64 {
        let own = u64::from(!self.exact);
        (own + count) as f64 / (own + self.labelings) as f64
    }

    fn standard_error(self, p: f64) -> Option<f64> {
        (!self.exact).then(|| (p * (1.0 - p) / self.labelings as f64).sqrt())
    }
}

impl Permutations {
    /// Visits rearrangements of `labels` that keep every label in its stratum: each distinct one once, in lexicographic order, if there
    /// are at most `limit`; else `draws` random ones.
    ///
    /// # Panics
    /// If the lengths differ, or random labelings are needed and `draws` is 0.
    #[track_caller]
    pub(super) fn walk<T: Copy + Ord>(&self, labels: &[T], strata: &[usize], mut visit: impl FnMut(&[T])) -> Walk {
        assert!(labels.len() == strata.len(), "{} labels in {} places", labels.len(), strata.len());
        let strata = Strata::new(labels, strata);
        let count = strata.arrangements().filter(|count| *count <= self.limit);
        match count {
            Some(_) => strata.enumerate(labels.to_vec(), &mut visit),
            None => {
                assert!(self.draws > 0, "a test of more than {} labelings needs random draws, not 0", self.limit);
                strata.draw(labels.to_vec(), self, &mut visit);
            }
        }
        Walk { exact: count.is_some(), labelings: count.unwrap_or(self.draws) }
    }

    /// Tests a statistic of two groups that is large where the groups differ and the same when they change names.
    ///
    /// `magnitude` is the size of the terms that the statistic adds up: ties are relative to it.
    #[track_caller]
    pub(super) fn symmetric_test(
        &self,
        in_first: &[bool],
        magnitude: f64,
        mut statistic: impl FnMut(&[bool]) -> f64,
    ) -> PermutationTest {
        let observed = statistic(in_first);
        let mut count = 0;
        let walk = self.walk(in_first, &vec![0; in_first.len()], |labels| {
            count += u64::from(statistic(labels) >= observed - TIE * magnitude);
        });
        let p = walk.p(count);
        let ties = if walk.exact { 1 + u64::from(2 * group_sizes(in_first).0 == in_first.len()) } else { 0 };
        PermutationTest {
            statistic: observed,
            p,
            labelings: walk.labelings,
            exact: walk.exact,
            standard_error: walk.standard_error(p),
            least_p: walk.p(ties),
        }
    }
}

/// The least p of a test over all labelings of two groups of these sizes, of a statistic that does not tell which group is which: with
/// equal sizes the mirrored labeling always ties.
///
/// ```
/// use seismograd_analysis::stats::permutation::least_p;
///
/// assert_eq!(least_p([5, 5]), 2.0 / 252.0);
/// assert_eq!(least_p([5, 4]), 1.0 / 126.0);
/// ```
pub fn least_p([first, second]: [u64; 2]) -> f64 {
    let ties = if first == second { 2.0 } else { 1.0 };
    combinations(first + second, first).map_or(0.0, |labelings| ties / labelings as f64)
}

/// How many labels are true and how many false.
///
/// # Panics
/// If either group is empty, or there are not `n` labels.
#[track_caller]
pub(super) fn assert_groups(operation: &str, n: usize, in_first: &[bool]) -> (usize, usize) {
    assert!(in_first.len() == n, "{operation}: {} labels for {n} runs", in_first.len());
    let (first, second) = group_sizes(in_first);
    assert!(first > 0 && second > 0, "{operation}: groups of {first} and {second} runs, and neither may be empty");
    (first, second)
}

fn group_sizes(in_first: &[bool]) -> (usize, usize) {
    let first = in_first.iter().filter(|first| **first).count();
    (first, in_first.len() - first)
}

/// `C(n, k)`, or `None` beyond 64 bits.
pub fn combinations(n: u64, k: u64) -> Option<u64> {
    if k > n {
        return Some(0);
    }
    let mut count: u128 = 1;
    for i in 1..=k.min(n - k) {
        // Exact at every step: the product of i consecutive numbers is divisible by i!.
        count = count.checked_mul(u128::from(n - i + 1))? / u128::from(i);
        u64::try_from(count).ok()?;
    }
    u64::try_from(count).ok()
}

/// Labels that change places within strata.
struct Strata<T> {
    /// Of every stratum, its positions and its labels in ascending order.
    parts: Vec<(Vec<usize>, Vec<T>)>,
}

impl<T: Copy + Ord> Strata<T> {
    fn new(labels: &[T], strata: &[usize]) -> Self {
        let mut names = strata.to_vec();
        names.sort_unstable();
        names.dedup();
        let part = |name: &usize| {
            let positions: Vec<usize> = (0..labels.len()).filter(|i| strata[*i] == *name).collect();
            let mut own: Vec<T> = positions.iter().map(|i| labels[*i]).collect();
            own.sort_unstable();
            (positions, own)
        };
        Strata { parts: names.iter().map(part).collect() }
    }

    /// How many distinct rearrangements there are, or `None` beyond 64 bits.
    fn arrangements(&self) -> Option<u64> {
        self.parts.iter().try_fold(1, |count: u64, (_, labels)| count.checked_mul(multinomial(labels)?))
    }

    /// Every distinct rearrangement: the strata turn like the wheels of a counter.
    fn enumerate(mut self, mut labels: Vec<T>, visit: &mut impl FnMut(&[T])) {
        for (positions, own) in &self.parts {
            place(&mut labels, positions, own);
        }
        loop {
            visit(&labels);
            let turned = self.parts.iter_mut().any(|(positions, own)| {
                let more = next_arrangement(own);
                place(&mut labels, positions, own);
                more
            });
            if !turned {
                return;
            }
        }
    }

    /// Random rearrangements (Fisher and Yates 1938, in Durstenfeld's form of 1964).
    fn draw(mut self, mut labels: Vec<T>, permutations: &Permutations, visit: &mut impl FnMut(&[T])) {
        let mut rng = generator(permutations.seed);
        for _ in 0..permutations.draws {
            for (positions, own) in &mut self.parts {
                for last in (1..own.len()).rev() {
                    own.swap(last, below(&mut rng, last as u64 + 1) as usize);
                }
                place(&mut labels, positions, own);
            }
            visit(&labels);
        }
    }
}

fn place<T: Copy>(labels: &mut [T], positions: &[usize], own: &[T]) {
    for (position, label) in positions.iter().zip(own) {
        labels[*position] = *label;
    }
}

/// The distinct arrangements of sorted labels, or `None` beyond 64 bits.
fn multinomial<T: Ord>(sorted: &[T]) -> Option<u64> {
    let mut placed = 0;
    sorted.chunk_by(|a, b| a == b).try_fold(1, |count: u64, equal| {
        placed += equal.len() as u64;
        count.checked_mul(combinations(placed, equal.len() as u64)?)
    })
}

/// The next arrangement in lexicographic order; false, and the first one again, after the last.
fn next_arrangement<T: Ord>(labels: &mut [T]) -> bool {
    let Some(rise) = (1..labels.len()).rev().find(|i| labels[i - 1] < labels[*i]) else {
        labels.reverse();
        return false;
    };
    let larger = (rise..labels.len()).rev().find(|i| labels[*i] > labels[rise - 1]);
    labels.swap(rise - 1, larger.expect("the label at the rise is larger"));
    labels[rise..].reverse();
    true
}

/// ChaCha8 with the key `seed` (little-endian, 8 bytes) and the purpose (24 bytes): `seed_from_u64` is a convention of the library, not
/// of the cipher.
fn generator(seed: u64) -> ChaCha8Rng {
    let mut key = *b"--------permutation of labels---";
    key[..8].copy_from_slice(&seed.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A number below `bound`, each equally likely: the high half of a product, rejecting the few low halves that would favour some (Lemire
/// 2019).
fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    let favoured = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        if product as u64 >= favoured {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const ALL: Permutations = Permutations { limit: 1_000_000, draws: 0, seed: 0 };

    #[test]
    fn combinations_are_pascals_triangle() {
        for n in 1..40 {
            for k in 1..=n {
                let above = combinations(n - 1, k - 1).unwrap() + combinations(n - 1, k).unwrap();
                assert_eq!(combinations(n, k), Some(above), "C({n}, {k})");
            }
        }
        assert_eq!(combinations(67, 33), Some(14_226_520_737_620_288_370));
        assert_eq!(combinations(68, 34), None);
        assert_eq!(combinations(1_000_000, 500_000), None);
    }

    fn check_walk(labels: &[usize], strata: &[usize], expected: u64) {
        let mut seen = BTreeSet::new();
        let walk = ALL.walk(labels, strata, |l| assert!(seen.insert(l.to_vec()), "{l:?} twice"));
        assert_eq!((walk.exact, walk.labelings, seen.len() as u64), (true, expected, expected));
        assert!(seen.contains(labels), "the labels as they are belong to the labelings");
        let in_strata = |l: &[usize]| {
            let mut pairs: Vec<_> = strata.iter().zip(l).collect();
            pairs.sort_unstable();
            pairs.into_iter().map(|(s, l)| (*s, *l)).collect::<Vec<_>>()
        };
        assert!(seen.iter().all(|l| in_strata(l) == in_strata(labels)));
    }

    #[test]
    fn every_labeling_is_visited_once_and_stays_in_its_strata() {
        check_walk(&[1, 0, 1, 0, 0], &[0; 5], 10);
        check_walk(&[2, 0, 1, 1], &[0; 4], 12);
        check_walk(&[0, 1, 0, 1, 2, 2], &[7, 7, 3, 3, 3, 7], 6 * 6);
        check_walk(&[5], &[0], 1);
    }

    #[test]
    fn random_labelings_are_uniform_over_all_of_them() {
        let mut counts = std::collections::BTreeMap::new();
        let draws = Permutations { limit: 0, draws: 20_000, seed: 11 };
        let walk = draws.walk(&[true, true, false, false, false], &[0; 5], |l| {
            *counts.entry(l.to_vec()).or_insert(0u32) += 1;
        });
        assert!(!walk.exact);
        assert_eq!(counts.len(), 10);
        // Chi-squared with 9 degrees of freedom exceeds 33.7 once in 10,000.
        let chi: f64 = counts.values().map(|c| (f64::from(*c) - 2000.0).powi(2) / 2000.0).sum();
        assert!(chi < 33.7, "{chi}");
    }

    #[test]
    fn a_seed_gives_its_labelings_again() {
        let first = |seed| {
            let mut seen = Vec::new();
            Permutations { limit: 0, draws: 5, seed }.walk(&[0, 1, 2, 3, 4, 5], &[0; 6], |l| seen.push(l.to_vec()));
            seen
        };
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }

    #[test]
    fn a_constant_statistic_has_p_one() {
        for limit in [0, 1000] {
            let permutations = Permutations { limit, draws: 50, seed: 3 };
            let test = permutations.symmetric_test(&[true, false, false], 1.0, |_| 0.5);
            assert_eq!((test.p, test.exact), (1.0, limit > 0));
            assert_eq!(test.standard_error, (limit == 0).then_some(0.0));
            assert_eq!(test.least_p, if limit == 0 { 1.0 / 51.0 } else { 1.0 / 3.0 });
        }
    }

    #[test]
    #[should_panic(expected = "needs random draws, not 0")]
    fn no_draws_where_draws_are_needed_panic() {
        Permutations { limit: 1, draws: 0, seed: 0 }.walk(&[0, 1], &[0, 0], |_| ());
    }
}
