//! Cliff's delta, how far two groups overlap in one number, with an interval that says something also where they do not overlap at all.
//! It looks at order only: by how much one value exceeds another is not its subject.

use super::distance::assert_finite;
use super::special::{turn, two_sided_z};
use serde::{Deserialize, Serialize};

/// Cliff's delta and its interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// `P(first > second) - P(first < second)`, from -1 to 1.
    pub value: f64,
    /// The interval's lower end.
    pub lower: f64,
    /// The interval's upper end.
    pub upper: f64,
    /// The interval's nominal coverage.
    pub confidence: f64,
    /// How many values of the first group.
    pub n_first: usize,
    /// How many values of the second group.
    pub n_second: usize,
}

/// Cliff's delta of two groups.
///
/// The interval is Newcombe's method 5 (2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part
/// 2", Statistics in Medicine 25:559-573) for `theta = P(first > second) + P(first = second) / 2`, mapped by `2 theta - 1`. Its ends are
/// the `theta` that solve
///
/// ```text
/// (theta_hat - theta)^2 = z^2 theta (1 - theta) [1 + k (1 - theta) / (2 - theta) + k theta / (1 + theta)] / (m n),
/// k = (m + n) / 2 - 1,
/// ```
///
/// Hanley and McNeil's variance (1982) under exponential distributions, with the mean of the two group sizes in the place of each, taken
/// at the end itself and not at the estimate. Hence the interval keeps its width where the groups do not overlap and `theta_hat` is 0
/// or 1; a variance estimated from the data is 0 there (compare Fay and Malinovsky 2018, Statistics in Medicine 37:3991-4006).
///
/// ```
/// use seismograd_analysis::stats::cliff;
///
/// let apart = cliff::delta(&[5.0, 6.0, 7.0, 8.0, 9.0], &[0.0, 1.0, 2.0, 3.0, 4.0], 0.95);
/// assert_eq!((apart.value, apart.upper), (1.0, 1.0));
/// assert!(apart.lower > 0.28 && apart.lower < 0.29);
/// ```
///
/// # Panics
/// If a group is empty, a number is not finite, or the confidence is not inside (0, 1).
#[track_caller]
pub fn delta(first: &[f64], second: &[f64], confidence: f64) -> Delta {
    let (m, n) = (first.len(), second.len());
    assert!(m > 0 && n > 0, "Cliff's delta: groups of {m} and {n} values, and neither may be empty");
    assert_finite("Cliff's delta", first);
    assert_finite("Cliff's delta", second);
    let z = two_sided_z(confidence);
    let (wins, losses) = (wins(first, second), wins(second, first));
    let pairs = (m * n) as f64;
    // Everything below is one function of wins and losses: to swap the groups changes signs and no other bit.
    let end = |wins: i64, losses: i64| 2.0 * upper_end(0.5 + (wins - losses) as f64 / (2.0 * pairs), m, n, z) - 1.0;
    let value = (wins - losses) as f64 / pairs;
    Delta { value, lower: -end(losses, wins), upper: end(wins, losses), confidence, n_first: m, n_second: n }
}

/// The pairs in which the value of `these` is larger.
fn wins(these: &[f64], those: &[f64]) -> i64 {
    let mut sorted = those.to_vec();
    sorted.sort_by(f64::total_cmp);
    these.iter().map(|x| sorted.partition_point(|y| y < x) as i64).sum()
}

/// The larger `theta` that Newcombe's method 5 does not reject.
///
/// At 1 the variance is 0: 1 solves the equation if the estimate is 1 and is then the interval's end; otherwise it lies outside. At the
/// estimate 0 the equation has the root 0, which is the interval's other end: [`turn`] asks about neither.
fn upper_end(estimate: f64, m: usize, n: usize, z: f64) -> f64 {
    let (m, n) = (m as f64, n as f64);
    let k = (m + n) / 2.0 - 1.0;
    let variance = |t: f64| t * (1.0 - t) * (1.0 + k * (1.0 - t) / (2.0 - t) + k * t / (1.0 + t)) / (m * n);
    if estimate >= 1.0 {
        return 1.0;
    }
    turn(estimate, 1.0, |theta| (theta - estimate) * (theta - estimate) < z * z * variance(theta))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: &[f64], second: &[f64], value: f64, lower: f64, upper: f64) {
        let found = delta(first, second, 0.95);
        assert_eq!(found.value, value);
        assert!((found.lower - lower).abs() < 1e-12 && (found.upper - upper).abs() < 1e-12, "{found:?}");
    }

    /// One value a side: `k = 0`, and the equation is Wilson's for one trial, whose ends for one success are `1 / (1 + z^2)` and 1.
    #[test]
    fn one_value_a_side_is_wilsons_interval_of_one_trial() {
        let z2 = two_sided_z(0.95).powi(2);
        check(&[2.0], &[1.0], 1.0, 2.0 / (1.0 + z2) - 1.0, 1.0);
        check(&[1.0], &[2.0], -1.0, -1.0, 1.0 - 2.0 / (1.0 + z2));
    }

    /// At the estimate 1/2 the ends lie symmetrically.
    #[test]
    fn equal_groups_have_delta_zero_in_the_middle() {
        let found = delta(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 0.9);
        assert_eq!(found.value, 0.0);
        assert_eq!(found.lower, -found.upper);
    }

    #[test]
    #[should_panic(expected = "groups of 0 and 1 values")]
    fn an_empty_group_panics() {
        delta(&[], &[1.0], 0.95);
    }
}
