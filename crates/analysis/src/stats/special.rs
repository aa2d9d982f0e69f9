//! The few special functions that intervals and p-values need, and the root finder under them. Not a library of distributions: each
//! function covers the arguments that its callers have.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The point of `[low, high]` where `below` turns from true to false, to the last bit.
///
/// `below` is taken to be true at `low` and false at `high`, and is not asked there: an interval's end may itself be a root of the
/// equation, and the wrong one (see [`cliff`](super::cliff)). Bisection needs neither a derivative nor a good start, and 60 to 1,100
/// halvings are nothing beside a permutation test.
pub(super) fn turn(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The standard normal's two-sided critical value: `z` with `P(|Z| <= z) = confidence`.
///
/// # Panics
/// If `confidence` is not inside (0, 1).
#[track_caller]
pub(super) fn two_sided_z(confidence: f64) -> f64 {
    assert_confidence(confidence);
    // Beyond 40 the tail is below the smallest double.
    turn(0.0, 40.0, |z| libm::erfc(z * FRAC_1_SQRT_2) > 1.0 - confidence)
}

#[track_caller]
pub(super) fn assert_confidence(confidence: f64) {
    assert!(confidence > 0.0 && confidence < 1.0, "a confidence lies between 0 and 1, not {confidence}");
}

/// The regularized incomplete beta function `I_x(a, b)` for `a, b >= 1` and `x` in `[0, 1]`.
pub(super) fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x);
    let front = libm::exp(log_front);
    // The fraction converges fast on this side of the mean; the other side is its mirror image.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by the modified Lentz method.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in (1..10_000).map(f64::from) {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for coefficient in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + coefficient * d);
            c = away_from_zero(1.0 + coefficient / c);
            value *= c * d;
        }
        if (value - before).abs() <= f64::EPSILON * value.abs() {
            break;
        }
    }
    value
}

/// `P(K > x)` of Kolmogorov's limiting distribution.
pub(super) fn kolmogorov_tail(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    // Two series for one function (theta-function duality). Each needs at most five terms on its side of 1.
    let sum: f64 = if x < 1.0 {
        let terms = (1..=5).map(|k| libm::exp(-libm::pow(f64::from(2 * k - 1) * PI / x, 2.0) / 8.0));
        1.0 - terms.sum::<f64>() * (2.0 * PI).sqrt() / x
    } else {
        let terms = (1..=5).map(|k| (if k % 2 == 1 { 2.0 } else { -2.0 }) * libm::exp(-2.0 * f64::from(k * k) * x * x));
        terms.sum()
    };
    sum.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found:e} is not {expected:e}");
    }

    #[test]
    fn critical_values_are_the_tables() {
        close(two_sided_z(0.95), 1.959_963_984_540_054, 1e-14);
        close(two_sided_z(0.99), 2.575_829_303_548_900_4, 1e-14);
    }

    /// `I_x(1, b) = 1 - (1 - x)^b` and `I_x(a, 1) = x^a`.
    #[test]
    fn the_incomplete_beta_has_its_closed_forms() {
        for (x, n) in [(0.3, 1.0), (0.01, 50.0), (0.999, 7.0), (0.5, 400.0)] {
            close(incomplete_beta(1.0, n, x), -libm::expm1(n * libm::log1p(-x)), 1e-12);
            close(incomplete_beta(n, 1.0, x), libm::pow(x, n), 1e-11);
        }
    }

    #[test]
    fn both_series_of_kolmogorov_meet() {
        close(kolmogorov_tail(1.0 - 1e-12), kolmogorov_tail(1.0), 1e-10);
        assert_eq!(kolmogorov_tail(0.0), 1.0);
        assert_eq!(kolmogorov_tail(0.01), 1.0);
        assert!(kolmogorov_tail(10.0) > 0.0);
    }
}
