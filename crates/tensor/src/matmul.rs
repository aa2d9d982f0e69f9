//! Matrix products, their rows spread over rayon's threads.

use crate::Tensor;
use rayon::prelude::*;
use seismograd_kernels::matmul::{Matrix, multiply, multiply_upper};

/// The least rows of a product that one task computes.
const ROWS: usize = 128;

/// How an operand of a product is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// As it stands.
    Plain,
    /// With its last two axes exchanged; nothing is copied.
    Transposed,
}

impl Side {
    /// The other way of reading.
    pub fn flipped(self) -> Side {
        match self {
            Side::Plain => Side::Transposed,
            Side::Transposed => Side::Plain,
        }
    }

    fn read(self, matrix: Matrix<'_>) -> Matrix<'_> {
        match self {
            Side::Plain => matrix,
            Side::Transposed => matrix.transposed(),
        }
    }
}

impl Tensor {
    /// The matrix product over the last two axes: `[.., m, k] x [.., k, n]` to `[.., m, n]`, leading axes alike.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn matmul(&self, other: &Tensor) -> Tensor {
        matmul(self, Side::Plain, other, Side::Plain)
    }
}

/// The matrix product of two tensors over the last two axes, each read plain or transposed.
///
/// # Panics
/// When a rank is below 2, leading axes differ, or the inner sizes do.
#[track_caller]
pub fn matmul(a: &Tensor, a_side: Side, b: &Tensor, b_side: Side) -> Tensor {
    let fail = || -> ! { panic!("matmul: {:?} {a_side:?} by {:?} {b_side:?}", a.shape(), b.shape()) };
    if a.rank() < 2 || b.rank() != a.rank() || a.shape()[..a.rank() - 2] != b.shape()[..a.rank() - 2] {
        fail();
    }
    let lead = &a.shape()[..a.rank() - 2];
    let [m, k] = size(a, a_side);
    let [inner, n] = size(b, b_side);
    if inner != k {
        fail();
    }
    let mut products = Tensor::stale(&[lead, &[m, n]].concat());
    for (batch, product) in products.as_mut_slice().chunks_exact_mut((m * n).max(1)).enumerate() {
        let (a, b) = (a_side.read(matrix(a, batch)), b_side.read(matrix(b, batch)));
        if m <= ROWS {
            multiply(a, b, product);
        } else {
            // One piece a thread, since each copies what it needs of `b`. An element's sum runs over the inner axis in one order whatever rows are
            // computed beside it, so the pieces change no bits.
            let rows = m.div_ceil(rayon::current_num_threads()).next_multiple_of(8).max(ROWS);
            product.par_chunks_mut(rows * n).enumerate().for_each(|(piece, product)| {
                multiply(a.rows(piece * rows..m.min((piece + 1) * rows)), b, product);
            });
        }
    }
    products
}

/// The product of a matrix, read plain or transposed, with its transpose: the bits of [`matmul`], at half the price, since it is symmetric.
///
/// # Panics
/// When the rank is not 2.
#[track_caller]
pub fn gram(x: &Tensor, side: Side) -> Tensor {
    assert_eq!(x.rank(), 2, "gram: shape {:?}", x.shape());
    let rows = side.read(matrix(x, 0));
    let [m, _] = size(x, side);
    // Of some rows, what is not below the diagonal: their product with themselves and with all rows behind them. The first pieces are the longest: each
    // has a short one beside it.
    let pieces = m.div_ceil(ROWS);
    let order = (0..pieces).map(|at| if at % 2 == 0 { at / 2 } else { pieces - 1 - at / 2 }).collect::<Vec<_>>();
    let upper = |piece: usize| {
        let first = piece * ROWS;
        let mut upper = Tensor::stale(&[m.min(first + ROWS) - first, m - first]);
        multiply_upper(rows.rows(first..m.min(first + ROWS)), rows.rows(first..m).transposed(), upper.as_mut_slice());
        (piece, upper)
    };
    let mut uppers: Vec<(usize, Tensor)> = order.into_par_iter().map(upper).collect();
    uppers.sort_by_key(|(piece, _)| *piece);
    let uppers: Vec<Tensor> = uppers.into_iter().map(|(_, upper)| upper).collect();
    let mut product = Tensor::stale(&[m, m]);
    product.as_mut_slice().par_chunks_mut((ROWS * m).max(1)).enumerate().for_each(|(piece, product)| {
        let first = piece * ROWS;
        let (upper, width) = (uppers[piece].as_slice(), m - first);
        for (at, row) in product.chunks_exact_mut(m).enumerate() {
            for (below, x) in row[first..first + at].iter_mut().enumerate() {
                *x = upper[below * width + at];
            }
            row[first + at..].copy_from_slice(&upper[at * width + at..(at + 1) * width]);
        }
        for (other, upper) in uppers[..piece].iter().enumerate() {
            let width = m - other * ROWS;
            mirror(&upper.as_slice()[first - other * ROWS..], width, &mut product[other * ROWS..], m);
        }
    });
    product
}

/// Columns of rows `from`, which are `apart`, as the rows `to`: [`ROWS`] columns of each.
fn mirror(from: &[f32], apart: usize, to: &mut [f32], width: usize) {
    for column in (0..ROWS).step_by(SQUARE) {
        for (at, row) in to.chunks_mut(width).enumerate() {
            for j in column..column + SQUARE {
                row[j] = from[j * apart + at];
            }
        }
    }
}

/// Columns that are mirrored together: each reads along a cache line.
const SQUARE: usize = 16;

/// One of the matrices of the last two axes.
fn matrix(tensor: &Tensor, batch: usize) -> Matrix<'_> {
    let [rows, columns] = size(tensor, Side::Plain);
    Matrix::new(&tensor.as_slice()[batch * rows * columns..][..rows * columns], rows, columns)
}

/// Rows and columns as the side reads them.
fn size(tensor: &Tensor, side: Side) -> [usize; 2] {
    let [rows, columns] = [2, 1].map(|from_last| tensor.shape()[tensor.rank() - from_last]);
    match side {
        Side::Plain => [rows, columns],
        Side::Transposed => [columns, rows],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(shape: &[usize]) -> Tensor {
        Tensor::new(shape, (0..shape.iter().product()).map(|at: usize| (at % 13) as f32 - 6.0).collect())
    }

    /// The definition, exact here because the elements are small integers.
    fn naive(a: &Tensor, b: &Tensor) -> Vec<f32> {
        let ([m, k], n) = (size(a, Side::Plain), size(b, Side::Plain)[1]);
        let (a, b) = (a.as_slice(), b.as_slice());
        (0..m * n).map(|at| (0..k).map(|i| a[at / n * k + i] * b[i * n + at % n]).sum()).collect()
    }

    #[test]
    fn every_side_agrees_with_the_definition() {
        for (m, k, n) in [(1, 1, 1), (2, 3, 4), (17, 5, 1), (300, 31, 7), (1, 512, 10), (3, 0, 2)] {
            let (a, b) = (counting(&[m, k]), counting(&[k, n]));
            let expect = naive(&a, &b);
            for (a, a_side) in [(&a, Side::Plain), (&a.transpose(&[1, 0]), Side::Transposed)] {
                for (b, b_side) in [(&b, Side::Plain), (&b.transpose(&[1, 0]), Side::Transposed)] {
                    assert_eq!(matmul(a, a_side, b, b_side).as_slice(), expect, "{m} {k} {n} {a_side:?} {b_side:?}");
                }
            }
        }
    }

    #[test]
    fn leading_axes_are_a_batch() {
        let (a, b) = (counting(&[2, 3, 4]), counting(&[2, 4, 5]));
        let product = a.matmul(&b);
        assert_eq!(product.shape(), [2, 3, 5]);
        let second = a.slice(0, 1..2).reshape(&[3, 4]).matmul(&b.slice(0, 1..2).reshape(&[4, 5]));
        assert_eq!(product.slice(0, 1..2).reshape(&[3, 5]), second);
    }

    #[test]
    fn a_gram_matrix_has_the_bits_of_the_product() {
        for (m, k) in [(1, 1), (0, 3), (3, 0), (127, 5), (128, 7), (129, 33), (300, 140)] {
            let x = Tensor::new(&[m, k], (0..m * k).map(|at| ((at * 7919) % 1009) as f32 / 500.3 - 1.0).collect());
            assert!(gram(&x, Side::Plain) == matmul(&x, Side::Plain, &x, Side::Transposed), "{m} {k}");
            assert!(gram(&x, Side::Transposed) == matmul(&x, Side::Transposed, &x, Side::Plain), "{k} {m}");
        }
    }

    #[test]
    #[should_panic(expected = "matmul: [2, 3] Plain by [2, 3] Plain")]
    fn shapes_that_do_not_fit_are_named() {
        counting(&[2, 3]).matmul(&counting(&[2, 3]));
    }
}
