//! Matrix products, through ndarray and matrixmultiply.

use crate::Tensor;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Ix2, linalg::general_mat_mul};
use rayon::prelude::*;

/// Rows of a product that one task computes. An element's sum runs over the inner axis in one order whatever rows are
/// computed beside it, so the pieces change no bits.
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

    fn read(self, matrix: ArrayView2<'_, f32>) -> ArrayView2<'_, f32> {
        match self {
            Side::Plain => matrix,
            Side::Transposed => matrix.reversed_axes(),
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
    let (a_matrices, b_matrices) = (matrices(a), matrices(b));
    let [m, k] = size(a, a_side);
    let [inner, n] = size(b, b_side);
    if inner != k {
        fail();
    }
    let mut products = Array2::zeros((lead.iter().product::<usize>() * m, n));
    for ((a, b), mut product) in
        a_matrices.iter().zip(&b_matrices).zip(products.axis_chunks_iter_mut(Axis(0), m.max(1)))
    {
        multiply(a_side.read(*a), b_side.read(*b), &mut product);
    }
    Tensor::from(products.into_dyn()).reshape(&[lead, &[m, n]].concat())
}

/// One product, its rows spread over rayon's threads where there are many.
fn multiply(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, product: &mut ArrayViewMut2<'_, f32>) {
    if a.nrows() <= ROWS {
        return general_mat_mul(1.0, &a, &b, 0.0, product);
    }
    product
        .axis_chunks_iter_mut(Axis(0), ROWS)
        .zip(a.axis_chunks_iter(Axis(0), ROWS))
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each(|(mut product, a)| general_mat_mul(1.0, &a, &b, 0.0, &mut product));
}

/// The matrices of the last two axes.
fn matrices(tensor: &Tensor) -> Vec<ArrayView2<'_, f32>> {
    let [rows, columns] = size(tensor, Side::Plain);
    let of = |elements| ArrayView2::from_shape(Ix2(rows, columns), elements).expect("the elements of one matrix");
    let count = tensor.shape()[..tensor.rank() - 2].iter().product();
    (0..count).map(|at: usize| of(&tensor.as_slice()[at * rows * columns..][..rows * columns])).collect()
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
    #[should_panic(expected = "matmul: [2, 3] Plain by [2, 3] Plain")]
    fn shapes_that_do_not_fit_are_named() {
        counting(&[2, 3]).matmul(&counting(&[2, 3]));
    }
}
