//! Classical scaling: a map on which near runs are near (Torgerson 1952; Gower 1966). A picture only: no test looks at it.

use super::distance::Distances;
use super::eigen::leading_pairs;
use serde::{Deserialize, Serialize};

/// Runs in the plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// One point a run, in the units of the distances, centered at the origin. Along the first axis the runs differ most.
    pub points: Vec<[f64; 2]>,
    /// The share of the squared distances that the plane shows, from 0 to 1; 1 where all distances are 0.
    pub explained: f64,
}

/// Maps runs to the plane. The sign of each axis is chosen so that the first of the runs farthest out along it is on the positive side.
///
/// ```
/// use seismograd_analysis::stats::{distance::Distances, mds};
///
/// let map = mds::classical(&Distances::euclidean(&[vec![0.0], vec![1.0], vec![5.0]]));
/// let x = map.points.iter().map(|point| point[0]);
/// assert!(x.zip([-2.0, -1.0, 3.0]).all(|(found, expected)| (found - expected).abs() < 1e-12));
/// assert!(map.explained > 1.0 - 1e-12);
/// ```
pub fn classical(distances: &Distances) -> Map {
    let n = distances.len();
    let centered = distances.gower_centered();
    let trace: f64 = (0..n).map(|i| centered[i * n + i]).sum();
    if n < 2 || trace <= 0.0 {
        return Map { points: vec![[0.0; 2]; n], explained: 1.0 };
    }
    let pairs = leading_pairs(&centered, n);
    let axes: Vec<Vec<f64>> = pairs.iter().map(|(value, vector)| axis(*value, vector)).collect();
    let points = (0..n).map(|i| [0, 1].map(|k| axes.get(k).map_or(0.0, |axis| axis[i]))).collect();
    let shown: f64 = pairs.iter().map(|(value, _)| value.max(0.0)).sum();
    Map { points, explained: (shown / trace).clamp(0.0, 1.0) }
}

/// Coordinates from an eigenpair.
fn axis(value: f64, vector: &[f64]) -> Vec<f64> {
    let largest = vector.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    // Two runs as far out as each other differ by rounding: the first one decides.
    let farthest = vector.iter().find(|x| x.abs() >= largest * (1.0 - 1e-9));
    let sign = if farthest.is_some_and(|x| *x < 0.0) { -1.0 } else { 1.0 };
    vector.iter().map(|x| sign * value.max(0.0).sqrt() * x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &[Vec<f64>]) -> Map {
        classical(&Distances::euclidean(rows))
    }

    #[test]
    fn none_one_two_and_equal_runs() {
        assert_eq!(map(&[]), Map { points: vec![], explained: 1.0 });
        assert_eq!(map(&[vec![3.0]]).points, [[0.0, 0.0]]);
        assert_eq!(map(&[vec![3.0], vec![3.0], vec![3.0]]), Map { points: vec![[0.0; 2]; 3], explained: 1.0 });
        let two = map(&[vec![1.0, 1.0], vec![4.0, 5.0]]);
        assert!((two.points[0][0] - 2.5).abs() < 1e-12 && (two.points[1][0] + 2.5).abs() < 1e-12, "{two:?}");
        assert_eq!((two.points[0][1], two.points[1][1]), (0.0, 0.0));
        assert!(two.explained > 1.0 - 1e-12);
    }

    /// Runs in a plane keep all their distances, also where there are more of them than vectors in the block.
    #[test]
    fn runs_in_a_plane_keep_their_distances() {
        for n in [3, 12, 13, 60] {
            let point = |i: usize| vec![libm::sin(i as f64 * 1.3) * 3.0, libm::cos(i as f64 * 2.9), 7.0];
            let rows: Vec<Vec<f64>> = (0..n).map(point).collect();
            let (distances, map) = (Distances::euclidean(&rows), map(&rows));
            for i in 0..n {
                for j in 0..n {
                    let [x, y] = [0, 1].map(|k| map.points[i][k] - map.points[j][k]);
                    assert!(((x * x + y * y).sqrt() - distances.get(i, j)).abs() < 1e-10, "{n} runs, {i} and {j}");
                }
            }
            assert!((map.explained - 1.0).abs() < 1e-12);
        }
    }

    /// Every pair equally far: all eigenvalues but one are equal, and the plane shows 2 of n - 1 directions.
    #[test]
    fn equidistant_runs_are_no_trouble() {
        for n in [4, 40] {
            let rows: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
            let explained = map(&rows).explained;
            assert!((explained - 2.0 / (n as f64 - 1.0)).abs() < 1e-12, "{n} runs: {explained}");
        }
    }
}
