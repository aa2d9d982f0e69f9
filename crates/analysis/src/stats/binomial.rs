//! An interval for a rate from counts. For rates over runs that depend on each other it is too short.

use super::special::{assert_confidence, incomplete_beta, turn};

/// The interval of Clopper and Pearson (1934) for a probability: it covers at least as often as it says, for every probability and
/// number of trials. Without trials it is (0, 1).
///
/// ```
/// use seismograd_analysis::stats::binomial;
///
/// let (lower, upper) = binomial::interval(0, 20, 0.95);
/// assert_eq!(lower, 0.0);
/// assert!((upper - 0.168_433).abs() < 1e-6);
/// ```
///
/// # Panics
/// If there are more successes than trials, or the confidence is not inside (0, 1).
#[track_caller]
pub fn interval(successes: u64, trials: u64, confidence: f64) -> (f64, f64) {
    assert_confidence(confidence);
    assert!(successes <= trials, "binomial interval: {successes} successes in {trials} trials");
    let tail = (1.0 - confidence) / 2.0;
    // The upper end for the failures mirrors the lower end for the successes.
    let lower = lower_end(successes, trials, tail);
    let upper = 1.0 - lower_end(trials - successes, trials, tail);
    (lower, upper)
}

/// The probability at which so many successes or more have the probability `tail`.
fn lower_end(successes: u64, trials: u64, tail: f64) -> f64 {
    if successes == 0 {
        return 0.0;
    }
    // P(X >= k) = I_p(k, n - k + 1).
    let (a, b) = (successes as f64, (trials - successes + 1) as f64);
    turn(0.0, 1.0, |p| incomplete_beta(a, b, p) < tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trials_say_nothing() {
        assert_eq!(interval(0, 0, 0.95), (0.0, 1.0));
    }

    /// All of n trials succeed: `p^n = tail`.
    #[test]
    fn all_successes_have_the_closed_form() {
        for n in [1, 2, 5, 30, 1000] {
            let (lower, upper) = interval(n, n, 0.9);
            assert_eq!(upper, 1.0);
            assert!((lower - libm::pow(0.05, 1.0 / n as f64)).abs() < 1e-12);
        }
    }

    /// By direct sums over the binomial probabilities: the interval misses with at most 5 %, and at most 2.5 % on each side.
    #[test]
    fn it_covers_at_least_as_often_as_it_says() {
        for n in [1u64, 2, 5, 13, 40] {
            let intervals: Vec<_> = (0..=n).map(|k| interval(k, n, 0.95)).collect();
            for p in (1..200).map(|i| f64::from(i) / 200.0) {
                let probability = |k: u64| {
                    let ways = super::super::permutation::combinations(n, k).unwrap() as f64;
                    ways * libm::pow(p, k as f64) * libm::pow(1.0 - p, (n - k) as f64)
                };
                let mass = |misses: &dyn Fn((f64, f64)) -> bool| {
                    (0..=n).filter(|k| misses(intervals[*k as usize])).map(probability).sum::<f64>()
                };
                assert!(mass(&|(lower, _)| p < lower) <= 0.025 + 1e-12, "n {n}, p {p}");
                assert!(mass(&|(_, upper)| p > upper) <= 0.025 + 1e-12, "n {n}, p {p}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "3 successes in 2 trials")]
    fn more_successes_than_trials_panic() {
        interval(3, 2, 0.95);
    }
}
