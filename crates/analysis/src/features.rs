//! What a series over the steps of a run is reduced to.
//!
//! A series is `x_1 .. x_T`, one number a step. Time runs from 0 to 1: `t_k = (k - 1) / (T - 1)`. The least-squares line through the
//! series is `a + b t`, and `r_k` are the residuals from it; what describes the tremor rather than the course is taken from them.
//!
//! Every feature of a finite series is finite. A series without residuals (a constant, or an exact line) has spread 0, and what
//! would be a ratio of nothing to nothing is 0 by definition.

use crate::spectrum;
use crate::stats::robust::{median, quantile};
use serde::{Deserialize, Serialize};

/// The fewest steps that a series may have: a spectral slope needs a few frequencies, quarters and halves a few steps.
pub const LEAST_STEPS: usize = 8;

/// One number that describes a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// `median(x)`: where the signal is.
    Level,
    /// `sqrt(mean(r^2))`: how far it shakes about its course.
    Spread,
    /// `(q95 - q05) / (q75 - q25)` of `r`, quantiles of type 7: how rare and large its jolts are; 2.44 for normal residuals.
    Tails,
    /// `b`: by how much the line changes over the whole run.
    Trend,
    /// `sum(r_k r_{k+1}) / sum(r_k^2)`: the memory from one step to the next (Box and Jenkins 1976, equation 2.1.11, of residuals).
    Autocorrelation,
    /// The least-squares slope of log power on log frequency of `r` ([`spectrum::slope`]): 0 for white noise, -2 for a random walk.
    SpectralSlope,
    /// The fraction of consecutive pairs `r_k`, `r_{k+1}` of strictly opposite signs: near 1/2 for white noise.
    SignChanges,
    /// `median` of the last quarter of `x` minus that of the first: early against late, whatever happened between.
    LateMinusEarly,
    /// `ln(s_late / s_early)`, with `s` as for the spread over the second and the first half of `r`: does the shaking calm down?
    LateSpreadRatio,
}

impl Feature {
    /// Every feature, in the order in which [`series_features`] returns them.
    pub const ALL: [Feature; 9] = [
        Feature::Level,
        Feature::Spread,
        Feature::Tails,
        Feature::Trend,
        Feature::Autocorrelation,
        Feature::SpectralSlope,
        Feature::SignChanges,
        Feature::LateMinusEarly,
        Feature::LateSpreadRatio,
    ];

    /// The feature as files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Level => "level",
            Feature::Spread => "spread",
            Feature::Tails => "tails",
            Feature::Trend => "trend",
            Feature::Autocorrelation => "autocorrelation",
            Feature::SpectralSlope => "spectral_slope",
            Feature::SignChanges => "sign_changes",
            Feature::LateMinusEarly => "late_minus_early",
            Feature::LateSpreadRatio => "late_spread_ratio",
        }
    }

    /// The feature in a reader's words, and its formula in one line.
    pub fn description(self) -> (&'static str, &'static str) {
        match self {
            Feature::Level => ("level", "median over the steps"),
            Feature::Spread => ("spread about the course", "root mean square of the residuals from a straight line"),
            Feature::Tails => ("weight of the tails", "(q95 - q05) / (q75 - q25) of the residuals"),
            Feature::Trend => ("trend", "slope of the least-squares line, per run"),
            Feature::Autocorrelation => ("autocorrelation", "lag 1, of the residuals"),
            Feature::SpectralSlope => ("spectral slope", "slope of log power on log frequency of the residuals"),
            Feature::SignChanges => ("sign changes", "fraction of steps at which the residual changes sign"),
            Feature::LateMinusEarly => ("late minus early", "median of the last quarter minus that of the first"),
            Feature::LateSpreadRatio => {
                ("late against early spread", "ln of the spread in the second half over that in the first")
            }
        }
    }
}

/// All features of a series, in the order of [`Feature::ALL`].
///
/// # Panics
/// With fewer than [`LEAST_STEPS`] steps or a number that is not finite.
#[track_caller]
pub fn series_features(series: &[f64]) -> [f64; 9] {
    assert!(series.len() >= LEAST_STEPS, "series_features: {} steps, expected {LEAST_STEPS} or more", series.len());
    assert!(series.iter().all(|x| x.is_finite()), "series_features: a number is not finite");
    let line = Line::fit(series);
    let residuals = line.residuals(series);
    let half = residuals.len() / 2;
    Feature::ALL.map(|feature| match feature {
        Feature::Level => median(series),
        Feature::Spread => root_mean_square(&residuals),
        Feature::Tails => tails(&residuals),
        Feature::Trend => line.slope,
        Feature::Autocorrelation => autocorrelation(&residuals, 1),
        Feature::SpectralSlope => spectrum::slope(&residuals),
        Feature::SignChanges => sign_changes(&residuals),
        Feature::LateMinusEarly => late_minus_early(series),
        Feature::LateSpreadRatio => {
            log_ratio(root_mean_square(&residuals[residuals.len() - half..]), root_mean_square(&residuals[..half]))
        }
    })
}

/// What the least-squares line through a series over time leaves of it: the tremor without the course.
///
/// # Panics
/// With fewer than 2 steps.
#[track_caller]
pub fn residuals(series: &[f64]) -> Vec<f64> {
    assert!(series.len() >= 2, "residuals: {} steps, expected 2 or more", series.len());
    Line::fit(series).residuals(series)
}

/// The autocorrelation of residuals at a lag; 0 of residuals that are all zero, and at lags beyond the series.
pub fn autocorrelation(residuals: &[f64], lag: usize) -> f64 {
    let products = residuals.iter().zip(residuals.get(lag..).unwrap_or_default()).map(|(a, b)| a * b).sum();
    ratio(products, residuals.iter().map(|r| r * r).sum())
}

/// The least-squares line through a series over time from 0 to 1.
struct Line {
    intercept: f64,
    slope: f64,
}

impl Line {
    fn fit(series: &[f64]) -> Line {
        let n = series.len() as f64;
        // Sums of differences: those of a constant are exactly zero.
        let mean = series[0] + series.iter().map(|x| x - series[0]).sum::<f64>() / n;
        let time = |k: usize| k as f64 / (n - 1.0) - 0.5;
        let moment = |f: &dyn Fn(usize) -> f64| (0..series.len()).map(f).sum::<f64>();
        let slope = moment(&|k| time(k) * (series[k] - mean)) / moment(&|k| time(k) * time(k));
        Line { intercept: mean - 0.5 * slope, slope }
    }

    /// What the line leaves. Residuals below the rounding of the series itself are nothing.
    fn residuals(&self, series: &[f64]) -> Vec<f64> {
        let n = series.len() as f64;
        let largest = series.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let line = |k: usize| self.intercept + self.slope * k as f64 / (n - 1.0);
        let residual = |(k, x): (usize, &f64)| x - line(k);
        let clean = |r: f64| if r.abs() <= 1e-12 * largest { 0.0 } else { r };
        series.iter().enumerate().map(residual).map(clean).collect()
    }
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt()
}

fn tails(residuals: &[f64]) -> f64 {
    let mut sorted = residuals.to_vec();
    sorted.sort_by(f64::total_cmp);
    let range = |low, high| quantile(&sorted, high) - quantile(&sorted, low);
    ratio(range(0.05, 0.95), range(0.25, 0.75))
}

fn sign_changes(residuals: &[f64]) -> f64 {
    let changes = residuals.windows(2).filter(|pair| pair[0] * pair[1] < 0.0).count();
    changes as f64 / (residuals.len() - 1) as f64
}

fn late_minus_early(series: &[f64]) -> f64 {
    let quarter = series.len() / 4;
    median(&series[series.len() - quarter..]) - median(&series[..quarter])
}

/// Zero where there is nothing to divide by.
fn ratio(above: f64, below: f64) -> f64 {
    if below > 0.0 { above / below } else { 0.0 }
}

fn log_ratio(above: f64, below: f64) -> f64 {
    if above > 0.0 && below > 0.0 { libm::log(above / below) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(series: &[f64], feature: Feature, expect: f64) {
        let found = series_features(series)[feature as usize];
        assert!((found - expect).abs() < 1e-9, "{}: {found}, expected {expect}", feature.name());
    }

    #[test]
    fn a_series_worked_out_by_hand() {
        // 3 + 4 t with residuals that no line sees: their sum is zero, and so is that of their products with time.
        let wave = [1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0];
        let series: Vec<f64> = (0..8).map(|k| 3.0 + 4.0 * k as f64 / 7.0 + wave[k]).collect();
        check(&series, Feature::Trend, 4.0);
        check(&series, Feature::Spread, 1.0);
        check(&series, Feature::SignChanges, 4.0 / 7.0);
        check(&series, Feature::Autocorrelation, (3.0 - 4.0) / 8.0);
        check(&series, Feature::Tails, 1.0);
        check(&series, Feature::LateMinusEarly, 4.0 * 6.0 / 7.0);
        check(&series, Feature::LateSpreadRatio, 0.0);
        check(&series, Feature::Level, 36.0 / 7.0);
    }

    #[test]
    fn a_constant_has_a_level_and_nothing_else() {
        let features = series_features(&[0.1; 20]);
        assert_eq!(features[0], 0.1);
        assert_eq!(features[1..], [0.0; 8]);
    }

    #[test]
    fn a_line_has_no_residuals() {
        let series: Vec<f64> = (0..30).map(|k| 0.3 * k as f64 - 7.0).collect();
        check(&series, Feature::Trend, 0.3 * 29.0);
        check(&series, Feature::Spread, 0.0);
        check(&series, Feature::Autocorrelation, 0.0);
    }

    #[test]
    fn calming_is_seen_from_the_second_half() {
        let series: Vec<f64> =
            (0..40).map(|k| if k % 2 == 0 { 1.0 } else { -1.0 } * if k < 20 { 1.0 } else { 0.1 }).collect();
        let ratio = series_features(&series)[Feature::LateSpreadRatio as usize];
        assert!((ratio - 0.1f64.ln()).abs() < 0.05, "{ratio}");
    }

    #[test]
    #[should_panic(expected = "series_features: 7 steps, expected 8 or more")]
    fn a_short_series_is_refused() {
        series_features(&[0.0; 7]);
    }

    proptest! {
        #[test]
        fn features_are_finite_and_move_with_the_series(
            series in prop::collection::vec(-1e3f64..1e3, 8..120),
            shift in -1e3f64..1e3,
            factor in 0.01f64..100.0,
        ) {
            let plain = series_features(&series);
            prop_assert!(plain.iter().all(|x| x.is_finite()));
            let moved: Vec<f64> = series.iter().map(|x| shift + factor * x).collect();
            let moved = series_features(&moved);
            for feature in Feature::ALL {
                let expect = match feature {
                    Feature::Level => shift + factor * plain[feature as usize],
                    Feature::Spread | Feature::Trend | Feature::LateMinusEarly => factor * plain[feature as usize],
                    _ => plain[feature as usize],
                };
                let found = moved[feature as usize];
                prop_assert!((found - expect).abs() <= 1e-6 * (1.0 + expect.abs()), "{feature:?}: {found}, {expect}");
            }
        }
    }
}
