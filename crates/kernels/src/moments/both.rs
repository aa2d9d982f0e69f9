//! What some lanes add up of elements and of what goes on of them.

use super::powers::Powers;
use super::{LANES, add_to, widen};
use crate::vector::Register;

/// Where the sums of the lanes are: of the powers of all elements, and of those that go on; sizes; the extremes.
pub(super) const BEHIND: usize = 4;
pub(super) const SIZES: usize = 8;
pub(super) const SIZES_BEHIND: usize = 9;
pub(super) const MIN: usize = 12;
pub(super) const MAX: usize = 13;
pub(super) const MIN_BEHIND: usize = 14;
pub(super) const MAX_BEHIND: usize = 15;

/// Powers that some lanes add up over a run: of all elements, and of those that go on.
pub(super) struct BothPowers<R> {
    own: Powers<R>,
    behind: Powers<R>,
}

impl<R: Register> BothPowers<R> {
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        // SAFETY: the level is the caller's.
        let powers = unsafe { Powers::new() };
        BothPowers { own: powers, behind: powers }
    }

    /// Adds those of `d`.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn add(&mut self, d: R, goes_on: R::Mask) {
        // SAFETY: the level is the caller's.
        unsafe {
            let square = d.mul(d);
            self.own.add(d, square);
            self.behind.add_where(goes_on, d, square);
        }
    }

    /// Adds the lanes to the rows, of which they are those from `lane` on.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn flush(&self, lane: usize, rows: &mut [[f32; LANES]; LANES]) {
        // SAFETY: the level is the caller's.
        unsafe {
            add_to(self.own.sums(), lane, rows);
            add_to(self.behind.sums(), lane, &mut rows[BEHIND..]);
        }
    }
}

/// The same of sizes. Behind no gate they follow from other sums.
pub(super) struct BothSizes<R> {
    own: R,
    behind: R,
    min: R,
    max: R,
    min_behind: R,
    max_behind: R,
}

impl<R: Register> BothSizes<R> {
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        // SAFETY: the level is the caller's.
        unsafe {
            let (zero, top, bottom) = (R::zero(), R::splat(f32::INFINITY), R::splat(f32::NEG_INFINITY));
            BothSizes { own: zero, behind: zero, min: top, max: bottom, min_behind: top, max_behind: bottom }
        }
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn add<const GATED: bool>(&mut self, x: R, goes_on: R::Mask) {
        // SAFETY: the level is the caller's.
        unsafe {
            self.min = x.lesser(self.min);
            self.max = x.greater(self.max);
            if GATED {
                let size = x.abs();
                self.own = self.own.add(size);
                self.behind = self.behind.add_where(goes_on, size);
                self.min_behind = x.lesser_where(goes_on, self.min_behind);
                self.max_behind = x.greater_where(goes_on, self.max_behind);
            }
        }
    }

    /// Adds the lanes to the rows, of which they are those from `lane` on.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(super) unsafe fn flush<const GATED: bool>(&self, lane: usize, rows: &mut [[f32; LANES]; LANES]) {
        // SAFETY: the level is the caller's.
        unsafe {
            widen([self.min, self.max], lane, &mut rows[MIN..]);
            if GATED {
                add_to([self.own, self.behind], lane, &mut rows[SIZES..]);
                widen([self.min_behind, self.max_behind], lane, &mut rows[MIN_BEHIND..]);
            }
        }
    }
}
