//! Small dense linear algebra in `f64`: eigenvectors of symmetric matrices and orthonormal bases, for the optimizers that need them.
//!
//! Own code, because the libraries that have it (nalgebra, faer) choose their kernels by processor, and the bits with them. Rows and columns that do not
//! depend on each other are spread over rayon's threads; every element meets the same operations in the same order on any number of them.

use rayon::prelude::*;
use seismograd_kernels::double::{EIGHTS, Eight, Reflector, Rotation, Sweep, add_terms, dot, products, reflect, sweep};

/// Rows that one task reflects: they stay in a cache while all reflectors pass.
const ROWS: usize = 16;

/// Reflectors that are collected before they go through the rest of a matrix.
const PANEL: usize = 16;

/// The eigenvalues of a symmetric matrix, ascending, and its eigenvectors as rows.
pub struct Eigen {
    /// Eigenvalues.
    pub values: Vec<f64>,
    /// Row `i` is the unit eigenvector of `values[i]`.
    pub vectors: Vec<f64>,
}

/// The matrix with each row padded to whole eights.
fn padded(matrix: &[f64], n: usize) -> Vec<Eight> {
    let row = |row: &[f64]| {
        let eight = |eight: &[f64]| std::array::from_fn(|lane| eight.get(lane).copied().unwrap_or(0.0));
        row.chunks(8).map(eight).collect::<Vec<Eight>>()
    };
    matrix.chunks_exact(n.max(1)).flat_map(row).collect()
}

/// Eights in a row of `n`.
fn width(n: usize) -> usize {
    n.div_ceil(8)
}

/// The reflector for which a row becomes `a` at `at` and zero behind it, and `a`.
fn reflector(row: &[Eight], at: usize) -> (Reflector, f64) {
    let first = at / 8;
    let mut direction = row[first..].to_vec();
    let elements = direction.as_flattened_mut();
    elements[..at % 8].fill(0.0);
    let norm = dot(&direction, &direction).sqrt();
    let elements = direction.as_flattened_mut();
    let a = if elements[at % 8] > 0.0 { -norm } else { norm };
    elements[at % 8] -= a;
    let length = dot(&direction, &direction).sqrt();
    if length > 0.0 {
        direction.as_flattened_mut().iter_mut().for_each(|v| *v /= length);
    }
    (Reflector { first, direction }, a)
}

/// Rows of the identity through the reflectors, the last one first.
fn accumulated(n: usize, reflectors: &[Reflector]) -> Vec<Eight> {
    let width = width(n);
    let mut rows = vec![[0.0; 8]; n * width];
    rows.par_chunks_mut((ROWS * width).max(1)).enumerate().for_each(|(task, rows)| {
        let first = task * ROWS;
        for (at, row) in rows.chunks_exact_mut(width).enumerate() {
            row[(first + at) / 8][(first + at) % 8] = 1.0;
        }
        // The others meet zeros.
        let order: Vec<&Reflector> = reflectors.iter().rev().filter(|found| 8 * found.first < first + ROWS).collect();
        reflect(rows, width, &order);
    });
    rows
}

impl Eigen {
    /// By Householder's tridiagonal form and the implicit QL iteration (Golub and Van Loan 2013, algorithms 8.3.1 and 8.3.3).
    ///
    /// # Panics
    /// When there are not `n * n` elements.
    #[track_caller]
    pub fn symmetric(matrix: &[f64], n: usize) -> Eigen {
        assert_eq!(matrix.len(), n * n, "eigenvectors of {n} by {n}: {} elements", matrix.len());
        let Tridiagonal { mut diagonal, mut beside, reflectors } = Tridiagonal::of(padded(matrix, n), n);
        let mut vectors = Columns::of(&accumulated(n, &reflectors), n);
        for last in 0..n {
            diagonalise(&mut diagonal, &mut beside, &mut vectors, last);
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| diagonal[a].total_cmp(&diagonal[b]));
        Eigen { values: order.iter().map(|&at| diagonal[at]).collect(), vectors: vectors.rows(&order) }
    }
}

/// `T = V A V'`, where `V` is the product of the reflectors, the last one leftmost.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// The elements beside the diagonal, one more than there are: the last is zero.
    beside: Vec<f64>,
    reflectors: Vec<Reflector>,
}

impl Tridiagonal {
    /// A panel of reflectors at a time: what they do to the rest of the matrix, `-v w' - w v'` each, is written to it once a panel, and until then
    /// taken into account where the matrix is read (Dongarra, Sorensen and Hammarling 1989).
    fn of(mut a: Vec<Eight>, n: usize) -> Tridiagonal {
        let (mut beside, mut reflectors, width) = (vec![0.0; n], Vec::new(), width(n));
        let count = n.saturating_sub(2);
        for start in (0..count).step_by(PANEL) {
            let end = count.min(start + PANEL);
            let mut panel = Panel { width, pairs: Vec::with_capacity(PANEL) };
            for k in start..end {
                let line = &mut a[k * width..(k + 1) * width];
                panel.update(k, k, line);
                let (v, length) = reflector(line, k + 1);
                beside[k] = length;
                let w = panel.partner(&a, k + 1, &v);
                panel.pairs.push((v, w));
            }
            let rest = a[end * width..].par_chunks_mut(width).with_min_len(ROWS).enumerate();
            rest.for_each(|(row, line)| panel.update(end + row, end, line));
            reflectors.extend(panel.pairs.into_iter().map(|(v, _)| v));
        }
        let at = |row: usize, column: usize| a[row * width + column / 8][column % 8];
        if n >= 2 {
            beside[n - 2] = at(n - 2, n - 1);
        }
        Tridiagonal { diagonal: (0..n).map(|row| at(row, row)).collect(), beside, reflectors }
    }
}

/// Reflectors `v` whose updates `-v w' - w v'` are not in the matrix yet, with their `w`, which begins where `v` does.
struct Panel {
    width: usize,
    pairs: Vec<(Reflector, Vec<Eight>)>,
}

impl Panel {
    /// Updates a row from the eight of a column on.
    fn update(&self, row: usize, column: usize, line: &mut [Eight]) {
        let from = column / 8;
        let (mut factors, mut terms) = (Vec::with_capacity(2 * PANEL), Vec::with_capacity(2 * PANEL));
        for (Reflector { first, direction: v }, w) in &self.pairs {
            let at = |x: &[Eight]| x[row / 8 - first][row % 8];
            factors.extend([-at(v), -at(w)]);
            terms.extend([&w[from - first..], &v[from - first..]]);
        }
        add_terms(&mut line[from..], &factors, &terms);
    }

    /// `w = 2 (A v - (v . A v) v)` of the updated matrix, for a `v` of zeros before row `row`.
    fn partner(&self, a: &[Eight], row: usize, v: &Reflector) -> Vec<Eight> {
        let (Reflector { first, direction: v }, width) = (v, self.width);
        let mut w = vec![[0.0; 8]; v.len()];
        // Rows before it belong to what is finished.
        let rows = a.len() / width - row;
        w.as_flattened_mut()[row % 8..][..rows].par_chunks_mut(4 * ROWS).enumerate().for_each(|(task, w)| {
            products(&a[(row + task * 4 * ROWS) * width..], width, *first, v, w);
        });
        for (Reflector { first: other, direction: x }, y) in &self.pairs {
            let (x, y) = (&x[first - other..], &y[first - other..]);
            add_terms(&mut w, &[-dot(y, v), -dot(x, v)], &[x, y]);
        }
        w.as_flattened_mut().iter_mut().for_each(|w| *w *= 2.0);
        let half = dot(&w, v);
        add_terms(&mut w, &[-half], &[v]);
        w
    }
}

/// A matrix cut into columns that are turned together, and the sweeps that wait to turn them.
struct Columns {
    n: usize,
    tiles: Vec<Vec<[Eight; EIGHTS]>>,
    waiting: Vec<Sweep>,
    /// Those of the waiting sweeps.
    rotations: usize,
}

impl Columns {
    fn of(rows: &[Eight], n: usize) -> Columns {
        let tile = |first: usize| {
            let row = |row: &[Eight]| std::array::from_fn(|at| row.get(first + at).copied().unwrap_or([0.0; 8]));
            rows.chunks_exact(width(n).max(1)).map(row).collect()
        };
        Columns { n, tiles: (0..width(n)).step_by(EIGHTS).map(tile).collect(), waiting: Vec::new(), rotations: 0 }
    }

    /// A sweep, sooner or later.
    fn sweep(&mut self, sweep: Sweep) {
        self.rotations += sweep.rotations.len();
        self.waiting.push(sweep);
        // A few passes over all rows: the tile stays in a cache meanwhile, and so do the rotations.
        if self.rotations >= 8 * self.n {
            self.turn();
        }
    }

    fn turn(&mut self) {
        let waiting = &self.waiting;
        self.tiles.par_iter_mut().for_each(|tile| sweep(tile, waiting));
        self.waiting.clear();
        self.rotations = 0;
    }

    /// The rows in some order.
    fn rows(mut self, order: &[usize]) -> Vec<f64> {
        self.turn();
        let mut rows = Vec::with_capacity(order.len() * self.n + 8 * EIGHTS);
        for (at, &row) in order.iter().enumerate() {
            self.tiles.iter().for_each(|tile| rows.extend_from_slice(tile[row].as_flattened()));
            // The last tile may be wider than the matrix.
            rows.truncate((at + 1) * self.n);
        }
        rows
    }
}

/// `sqrt(x^2 + y^2)`, without overflow.
fn hypotenuse(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    let (long, short) = if x > y { (x, y) } else { (y, x) };
    let ratio = if long > 0.0 { short / long } else { 0.0 };
    long * (1.0 + ratio * ratio).sqrt()
}

/// Rotates until the element beside `diagonal[last]` vanishes.
fn diagonalise(diagonal: &mut [f64], beside: &mut [f64], vectors: &mut Columns, last: usize) {
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
        let r = hypotenuse(g, 1.0);
        g = diagonal[end] - diagonal[last] + beside[last] / (g + if g >= 0.0 { r } else { -r });
        let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
        let mut rotations = Vec::with_capacity(end - last);
        let mut at = end;
        while at > last {
            at -= 1;
            let (f, b) = (sine * beside[at], cosine * beside[at]);
            let r = hypotenuse(f, g);
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
            rotations.push(Rotation { sine, cosine });
            if at == last {
                diagonal[last] -= p;
                beside[last] = g;
                beside[end] = 0.0;
            }
        }
        vectors.sweep(Sweep { from: end - 1, rotations });
    }
}

/// Orthonormal rows that span what the first, the first two, ... of the given rows span (Householder's QR of the transposed matrix).
///
/// # Panics
/// When there are not `n * n` elements.
#[track_caller]
pub fn orthonormal_rows(rows: &[f64], n: usize) -> Vec<f64> {
    assert_eq!(rows.len(), n * n, "orthonormal rows of {n} by {n}: {} elements", rows.len());
    let (mut a, mut reflectors, width) = (padded(rows, n), Vec::with_capacity(n), width(n));
    for start in (0..n).step_by(PANEL) {
        let end = n.min(start + PANEL);
        for k in start..end {
            let (found, _) = reflector(&a[k * width..(k + 1) * width], k);
            reflect(&mut a[(k + 1) * width..end * width], width, &[&found]);
            reflectors.push(found);
        }
        let panel: Vec<&Reflector> = reflectors[start..].iter().collect();
        a[end * width..].par_chunks_mut(ROWS * width).for_each(|rows| reflect(rows, width, &panel));
    }
    let rows = accumulated(n, &reflectors);
    rows.chunks_exact(width.max(1)).flat_map(|row| &row.as_flattened()[..n]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(x: &[f64], y: &[f64]) -> f64 {
        x.iter().zip(y).map(|(x, y)| x * y).sum()
    }

    fn symmetric(n: usize, rank: usize) -> Vec<f64> {
        let wave = |row: usize, k: usize| ((7 * row + 13 * k + row * k) % 23) as f64 / 11.0 - 1.0;
        (0..n * n).map(|at| (0..rank).map(|k| wave(at / n, k) * wave(at % n, k)).sum()).collect()
    }

    #[test]
    fn eigenvectors_diagonalise() {
        for (n, rank) in
            [(0, 0), (1, 1), (2, 2), (3, 1), (5, 5), (8, 3), (40, 40), (33, 10), (100, 100), (77, 20), (4, 0)]
        {
            let a = symmetric(n, rank);
            let Eigen { values, vectors } = Eigen::symmetric(&a, n);
            let scale = values.iter().fold(1.0, |scale: f64, value| scale.max(value.abs()));
            assert!(values.is_sorted());
            for (value, v) in values.iter().zip(vectors.chunks_exact(n.max(1))) {
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
        for (n, rank) in [(0, 0), (1, 1), (3, 3), (6, 2), (20, 20), (75, 75), (4, 0)] {
            let a = symmetric(n, rank);
            let q = orthonormal_rows(&a, n);
            check_orthonormal(&q, n);
            // The first row keeps its line.
            let along = dot(&q[..n], &a[..n]).abs();
            assert!((along - dot(&a[..n], &a[..n]).sqrt()).abs() <= 1e-12 * n as f64);
        }
    }

    fn check_orthonormal(rows: &[f64], n: usize) {
        for (i, a) in rows.chunks_exact(n.max(1)).enumerate() {
            for (j, b) in rows.chunks_exact(n.max(1)).enumerate() {
                assert!((dot(a, b) - f64::from(u8::from(i == j))).abs() < 1e-13 * n as f64);
            }
        }
    }
}
