//! Two 256-bit registers, with fused multiply-add.

use super::{Double, Eight, LANES, Lanes, Pairs, Register, Vector};
use core::arch::x86_64::*;

/// Eight lanes in one AVX register.
#[derive(Clone, Copy)]
pub struct Half(__m256);

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

    #[inline(always)]
    unsafe fn store_bits(lanes: __m256, to: *mut u8) {
        // SAFETY: the caller vouches for AVX2 and for a writable byte.
        unsafe { to.write(_mm256_movemask_ps(lanes) as u8) }
    }

    #[inline(always)]
    unsafe fn kept(self, lanes: __m256) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe { Half(_mm256_and_ps(self.0, lanes)) }
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

/// Sixteen lanes in two AVX registers.
#[derive(Clone, Copy)]
pub struct Avx2(Half, Half);

/// For each set of eight lanes, the lanes of the set in their order, with anything behind them.
static TOGETHER: [[u32; 8]; 256] = {
    let (mut orders, mut set) = ([[0; 8]; 256], 0);
    while set < 256 {
        let (mut lane, mut count) = (0, 0);
        while lane < 8 {
            if set >> lane & 1 == 1 {
                orders[set][count] = lane;
                count += 1;
            }
            lane += 1;
        }
        set += 1;
    }
    orders
};

impl Avx2 {
    #[inline(always)]
    fn of([low, high]: [__m256; 2]) -> Avx2 {
        Avx2(Half(low), Half(high))
    }

    #[inline(always)]
    fn registers(self) -> [__m256; 2] {
        [self.0.0, self.1.0]
    }
}

impl Lanes for Avx2 {
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the contract of a half is the same.
        unsafe { Avx2(Half::zero(), Half::zero()) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: as of zero.
        unsafe { Avx2(Half::splat(x), Half::splat(x)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as of zero, and the caller vouches for sixteen readable floats.
        unsafe { Avx2(Half::load(from), Half::load(from.add(8))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as of zero, and the caller vouches for sixteen writable floats.
        unsafe {
            self.0.store(to);
            self.1.store(to.add(8));
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as of zero.
        unsafe { Avx2(self.0.add(other.0), self.1.add(other.1)) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: as of zero.
        unsafe { Avx2(self.0.mul_add(factor.0, addend.0), self.1.mul_add(factor.1, addend.1)) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: as of zero.
        unsafe { Avx2(self.0.mul(other.0), self.1.mul(other.1)) }
    }

    #[inline(always)]
    unsafe fn lesser(self, other: Self) -> Self {
        // SAFETY: as of zero.
        unsafe { Avx2(self.0.lesser(other.0), self.1.lesser(other.1)) }
    }

    #[inline(always)]
    unsafe fn greater(self, other: Self) -> Self {
        // SAFETY: as of zero.
        unsafe { Avx2(self.0.greater(other.0), self.1.greater(other.1)) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        // SAFETY: as of zero.
        unsafe { Avx2(self.0.abs(), self.1.abs()) }
    }
}

impl Vector for Avx2 {
    const ROWS: usize = 4;
    const TALL: usize = 6;
    const BLOCKS: usize = 1;

    type Double = Avx2Double;
    type Register = Half;

    #[inline(always)]
    unsafe fn store_nonzero(self, to: *mut f32) -> usize {
        let mut count = 0;
        for half in self.registers() {
            // SAFETY: the caller vouches for AVX2 and for sixteen writable floats; at most eight were stored before the second half.
            unsafe {
                let nonzero = _mm256_cmp_ps::<_CMP_NEQ_UQ>(half, _mm256_setzero_ps());
                let nonzero = _mm256_movemask_ps(nonzero) as usize;
                let order = _mm256_loadu_si256(TOGETHER[nonzero].as_ptr().cast());
                _mm256_storeu_ps(to.add(count), _mm256_permutevar8x32_ps(half, order));
                count += nonzero.count_ones() as usize;
            }
        }
        count
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
        let [first_low, first_high] = vectors[0].registers();
        let (mut low, mut high) = ([[first_low; 8]; 2], [[first_high; 8]; 2]);
        for i in 0..8 {
            [low[0][i], high[0][i]] = vectors[i].registers();
            [low[1][i], high[1][i]] = vectors[8 + i].registers();
        }
        // SAFETY: the caller vouches for AVX2 and FMA.
        let (low, high) = unsafe { ([exchange(low[0]), exchange(low[1])], [exchange(high[0]), exchange(high[1])]) };
        let mut exchanged = vectors;
        for i in 0..8 {
            exchanged[i] = Avx2::of([low[0][i], low[1][i]]);
            exchanged[8 + i] = Avx2::of([high[0][i], high[1][i]]);
        }
        exchanged
    }

    #[inline(always)]
    unsafe fn doubled(self) -> [Avx2Double; 2] {
        // SAFETY: the caller vouches for AVX2.
        unsafe {
            let [low, high] = self.registers();
            let (a, b) = (_mm256_castps256_ps128(low), _mm256_extractf128_ps::<1>(low));
            let (c, d) = (_mm256_castps256_ps128(high), _mm256_extractf128_ps::<1>(high));
            [Avx2Double(_mm256_cvtps_pd(a), _mm256_cvtps_pd(b)), Avx2Double(_mm256_cvtps_pd(c), _mm256_cvtps_pd(d))]
        }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe {
            let ([low, high], [other_low, other_high]) = (self.registers(), other.registers());
            Avx2::of([_mm256_sub_ps(low, other_low), _mm256_sub_ps(high, other_high)])
        }
    }

    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA. The instruction returns its second operand unless the first is greater.
        unsafe {
            let ([low, high], zero) = (self.registers(), _mm256_setzero_ps());
            Avx2::of([_mm256_max_ps(zero, low), _mm256_max_ps(zero, high)])
        }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA. The instruction returns its second operand unless the first is greater.
        unsafe {
            let half = |a, b| _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a));
            let ([low, high], [other_low, other_high]) = (self.registers(), other.registers());
            Avx2::of([half(low, other_low), half(high, other_high)])
        }
    }

    #[inline(always)]
    unsafe fn where_positive(self, mask: Self) -> Self {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe {
            let ([low, high], Avx2(mask_low, mask_high)) = (self.registers(), mask);
            Avx2::of([_mm256_and_ps(low, mask_low.positive()), _mm256_and_ps(high, mask_high.positive())])
        }
    }

    #[inline(always)]
    unsafe fn split_where_equal(self, x: Self, y: Self) -> (Self, Self) {
        // SAFETY: the caller vouches for AVX2 and FMA.
        unsafe {
            let ([low, high], x, y) = (self.registers(), x.registers(), y.registers());
            let equal = [_mm256_cmp_ps::<_CMP_EQ_OQ>(x[0], y[0]), _mm256_cmp_ps::<_CMP_EQ_OQ>(x[1], y[1])];
            let here = Avx2::of([_mm256_and_ps(equal[0], low), _mm256_and_ps(equal[1], high)]);
            (here, Avx2::of([_mm256_andnot_ps(equal[0], low), _mm256_andnot_ps(equal[1], high)]))
        }
    }
}

/// Lane `j` of register `i` as lane `i` of register `j`.
///
/// # Safety
/// The processor must have AVX2.
#[inline(always)]
unsafe fn exchange(rows: [__m256; 8]) -> [__m256; 8] {
    // SAFETY: the caller vouches for AVX2.
    unsafe {
        // Pairs of rows, then fours, each in both halves of the registers; then the halves.
        let (mut pairs, mut fours, mut eights) = (rows, rows, rows);
        for i in 0..4 {
            let [a, b] = [rows[2 * i], rows[2 * i + 1]];
            (pairs[2 * i], pairs[2 * i + 1]) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        }
        for i in 0..4 {
            let at = i / 2 * 4 + i % 2;
            let [a, b] = [_mm256_castps_pd(pairs[at]), _mm256_castps_pd(pairs[at + 2])];
            let at = i / 2 * 4 + i % 2 * 2;
            fours[at] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
            fours[at + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
        }
        for i in 0..4 {
            let [a, b] = [fours[i], fours[4 + i]];
            eights[i] = _mm256_permute2f128_ps::<0x20>(a, b);
            eights[4 + i] = _mm256_permute2f128_ps::<0x31>(a, b);
        }
        eights
    }
}

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

/// Sixteen lanes in two AVX registers.
#[derive(Clone, Copy)]
pub struct Avx2Pairs(__m256i, __m256i);

impl Pairs for Avx2Pairs {
    type Floats = Avx2;

    const BLOCKS: usize = 1;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for AVX2.
        unsafe { Avx2Pairs(_mm256_setzero_si256(), _mm256_setzero_si256()) }
    }

    #[inline(always)]
    unsafe fn splat(pair: i32) -> Self {
        // SAFETY: the caller vouches for AVX2.
        unsafe { Avx2Pairs(_mm256_set1_epi32(pair), _mm256_set1_epi32(pair)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller vouches for AVX2 and for sixteen readable integers.
        unsafe { Avx2Pairs(_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(8).cast())) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller vouches for AVX2 and for sixteen writable integers.
        unsafe {
            _mm256_storeu_si256(to.cast(), self.0);
            _mm256_storeu_si256(to.add(8).cast(), self.1);
        }
    }

    #[inline(always)]
    unsafe fn of_lower_halves(first: Avx2, second: Avx2) -> Self {
        // SAFETY: the caller vouches for AVX2.
        unsafe {
            let ([low, high], [second_low, second_high]) = (first.registers(), second.registers());
            let first = [_mm256_castps_si256(low), _mm256_castps_si256(high)];
            let second = [_mm256_castps_si256(second_low), _mm256_castps_si256(second_high)];
            let second = [_mm256_slli_epi32::<16>(second[0]), _mm256_slli_epi32::<16>(second[1])];
            Avx2Pairs(
                _mm256_blend_epi16::<0b1010_1010>(first[0], second[0]),
                _mm256_blend_epi16::<0b1010_1010>(first[1], second[1]),
            )
        }
    }

    #[inline(always)]
    unsafe fn add_products(self, x: Self, y: Self) -> Self {
        // SAFETY: the caller vouches for AVX2.
        unsafe {
            let products = [_mm256_madd_epi16(x.0, y.0), _mm256_madd_epi16(x.1, y.1)];
            Avx2Pairs(_mm256_add_epi32(self.0, products[0]), _mm256_add_epi32(self.1, products[1]))
        }
    }

    #[inline(always)]
    unsafe fn to_floats(self) -> Avx2 {
        // SAFETY: the caller vouches for AVX2; nobody changes the rounding mode.
        unsafe { Avx2::of([_mm256_cvtepi32_ps(self.0), _mm256_cvtepi32_ps(self.1)]) }
    }
}
