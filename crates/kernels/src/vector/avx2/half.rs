//! One 256-bit register.

use super::super::{Lanes, Register};
use core::arch::x86_64::*;

/// Eight lanes in one AVX register.
#[derive(Clone, Copy)]
pub struct Half(pub(super) __m256);

impl Lanes for Half {
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_set1_ps(x)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for AVX2 and for eight readable floats.
        unsafe { Half(_mm256_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for AVX2 and for eight writable floats.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_add_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_fmadd_ps(self.0, factor.0, addend.0)) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_mul_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn lesser(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_min_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn greater(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_max_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0)) }
    }
}

impl Register for Half {
    const LANES: usize = 8;
    const MANY: bool = false;

    /// All bits of a lane that is chosen, none of another.
    type Mask = __m256;

    #[inline(always)]
    unsafe fn positive(self) -> __m256 {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, _mm256_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn is_zero(self) -> __m256 {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, _mm256_setzero_ps()) }
    }

    // What is not chosen adds a zero, which changes no sum but a negative zero.
    #[inline(always)]
    unsafe fn add_where(self, lanes: __m256, addend: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { self.add(addend.kept(lanes)) }
    }

    // Of both factors, since the other may be infinite.
    #[inline(always)]
    unsafe fn mul_add_where(self, factor: Self, lanes: __m256, addend: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { self.kept(lanes).mul_add(factor.kept(lanes), addend) }
    }

    #[inline(always)]
    unsafe fn lesser_where(self, lanes: __m256, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { self.nan_outside(lanes).lesser(other) }
    }

    #[inline(always)]
    unsafe fn greater_where(self, lanes: __m256, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { self.nan_outside(lanes).greater(other) }
    }
}

impl Half {
    /// Those lanes, and zero elsewhere.
    ///
    /// # Safety
    /// The processor must have AVX2.
    #[inline(always)]
    unsafe fn kept(self, lanes: __m256) -> Self {
        // SAFETY: the caller vouches for AVX2.
        unsafe { Half(_mm256_and_ps(self.0, lanes)) }
    }

    /// Those lanes, and a NaN elsewhere: all bits.
    ///
    /// # Safety
    /// The processor must have AVX2.
    #[inline(always)]
    unsafe fn nan_outside(self, lanes: __m256) -> Self {
        // SAFETY: the caller vouches for AVX2.
        unsafe {
            let all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
            Half(_mm256_or_ps(self.0, _mm256_xor_ps(lanes, all)))
        }
    }
}
