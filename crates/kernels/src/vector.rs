//! Sixteen lanes of `f32` at each instruction-set level.
//!
//! The width is the same everywhere, whatever the registers hold: one 512-bit register, two of 256 bits, or an
//! array. So an algorithm written over [`Vector`] gives the same bits at every level.

#[cfg(target_arch = "x86_64")]
mod amx;
mod array;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod double;
mod lanes;
mod pairs;
mod tiles;

pub use array::Array;
pub use double::{Double, Eight};
pub use lanes::{Lanes, Register};
pub use pairs::{ArrayPairs, Pairs};
pub use tiles::{ArrayTiles, Step, Sums, TERMS, Tile, Tiles};
#[cfg(target_arch = "x86_64")]
pub use {amx::Amx, avx2::Avx2, avx2::Avx2Pairs, avx512::Avx512, avx512::Avx512Pairs};

/// Lanes of a vector.
pub const LANES: usize = 16;

/// Begins at a cache line: no vector in it straddles two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Aligned<T>(pub T);

/// Sixteen `f32` that are computed together.
///
/// Implementations are `#[inline(always)]` and are called only under the instruction set they are written for
/// (see [`crate::level`]): that is the contract of every `unsafe` method here, besides valid pointers.
pub trait Vector: Lanes {
    /// Rows of a register tile: pixels, tiles or taps whose elements are broadcast. Rows times [`BLOCKS`](Vector::BLOCKS) accumulators fit the
    /// registers and hide the latency of a multiply-add.
    const ROWS: usize;

    /// The same where the tile has the registers for itself.
    const TALL: usize;

    /// Lanes of `f64` at the same level.
    type Double: Double;

    /// The lanes of one register.
    type Register: Register;

    /// Vectors in a row of a register tile.
    const BLOCKS: usize;

    /// Stores the lanes that are not zero next to each other, with anything behind them; returns their number.
    ///
    /// # Safety
    /// `to` must be valid for writing [`LANES`] floats, and the level's instructions available.
    #[inline(always)]
    unsafe fn store_nonzero(self, to: *mut f32) -> usize {
        let mut lanes = [0.0; LANES];
        // SAFETY: the array has room for a vector; the level is the caller's.
        unsafe { self.store(lanes.as_mut_ptr()) };
        let mut count = 0;
        for lane in lanes {
            // SAFETY: fewer than sixteen were stored before.
            unsafe { to.add(count).write(lane) };
            count += usize::from(lane != 0.0);
        }
        count
    }

    /// Asks for the cache line at `from`, which need not exist, to be on its way to a cache.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn prefetch(from: *const f32);

    /// The same into the second cache, for what is long in coming and not needed soon.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn prefetch_far(from: *const f32);

    /// Lane `j` of vector `i` as lane `i` of vector `j`.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn exchange(vectors: [Self; LANES]) -> [Self; LANES];

    /// The lanes as `f64`: the first eight, and the others.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn doubled(self) -> [Self::Double; 2];

    /// `self - other`, lane by lane.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn sub(self, other: Self) -> Self;

    /// Zero where a lane is below zero, the lane elsewhere; a NaN stays one.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn relu(self) -> Self;

    /// `self` where it is greater than `other` or a NaN, `other` elsewhere: a NaN of either stays one.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn max(self, other: Self) -> Self;

    /// `self` where `mask` is above zero, zero elsewhere.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn where_positive(self, mask: Self) -> Self;

    /// Splits `self` into what lies where `x` equals `y`, and the rest: zeros fill the gaps of both.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn split_where_equal(self, x: Self, y: Self) -> (Self, Self);
}

/// Sixteen rows as vectors.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
pub(crate) unsafe fn load_rows<V: Vector>(rows: &[[f32; LANES]; LANES]) -> [V; LANES] {
    // A loop, not a closure, which the compiler may leave a function of its own, outside the level.
    // SAFETY: a row is a vector; the level is the caller's.
    unsafe {
        let mut vectors = [V::zero(); LANES];
        for (vector, row) in vectors.iter_mut().zip(rows) {
            *vector = V::load(row.as_ptr());
        }
        vectors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{Kernel, Level, run_at};

    struct Exchange<'a>(&'a [f32], &'a mut [f32]);

    impl Kernel for Exchange<'_> {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            assert!(self.0.len() == LANES * LANES && self.1.len() == LANES * LANES);
            // SAFETY: both have sixteen vectors; the level is the caller's.
            unsafe {
                let vectors = std::array::from_fn(|at| V::load(self.0.as_ptr().add(at * LANES)));
                for (at, vector) in V::exchange(vectors).into_iter().enumerate() {
                    vector.store(self.1.as_mut_ptr().add(at * LANES));
                }
            }
        }
    }

    #[test]
    fn lanes_and_vectors_are_exchanged() {
        let from: Vec<f32> = (0..LANES * LANES).map(|at| at as f32).collect();
        for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
            let mut to = vec![0.0; LANES * LANES];
            run_at(level, Exchange(&from, &mut to));
            for (at, &x) in to.iter().enumerate() {
                assert_eq!(x as usize, at % LANES * LANES + at / LANES, "{level}");
            }
        }
    }
}
