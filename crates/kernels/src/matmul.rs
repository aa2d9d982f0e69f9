//! Products of matrices, after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).
//!
//! ```text
//! for each 128 k, or 256 where registers are narrow:
//!     copy those columns of a, tile by tile of R rows, so that what is broadcast together lies together
//!     for each 2 blocks of 16 columns:
//!         copy those rows of b to a panel, unless few rows of a meet them
//!         for each tile of R rows:
//!             R x 2 vectors of accumulators, in registers, start at zero, or at the product so far
//!             for each of the k: accumulator[r] += a[r, k] * b[k, columns]
//! ```
//!
//! The copies make every order of the factors' elements the same, and keep rows that are a power of two apart from pushing each other out of the
//! first-level cache. An element's products are added in the order of `k`, one fused multiply-add at a time, at every level.

pub(crate) mod pack;

use crate::buffer::Buffer;
use crate::level::{Kernel, Level, run_at};
use crate::vector::{LANES, Vector};
use pack::{SLACK, pack};
use std::ops::Range;

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
        assert_eq!(Some(elements.len()), rows.checked_mul(columns), "matrix of {rows} x {columns}: elements");
        Matrix { elements, sizes: [rows, columns], strides: [columns, 1] }
    }

    /// The same elements with rows and columns exchanged.
    pub fn transposed(self) -> Matrix<'a> {
        let ([rows, columns], [down, across]) = (self.sizes, self.strides);
        Matrix { sizes: [columns, rows], strides: [across, down], ..self }
    }

    /// Some of the rows.
    ///
    /// # Panics
    /// When there are not as many.
    #[track_caller]
    pub fn rows(self, range: Range<usize>) -> Matrix<'a> {
        assert!(range.start <= range.end && range.end <= self.sizes[0], "rows {range:?} of {:?}", self.sizes);
        let first = (range.start * self.strides[0]).min(self.elements.len());
        Matrix { elements: &self.elements[first..], sizes: [range.len(), self.sizes[1]], ..self }
    }

    /// Some of the columns.
    ///
    /// # Panics
    /// When there are not as many.
    #[track_caller]
    pub fn columns(self, range: Range<usize>) -> Matrix<'a> {
        assert!(range.start <= range.end && range.end <= self.sizes[1], "columns {range:?} of {:?}", self.sizes);
        let first = (range.start * self.strides[1]).min(self.elements.len());
        Matrix { elements: &self.elements[first..], sizes: [self.sizes[0], range.len()], ..self }
    }

    /// Rows and columns.
    pub fn sizes(&self) -> [usize; 2] {
        self.sizes
    }

    fn has_contiguous_rows(&self) -> bool {
        self.strides[1] == 1
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

/// `product = a b` on the diagonal and above it: below it is either computed too, or left as it was.
///
/// # Panics
/// When the sizes do not fit.
#[track_caller]
pub fn multiply_upper(a: Matrix<'_>, b: Matrix<'_>, product: &mut [f32]) {
    check_sizes(a, b, product);
    run_at(Level::current(), Product { a, b, product, only_upper: true });
}

#[track_caller]
fn check_sizes(a: Matrix<'_>, b: Matrix<'_>, product: &[f32]) {
    let ([m, k], [inner, n], len) = (a.sizes, b.sizes, product.len());
    assert!(k == inner && m.checked_mul(n) == Some(len), "product of {:?} by {:?} to {len} elements", a.sizes, b.sizes);
}

#[track_caller]
fn multiply_at(level: Level, a: Matrix<'_>, b: Matrix<'_>, product: &mut [f32]) {
    check_sizes(a, b, product);
    if a.sizes[0] >= MANY || b.has_contiguous_rows() {
        return run_at(level, Product { a, b, product, only_upper: false });
    }
    run_at(level, Turned { a, b, product });
}

/// `a b = (b^T a^T)^T`, so that the smaller factor is copied.
struct Turned<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    product: &'a mut [f32],
}

impl Kernel for Turned<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Turned { a, b, product } = self;
        let ([m, k], n) = (a.sizes, b.sizes[1]);
        let width = m.next_multiple_of(LANES);
        let (mut copy, mut turned) = (Buffer::stale(k * width + SLACK), Buffer::stale(n * width));
        // SAFETY: the level is the caller's.
        unsafe {
            pack::<V>(a.transposed(), width, &mut copy);
            let b_copy = Matrix::new(&copy[..k * width], k, width);
            Product { a: b.transposed(), b: b_copy, product: &mut turned, only_upper: false }.run::<V>();
        }
        for (i, row) in product.chunks_exact_mut(n.max(1)).enumerate() {
            for (j, x) in row.iter_mut().enumerate() {
                *x = turned[j * width + i];
            }
        }
    }
}

/// Elements of a panel, which leave room beside them in a first-level cache: its rows are the products of an element that are added in one turn.
const PANEL: usize = 4096;

/// Rows of `a`, or columns of `b`, from which on the other factor is worth a copy: each of their tiles reads it again.
const MANY: usize = 32;

struct Product<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    product: &'a mut [f32],
    /// Whether tiles below the diagonal are left out.
    only_upper: bool,
}

impl Kernel for Product<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let ([m, k], n) = (self.a.sizes, self.b.sizes[1]);
        if [m, k, n].contains(&0) {
            return self.product.fill(0.0);
        }
        let columns = V::BLOCKS * LANES;
        let most = PANEL / columns;
        let (mut tiles, mut panel) = (Buffer::stale(m * most.min(k) + SLACK), Buffer::stale(PANEL + SLACK));
        for depth in (0..k).step_by(most).map(|first| first..k.min(first + most)) {
            let a = self.a.columns(depth.clone());
            let rows = self.b.rows(depth.clone());
            // SAFETY: the level is the caller's.
            unsafe {
                let many = n > MANY;
                if many {
                    pack_tiles::<V>(a, &mut tiles);
                }
                let left = Left { rows: a, tiles: many.then_some(&*tiles) };
                for column in (0..n).step_by(columns) {
                    let width = (n - column).min(columns);
                    let right = Right { rows: rows.columns(column..column + width), panel: &mut panel };
                    let place = Place { column, width, depth: depth.clone() };
                    if width > LANES {
                        self.columns::<V, 2>(left, right, &place);
                    } else {
                        self.columns::<V, 1>(left, right, &place);
                    }
                }
            }
        }
    }
}

/// The left factor's part in some terms, and the same tile by tile if that was worth a copy.
#[derive(Clone, Copy)]
struct Left<'a> {
    rows: Matrix<'a>,
    tiles: Option<&'a [f32]>,
}

/// The right factor's part in some columns, and room for a copy.
struct Right<'a> {
    rows: Matrix<'a>,
    panel: &'a mut [f32],
}

/// Which columns of the product are computed, from which of the terms.
#[derive(Clone)]
struct Place {
    column: usize,
    width: usize,
    depth: Range<usize>,
}

/// The height of the next tile.
#[inline(always)]
fn height<V: Vector>(rows_left: usize) -> usize {
    match V::TALL.min(rows_left) {
        12.. => 12,
        8.. => 8,
        6.. => 6,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// The matrix tile by tile, each tile column by column.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn pack_tiles<V: Vector>(a: Matrix<'_>, tiles: &mut [f32]) {
    let [m, depth] = a.sizes;
    let mut row = 0;
    while row < m {
        let height = height::<V>(m - row);
        // SAFETY: the level is the caller's.
        unsafe { pack::<V>(a.rows(row..row + height).transposed(), height, &mut tiles[row * depth..]) };
        row += height;
    }
}

impl Product<'_> {
    /// `B` vectors of columns from tiles of `a` and those columns of `b`, of which there are as many as the place says.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn columns<V: Vector, const B: usize>(&mut self, a: Left<'_>, b: Right<'_>, place: &Place) {
        let (m, depth) = (self.a.sizes[0], place.depth.len());
        let (b, stride) = if b.rows.has_contiguous_rows() && place.width == B * LANES && m < MANY {
            (b.rows.elements, b.rows.strides[0])
        } else {
            // SAFETY: the level is the caller's.
            unsafe { pack::<V>(b.rows, B * LANES, b.panel) };
            (&*b.panel, B * LANES)
        };
        let [down, across] = a.rows.strides;
        assert!(a.rows.elements.len() > (m - 1) * down + (depth - 1) * across);
        assert!(a.tiles.is_none_or(|tiles| tiles.len() >= m * depth) && b.len() >= (depth - 1) * stride + B * LANES);
        let end = if self.only_upper { m.min(place.column + place.width) } else { m };
        let mut row = 0;
        while row < end {
            let height = height::<V>(m - row);
            let (a, a_strides) = match a.tiles {
                Some(tiles) => (&tiles[row * depth..], [1, height]),
                None => (&a.rows.elements[row * down..], [down, across]),
            };
            let is_first = place.depth.start == 0;
            let terms = Terms { a: a.as_ptr(), a_strides, b: b.as_ptr(), stride, depth, is_first };
            // SAFETY: `a` holds the rows' elements for each of the terms, `b` holds B vectors for each, and the level is the caller's.
            unsafe {
                match height {
                    12 => self.rows::<V, 12, B>(terms, row, place),
                    8 => self.rows::<V, 8, B>(terms, row, place),
                    6 => self.rows::<V, 6, B>(terms, row, place),
                    4 => self.rows::<V, 4, B>(terms, row, place),
                    2 => self.rows::<V, 2, B>(terms, row, place),
                    _ => self.rows::<V, 1, B>(terms, row, place),
                }
            }
            row += height;
        }
    }

    /// `R` rows of those columns, in their place or, where the columns fill no whole vectors, beside it.
    ///
    /// # Safety
    /// As for [`tile`].
    #[inline(always)]
    unsafe fn rows<V: Vector, const R: usize, const B: usize>(&mut self, terms: Terms, row: usize, place: &Place) {
        let (n, &Place { column, width, .. }) = (self.b.sizes[1], place);
        let to = &mut self.product[row * n..(row + R) * n];
        // SAFETY: the slice has R rows of n, and the columns lie in them; the copy has R rows of B vectors; the rest is the caller's.
        unsafe {
            if width == B * LANES {
                return match terms.a_strides[0] {
                    1 => tile::<V, R, B, true>(terms, to.as_mut_ptr().add(column), n),
                    _ => tile::<V, R, B, false>(terms, to.as_mut_ptr().add(column), n),
                };
            }
            let mut copy = [[[0.0; LANES]; B]; R];
            for (copy, to) in copy.iter_mut().zip(to.chunks_exact(n)) {
                copy.as_flattened_mut()[..width].copy_from_slice(&to[column..column + width]);
            }
            tile::<V, R, B, false>(terms, copy.as_mut_ptr().cast(), B * LANES);
            for (copy, to) in copy.iter().zip(to.chunks_exact_mut(n)) {
                to[column..column + width].copy_from_slice(&copy.as_flattened()[..width]);
            }
        }
    }
}

/// What a tile adds up.
#[derive(Clone, Copy)]
struct Terms {
    /// For each term an element of each row.
    a: *const f32,
    /// From row to row, and from term to term.
    a_strides: [usize; 2],
    /// For each term the vectors of columns, `stride` apart.
    b: *const f32,
    stride: usize,
    /// Terms.
    depth: usize,
    /// Whether nothing has been added yet.
    is_first: bool,
}

/// # Safety
/// The level's instructions must be available; for each of the terms `R` elements be readable at `a` and `B` vectors at `b`, and `R` rows of `B` vectors,
/// `apart` from each other, be readable and writable at `to`. If `TOGETHER`, rows of `a` must be 1 apart.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const B: usize, const TOGETHER: bool>(
    terms: Terms,
    to: *mut f32,
    apart: usize,
) {
    let Terms { mut a, a_strides: [down, across], mut b, stride, depth, is_first } = terms;
    let down = if TOGETHER { 1 } else { down };
    // SAFETY: the caller's.
    unsafe {
        let mut acc = [[V::zero(); B]; R];
        if !is_first {
            for r in 0..R {
                for block in 0..B {
                    acc[r][block] = V::load(to.add(r * apart + block * LANES));
                }
            }
        }
        // What the next tile begins with.
        for r in 0..R {
            for block in 0..B {
                V::prefetch(to.wrapping_add((R + r) * apart + block * LANES));
            }
        }
        for _ in 0..depth {
            let mut y = [V::zero(); B];
            for block in 0..B {
                y[block] = V::load(b.add(block * LANES));
            }
            for r in 0..R {
                let x = V::splat(*a.add(r * down));
                for block in 0..B {
                    acc[r][block] = x.mul_add(y[block], acc[r][block]);
                }
            }
            (a, b) = (a.wrapping_add(across), b.wrapping_add(stride));
        }
        for r in 0..R {
            for block in 0..B {
                acc[r][block].store(to.add(r * apart + block * LANES));
            }
        }
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

    /// Sums of `k` products, each rounded, of the size that they would have without their signs.
    fn check(level: Level, a: Matrix<'_>, b: Matrix<'_>) -> Vec<u32> {
        let ([m, k], n) = (a.sizes, b.sizes[1]);
        let mut product = vec![f32::NAN; m * n];
        multiply_at(level, a, b, &mut product);
        let at = |x: &Matrix<'_>, i: usize, j: usize| f64::from(x.elements[i * x.strides[0] + j * x.strides[1]]);
        let unit = (k + 1) as f64 * f64::from(f32::EPSILON) / 2.0;
        for (index, &x) in product.iter().enumerate() {
            let terms = || (0..k).map(|inner| at(&a, index / n, inner) * at(&b, inner, index % n));
            let (expect, bound) = (terms().sum::<f64>(), unit * terms().map(f64::abs).sum::<f64>());
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
    #[should_panic(expected = "matrix of 16 x")]
    fn sizes_whose_product_wraps_around_are_refused() {
        Matrix::new(&[], 16, 1 << 60);
    }

    #[test]
    #[should_panic(expected = "panel of 0 elements")]
    fn a_panel_of_more_rows_than_can_be_is_refused() {
        crate::fixed::copy_to_panel(Matrix::new(&[], 1 << 60, 0), &mut []);
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
            (40, 300, 70),
            (33, 129, 16),
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
    fn the_upper_part_has_the_bits_of_the_whole() {
        for (m, k, n) in [(1, 1, 1), (5, 3, 7), (40, 300, 70), (70, 20, 40), (33, 129, 33)] {
            let (a, b) = (values(m * k, 5), values(k * n, 6));
            let (a, b) = (Matrix::new(&a, m, k), Matrix::new(&b, k, n));
            let (mut whole, mut upper) = (vec![0.0; m * n], vec![f32::NAN; m * n]);
            multiply(a, b, &mut whole);
            multiply_upper(a, b, &mut upper);
            for (at, (x, expect)) in upper.into_iter().zip(whole).enumerate() {
                let is_left = at / n > at % n && x.is_nan();
                assert!(is_left || x.to_bits() == expect.to_bits(), "{m} {k} {n}: {at}");
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
