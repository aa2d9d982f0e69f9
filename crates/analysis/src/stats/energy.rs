//! The energy statistic of two groups (Székely and Rizzo 2013, "Energy statistics: a class of statistics based on distances", Journal of
//! Statistical Planning and Inference 143:1249-1272). It sees any difference between distributions, not only of their means; which
//! distance it is given decides what counts as far.
//!
//! With `A` the mean distance between the groups, `B` and `C` the mean distances within the first and the second over all ordered pairs
//! (a run with itself included): the statistic is `mn / (m + n) (2A - B - C)`, the coefficient of inhomogeneity `H = (2A - B - C) / 2A`.

use super::distance::Distances;
use super::permutation::{PermutationTest, Permutations, assert_groups};

/// `mn / (m + n) (2A - B - C)`: zero if the groups hold the same rows, and never below.
///
/// # Panics
/// If the lengths differ or a group is empty.
#[track_caller]
pub fn statistic(distances: &Distances, in_first: &[bool]) -> f64 {
    Sums::new("energy statistic", distances, in_first).statistic(in_first)
}

/// The coefficient of inhomogeneity `H`: 0 if the groups hold the same rows, 1 if each group is one point and the points differ. It has
/// a positive expectation also where nothing differs, larger for fewer runs, and so is no substitute for the test.
///
/// # Panics
/// If the lengths differ or a group is empty.
#[track_caller]
pub fn inhomogeneity(distances: &Distances, in_first: &[bool]) -> f64 {
    let (energy, between) = Sums::new("energy coefficient", distances, in_first).energy_and_between(in_first);
    if between > 0.0 { (energy / (2.0 * between)).clamp(0.0, 1.0) } else { 0.0 }
}

/// The part of the mean distance between the groups that is not distance within them: `1 - (B + C) / 2A` with the mean distances `A`
/// between the groups and `B`, `C` within them, of a run with the others only. That is `H` without its bias: 0 on average where nothing
/// differs (and so below 0 at times), 1 for two different points.
///
/// # Panics
/// If the lengths differ or a group has fewer than two rows.
#[track_caller]
pub fn separation(distances: &Distances, in_first: &[bool]) -> f64 {
    let pairs = |one: bool, other: bool| {
        let of = |label: bool| (0..in_first.len()).filter(move |&run| in_first[run] == label);
        of(one).flat_map(move |i| of(other).filter(move |&j| j != i).map(move |j| distances.get(i, j)))
    };
    let mean = |one: bool, other: bool| {
        let count = pairs(one, other).count();
        assert!(count > 0, "energy separation: a group has fewer than two rows");
        pairs(one, other).sum::<f64>() / count as f64
    };
    let between = mean(true, false);
    if between > 0.0 { 1.0 - 0.5 * (mean(true, true) + mean(false, false)) / between } else { 0.0 }
}

/// Whether the two groups could have come from one distribution: permutes the labels.
///
/// # Panics
/// If the lengths differ or a group is empty.
#[track_caller]
pub fn test(distances: &Distances, in_first: &[bool], permutations: &Permutations) -> PermutationTest {
    let mut sums = Sums::new("energy test", distances, in_first);
    permutations.symmetric_test(in_first, sums.magnitude(), |labels| sums.statistic(labels))
}

/// What is the same for every labeling, so that a labeling costs only the pairs within its smaller group.
struct Sums<'a> {
    distances: &'a Distances,
    /// The group sizes `m` and `n`.
    sizes: (f64, f64),
    /// The sum of the distances from each run.
    from: Vec<f64>,
    /// The sum over all unordered pairs.
    total: f64,
    /// Whether the first group is the smaller: the pairs within the smaller one are added up.
    first_is_smaller: bool,
    /// Scratch: the runs of the smaller group.
    members: Vec<usize>,
}

impl<'a> Sums<'a> {
    #[track_caller]
    fn new(operation: &str, distances: &'a Distances, in_first: &[bool]) -> Self {
        let (m, n) = assert_groups(operation, distances.len(), in_first);
        let from: Vec<f64> = (0..distances.len()).map(|i| distances.row(i).iter().sum()).collect();
        let total = from.iter().sum::<f64>() / 2.0;
        Sums { distances, sizes: (m as f64, n as f64), from, total, first_is_smaller: m <= n, members: Vec::new() }
    }

    fn statistic(&mut self, in_first: &[bool]) -> f64 {
        self.weight() * self.energy_and_between(in_first).0
    }

    /// `mn / (m + n)`.
    fn weight(&self) -> f64 {
        let (m, n) = self.sizes;
        m * n / (m + n)
    }

    /// The size of the terms of a statistic, whatever the labels.
    fn magnitude(&self) -> f64 {
        let (m, n) = self.sizes;
        self.weight() * self.total / (m * n)
    }

    /// `2A - B - C` and `A`.
    fn energy_and_between(&mut self, in_first: &[bool]) -> (f64, f64) {
        let (small, large) = if self.first_is_smaller { self.sizes } else { (self.sizes.1, self.sizes.0) };
        let (mut within_small, mut from_small) = (0.0, 0.0);
        self.members.clear();
        self.members.extend((0..in_first.len()).filter(|i| in_first[*i] == self.first_is_smaller));
        for (place, &i) in self.members.iter().enumerate() {
            let row = self.distances.row(i);
            within_small += self.members[..place].iter().map(|j| row[*j]).sum::<f64>();
            from_small += self.from[i];
        }
        // A pair within the group is counted from both its ends.
        let between = from_small - 2.0 * within_small;
        let within_large = self.total - within_small - between;
        let (a, b, c) =
            (between / (small * large), 2.0 * within_small / (small * small), 2.0 * within_large / (large * large));
        ((2.0 * a - b - c).max(0.0), a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_line(points: &[f64]) -> Distances {
        Distances::euclidean(&points.iter().map(|x| vec![*x]).collect::<Vec<_>>())
    }

    /// By hand: between 0, 2 and 5 lie 5 and 3, mean 4; within the pair (0 + 2 + 2 + 0) / 4 = 1; within the single run 0.
    /// 2 * 4 - 1 - 0 = 7, times 2 * 1 / 3.
    #[test]
    fn three_runs_by_hand() {
        let distances = on_a_line(&[0.0, 2.0, 5.0]);
        let in_first = [true, true, false];
        assert!((statistic(&distances, &in_first) - 14.0 / 3.0).abs() < 1e-15);
        assert_eq!(inhomogeneity(&distances, &in_first), 7.0 / 8.0);
    }

    #[test]
    fn the_coefficient_has_its_ends() {
        let in_first = [true, true, false, false];
        assert_eq!(inhomogeneity(&on_a_line(&[1.0, 1.0, 3.0, 3.0]), &in_first), 1.0);
        assert_eq!(inhomogeneity(&on_a_line(&[1.0, 3.0, 1.0, 3.0]), &in_first), 0.0);
        assert_eq!(inhomogeneity(&on_a_line(&[2.0; 4]), &in_first), 0.0);
    }

    #[test]
    fn the_separation_is_one_of_two_points_and_zero_on_average_of_none() {
        let in_first = [true, true, false, false];
        assert_eq!(separation(&on_a_line(&[1.0, 1.0, 3.0, 3.0]), &in_first), 1.0);
        assert_eq!(separation(&on_a_line(&[2.0; 4]), &in_first), 0.0);
        // Within 2 and 2, between 2, 0, 0, 2: as far apart within as (2 + 2) / 2, twice the mean between.
        assert_eq!(separation(&on_a_line(&[1.0, 3.0, 1.0, 3.0]), &in_first), -1.0);
        assert_eq!(test(&on_a_line(&[2.0; 4]), &in_first, &Permutations::default()).p, 1.0);
    }

    #[test]
    fn five_against_five_cannot_go_below_two_in_252() {
        let points: Vec<f64> = (0..10).map(|i| f64::from(i) + if i < 5 { 0.0 } else { 100.0 }).collect();
        let in_first: Vec<bool> = (0..10).map(|i| i < 5).collect();
        let test = test(&on_a_line(&points), &in_first, &Permutations::default());
        assert_eq!((test.p, test.least_p, test.labelings), (2.0 / 252.0, 2.0 / 252.0, 252));
    }

    #[test]
    #[should_panic(expected = "energy test: groups of 2 and 0 runs, and neither may be empty")]
    fn an_empty_group_panics() {
        test(&on_a_line(&[0.0, 1.0]), &[true, true], &Permutations::default());
    }
}
