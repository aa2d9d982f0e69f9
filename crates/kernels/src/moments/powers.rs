//! The sums of the first four powers, in the lanes of a register.

use crate::vector::Register;

/// What the lanes add up: fields rather than arrays, which the compiler would not keep in registers.
#[derive(Clone, Copy)]
pub(super) struct Powers<R> {
    s1: R,
    s2: R,
    s3: R,
    s4: R,
}

impl<R: Register> Powers<R> {
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        // SAFETY: the level is the caller's.
        let zero = unsafe { R::zero() };
        Powers { s1: zero, s2: zero, s3: zero, s4: zero }
    }

    /// Adds the powers of `d`, whose square is known.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn add(&mut self, d: R, square: R) {
        // SAFETY: the level is the caller's.
        unsafe {
            self.s1 = self.s1.add(d);
            self.s2 = self.s2.add(square);
            self.s3 = square.mul_add(d, self.s3);
            self.s4 = square.mul_add(square, self.s4);
        }
    }

    /// The same in some lanes only.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn add_where(&mut self, lanes: R::Mask, d: R, square: R) {
        // SAFETY: the level is the caller's.
        unsafe {
            self.s1 = self.s1.add_where(lanes, d);
            self.s2 = self.s2.add_where(lanes, square);
            self.s3 = square.mul_add_where(d, lanes, self.s3);
            self.s4 = square.mul_add_where(square, lanes, self.s4);
        }
    }

    pub(super) fn sums(self) -> [R; 4] {
        [self.s1, self.s2, self.s3, self.s4]
    }
}
