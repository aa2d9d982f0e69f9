//! Vectors of `f32` to fixed point.

use super::{Cell, Form, NORM, RUN, TOGETHER};
use crate::level::{Kernel, PairsKernel, run, run_pairs, run_tiles};
use crate::matmul::Matrix;
use crate::matmul::pack::pack;
use crate::vector::{Aligned, LANES, Lanes, Pairs, Vector, load_rows};
use std::mem::MaybeUninit;

/// Sums of squares that are added side by side, to hide the latency of an addition.
const SUMS: usize = 4;

/// A run whose squares sum to less counts as zeros: squares are exact enough down to here. Its norm is below 2^-50.
const LEAST: f32 = 1.0 / (1u128 << 100) as f32;

/// Added to a number below 2^22, it leaves the nearest integer in the lower bits of the sum, the even one of two.
const ROUNDING: f32 = 1.5 * (1 << 23) as f32;

/// Sixteen rows of a panel.
pub type Square = [[f32; TOGETHER]; TOGETHER];

impl Cell<'_> {
    /// Takes the run's terms from panels: the first from `rows`, whose columns are the vectors; the others, from the beginning of a group on, from squares
    /// whose rows are, told by their first term. What stands behind the last term must be zeros.
    ///
    /// Vectors whose squares sum to no finite number become NaN.
    ///
    /// # Panics
    /// When `rows` are no whole groups but fewer than the terms, or than the terms with a zero behind them where they are odd.
    #[track_caller]
    pub fn pack<'a>(&mut self, rows: &[[f32; TOGETHER]], square: impl Fn(usize) -> &'a Square) {
        let fit = rows.len() >= self.terms.len().next_multiple_of(2) || rows.len().is_multiple_of(TOGETHER);
        assert!(fit, "pack: {} rows for terms {:?}", rows.len(), self.terms);
        let form = self.form;
        let pack = Pack { rows, square: &square, cell: self };
        match form {
            Form::Pairs => run_pairs(pack),
            Form::Tiles => run_tiles(pack),
        }
    }
}

/// Copies a matrix of at most sixteen columns to a panel: in row-major order, with zeros up to sixteen columns and to the panel's end.
///
/// # Panics
/// When the panel is too short.
#[track_caller]
pub fn copy_to_panel(matrix: Matrix<'_>, panel: &mut [f32]) {
    let [rows, columns] = matrix.sizes();
    assert!(columns <= LANES && panel.len() / LANES >= rows, "panel of {} elements: {:?}", panel.len(), matrix.sizes());
    run(Copied { matrix, panel });
}

struct Copied<'a> {
    matrix: Matrix<'a>,
    panel: &'a mut [f32],
}

impl Kernel for Copied<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Copied { matrix, panel } = self;
        let rows = matrix.sizes()[0];
        // SAFETY: the level is the caller's.
        unsafe { pack::<V>(matrix, LANES, panel) };
        panel[rows * LANES..].fill(0.0);
    }
}

/// A cell, and where its terms come from.
pub(super) struct Pack<'a, 'square, 'cell> {
    pub rows: &'a [[f32; LANES]],
    pub square: &'a dyn Fn(usize) -> &'square Square,
    pub cell: &'a mut Cell<'cell>,
}

/// Squares of a run that are turned, so that their vectors are lanes.
pub(super) type Turned = Aligned<[MaybeUninit<Square>; RUN / TOGETHER]>;

/// Any squares.
pub(super) const STALE: Turned = Aligned([MaybeUninit::uninit(); RUN / TOGETHER]);

/// The terms of a run, a vector a lane: in [`Pack::rows`], and those behind in turned squares; and what to multiply each vector with.
pub(super) struct Terms<'a> {
    pub rows: &'a [[f32; LANES]],
    pub turned: &'a [[f32; LANES]],
    pub scales: [f32; LANES],
}

impl<'a> Pack<'a, '_, '_> {
    /// Reads the terms, and writes what the vectors' units are worth.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn read<'t, V: Vector>(&mut self, Aligned(turned): &'t mut Turned) -> Terms<'t>
    where
        'a: 't,
    {
        let Pack { rows, square, cell: Cell { units, terms, .. } } = self;
        // Where terms are odd, the last has a zero beside it.
        let rows = &rows[..rows.len().min(terms.len().next_multiple_of(2))];
        let squares = terms.len().next_multiple_of(TOGETHER).saturating_sub(rows.len()) / TOGETHER;
        // SAFETY: the squares that are read were written; the level is the caller's.
        unsafe {
            let mut sums = [V::zero(); SUMS];
            add_squares(rows, &mut sums);
            for (at, to) in turned[..squares].iter_mut().enumerate() {
                let first = terms.start + rows.len() + at * TOGETHER;
                if first + TOGETHER < terms.end {
                    ask_for::<V>(square(first + TOGETHER));
                }
                turn::<V>(square(first), to.as_mut_ptr().cast());
                add_squares(to.assume_init_ref(), &mut sums);
            }
            let turned = turned[..squares].assume_init_ref().as_flattened();
            Terms { rows, turned, scales: scales(total(sums), units) }
        }
    }
}

impl PairsKernel for Pack<'_, '_, '_> {
    #[inline(always)]
    unsafe fn run<P: Pairs>(mut self) {
        let mut turned = STALE;
        // SAFETY: the level is the caller's.
        unsafe {
            let Terms { rows, turned, scales } = self.read::<P::Floats>(&mut turned);
            let (of_rows, of_turned) = self.cell.integers.as_chunks_mut().0.split_at_mut(rows.len() / 2);
            round::<P>(rows, &scales, of_rows);
            round::<P>(turned, &scales, of_turned);
        }
    }
}

/// Asks for a square to be on its way to a cache: those of one run lie in as many panels, which no processor foresees.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn ask_for<V: Vector>(square: &Square) {
    for row in square {
        // SAFETY: the level is the caller's.
        unsafe { V::prefetch(row.as_ptr()) };
    }
}

/// # Safety
/// There must be room for a square at `to`, and the level's instructions available.
#[inline(always)]
pub(super) unsafe fn turn<V: Vector>(square: &Square, to: *mut f32) {
    // SAFETY: every row is a vector; the rest is the caller's.
    unsafe {
        for (row, vector) in V::exchange(load_rows(square)).into_iter().enumerate() {
            vector.store(to.add(row * LANES));
        }
    }
}

/// Adds each lane's squares.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn add_squares<V: Vector>(terms: &[[f32; LANES]], sums: &mut [V; SUMS]) {
    let (whole, rest) = terms.as_chunks::<SUMS>();
    // SAFETY: every array is a vector; the level is the caller's.
    unsafe {
        for vectors in whole {
            for at in 0..SUMS {
                let x = V::load(vectors[at].as_ptr());
                sums[at] = x.mul_add(x, sums[at]);
            }
        }
        for vector in rest {
            let x = V::load(vector.as_ptr());
            sums[0] = x.mul_add(x, sums[0]);
        }
    }
}

/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn total<V: Vector>([a, b, c, d]: [V; SUMS]) -> [f32; LANES] {
    let mut total = [0.0; LANES];
    // SAFETY: the array is a vector; the level is the caller's.
    unsafe { a.add(b).add(c.add(d)).store(total.as_mut_ptr()) };
    total
}

/// What to multiply each vector with; what its unit is worth then goes to `units`.
fn scales(squares: [f32; LANES], units: &mut [f32; LANES]) -> [f32; LANES] {
    let mut scales = [0.0; LANES];
    for lane in 0..LANES {
        let norm = squares[lane].sqrt();
        (scales[lane], units[lane]) = match squares[lane] {
            square if !square.is_finite() => (0.0, f32::NAN),
            LEAST.. => (NORM / norm, norm / NORM),
            _ => (0.0, 0.0),
        };
    }
    scales
}

/// Scaled and rounded, two terms side by side.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn round<P: Pairs>(run: &[[f32; LANES]], scales: &[f32; LANES], pairs: &mut [[f32; LANES]]) {
    // SAFETY: every array is a vector; the level is the caller's.
    unsafe {
        let scales = P::Floats::load(scales.as_ptr());
        for ([first, second], pair) in run.as_chunks().0.iter().zip(pairs) {
            rounded::<P>(first, second, scales).store(pair.as_mut_ptr().cast());
        }
    }
}

/// Two terms side by side.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
pub(super) unsafe fn rounded<P: Pairs>(first: &[f32; LANES], second: &[f32; LANES], scales: P::Floats) -> P {
    // SAFETY: every array is a vector; the level is the caller's.
    unsafe {
        let rounding = P::Floats::splat(ROUNDING);
        let first = P::Floats::load(first.as_ptr()).mul_add(scales, rounding);
        P::of_lower_halves(first, P::Floats::load(second.as_ptr()).mul_add(scales, rounding))
    }
}
