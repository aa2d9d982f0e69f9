//! The loop over two factors in fixed point.

use super::{Factor, Form, RUN, Run, TOGETHER};
use crate::level::{PairsKernel, run_pairs, run_tiles};
use crate::vector::{LANES, Lanes, Pairs, Vector};
use std::ops::Range;

/// Which part of a product is computed, and what becomes of what was there before.
#[derive(Clone, Debug)]
pub struct Place {
    /// Vectors of the left factor, from the beginning of a group on.
    pub rows: Range<usize>,
    /// Vectors of the right factor, from the beginning of a group on.
    pub columns: Range<usize>,
    /// What the product is multiplied with.
    pub factor: f32,
    /// What is there before is multiplied with this and kept. Zero keeps nothing, not even a NaN.
    pub keep: f32,
}

impl Place {
    /// Elements of each panel: of [`TOGETHER`] columns all rows, with more of them up to whole groups.
    pub(super) fn panel(&self) -> usize {
        self.rows.len().next_multiple_of(TOGETHER) * LANES
    }

    /// Elements of all panels.
    pub fn elements(&self) -> usize {
        self.columns.len().div_ceil(TOGETHER) * self.panel()
    }
}

/// `to = keep to + factor a b^T`: the scalar products of the place's rows with its columns. They lie in panels of sixteen columns, a panel in row-major
/// order. Where rows or columns are no whole groups, zeros are added.
///
/// # Panics
/// When the sizes do not fit, or the place does not begin with a group.
#[track_caller]
pub fn multiply_add(a: &Factor, b: &Factor, place: Place, to: &mut [f32]) {
    let Place { rows, columns, .. } = &place;
    let fit = a.terms == b.terms && rows.end <= a.vectors && columns.end <= b.vectors;
    let begin = rows.start.is_multiple_of(TOGETHER) && columns.start.is_multiple_of(TOGETHER);
    assert!(
        fit && begin && to.len() == place.elements(),
        "{place:?} of {:?} by {:?} to {} elements",
        a.sizes(),
        b.sizes(),
        to.len()
    );
    let product = Product { a, b, place, to };
    match a.form {
        _ if a.terms == 0 => product.keep(),
        Form::Pairs => run_pairs(product),
        Form::Tiles => run_tiles(product),
    }
}

pub(super) struct Product<'a> {
    pub a: &'a Factor,
    pub b: &'a Factor,
    pub place: Place,
    pub to: &'a mut [f32],
}

impl PairsKernel for Product<'_> {
    #[inline(always)]
    unsafe fn run<P: Pairs>(mut self) {
        let columns = self.place.columns.clone();
        let mut first = columns.start;
        while first < columns.end {
            let blocks = blocks::<P>((columns.end - first).div_ceil(TOGETHER));
            // SAFETY: the level is the caller's.
            unsafe {
                match blocks {
                    3 => self.columns::<P, 3>(first),
                    2 => self.columns::<P, 2>(first),
                    _ => self.columns::<P, 1>(first),
                }
            }
            first += blocks * TOGETHER;
        }
    }
}

/// How many groups of columns are computed next. One alone is too few to hide the latency of a multiplication.
#[inline(always)]
fn blocks<P: Pairs>(left: usize) -> usize {
    match left {
        4 => P::BLOCKS.min(2),
        _ => P::BLOCKS.min(left),
    }
}

impl Product<'_> {
    /// The product where there are no terms.
    fn keep(self) {
        let keep = self.place.keep;
        self.to.iter_mut().for_each(|x| *x = if keep == 0.0 { 0.0 } else { keep * *x });
    }

    /// `B` groups of columns.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn columns<P: Pairs, const B: usize>(&mut self, first: usize) {
        let apart = self.place.panel();
        let Place { rows, columns, factor, keep } = &self.place;
        let to = &mut self.to[(first - columns.start) / TOGETHER * apart..][..B * apart];
        for run in 0..self.a.terms.div_ceil(RUN) {
            let b: [Run<'_>; B] = std::array::from_fn(|block| self.b.run(first + block * TOGETHER, run));
            let keep = if run == 0 { *keep } else { 1.0 };
            for row in (0..apart / LANES).step_by(P::Floats::ROWS) {
                let lane = row % TOGETHER;
                let tile = Tile { a: self.a.run(rows.start + row, run), lane, b, factor: *factor, keep };
                let to = Rows { first: to[row * LANES..].as_mut_ptr(), apart };
                // SAFETY: each of B panels has whole groups of rows from this one on; the level is the caller's.
                unsafe {
                    match (P::Floats::ROWS, keep == 0.0) {
                        (8, true) => tile.compute::<P, 8, false>(to),
                        (8, false) => tile.compute::<P, 8, true>(to),
                        (_, true) => tile.compute::<P, 4, false>(to),
                        (_, false) => tile.compute::<P, 4, true>(to),
                    }
                }
            }
        }
    }
}

/// Some rows by `B` groups of columns, in one run.
struct Tile<'a, const B: usize> {
    a: Run<'a>,
    /// The first of the rows within its group.
    lane: usize,
    b: [Run<'a>; B],
    factor: f32,
    keep: f32,
}

/// Where a tile goes: the first row of the first panel, and from panel to panel.
#[derive(Clone, Copy)]
struct Rows {
    first: *mut f32,
    apart: usize,
}

impl<const B: usize> Tile<'_, B> {
    /// # Safety
    /// `R` rows of `B` panels must be readable and writable, and the level's instructions available.
    #[inline(always)]
    unsafe fn compute<P: Pairs, const R: usize, const KEEP: bool>(&self, to: Rows) {
        let Tile { a, lane, b, factor, keep } = self;
        let len = a.integers.len();
        assert!(lane + R <= LANES && b.iter().all(|b| b.integers.len() == len) && len.is_multiple_of(LANES));
        // SAFETY: all runs are as long, and the rows lie within a group; the rest is the caller's.
        unsafe {
            let mut sums = [[P::zero(); B]; R];
            for at in (0..len).step_by(LANES) {
                let mut y = [P::zero(); B];
                for block in 0..B {
                    y[block] = P::load(b[block].integers.as_ptr().add(at).cast());
                }
                // Of the next group, which follows, a tile asks for as much as it has rows of its own.
                P::Floats::prefetch(a.integers.as_ptr().wrapping_add(len + lane * len / LANES + at * R / LANES));
                let x = a.integers.as_ptr().add(at + lane).cast::<i32>();
                for r in 0..R {
                    let x = P::splat(*x.add(r));
                    for block in 0..B {
                        sums[r][block] = sums[r][block].add_products(x, y[block]);
                    }
                }
            }
            let mut units = [P::Floats::zero(); B];
            for block in 0..B {
                units[block] = P::Floats::load(b[block].units.as_ptr());
            }
            for r in 0..R {
                for block in 0..B {
                    let to = to.first.add(block * to.apart + r * LANES);
                    let keep = if KEEP { *keep } else { 0.0 };
                    put::<P>(sums[r][block], units[block], a.units[lane + r] * factor, keep, to);
                }
            }
        }
    }
}

/// `to = keep to + sum (units unit)`, in floats.
///
/// # Safety
/// `to` must be valid for a vector, and the level's instructions available.
#[inline(always)]
pub(super) unsafe fn put<P: Pairs>(sum: P, units: P::Floats, unit: f32, keep: f32, to: *mut f32) {
    // SAFETY: the caller's.
    unsafe {
        let (sum, unit) = (sum.to_floats(), units.mul(P::Floats::splat(unit)));
        let total = match keep == 0.0 {
            true => sum.mul(unit),
            false => sum.mul_add(unit, P::Floats::load(to).mul(P::Floats::splat(keep))),
        };
        total.store(to);
    }
}
