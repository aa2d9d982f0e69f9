//! The portable body: an array that the compiler vectorises as it can.

use super::{LANES, Lanes, Register, Vector};

/// Sixteen lanes in an array.
#[derive(Clone, Copy)]
pub struct Array(pub(super) [f32; LANES]);

// The methods are unsafe by the trait's contract; only the pointers need care here.
impl Lanes for Array {
    #[inline(always)]
    unsafe fn zero() -> Self {
        Array([0.0; LANES])
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Array([x; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for sixteen readable floats; an unaligned read asks for no more.
        Array(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for sixteen writable floats; an unaligned write asks for no more.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(mut self, other: Self) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane += other;
        }
        self
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, mut addend: Self) -> Self {
        for lane in 0..LANES {
            addend.0[lane] = self.0[lane].mul_add(factor.0[lane], addend.0[lane]);
        }
        addend
    }

    #[inline(always)]
    unsafe fn mul(mut self, other: Self) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane *= other;
        }
        self
    }

    #[inline(always)]
    unsafe fn lesser(mut self, other: Self) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane = if *lane < other { *lane } else { other };
        }
        self
    }

    #[inline(always)]
    unsafe fn greater(mut self, other: Self) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane = if *lane > other { *lane } else { other };
        }
        self
    }

    #[inline(always)]
    unsafe fn abs(mut self) -> Self {
        for lane in &mut self.0 {
            *lane = lane.abs();
        }
        self
    }
}

impl Vector for Array {
    const ROWS: usize = 4;
    const TALL: usize = 4;
    const BLOCKS: usize = 1;

    type Double = super::Eight;
    type Register = Self;

    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}

    #[inline(always)]
    unsafe fn prefetch_far(_: *const f32) {}

    #[inline(always)]
    unsafe fn exchange(vectors: [Self; LANES]) -> [Self; LANES] {
        std::array::from_fn(|j| Array(std::array::from_fn(|i| vectors[i].0[j])))
    }

    #[inline(always)]
    unsafe fn doubled(self) -> [super::Eight; 2] {
        [0, 8].map(|first| std::array::from_fn(|lane| f64::from(self.0[first + lane])))
    }

    #[inline(always)]
    unsafe fn sub(mut self, other: Self) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane -= other;
        }
        self
    }

    #[inline(always)]
    unsafe fn relu(mut self) -> Self {
        for lane in &mut self.0 {
            *lane = if *lane < 0.0 { 0.0 } else { *lane };
        }
        self
    }

    #[inline(always)]
    unsafe fn max(mut self, other: Self) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane = if *lane > other || lane.is_nan() { *lane } else { other };
        }
        self
    }

    #[inline(always)]
    unsafe fn where_positive(mut self, mask: Self) -> Self {
        for (lane, mask) in self.0.iter_mut().zip(mask.0) {
            *lane = if mask > 0.0 { *lane } else { 0.0 };
        }
        self
    }

    #[inline(always)]
    unsafe fn split_where_equal(self, x: Self, y: Self) -> (Self, Self) {
        let (mut here, mut rest) = (self, self);
        for lane in 0..LANES {
            if x.0[lane] == y.0[lane] {
                rest.0[lane] = 0.0;
            } else {
                here.0[lane] = 0.0;
            }
        }
        (here, rest)
    }
}

impl Register for Array {
    const LANES: usize = LANES;
    // Of no consequence but one: the loops for many registers are tested on every machine.
    const MANY: bool = true;

    type Mask = [bool; LANES];

    #[inline(always)]
    unsafe fn positive(self) -> [bool; LANES] {
        self.0.map(|x| x > 0.0)
    }

    #[inline(always)]
    unsafe fn is_zero(self) -> [bool; LANES] {
        self.0.map(|x| x == 0.0)
    }

    #[inline(always)]
    unsafe fn store_bits(lanes: [bool; LANES], to: *mut u8) {
        let bits = lanes.iter().rev().fold(0u16, |bits, &lane| bits << 1 | u16::from(lane));
        // SAFETY: the caller vouches for two writable bytes.
        unsafe { to.cast::<u16>().write_unaligned(bits) }
    }

    #[inline(always)]
    unsafe fn kept(self, lanes: [bool; LANES]) -> Self {
        self.chosen(lanes, Array([0.0; LANES]))
    }

    #[inline(always)]
    unsafe fn add_where(self, lanes: [bool; LANES], addend: Self) -> Self {
        // SAFETY: no instruction is asked for.
        unsafe { self.add(addend) }.chosen(lanes, self)
    }

    #[inline(always)]
    unsafe fn mul_add_where(self, factor: Self, lanes: [bool; LANES], addend: Self) -> Self {
        // SAFETY: no instruction is asked for.
        unsafe { self.mul_add(factor, addend) }.chosen(lanes, addend)
    }

    #[inline(always)]
    unsafe fn lesser_where(self, lanes: [bool; LANES], other: Self) -> Self {
        // SAFETY: no instruction is asked for.
        unsafe { self.lesser(other) }.chosen(lanes, other)
    }

    #[inline(always)]
    unsafe fn greater_where(self, lanes: [bool; LANES], other: Self) -> Self {
        // SAFETY: no instruction is asked for.
        unsafe { self.greater(other) }.chosen(lanes, other)
    }
}

impl Array {
    /// The lanes of this vector that are chosen, those of the other elsewhere.
    #[inline(always)]
    fn chosen(mut self, lanes: [bool; LANES], other: Self) -> Self {
        for lane in 0..LANES {
            self.0[lane] = if lanes[lane] { self.0[lane] } else { other.0[lane] };
        }
        self
    }
}
