//! Sixteen sums of products of 16-bit integers at each level: one 512-bit register, two of 256 bits, or an array.

use super::{Array, LANES, Vector};

/// Sixteen 32-bit integers that are computed together, or as many pairs of 16-bit ones. As for [`Vector`], every method's contract is that the level's
/// instructions are available, besides valid pointers.
pub trait Pairs: Copy {
    /// As many `f32` at the same level.
    type Floats: Vector;

    /// Vectors in a row of a register tile of [`ROWS`](Vector::ROWS).
    const BLOCKS: usize;

    /// All lanes zero.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn zero() -> Self;

    /// All lanes `pair`.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn splat(pair: i32) -> Self;

    /// Sixteen integers from `from`, unaligned.
    ///
    /// # Safety
    /// `from` must be valid for reading [`LANES`] integers, and the level's instructions available.
    unsafe fn load(from: *const i32) -> Self;

    /// Sixteen integers to `to`, unaligned.
    ///
    /// # Safety
    /// `to` must be valid for writing [`LANES`] integers, and the level's instructions available.
    unsafe fn store(self, to: *mut i32);

    /// The lower halves of the lanes' bits as pairs, the first's below the second's.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn of_lower_halves(first: Self::Floats, second: Self::Floats) -> Self;

    /// `self` and both products of `x` with `y`, pair by pair, without a look at overflow.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn add_products(self, x: Self, y: Self) -> Self;

    /// The nearest floats, the even one of two.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn to_floats(self) -> Self::Floats;
}

/// Sixteen lanes in an array.
#[derive(Clone, Copy)]
pub struct ArrayPairs(pub(super) [i32; LANES]);

// The methods are unsafe by the trait's contract; only the pointers need care here.
impl Pairs for ArrayPairs {
    type Floats = Array;

    const BLOCKS: usize = 1;

    #[inline(always)]
    unsafe fn zero() -> Self {
        ArrayPairs([0; LANES])
    }

    #[inline(always)]
    unsafe fn splat(pair: i32) -> Self {
        ArrayPairs([pair; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller vouches for sixteen readable integers; an unaligned read asks for no more.
        ArrayPairs(unsafe { from.cast::<[i32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller vouches for sixteen writable integers; an unaligned write asks for no more.
        unsafe { to.cast::<[i32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn of_lower_halves(first: Array, second: Array) -> Self {
        let mut pairs = [0; LANES];
        for lane in 0..LANES {
            pairs[lane] = (first.0[lane].to_bits() & 0xffff | second.0[lane].to_bits() << 16).cast_signed();
        }
        ArrayPairs(pairs)
    }

    #[inline(always)]
    unsafe fn add_products(mut self, x: Self, y: Self) -> Self {
        for lane in 0..LANES {
            let (x, y) = (x.0[lane], y.0[lane]);
            let [low, high] = [i32::from(x as i16) * i32::from(y as i16), (x >> 16) * (y >> 16)];
            self.0[lane] = self.0[lane].wrapping_add(low.wrapping_add(high));
        }
        self
    }

    #[inline(always)]
    unsafe fn to_floats(self) -> Array {
        Array(self.0.map(|lane| lane as f32))
    }
}
