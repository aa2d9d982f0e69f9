//! The two-sample Kolmogorov-Smirnov test, as it is often and wrongly put to use on the steps of two runs. Steps of one run depend on
//! each other, so its p is no p there; it is computed to be compared with tests whose replicate is the run.

use super::distance::assert_finite;
use super::special::kolmogorov_tail;
use serde::{Deserialize, Serialize};

/// The result of a Kolmogorov-Smirnov test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ks {
    /// The largest distance between the two empirical distribution functions.
    pub statistic: f64,
    /// The two-sided p of independent samples, in the limit of large ones.
    pub p: f64,
}

/// The two-sided test. p is `P(K > sqrt(mn / (m + n)) D)` with Kolmogorov's limiting distribution (Smirnov 1939) and without a
/// correction for small samples: below some thirty values a side, or with ties, it is on the large side.
///
/// ```
/// use seismograd_analysis::stats::ks;
///
/// assert_eq!(ks::two_sample(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0]).statistic, 0.5);
/// ```
///
/// # Panics
/// If a sample is empty or a number is not finite.
#[track_caller]
pub fn two_sample(first: &[f64], second: &[f64]) -> Ks {
    let (m, n) = (first.len(), second.len());
    assert!(m > 0 && n > 0, "Kolmogorov-Smirnov test: samples of {m} and {n} values, and neither may be empty");
    assert_finite("Kolmogorov-Smirnov test", first);
    assert_finite("Kolmogorov-Smirnov test", second);
    let (a, b) = (sorted(first), sorted(second));
    // A distribution function jumps at its own values only, and after all equal values.
    let gap = |x: &f64| {
        let below = |sample: &[f64]| sample.partition_point(|y| y <= x) as f64 / sample.len() as f64;
        (below(&a) - below(&b)).abs()
    };
    let statistic = a.iter().chain(&b).map(gap).fold(0.0, f64::max);
    let (m, n) = (m as f64, n as f64);
    Ks { statistic, p: kolmogorov_tail((m * n / (m + n)).sqrt() * statistic) }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_against_itself_and_against_one_apart() {
        let values: Vec<f64> = (0..50).map(f64::from).collect();
        assert_eq!(two_sample(&values, &values), Ks { statistic: 0.0, p: 1.0 });
        let far: Vec<f64> = values.iter().map(|x| x + 100.0).collect();
        let apart = two_sample(&values, &far);
        assert_eq!(apart.statistic, 1.0);
        assert!(apart.p < 1e-20);
    }

    /// The classical 5 % point of the limit is 1.3581.
    #[test]
    fn the_tabulated_point() {
        let p = kolmogorov_tail(1.358_1);
        assert!((p - 0.05).abs() < 1e-4, "{p}");
    }

    #[test]
    #[should_panic(expected = "samples of 1 and 0 values")]
    fn an_empty_sample_panics() {
        two_sample(&[1.0], &[]);
    }
}
