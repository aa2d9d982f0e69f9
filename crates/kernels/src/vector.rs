//! Sixteen lanes of `f32` at each instruction-set level.
//!
//! The width is the same everywhere, whatever the registers hold: one 512-bit register, two of 256 bits, or an
//! array. So an algorithm written over [`Vector`] gives the same bits at every level.

mod array;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

pub use array::Array;
#[cfg(target_arch = "x86_64")]
pub use {avx2::Avx2, avx512::Avx512};

/// Lanes of a vector.
pub const LANES: usize = 16;

/// Sixteen `f32` that are computed together.
///
/// Implementations are `#[inline(always)]` and are called only under the instruction set they are written for
/// (see [`crate::level`]): that is the contract of every `unsafe` method here, besides valid pointers.
pub trait Vector: Copy {
    /// Pixels that a convolution's register tile holds, for two vectors of channels each: what fits the registers.
    const PIXELS: usize;

    /// All lanes zero.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn zero() -> Self;

    /// All lanes `x`.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn splat(x: f32) -> Self;

    /// Sixteen floats from `from`, unaligned.
    ///
    /// # Safety
    /// `from` must be valid for reading [`LANES`] floats, and the level's instructions available.
    unsafe fn load(from: *const f32) -> Self;

    /// Sixteen floats to `to`, unaligned.
    ///
    /// # Safety
    /// `to` must be valid for writing [`LANES`] floats, and the level's instructions available.
    unsafe fn store(self, to: *mut f32);

    /// `self + other`, lane by lane.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn add(self, other: Self) -> Self;

    /// `self * factor + addend`, rounded once.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
}
