//! Small dense linear algebra in `f64`: eigenvectors of symmetric matrices and orthonormal bases, for Shampoo and SOAP.
//!
//! Own code, because the libraries that have it (nalgebra, faer) choose their kernels by processor, and the bits with them. Loops run along rows,
//! so that the compiler can vectorise them without changing the order of any sum.

/// The eigenvalues of a symmetric matrix, ascending, and its eigenvectors as rows.
pub(crate) struct Eigen {
    pub values: Vec<f64>,
    pub vectors: Vec<f64>,
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut parts = [0.0; 8];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    for (x, y) in x.iter().zip(y) {
        for at in 0..8 {
            parts[at] += x[at] * y[at];
        }
    }
    parts.iter().sum::<f64>() + x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum::<f64>()
}

/// `y += factor x`.
fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// The unit vector `v` for which `x - 2 v (v . x)` is `(a, 0, ..., 0)`, and `a`. Zero for a zero vector.
fn reflector(x: &[f64]) -> (Vec<f64>, f64) {
    let norm = dot(x, x).sqrt();
    let a = if x[0] > 0.0 { -norm } else { norm };
    let mut v = x.to_vec();
    v[0] -= a;
    let length = dot(&v, &v).sqrt();
    if length > 0.0 {
        v.iter_mut().for_each(|v| *v /= length);
    }
    (v, a)
}

impl Eigen {
    /// By Householder's tridiagonal form and the implicit QL iteration (Golub and Van Loan 2013, algorithms 8.3.1 and 8.3.3).
    pub(crate) fn symmetric(matrix: &[f64], n: usize) -> Eigen {
        assert_eq!(matrix.len(), n * n, "eigenvectors of {n} by {n}: {} elements", matrix.len());
        let (mut diagonal, mut beside, mut vectors) = tridiagonal(matrix.to_vec(), n);
        for last in 0..n {
            diagonalise(&mut diagonal, &mut beside, &mut vectors, last);
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| diagonal[a].total_cmp(&diagonal[b]));
        Eigen {
            values: order.iter().map(|&at| diagonal[at]).collect(),
            vectors: order.iter().flat_map(|&at| vectors[at * n..][..n].iter().copied()).collect(),
        }
    }
}

/// The diagonal, the elements beside it (one more than there are: the last is zero), and the rows that `T = V A V'` is made with.
fn tridiagonal(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; n];
    let mut reflectors = Vec::new();
    for k in 0..n.saturating_sub(2) {
        let first = k + 1;
        let (v, length) = reflector(&a[k * n + first..(k + 1) * n]);
        beside[k] = length;
        // A - v w' - w v' with w = 2 (A v - (v . A v) v), on what is left of the matrix.
        let mut w: Vec<f64> = (first..n).map(|row| 2.0 * dot(&a[row * n + first..(row + 1) * n], &v)).collect();
        let half = dot(&w, &v);
        add_scaled(&mut w, -half, &v);
        for row in first..n {
            let line = &mut a[row * n + first..(row + 1) * n];
            let (v_row, w_row) = (v[row - first], w[row - first]);
            for (line, (v, w)) in line.iter_mut().zip(v.iter().zip(&w)) {
                *line -= v_row * w + w_row * v;
            }
        }
        reflectors.push((first, v));
    }
    if n >= 2 {
        beside[n - 2] = a[(n - 2) * n + n - 1];
    }
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|at| vectors[at * n + at] = 1.0);
    // V = H_last ... H_first: rows of the identity through the reflectors, each from the right.
    for (first, v) in reflectors.iter().rev() {
        for row in vectors.chunks_exact_mut(n) {
            let part = &mut row[*first..];
            let twice = 2.0 * dot(part, v);
            add_scaled(part, -twice, v);
        }
    }
    ((0..n).map(|at| a[at * n + at]).collect(), beside, vectors)
}

/// Rotates until the element beside `diagonal[last]` vanishes.
fn diagonalise(diagonal: &mut [f64], beside: &mut [f64], vectors: &mut [f64], last: usize) {
    let n = diagonal.len();
    // Each eigenvalue takes two or three rounds; a hundred are never reached with finite numbers.
    for _ in 0..100 {
        let small = |at: &usize| beside[*at].abs() <= f64::EPSILON * (diagonal[*at].abs() + diagonal[at + 1].abs());
        let end = (last..n - 1).find(small).unwrap_or(n - 1);
        if end == last {
            return;
        }
        // Wilkinson's shift.
        let mut g = (diagonal[last + 1] - diagonal[last]) / (2.0 * beside[last]);
        let r = libm::hypot(g, 1.0);
        g = diagonal[end] - diagonal[last] + beside[last] / (g + if g >= 0.0 { r } else { -r });
        let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
        let mut at = end;
        while at > last {
            at -= 1;
            let (f, b) = (sine * beside[at], cosine * beside[at]);
            let r = libm::hypot(f, g);
            beside[at + 1] = r;
            if r == 0.0 {
                // The matrix fell apart here: what is left above is another round's.
                diagonal[at + 1] -= p;
                beside[end] = 0.0;
                break;
            }
            (sine, cosine) = (f / r, g / r);
            let shifted = diagonal[at + 1] - p;
            let t = (diagonal[at] - shifted) * sine + 2.0 * cosine * b;
            p = sine * t;
            diagonal[at + 1] = shifted + p;
            g = cosine * t - b;
            rotate(vectors, n, at, sine, cosine);
            if at == last {
                diagonal[last] -= p;
                beside[last] = g;
                beside[end] = 0.0;
            }
        }
    }
}

/// Turns rows `at` and `at + 1` into each other.
fn rotate(vectors: &mut [f64], n: usize, at: usize, sine: f64, cosine: f64) {
    let (above, below) = vectors[at * n..(at + 2) * n].split_at_mut(n);
    for (x, y) in above.iter_mut().zip(below) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

/// Orthonormal rows that span what the first, the first two, ... of the given rows span (Householder's QR of the transposed matrix).
pub(crate) fn orthonormal_rows(rows: &[f64], n: usize) -> Vec<f64> {
    assert_eq!(rows.len(), n * n, "orthonormal rows of {n} by {n}: {} elements", rows.len());
    let mut a = rows.to_vec();
    let mut reflectors = Vec::with_capacity(n);
    for k in 0..n {
        let (v, _) = reflector(&a[k * n + k..(k + 1) * n]);
        for row in k + 1..n {
            let part = &mut a[row * n + k..(row + 1) * n];
            let twice = 2.0 * dot(part, &v);
            add_scaled(part, -twice, &v);
        }
        reflectors.push(v);
    }
    let mut q = vec![0.0; n * n];
    (0..n).for_each(|at| q[at * n + at] = 1.0);
    for (k, v) in reflectors.iter().enumerate().rev() {
        for row in q.chunks_exact_mut(n) {
            let part = &mut row[k..];
            let twice = 2.0 * dot(part, v);
            add_scaled(part, -twice, v);
        }
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symmetric(n: usize, rank: usize) -> Vec<f64> {
        let wave = |row: usize, k: usize| libm::sin((7 * row + 13 * k + row * k) as f64);
        (0..n * n).map(|at| (0..rank).map(|k| wave(at / n, k) * wave(at % n, k)).sum()).collect()
    }

    #[test]
    fn eigenvectors_diagonalise() {
        for (n, rank) in [(1, 1), (2, 2), (3, 1), (5, 5), (8, 3), (40, 40), (33, 10), (4, 0)] {
            let a = symmetric(n, rank);
            let Eigen { values, vectors } = Eigen::symmetric(&a, n);
            let scale = values.iter().fold(1.0, |scale: f64, value| scale.max(value.abs()));
            assert!(values.is_sorted());
            for (value, v) in values.iter().zip(vectors.chunks_exact(n)) {
                for row in 0..n {
                    assert!(
                        (dot(&a[row * n..][..n], v) - value * v[row]).abs() < 1e-13 * scale * n as f64,
                        "{n} {rank}"
                    );
                }
            }
            check_orthonormal(&vectors, n);
        }
    }

    #[test]
    fn rows_become_orthonormal_even_where_they_depend_on_each_other() {
        for (n, rank) in [(1, 1), (3, 3), (6, 2), (20, 20), (4, 0)] {
            let a = symmetric(n, rank);
            let q = orthonormal_rows(&a, n);
            check_orthonormal(&q, n);
            // The first row keeps its line.
            let along = dot(&q[..n], &a[..n]).abs();
            assert!((along - dot(&a[..n], &a[..n]).sqrt()).abs() < 1e-12 * n as f64);
        }
    }

    fn check_orthonormal(rows: &[f64], n: usize) {
        for (i, a) in rows.chunks_exact(n).enumerate() {
            for (j, b) in rows.chunks_exact(n).enumerate() {
                assert!((dot(a, b) - f64::from(u8::from(i == j))).abs() < 1e-13 * n as f64);
            }
        }
    }
}
