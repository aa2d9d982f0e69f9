//! Distances between runs. What a coordinate means, and how it was scaled, is the caller's business.

use serde::{Deserialize, Serialize};

/// A symmetric matrix of distances with a zero diagonal. Serialized as its full rows.
///
/// ```
/// use seismograd_analysis::stats::distance::Distances;
///
/// let distances = Distances::euclidean(&[vec![0.0, 0.0], vec![3.0, 4.0]]);
/// assert_eq!(distances.get(0, 1), 5.0);
/// assert_eq!(serde_json::to_string(&distances).unwrap(), "[[0.0,5.0],[5.0,0.0]]");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Vec<Vec<f64>>", try_from = "Vec<Vec<f64>>")]
pub struct Distances {
    n: usize,
    /// Row-major `[n, n]`.
    values: Vec<f64>,
}

/// Why rows of numbers are not a matrix of distances.
#[derive(Debug, thiserror::Error)]
#[error(
    "a matrix of distances is square, symmetric, without negative numbers and zero on its diagonal: row {row}, column {column} is not"
)]
pub struct NotDistances {
    row: usize,
    column: usize,
}

impl Distances {
    /// Euclidean distances between rows of one length.
    ///
    /// # Panics
    /// If a row has another length than the first, or a number is not finite.
    #[track_caller]
    pub fn euclidean(rows: &[Vec<f64>]) -> Distances {
        assert_table("euclidean distances", rows);
        Distances::by(rows.len(), |i, j| {
            rows[i].iter().zip(&rows[j]).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        })
    }

    /// Mean absolute differences between rows of one length: the Manhattan distance over the number of columns, 0 for rows without any.
    ///
    /// The energy distance in this metric is the mean over the columns of their one-dimensional energy distances, so that a few columns
    /// that tell two groups apart are not drowned by the squares of many that do not.
    ///
    /// # Panics
    /// If a row has another length than the first, or a number is not finite.
    #[track_caller]
    pub fn mean_absolute(rows: &[Vec<f64>]) -> Distances {
        assert_table("mean absolute differences", rows);
        let columns = rows.first().map_or(1, Vec::len).max(1) as f64;
        Distances::by(rows.len(), |i, j| {
            rows[i].iter().zip(&rows[j]).map(|(a, b)| (a - b).abs()).sum::<f64>() / columns
        })
    }

    /// The distances' square roots: those of a Manhattan metric can be embedded in a Euclidean space without error, which is what
    /// partitions of squares and maps take for granted (Gower and Legendre 1986).
    pub fn square_roots(&self) -> Distances {
        Distances::by(self.n, |i, j| self.get(i, j).sqrt())
    }

    /// How many runs.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there are no runs.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The distance between run `i` and run `j`.
    ///
    /// # Panics
    /// If there is no such run.
    #[track_caller]
    pub fn get(&self, i: usize, j: usize) -> f64 {
        self.row(i)[j]
    }

    /// The distances between these runs, in this order.
    ///
    /// # Panics
    /// If there is no such run.
    #[track_caller]
    pub fn subset(&self, runs: &[usize]) -> Distances {
        Distances::by(runs.len(), |i, j| self.get(runs[i], runs[j]))
    }

    /// The distances from run `i`.
    #[track_caller]
    pub(super) fn row(&self, i: usize) -> &[f64] {
        assert!(i < self.n, "there is no run {i} among {}", self.n);
        &self.values[i * self.n..(i + 1) * self.n]
    }

    /// `-1/2 C D^2 C` with the squared distances and the centering matrix, row-major `[n, n]`: the scalar products of the runs seen from
    /// their center (Gower 1966).
    pub(super) fn gower_centered(&self) -> Vec<f64> {
        let n = self.n;
        let means: Vec<f64> = (0..n).map(|i| self.row(i).iter().map(|d| d * d).sum::<f64>() / n as f64).collect();
        let overall = means.iter().sum::<f64>() / n as f64;
        let entry = |i: usize, j: usize| -0.5 * (self.row(i)[j] * self.row(i)[j] - means[i] - means[j] + overall);
        (0..n * n).map(|k| entry(k / n, k % n)).collect()
    }

    fn by(n: usize, between: impl Fn(usize, usize) -> f64) -> Distances {
        let mut values = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..i {
                let distance = between(i, j);
                values[i * n + j] = distance;
                values[j * n + i] = distance;
            }
        }
        Distances { n, values }
    }
}

impl From<Distances> for Vec<Vec<f64>> {
    fn from(distances: Distances) -> Self {
        (0..distances.n).map(|i| distances.row(i).to_vec()).collect()
    }
}

impl TryFrom<Vec<Vec<f64>>> for Distances {
    type Error = NotDistances;

    fn try_from(rows: Vec<Vec<f64>>) -> Result<Self, NotDistances> {
        let n = rows.len();
        for (row, values) in rows.iter().enumerate() {
            if values.len() != n {
                return Err(NotDistances { row, column: values.len().min(n) });
            }
        }
        let fits = |row: usize, column: usize| {
            let (value, mirrored) = (rows[row][column], rows[column][row]);
            value == mirrored && value >= 0.0 && value.is_finite() && (row != column || value == 0.0)
        };
        if let Some((row, column)) =
            (0..n).flat_map(|row| (0..=row).map(move |column| (row, column))).find(|(row, column)| !fits(*row, *column))
        {
            return Err(NotDistances { row, column });
        }
        Ok(Distances { n, values: rows.concat() })
    }
}

/// Panics unless the rows have one length and every number is finite.
#[track_caller]
pub(super) fn assert_table(operation: &str, rows: &[Vec<f64>]) {
    let columns = rows.first().map_or(0, Vec::len);
    for (i, row) in rows.iter().enumerate() {
        assert!(row.len() == columns, "{operation}: row {i} has {} columns, row 0 has {columns}", row.len());
        assert_finite(operation, row);
    }
}

/// Panics unless every number is finite.
#[track_caller]
pub(super) fn assert_finite(operation: &str, values: &[f64]) {
    if let Some((i, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        panic!("{operation}: number {i} is {value}, and must be finite");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_absolute_differences_and_their_roots() {
        let distances = Distances::mean_absolute(&[vec![0.0, 1.0], vec![8.0, 1.0]]);
        assert_eq!((distances.get(0, 1), distances.square_roots().get(0, 1)), (4.0, 2.0));
        assert_eq!(Distances::mean_absolute(&[vec![], vec![]]).get(0, 1), 0.0);
    }

    #[test]
    fn a_subset_keeps_the_order_asked_for() {
        let all = Distances::euclidean(&[vec![0.0], vec![1.0], vec![5.0]]);
        let some = all.subset(&[2, 0]);
        assert_eq!((some.len(), some.get(0, 1), some.get(1, 0), some.get(1, 1)), (2, 5.0, 5.0, 0.0));
    }

    #[test]
    fn what_is_no_matrix_of_distances_is_refused_and_the_place_named() {
        for (text, place) in [
            ("[[0.0,1.0],[2.0,0.0]]", "row 1, column 0"),
            ("[[0.0,-1.0],[-1.0,0.0]]", "row 1, column 0"),
            ("[[1.0]]", "row 0, column 0"),
            ("[[0.0,1.0],[1.0]]", "row 1, column 1"),
        ] {
            let error = serde_json::from_str::<Distances>(text).unwrap_err().to_string();
            assert!(error.contains(place), "{text}: {error}");
        }
    }

    #[test]
    fn a_round_trip_through_json_keeps_every_bit() {
        let distances = Distances::euclidean(&[vec![0.1, 0.2], vec![0.7, -1.3], vec![1e-9, 3e7]]);
        let text = serde_json::to_string(&distances).unwrap();
        assert_eq!(serde_json::from_str::<Distances>(&text).unwrap(), distances);
    }

    #[test]
    #[should_panic(expected = "row 1 has 1 columns, row 0 has 2")]
    fn ragged_rows_panic() {
        Distances::euclidean(&[vec![0.0, 1.0], vec![0.0]]);
    }

    #[test]
    #[should_panic(expected = "number 1 is NaN")]
    fn a_nan_panics() {
        Distances::euclidean(&[vec![0.0, f64::NAN]]);
    }
}
