//! Medians, quantiles, and columns on a common scale that a few odd runs cannot move. Labels are not looked at, so that the scaling
//! cannot favour a difference between groups.

use super::distance::{assert_finite, assert_table};
use serde::{Deserialize, Serialize};

/// A normal distribution's standard deviation over its median absolute deviation.
const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;
/// The same over its mean absolute deviation, `sqrt(pi / 2)`.
const MEAN_TO_DEVIATION: f64 = 1.253_314_137_315_500_3;
/// A spread below this share of the largest magnitude is rounding, not spread: features are sums of f32 values in f64.
const ROUNDING: f64 = 1e-12;

/// The center and scale that a column was brought to 0 and 1 by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The median.
    pub center: f64,
    /// The spread as a standard deviation, larger than 0.
    pub scale: f64,
}

impl Scaling {
    /// The scaling of some values: by median and median absolute deviation (times 1.4826), or, where more than half the values are
    /// equal, mean absolute deviation from the median (times 1.2533). `None` if all are equal.
    ///
    /// # Panics
    /// If there are no values, or one is not finite.
    #[track_caller]
    pub fn of(values: &[f64]) -> Option<Scaling> {
        if is_constant(values) {
            return None;
        }
        let center = median(values);
        let floor = rounding(values);
        let robust = MAD_TO_DEVIATION * mad(values);
        let mean = values.iter().map(|x| (x - center).abs()).sum::<f64>() / values.len() as f64;
        let scale = if robust > floor { robust } else { MEAN_TO_DEVIATION * mean };
        Some(Scaling { center, scale })
    }

    /// The value on this scale.
    pub fn apply(&self, value: f64) -> f64 {
        (value - self.center) / self.scale
    }
}

/// The middle value, or the mean of the middle two.
///
/// # Panics
/// If there are no values, or one is not finite.
#[track_caller]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The median absolute deviation from the median, unscaled.
///
/// # Panics
/// If there are no values, or one is not finite.
#[track_caller]
pub fn mad(values: &[f64]) -> f64 {
    let center = median(values);
    median(&values.iter().map(|x| (x - center).abs()).collect::<Vec<_>>())
}

/// The quantile at `probability`, linear between the order statistics (type 7 of Hyndman and Fan 1996, the usual default).
///
/// ```
/// use seismograd_analysis::stats::robust::quantile;
///
/// assert_eq!(quantile(&[3.0, 1.0, 2.0, 4.0], 0.25), 1.75);
/// ```
///
/// # Panics
/// If there are no values, one is not finite, or the probability is not in [0, 1].
#[track_caller]
pub fn quantile(values: &[f64], probability: f64) -> f64 {
    assert!(!values.is_empty(), "quantile: there are no values");
    assert!((0.0..=1.0).contains(&probability), "quantile: {probability} is no probability");
    assert_finite("quantile", values);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = probability * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * (place - place.floor())
}

/// Every column on its own robust scale over all rows (see [`Scaling::of`]). A column that is constant tells nothing and would have to
/// be divided by zero: it is left out of the rows, and its scaling is `None`.
///
/// ```
/// use seismograd_analysis::stats::robust::scale_columns;
///
/// let (rows, scalings) = scale_columns(&[vec![1.0, 7.0], vec![2.0, 7.0], vec![3.0, 7.0]]);
/// assert_eq!(scalings[1], None);
/// assert_eq!(rows[1], [0.0]);
/// ```
///
/// # Panics
/// If the rows have different lengths, or a number is not finite.
#[track_caller]
pub fn scale_columns(rows: &[Vec<f64>]) -> (Vec<Vec<f64>>, Vec<Option<Scaling>>) {
    assert_table("scaling of columns", rows);
    let columns = rows.first().map_or(0, Vec::len);
    let scalings: Vec<Option<Scaling>> = (0..columns).map(|j| Scaling::of(&column(rows, j))).collect();
    let scaled =
        |row: &Vec<f64>| row.iter().zip(&scalings).filter_map(|(x, scaling)| scaling.map(|s| s.apply(*x))).collect();
    (rows.iter().map(scaled).collect(), scalings)
}

/// Whether the values are equal up to rounding.
pub(super) fn is_constant(values: &[f64]) -> bool {
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    highest - lowest <= rounding(values)
}

pub(super) fn column(rows: &[Vec<f64>], j: usize) -> Vec<f64> {
    rows.iter().map(|row| row[j]).collect()
}

fn rounding(values: &[f64]) -> f64 {
    ROUNDING * values.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_every_quantile() {
        for probability in [0.0, 0.3, 1.0] {
            assert_eq!(quantile(&[4.0], probability), 4.0);
        }
        assert_eq!((median(&[4.0]), mad(&[4.0])), (4.0, 0.0));
    }

    #[test]
    fn where_half_are_equal_the_mean_deviation_takes_over() {
        let scaling = Scaling::of(&[0.0, 0.0, 0.0, 0.0, 10.0]).unwrap();
        assert_eq!((scaling.center, scaling.scale), (0.0, MEAN_TO_DEVIATION * 2.0));
        let scaling = Scaling::of(&[1.0, 2.0, 3.0, 4.0, 1000.0]).unwrap();
        assert_eq!((scaling.center, scaling.scale), (3.0, MAD_TO_DEVIATION));
    }

    #[test]
    fn rounding_is_no_spread() {
        assert_eq!(Scaling::of(&[0.1 + 0.2, 0.3, 0.3]), None);
        assert_eq!(Scaling::of(&[0.0, 0.0]), None);
        assert!(Scaling::of(&[0.0, 1e-300]).is_some());
    }

    #[test]
    fn no_rows_have_no_columns() {
        assert_eq!(scale_columns(&[]), (vec![], vec![]));
    }

    #[test]
    #[should_panic(expected = "there are no values")]
    fn the_median_of_nothing_panics() {
        median(&[]);
    }
}
