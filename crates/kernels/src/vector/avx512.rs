//! One 512-bit register.

use super::{Double, Eight, LANES, Lanes, Pairs, Register, Vector};
use core::arch::x86_64::*;

/// Sixteen lanes in one AVX-512 register.
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

impl Lanes for Avx512 {
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_set1_ps(x)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for AVX-512F and for sixteen readable floats.
        unsafe { Avx512(_mm512_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for AVX-512F and for sixteen writable floats.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_add_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_fmadd_ps(self.0, factor.0, addend.0)) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_mul_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn lesser(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_min_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn greater(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_max_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_abs_ps(self.0)) }
    }
}

impl Vector for Avx512 {
    const ROWS: usize = 8;
    const TALL: usize = 12;
    const BLOCKS: usize = 2;

    type Double = Avx512Double;
    type Register = Self;

    #[inline(always)]
    unsafe fn store_nonzero(self, to: *mut f32) -> usize {
        // SAFETY: the caller vouches for AVX-512F and for sixteen writable floats.
        unsafe {
            let nonzero = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self.0, _mm512_setzero_ps());
            _mm512_storeu_ps(to, _mm512_maskz_compress_ps(nonzero, self.0));
            nonzero.count_ones() as usize
        }
    }

    #[inline(always)]
    unsafe fn prefetch(from: *const f32) {
        // SAFETY: it reads nothing that a program could see, and faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
    }

    #[inline(always)]
    unsafe fn prefetch_far(from: *const f32) {
        // SAFETY: it reads nothing that a program could see, and faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
    }

    #[inline(always)]
    unsafe fn exchange(vectors: [Self; LANES]) -> [Self; LANES] {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe {
            // Pairs of rows, then fours, each in all quarters of the registers; then the quarters.
            let (mut pairs, mut fours, mut all) = (vectors, vectors, vectors);
            for i in 0..8 {
                let [Avx512(a), Avx512(b)] = [vectors[2 * i], vectors[2 * i + 1]];
                pairs[2 * i] = Avx512(_mm512_unpacklo_ps(a, b));
                pairs[2 * i + 1] = Avx512(_mm512_unpackhi_ps(a, b));
            }
            for i in 0..8 {
                let at = i / 2 * 4 + i % 2;
                let [a, b] = [_mm512_castps_pd(pairs[at].0), _mm512_castps_pd(pairs[at + 2].0)];
                let at = i / 2 * 4 + i % 2 * 2;
                fours[at] = Avx512(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)));
                fours[at + 1] = Avx512(_mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
            }
            for i in 0..4 {
                let [a, b, c, d] = [fours[i].0, fours[4 + i].0, fours[8 + i].0, fours[12 + i].0];
                let even = [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0x88>(c, d)];
                let odd = [_mm512_shuffle_f32x4::<0xdd>(a, b), _mm512_shuffle_f32x4::<0xdd>(c, d)];
                all[i] = Avx512(_mm512_shuffle_f32x4::<0x88>(even[0], even[1]));
                all[4 + i] = Avx512(_mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]));
                all[8 + i] = Avx512(_mm512_shuffle_f32x4::<0xdd>(even[0], even[1]));
                all[12 + i] = Avx512(_mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]));
            }
            all
        }
    }

    #[inline(always)]
    unsafe fn doubled(self) -> [Avx512Double; 2] {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe {
            let low = _mm512_castps512_ps256(self.0);
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            [Avx512Double(_mm512_cvtps_pd(low)), Avx512Double(_mm512_cvtps_pd(high))]
        }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_sub_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // SAFETY: the caller vouches for AVX-512F. The instruction returns its second operand unless the first is greater.
        unsafe { Avx512(_mm512_max_ps(_mm512_setzero_ps(), self.0)) }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F. The instruction returns its second operand unless the first is greater.
        unsafe {
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0);
            Avx512(_mm512_mask_mov_ps(_mm512_max_ps(self.0, other.0), nan, self.0))
        }
    }

    #[inline(always)]
    unsafe fn where_positive(self, mask: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(mask.0, _mm512_setzero_ps());
            Avx512(_mm512_maskz_mov_ps(positive, self.0))
        }
    }

    #[inline(always)]
    unsafe fn split_where_equal(self, x: Self, y: Self) -> (Self, Self) {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe {
            let equal = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(x.0, y.0);
            (Avx512(_mm512_maskz_mov_ps(equal, self.0)), Avx512(_mm512_maskz_mov_ps(!equal, self.0)))
        }
    }
}

impl Register for Avx512 {
    const LANES: usize = LANES;
    const MANY: bool = true;

    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn positive(self) -> __mmask16 {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn is_zero(self) -> __mmask16 {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, _mm512_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn store_bits(lanes: __mmask16, to: *mut u8) {
        // SAFETY: the caller vouches for two writable bytes.
        unsafe { to.cast::<u16>().write_unaligned(lanes) }
    }

    #[inline(always)]
    unsafe fn kept(self, lanes: __mmask16) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_maskz_mov_ps(lanes, self.0)) }
    }

    #[inline(always)]
    unsafe fn add_where(self, lanes: __mmask16, addend: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_mask_add_ps(self.0, lanes, self.0, addend.0)) }
    }

    #[inline(always)]
    unsafe fn mul_add_where(self, factor: Self, lanes: __mmask16, addend: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_mask3_fmadd_ps(self.0, factor.0, addend.0, lanes)) }
    }

    #[inline(always)]
    unsafe fn lesser_where(self, lanes: __mmask16, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_mask_min_ps(other.0, lanes, self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn greater_where(self, lanes: __mmask16, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512(_mm512_mask_max_ps(other.0, lanes, self.0, other.0)) }
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

/// Sixteen lanes in one AVX-512 register; whether the processor has VNNI.
#[derive(Clone, Copy)]
pub struct Avx512Pairs<const VNNI: bool>(pub(super) __m512i);

impl<const VNNI: bool> Pairs for Avx512Pairs<VNNI> {
    type Floats = Avx512;

    const BLOCKS: usize = 3;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512Pairs(_mm512_setzero_si512()) }
    }

    #[inline(always)]
    unsafe fn splat(pair: i32) -> Self {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe { Avx512Pairs(_mm512_set1_epi32(pair)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller vouches for AVX-512F and for sixteen readable integers.
        unsafe { Avx512Pairs(_mm512_loadu_si512(from.cast())) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller vouches for AVX-512F and for sixteen writable integers.
        unsafe { _mm512_storeu_si512(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn of_lower_halves(first: Avx512, second: Avx512) -> Self {
        // SAFETY: the caller vouches for AVX-512F and BW.
        unsafe {
            let second = _mm512_slli_epi32::<16>(_mm512_castps_si512(second.0));
            Avx512Pairs(_mm512_mask_blend_epi16(0xaaaa_aaaa, _mm512_castps_si512(first.0), second))
        }
    }

    #[inline(always)]
    unsafe fn add_products(self, x: Self, y: Self) -> Self {
        // SAFETY: the caller vouches for AVX-512F and BW, and for VNNI if the type says so.
        unsafe {
            Avx512Pairs(match VNNI {
                true => _mm512_dpwssd_epi32(self.0, x.0, y.0),
                false => _mm512_add_epi32(self.0, _mm512_madd_epi16(x.0, y.0)),
            })
        }
    }

    #[inline(always)]
    unsafe fn to_floats(self) -> Avx512 {
        // SAFETY: the caller vouches for AVX-512F; nobody changes the rounding mode.
        unsafe { Avx512(_mm512_cvtepi32_ps(self.0)) }
    }
}
