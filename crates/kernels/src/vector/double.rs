//! Eight lanes of `f64` at each level: one 512-bit register, two of 256 bits, or an array.

/// Eight `f64` that are computed together, in memory.
pub type Eight = [f64; 8];

/// Eight `f64` that are computed together. As for [`Vector`](super::Vector), every method's contract is that the level's instructions are available.
pub trait Double: Copy {
    /// All lanes `x`.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn splat(x: f64) -> Self;

    /// From memory.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn load(from: &Eight) -> Self;

    /// To memory.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn store(self, to: &mut Eight);

    /// `self * other`, lane by lane.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn mul(self, other: Self) -> Self;

    /// `self * factor + addend`, rounded once.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
}

// The methods are unsafe by the trait's contract alone.
impl Double for Eight {
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        [x; 8]
    }

    #[inline(always)]
    unsafe fn load(from: &Eight) -> Self {
        *from
    }

    #[inline(always)]
    unsafe fn store(self, to: &mut Eight) {
        *to = self;
    }

    #[inline(always)]
    unsafe fn mul(mut self, other: Self) -> Self {
        for lane in 0..8 {
            self[lane] *= other[lane];
        }
        self
    }

    #[inline(always)]
    unsafe fn mul_add(mut self, factor: Self, addend: Self) -> Self {
        for lane in 0..8 {
            self[lane] = self[lane].mul_add(factor[lane], addend[lane]);
        }
        self
    }
}
