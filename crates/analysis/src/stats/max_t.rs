//! Which features differ: one t statistic a feature, and p-values that hold for all features together (Westfall and Young 1993,
//! "Resampling-based multiple testing", the step-down maxT procedure, algorithm 4.1). Two groups only; how the features hang together is
//! kept, because whole runs are relabeled.

use super::distance::assert_table;
use super::permutation::{Permutations, TIE, assert_groups};
use super::robust::{column, is_constant};
use serde::{Deserialize, Serialize};

/// One feature's test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adjusted {
    /// The absolute t statistic with pooled variance. [`f64::MAX`], which JSON can carry, where the feature is constant within each
    /// group and differs between them; 0 where it is constant.
    pub statistic: f64,
    /// The permutation p of this feature alone; 1 where it is constant.
    pub p: f64,
    /// The p that holds for all features together: to call those at most alpha different errs anywhere with probability at most alpha.
    pub adjusted_p: f64,
}

/// Tests every column of `rows`, in order, with the labelings of [`energy::test`](super::energy::test).
///
/// ```
/// use seismograd_analysis::stats::{max_t, permutation::Permutations};
///
/// let rows: Vec<Vec<f64>> = (0..10).map(|i| vec![f64::from(i / 5 * 9 + i % 5), f64::from(i * 7 % 10)]).collect();
/// let in_first: Vec<bool> = (0..10).map(|i| i < 5).collect();
/// let features = max_t::test(&rows, &in_first, &Permutations::default());
/// assert_eq!(features[0].adjusted_p, 2.0 / 252.0);
/// assert!(features[1].adjusted_p > 0.5);
/// ```
///
/// # Panics
/// If the lengths differ, a group is empty, or a number is not finite.
#[track_caller]
pub fn test(rows: &[Vec<f64>], in_first: &[bool], permutations: &Permutations) -> Vec<Adjusted> {
    assert_groups("maxT test", rows.len(), in_first);
    assert_table("maxT test", rows);
    let constant = Adjusted { statistic: 0.0, p: 1.0, adjusted_p: 1.0 };
    let mut results = vec![constant; rows[0].len()];
    let columns: Vec<(usize, Vec<f64>)> =
        (0..rows[0].len()).map(|j| (j, column(rows, j))).filter(|(_, values)| !is_constant(values)).collect();
    let standardized: Vec<Vec<f64>> = columns.iter().map(|(_, values)| standardize(values)).collect();
    let p = step_down(&standardized, in_first, permutations);
    for ((j, values), (p, adjusted_p)) in columns.iter().zip(p) {
        results[*j] = Adjusted { statistic: t(values, in_first), p, adjusted_p };
    }
    results
}

/// The p and adjusted p of each column.
///
/// ```text
/// order the columns by falling statistic; for every labeling, from the last column to the first:
///     largest = max(largest, the labeling's statistic of this column)
///     count this column if largest >= its statistic under the labels as they are
/// adjusted p = count / labelings, made to rise along the order
/// ```
fn step_down(columns: &[Vec<f64>], in_first: &[bool], permutations: &Permutations) -> Vec<(f64, f64)> {
    let observed: Vec<f64> = columns.iter().map(|values| score(values, in_first)).collect();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|i, j| observed[*j].total_cmp(&observed[*i]));
    let mut alone = vec![0; columns.len()];
    let mut together = vec![0; columns.len()];
    let walk = permutations.walk(in_first, &vec![0; in_first.len()], |labels| {
        let mut largest: f64 = 0.0;
        for &j in order.iter().rev() {
            let value = score(&columns[j], labels);
            largest = largest.max(value);
            // The columns have length 1: TIE is relative to that.
            alone[j] += u64::from(value >= observed[j] - TIE);
            together[j] += u64::from(largest >= observed[j] - TIE);
        }
    });
    let mut result = vec![(1.0, 1.0); columns.len()];
    let mut risen: f64 = 0.0;
    for j in order {
        risen = risen.max(walk.p(together[j]));
        result[j] = (walk.p(alone[j]), risen);
    }
    result
}

/// The column less its mean, at length 1.
fn standardize(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    // Brought near 1 before squaring, for the sake of very small and very large columns.
    let largest = values.iter().fold(0.0, |largest: f64, x| largest.max((x - mean).abs()));
    let centered: Vec<f64> = values.iter().map(|x| (x - mean) / largest).collect();
    let length = centered.iter().map(|x| x * x).sum::<f64>().sqrt();
    centered.into_iter().map(|x| x / length).collect()
}

/// The absolute sum of a standardized column over the first group. For given group sizes |t| grows with it, by the same function for
/// every column: with `r^2 = score^2 (m + n) / (m n)`, `t^2 = (m + n - 2) r^2 / (1 - r^2)`. So it orders labelings and columns as |t| does,
/// costs one addition a run, and stays finite.
fn score(standardized: &[f64], in_first: &[bool]) -> f64 {
    standardized.iter().zip(in_first).filter(|(_, first)| **first).map(|(x, _)| x).sum::<f64>().abs()
}

/// The absolute two-sample t statistic with pooled variance.
fn t(values: &[f64], in_first: &[bool]) -> f64 {
    let group = |wanted: bool| {
        let own = || values.iter().zip(in_first).filter(move |(_, first)| **first == wanted).map(|(x, _)| *x);
        let n = own().count() as f64;
        let mean = own().sum::<f64>() / n;
        (n, mean, own().map(|x| (x - mean) * (x - mean)).sum::<f64>())
    };
    let ((m, first, squares_first), (n, second, squares_second)) = (group(true), group(false));
    let variance = (squares_first + squares_second) / (m + n - 2.0).max(1.0);
    let gap = (first - second).abs();
    let t = gap / (variance * (1.0 / m + 1.0 / n)).sqrt();
    if gap > 0.0 { t.min(f64::MAX) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_FIRST: [bool; 6] = [true, true, true, false, false, false];

    fn rows(columns: &[[f64; 6]]) -> Vec<Vec<f64>> {
        (0..6).map(|i| columns.iter().map(|column| column[i]).collect()).collect()
    }

    /// Means 2 and 5, pooled variance 1: t = 3 / sqrt(2 / 3).
    #[test]
    fn t_by_hand() {
        let found = test(&rows(&[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]), &IN_FIRST, &Permutations::default());
        assert!((found[0].statistic - 3.0 / (2.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!((found[0].p, found[0].adjusted_p), (0.1, 0.1));
    }

    #[test]
    fn constant_columns_have_p_one_and_cost_the_others_nothing() {
        let varied = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let alone = test(&rows(&[varied]), &IN_FIRST, &Permutations::default());
        let beside = test(&rows(&[[7.0; 6], varied, [0.0; 6]]), &IN_FIRST, &Permutations::default());
        assert_eq!(beside[1], alone[0]);
        assert_eq!((beside[0].statistic, beside[0].p, beside[2].adjusted_p), (0.0, 1.0, 1.0));
    }

    #[test]
    fn a_column_constant_within_each_group_survives_json() {
        let found = test(&rows(&[[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]]), &IN_FIRST, &Permutations::default());
        assert_eq!((found[0].statistic, found[0].p), (f64::MAX, 0.1));
        let text = serde_json::to_string(&found[0]).unwrap();
        assert_eq!(serde_json::from_str::<Adjusted>(&text).unwrap(), found[0]);
    }

    /// The first column's copy adds no tests; an adjusted p never falls below its own p, nor below that of a larger statistic.
    #[test]
    fn a_column_and_its_copy_are_one_test() {
        let column = [0.3, 2.0, 1.0, 4.0, 3.0, 6.0];
        let found = test(&rows(&[column, column.map(|x| 5.0 - 3.0 * x)]), &IN_FIRST, &Permutations::default());
        assert_eq!(found[0].adjusted_p, found[0].p);
        assert_eq!(found[1].adjusted_p, found[0].p);
    }

    #[test]
    fn no_columns_have_no_tests() {
        assert!(test(&rows(&[]), &IN_FIRST, &Permutations::default()).is_empty());
    }
}
