//! What a vector and a register have in common, and what is done with the registers of a vector one after the other.

/// Lanes of `f32` that are computed together: a [`Vector`](super::Vector)'s, or a [`Register`]'s.
///
/// The contract is [`Vector`](super::Vector)'s.
pub trait Lanes: Copy {
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

    /// A float for each lane from `from`, unaligned.
    ///
    /// # Safety
    /// `from` must be valid for reading as many floats as there are lanes, and the level's instructions available.
    unsafe fn load(from: *const f32) -> Self;

    /// A float of each lane to `to`, unaligned.
    ///
    /// # Safety
    /// `to` must be valid for writing as many floats as there are lanes, and the level's instructions available.
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

    /// `self * other`, lane by lane.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn mul(self, other: Self) -> Self;

    /// The lesser of the two, `other` where they are equal or one is a NaN.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn lesser(self, other: Self) -> Self;

    /// The greater of the two, `other` where they are equal or one is a NaN.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn greater(self, other: Self) -> Self;

    /// The lanes without their signs.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn abs(self) -> Self;
}

/// As many lanes of a vector as one register holds, for loops that keep many sums: those of one register are added up after those of the other where
/// both do not fit. Lanes know nothing of each other, so their bits are the same.
///
/// Sums to which something is added in some lanes may come out as zeros of either sign where they are negative zeros: whoever adds them to what began at
/// zero does not see which.
pub trait Register: Lanes {
    /// How many: a divisor of [`LANES`](super::LANES).
    const LANES: usize;

    /// Whether there are 32 registers, enough for some twenty sums, and not 16.
    const MANY: bool;

    /// A choice of lanes.
    type Mask: Copy;

    /// The lanes above zero.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn positive(self) -> Self::Mask;

    /// The lanes that are zero, of either sign.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn is_zero(self) -> Self::Mask;

    /// Writes a bit for each lane, set for those lanes.
    ///
    /// # Safety
    /// `to` must be valid for as many bits, and the level's instructions available.
    unsafe fn store_bits(lanes: Self::Mask, to: *mut u8);

    /// `self` in those lanes, zero elsewhere.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn kept(self, lanes: Self::Mask) -> Self;

    /// `self + addend` in those lanes, `self` elsewhere.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn add_where(self, lanes: Self::Mask, addend: Self) -> Self;

    /// `self * factor + addend`, rounded once, in those lanes, `addend` elsewhere.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn mul_add_where(self, factor: Self, lanes: Self::Mask, addend: Self) -> Self;

    /// `self.lesser(other)` in those lanes, `other` elsewhere.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn lesser_where(self, lanes: Self::Mask, other: Self) -> Self;

    /// `self.greater(other)` in those lanes, `other` elsewhere.
    ///
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn greater_where(self, lanes: Self::Mask, other: Self) -> Self;
}
