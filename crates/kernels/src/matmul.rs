//! Products of matrices, of the sizes that the linear head of a small network has.
//!
//! ```text
//! for each 2 blocks of 16 columns, for each tile of R rows:
//!     R x 2 vectors of accumulators, in registers, start at zero
//!     for each k: accumulator[r] += a[r, k] * b[k, columns]
//! ```
//!
//! The elements of `a` are broadcast, so it may be read in any order; the rows of `b` must be contiguous, so a transposed factor is copied once, the
//! smaller of the two. Nothing is blocked for the caches: rows of these sizes fit. An element's products are added in the order of `k`, one
//! fused multiply-add at a time, at every level.

use crate::buffer::Buffer;
use crate::level::{Kernel, Level, run_at};
use crate::vector::{LANES, Vector};

/// A matrix in a slice: element `(i, j)` is at `i * strides[0] + j * strides[1]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    elements: &'a [f32],
    sizes: [usize; 2],
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// A matrix of `rows x columns` elements in row-major order.
    ///
    /// # Panics
    /// When their number is another.
    #[track_caller]
    pub fn new(elements: &'a [f32], rows: usize, columns: usize) -> Matrix<'a> {
        assert_eq!(elements.len(), rows * columns, "matrix of {rows} x {columns}: elements");
        Matrix { elements, sizes: [rows, columns], strides: [columns, 1] }
    }

    /// The same elements with rows and columns exchanged.
    pub fn transposed(self) -> Matrix<'a> {
        let ([rows, columns], [down, across]) = (self.sizes, self.strides);
        Matrix { sizes: [columns, rows], strides: [across, down], ..self }
    }

    /// Some of the rows.
    pub fn rows(self, range: std::ops::Range<usize>) -> Matrix<'a> {
        assert!(range.start <= range.end && range.end <= self.sizes[0], "rows {range:?} of {:?}", self.sizes);
        let first = (range.start * self.strides[0]).min(self.elements.len());
        Matrix { elements: &self.elements[first..], sizes: [range.len(), self.sizes[1]], ..self }
    }

    fn has_contiguous_rows(&self) -> bool {
        self.strides[1] == 1
    }

    /// The elements in row-major order, in rows of `width`, with zeros behind the last column.
    fn copied(&self, width: usize) -> Buffer {
        let mut copy = Buffer::zeros(self.sizes[0] * width);
        for (i, row) in copy.chunks_exact_mut(width.max(1)).enumerate() {
            for (j, x) in row[..self.sizes[1]].iter_mut().enumerate() {
                *x = self.elements[i * self.strides[0] + j * self.strides[1]];
            }
        }
        copy
    }
}

/// `product = a b`, in row-major order.
///
/// # Panics
/// When the sizes do not fit.
#[track_caller]
pub fn multiply(a: Matrix<'_>, b: Matrix<'_>, product: &mut [f32]) {
    multiply_at(Level::current(), a, b, product);
}

#[track_caller]
fn multiply_at(level: Level, a: Matrix<'_>, b: Matrix<'_>, product: &mut [f32]) {
    let ([m, k], [inner, n]) = (a.sizes, b.sizes);
    assert!(
        k == inner && product.len() == m * n,
        "product of {:?} by {:?} to {} elements",
        a.sizes,
        b.sizes,
        product.len()
    );
    if b.has_contiguous_rows() {
        return broadcast(level, a, b, product);
    }
    if n <= m {
        let copy = b.copied(n);
        return broadcast(level, a, Matrix::new(&copy, k, n), product);
    }
    // a b = (b^T a^T)^T, and b^T has contiguous rows to broadcast from.
    let width = m.next_multiple_of(LANES);
    let copy = a.transposed().copied(width);
    let mut turned = Buffer::stale(n * width);
    broadcast(level, b.transposed(), Matrix::new(&copy, k, width), &mut turned);
    for (i, row) in product.chunks_exact_mut(n.max(1)).enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            *x = turned[j * width + i];
        }
    }
}

/// The product with a `b` of contiguous rows. The columns behind the last whole vector are copied to whole ones.
fn broadcast(level: Level, a: Matrix<'_>, b: Matrix<'_>, product: &mut [f32]) {
    let n = b.sizes[1];
    let whole = n - n % LANES;
    let last = Matrix { elements: b.elements.get(whole..).unwrap_or(&[]), sizes: [b.sizes[0], n - whole], ..b };
    let padded = if whole < n { last.copied(LANES) } else { Buffer::stale(0) };
    run_at(level, Broadcast { a, b, whole, padded: &padded, product });
}

struct Broadcast<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    /// Columns in whole vectors.
    whole: usize,
    /// The other columns, padded to one vector.
    padded: &'a [f32],
    product: &'a mut [f32],
}

impl Kernel for Broadcast<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let ([m, k], n) = (self.a.sizes, self.b.sizes[1]);
        if m * k * n == 0 {
            return self.product.fill(0.0);
        }
        assert!((m - 1) * self.a.strides[0] + (k - 1) * self.a.strides[1] < self.a.elements.len());
        assert!((k - 1) * self.b.strides[0] + n <= self.b.elements.len());
        let mut column = 0;
        // SAFETY: the caller vouches for the level; the factors' last elements exist by the assertions, whole vectors of columns in `b` and one
        // in `padded`.
        unsafe {
            while column < self.whole {
                let width = if V::BLOCKS > 1 && self.whole - column >= 2 * LANES { 2 * LANES } else { LANES };
                let panel = (m >= MANY_ROWS && n > width).then(|| panel(self.b, column, width));
                let (b, stride) = match &panel {
                    Some(panel) => (panel.as_ptr(), width),
                    None => (self.b.elements.as_ptr().add(column), self.b.strides[0]),
                };
                if width > LANES {
                    self.columns::<V, 2>(b, stride, column, width);
                } else {
                    self.columns::<V, 1>(b, stride, column, width);
                }
                column += width;
            }
            if self.whole < n {
                let padded: &[f32] = self.padded;
                assert!(padded.len() >= k * LANES);
                self.columns::<V, 1>(padded.as_ptr(), LANES, column, n - self.whole);
            }
        }
    }
}

/// Rows of `a` from which on columns of `b` are worth a copy: each tile of rows reads them again, and rows of `b` that are a power of two apart
/// would push each other out of the first-level cache.
const MANY_ROWS: usize = 32;

/// Some columns of a matrix of contiguous rows, in contiguous rows.
fn panel(b: Matrix<'_>, column: usize, width: usize) -> Buffer {
    let mut panel = Buffer::stale(b.sizes[0] * width);
    for (k, row) in panel.chunks_exact_mut(width).enumerate() {
        row.copy_from_slice(&b.elements[k * b.strides[0] + column..][..width]);
    }
    panel
}

impl Broadcast<'_> {
    /// `B` vectors of columns, of which the first `width` elements are stored.
    ///
    /// # Safety
    /// The level's instructions must be available, and `k` rows of `B` vectors be readable at `b`.
    #[inline(always)]
    unsafe fn columns<V: Vector, const B: usize>(&mut self, b: *const f32, stride: usize, column: usize, width: usize) {
        let m = self.a.sizes[0];
        let mut row = 0;
        while row < m {
            // SAFETY: a register tile is no higher than what is left.
            unsafe {
                row += match V::ROWS.min(m - row) {
                    8.. => self.tile::<V, 8, B>(b, stride, row, column, width),
                    4.. => self.tile::<V, 4, B>(b, stride, row, column, width),
                    2.. => self.tile::<V, 2, B>(b, stride, row, column, width),
                    _ => self.tile::<V, 1, B>(b, stride, row, column, width),
                };
            }
        }
    }

    /// # Safety
    /// As for [`Broadcast::columns`], with `R` rows of `a` from `row`.
    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize, const B: usize>(
        &mut self,
        b: *const f32,
        stride: usize,
        row: usize,
        column: usize,
        width: usize,
    ) -> usize {
        let ([_, k], [down, across]) = (self.a.sizes, self.a.strides);
        let n = self.b.sizes[1];
        // SAFETY: the caller vouches for both factors; the product is written through slices, or where whole vectors lie in it.
        unsafe {
            let a = self.a.elements.as_ptr().add(row * down);
            let mut acc = [[V::zero(); B]; R];
            for k in 0..k {
                let mut y = [V::zero(); B];
                for block in 0..B {
                    y[block] = V::load(b.add(k * stride + block * LANES));
                }
                for r in 0..R {
                    let x = V::splat(*a.add(r * down + k * across));
                    for block in 0..B {
                        acc[r][block] = x.mul_add(y[block], acc[r][block]);
                    }
                }
            }
            for r in 0..R {
                let to = &mut self.product[(row + r) * n + column..][..width];
                for block in 0..B {
                    if width == B * LANES {
                        acc[r][block].store(to.as_mut_ptr().add(block * LANES));
                    } else {
                        let mut lanes = [0.0; LANES];
                        acc[r][block].store(lanes.as_mut_ptr());
                        to.copy_from_slice(&lanes[..width]);
                    }
                }
            }
        }
        R
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values in (-1, 1) without pattern.
    fn values(len: usize, seed: u32) -> Vec<f32> {
        let mix = |at: usize| {
            (at as u32 ^ seed << 20).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b) >> 8
        };
        (0..len).map(|at| mix(at) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    /// Sums of `k` products below one: see the convolutions' bound.
    fn check(level: Level, a: Matrix<'_>, b: Matrix<'_>) -> Vec<u32> {
        let ([m, k], n) = (a.sizes, b.sizes[1]);
        let mut product = vec![f32::NAN; m * n];
        multiply_at(level, a, b, &mut product);
        let at = |x: &Matrix<'_>, i: usize, j: usize| f64::from(x.elements[i * x.strides[0] + j * x.strides[1]]);
        let bound = 4.0 * (k + 1) as f64 * f64::from(f32::EPSILON) / 2.0;
        for (index, &x) in product.iter().enumerate() {
            let expect: f64 = (0..k).map(|inner| at(&a, index / n, inner) * at(&b, inner, index % n)).sum();
            assert!(
                (f64::from(x) - expect).abs() <= bound,
                "{level}: {:?} by {:?}: {x} is not {expect}",
                a.sizes,
                b.sizes
            );
        }
        product.into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn every_level_and_side_agrees_with_the_reference_and_with_every_other() {
        let sizes = [
            (1, 1, 1),
            (0, 3, 2),
            (3, 0, 2),
            (2, 3, 0),
            (7, 5, 17),
            (13, 512, 10),
            (13, 31, 64),
            (33, 13, 47),
            (9, 100, 16),
        ];
        for (m, k, n) in sizes {
            let (a, b) = (values(m * k, 1), values(k * n, 2));
            let (a_turned, b_turned) = (Matrix::new(&a, k, m).transposed(), Matrix::new(&b, n, k).transposed());
            let (a, b) = (Matrix::new(&a, m, k), Matrix::new(&b, k, n));
            for (a, b) in [(a, b), (a, b_turned), (a_turned, b), (a_turned, b_turned)] {
                let portable = check(Level::Portable, a, b);
                for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
                    assert!(check(level, a, b) == portable, "{level}: {m} {k} {n}");
                }
            }
        }
    }

    #[test]
    fn rows_are_products_of_their_own() {
        let (a, b) = (values(20 * 9, 3), values(9 * 20, 4));
        let (a, b) = (Matrix::new(&a, 20, 9), Matrix::new(&b, 9, 20));
        let whole = check(Level::best(), a, b);
        assert!(whole[5 * 20..12 * 20] == check(Level::best(), a.rows(5..12), b));
    }
}
