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

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2Double, Avx512Double};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Double, Eight};
    use core::arch::x86_64::*;

    /// Eight lanes in two AVX registers.
    #[derive(Clone, Copy)]
    pub struct Avx2Double(__m256d, __m256d);

    impl Double for Avx2Double {
        #[inline(always)]
        unsafe fn splat(x: f64) -> Self {
            // SAFETY: the caller vouches for AVX2 and FMA.
            unsafe { Avx2Double(_mm256_set1_pd(x), _mm256_set1_pd(x)) }
        }

        #[inline(always)]
        unsafe fn load(from: &Eight) -> Self {
            // SAFETY: the caller vouches for AVX2 and FMA; both halves lie in the array.
            unsafe { Avx2Double(_mm256_loadu_pd(from.as_ptr()), _mm256_loadu_pd(from.as_ptr().add(4))) }
        }

        #[inline(always)]
        unsafe fn store(self, to: &mut Eight) {
            // SAFETY: the caller vouches for AVX2 and FMA; both halves lie in the array.
            unsafe {
                _mm256_storeu_pd(to.as_mut_ptr(), self.0);
                _mm256_storeu_pd(to.as_mut_ptr().add(4), self.1);
            }
        }

        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            // SAFETY: the caller vouches for AVX2 and FMA.
            unsafe { Avx2Double(_mm256_mul_pd(self.0, other.0), _mm256_mul_pd(self.1, other.1)) }
        }

        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            // SAFETY: the caller vouches for AVX2 and FMA.
            unsafe {
                let [low, high] = [(self.0, factor.0, addend.0), (self.1, factor.1, addend.1)];
                Avx2Double(_mm256_fmadd_pd(low.0, low.1, low.2), _mm256_fmadd_pd(high.0, high.1, high.2))
            }
        }
    }

    /// Eight lanes in one AVX-512 register.
    #[derive(Clone, Copy)]
    pub struct Avx512Double(__m512d);

    impl Double for Avx512Double {
        #[inline(always)]
        unsafe fn splat(x: f64) -> Self {
            // SAFETY: the caller vouches for AVX-512F.
            unsafe { Avx512Double(_mm512_set1_pd(x)) }
        }

        #[inline(always)]
        unsafe fn load(from: &Eight) -> Self {
            // SAFETY: the caller vouches for AVX-512F; the array is as long as the register.
            unsafe { Avx512Double(_mm512_loadu_pd(from.as_ptr())) }
        }

        #[inline(always)]
        unsafe fn store(self, to: &mut Eight) {
            // SAFETY: the caller vouches for AVX-512F; the array is as long as the register.
            unsafe { _mm512_storeu_pd(to.as_mut_ptr(), self.0) }
        }

        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            // SAFETY: the caller vouches for AVX-512F.
            unsafe { Avx512Double(_mm512_mul_pd(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            // SAFETY: the caller vouches for AVX-512F.
            unsafe { Avx512Double(_mm512_fmadd_pd(self.0, factor.0, addend.0)) }
        }
    }
}
