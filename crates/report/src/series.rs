//! What is drawn of runs: a series thinned to what a panel can show, and a median and a range over runs.
//!
//! No test and no interval: those are the analysis's.

use seismograd_analysis::Run;
use seismograd_analysis::stats::robust::median;

/// Over the runs of one group: at each place the least, the median and the greatest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Band {
    pub(crate) x: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) median: Vec<f64>,
    pub(crate) high: Vec<f64>,
}

impl Band {
    /// Over curves at the places `x`, as far as all of them go; none over no curves or no places.
    pub(crate) fn over(x: &[f64], curves: &[Vec<f64>]) -> Option<Band> {
        let length = curves.iter().map(Vec::len).chain([x.len()]).min()?;
        if curves.is_empty() || length == 0 {
            return None;
        }
        let columns: Vec<Vec<f64>> = (0..length).map(|at| curves.iter().map(|curve| curve[at]).collect()).collect();
        let each = |of: fn(&[f64]) -> f64| columns.iter().map(|column| of(column)).collect();
        Some(Band {
            x: x[..length].to_vec(),
            low: each(|column| column.iter().copied().fold(f64::INFINITY, f64::min)),
            median: each(median),
            high: each(|column| column.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        })
    }

    /// Every number of it.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.low.iter().chain(&self.median).chain(&self.high).copied()
    }
}

/// Means over consecutive blocks of `size` numbers; the last block may be shorter.
pub(crate) fn block_means(series: &[f64], size: usize) -> Vec<f64> {
    series.chunks(size).map(|block| block.iter().sum::<f64>() / block.len() as f64).collect()
}

/// The smallest block that leaves at most `most` of them.
pub(crate) fn block_size(steps: usize, most: usize) -> usize {
    steps.div_ceil(most).max(1)
}

/// The middle of each block in epochs, counted from 0 at the first step's beginning.
pub(crate) fn block_epochs(run: &Run, size: usize) -> Vec<f64> {
    let steps = run.trace.len();
    let epochs = run.trace.epochs().last().map_or(1.0, |&epoch| f64::from(epoch));
    let middle = |from: usize| 0.5 * (from + (from + size).min(steps)) as f64;
    (0..steps).step_by(size).map(|from| middle(from) * epochs / steps as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_goes_as_far_as_every_curve() {
        let band = Band::over(&[0.0, 1.0, 2.0], &[vec![1.0, 5.0], vec![3.0, 2.0, 9.0], vec![2.0, 4.0]]).unwrap();
        assert_eq!((band.low, band.median, band.high), (vec![1.0, 2.0], vec![2.0, 4.0], vec![3.0, 5.0]));
        assert_eq!(Band::over(&[0.0], &[]), None);
    }

    #[test]
    fn blocks_cover_a_series() {
        assert_eq!(block_means(&[1.0, 3.0, 5.0], 2), [2.0, 5.0]);
        assert_eq!((block_size(100, 80), block_size(80, 80), block_size(0, 80)), (2, 1, 1));
    }
}
