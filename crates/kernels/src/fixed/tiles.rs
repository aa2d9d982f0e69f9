//! Products by tiles of bytes.
//!
//! A 16-bit integer is `2^8 h + l` with a high byte `h` that has the sign and a low one `l` that has none. So a sum of products is
//! `2^16 sum(h h') + 2^8 sum(h l' + l h') + sum(l l')`: three sums, each exact in 32 bits over a run, for four products of bytes in place of one of integers.
//! A processor that has such tiles multiplies bytes at sixteen times the rate at which its vectors multiply 16-bit integers.

use super::pack::{Pack, STALE, Terms, rounded, turn};
use super::product::{Product, put};
use super::{Place, RUN, Run, TOGETHER};
use crate::level::TilesKernel;
use crate::vector::{Aligned, LANES, Lanes, Pairs, Step, Sums, TERMS, Tiles};
use std::ops::Range;

/// Rows of a right factor's tile that sixteen terms fill.
const ROWS: usize = TOGETHER / 4;

/// Groups of columns that are computed together. Their run fills 16 kB of a first-level cache, through which a left factor passes.
const BLOCKS: usize = 2;

/// The steps of a run.
fn steps(run: &[f32]) -> &[Step] {
    run.as_chunks().0.as_chunks().0.as_chunks().0
}

fn steps_mut(run: &mut [f32]) -> &mut [Step] {
    run.as_chunks_mut().0.as_chunks_mut().0.as_chunks_mut().0
}

impl TilesKernel for Pack<'_, '_, '_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(mut self) {
        let mut squares = STALE;
        // SAFETY: the instructions are the caller's.
        unsafe {
            let terms = self.read::<<T::Pairs as Pairs>::Floats>(&mut squares);
            let scales = <T::Pairs as Pairs>::Floats::load(terms.scales.as_ptr());
            let mut turned = Aligned([[[0.0; LANES]; LANES]; 2]);
            for (step, to) in steps_mut(self.cell.integers).iter_mut().enumerate() {
                for quarter in 0..TERMS / TOGETHER {
                    let sixteen = terms.sixteen(step * TERMS + quarter * TOGETHER);
                    cut::<T>(sixteen, scales, &mut turned.0, quarter * ROWS);
                }
                transpose::<T>(&turned.0, to);
            }
        }
    }
}

/// A left factor from a right one, or the other way.
///
/// # Safety
/// The instructions must be available.
#[inline(always)]
unsafe fn transpose<T: Tiles>(step: &Step, to: &mut Step) {
    for (tile, to) in step.iter().zip(to) {
        // SAFETY: the instructions are the caller's.
        unsafe { turn::<<T::Pairs as Pairs>::Floats>(tile, to.as_flattened_mut().as_mut_ptr()) };
    }
}

impl Terms<'_> {
    /// Sixteen terms from the given one on, or as many as there are.
    fn sixteen(&self, first: usize) -> &[[f32; LANES]] {
        let (from, first) = match first < self.rows.len() {
            true => (self.rows, first),
            false => (self.turned, first - self.rows.len()),
        };
        &from[first.min(from.len())..(first + TOGETHER).min(from.len())]
    }
}

/// Writes sixteen terms of each vector to rows of a right factor's tiles: zeros where there are fewer.
///
/// # Safety
/// The instructions must be available.
#[inline(always)]
unsafe fn cut<T: Tiles>(
    terms: &[[f32; LANES]],
    scales: <T::Pairs as Pairs>::Floats,
    [high, low]: &mut Step,
    first: usize,
) {
    let (pairs, _) = terms.as_chunks();
    for row in 0..ROWS {
        // SAFETY: every array is a vector; the instructions are the caller's.
        unsafe {
            let pair = |at: usize| match pairs.get(at) {
                Some([first, second]) => rounded::<T::Pairs>(first, second, scales),
                None => T::Pairs::zero(),
            };
            let cut = T::cut(pair(2 * row), pair(2 * row + 1));
            for (tile, bytes) in [&mut *high, &mut *low].into_iter().zip(cut) {
                bytes.store(tile[first + row].as_mut_ptr().cast());
            }
        }
    }
}

impl TilesKernel for Product<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(self) {
        let apart = self.place.panel();
        let Place { rows, columns, factor, keep } = self.place;
        let mut sums = Aligned([[[0; LANES]; LANES]; 3]);
        let mut right = Aligned([[[[[0.0; LANES]; LANES]; 2]; RUN / TERMS]; BLOCKS]);
        // What was added up is put in its place while the next products are computed.
        let mut last: Option<Square<'_>> = None;
        // SAFETY: every panel has whole groups of rows; the instructions are the caller's.
        unsafe {
            let mut tiles = T::begin();
            for (first, panels) in columns.step_by(BLOCKS * TOGETHER).zip(self.to.chunks_mut((BLOCKS * apart).max(1))) {
                for run in 0..self.a.sizes()[1].div_ceil(RUN) {
                    let keep = if run == 0 { keep } else { 1.0 };
                    let blocks = (panels.len() / apart).min(BLOCKS);
                    let b: [Run<'_>; BLOCKS] =
                        std::array::from_fn(|block| self.b.run(first + block.min(blocks - 1) * TOGETHER, run));
                    for (b, right) in b.iter().zip(&mut right.0).take(blocks) {
                        steps(b.integers).iter().zip(right).for_each(|(step, right)| transpose::<T>(step, right));
                    }
                    for row in (0..apart / LANES).step_by(TOGETHER) {
                        let a = self.a.run(rows.start + row, run);
                        for (block, panel) in panels.chunks_exact_mut(apart).enumerate() {
                            let a_steps = steps(a.integers);
                            tiles.clear();
                            for (step, (left, right)) in a_steps.iter().zip(&right.0[block]).enumerate() {
                                tiles.add_products(left, right);
                                if let Some(last) = &last {
                                    let rows = |step: usize| step * TOGETHER / a_steps.len();
                                    last.put::<T>(&sums.0, rows(step)..rows(step + 1));
                                }
                            }
                            tiles.store(&mut sums.0);
                            let to = panel[row * LANES..].as_mut_ptr();
                            last = Some(Square { a: a.units, b: b[block].units, factor, keep, to });
                        }
                    }
                }
            }
            if let Some(last) = last {
                last.put::<T>(&sums.0, 0..TOGETHER);
            }
        }
    }
}

/// Sixteen rows by sixteen columns of a product: the units of both, and where it goes.
struct Square<'a> {
    a: &'a [f32; LANES],
    b: &'a [f32; LANES],
    factor: f32,
    keep: f32,
    to: *mut f32,
}

impl Square<'_> {
    /// Puts some rows' sums together.
    ///
    /// # Safety
    /// The square must be writable, and the instructions available.
    #[inline(always)]
    unsafe fn put<T: Tiles>(&self, [high, middle, low]: &Sums, rows: Range<usize>) {
        // SAFETY: every row is a vector; the rest is the caller's.
        unsafe {
            let units = <T::Pairs as Pairs>::Floats::load(self.b.as_ptr());
            for row in rows {
                let [high, middle, low] = [high, middle, low].map(|sums| T::Pairs::load(sums[row].as_ptr()));
                let to = self.to.add(row * LANES);
                put::<T::Pairs>(T::join(high, middle, low), units, self.a[row] * self.factor, self.keep, to);
            }
        }
    }
}
