//! The transforms of F(4, 3) along one axis, and what applies them along both.
//!
//! They interpolate at the points 0, a, -a, b, -b and infinity. With `M = 1 / (2 a^2 (a^2 - b^2))` and `N = 1 / (2 b^2 (b^2 - a^2))`:
//!
//! ```text
//!       | a^2 b^2     0   -a^2 - b^2       0       1  0 |       | 1/(a^2 b^2)   0     0   |
//!       |    0     -a b^2    -b^2          a       1  0 |       |     M        a M  a^2 M |          | 1   1    1    1    1   0 |
//! B^T = |    0      a b^2    -b^2         -a       1  0 |   G = |     M       -a M  a^2 M |    A^T = | 0   a   -a    b   -b   0 |
//!       |    0     -a^2 b    -a^2          b       1  0 |       |     N        b N  b^2 N |          | 0  a^2  a^2  b^2  b^2  0 |
//!       |    0      a^2 b    -a^2         -b       1  0 |       |     N       -b N  b^2 N |          | 0  a^3 -a^3  b^3 -b^3  1 |
//!       |    0     a^2 b^2     0      -a^2 - b^2   0  1 |       |     0         0     1   |
//! ```
//!
//! The usual a = 1, b = 2 make powers up to 8, and with them rounding errors. In a search over pairs with short binary fractions, at 32
//! channels behind a ReLU, a = 3/4 and b = 3/2 halved the root mean square error (1.1e-6 to 5.5e-7) and quartered the greatest (1.8e-5 to
//! 4.8e-6, of the outputs' root mean square).

use super::{IN, OUT, POSITIONS};
use crate::level::Kernel;
use crate::vector::{LANES, Vector};

/// A linear map of `M` vectors to `N`, lane by lane.
pub(super) trait Transform<const M: usize, const N: usize> {
    /// # Safety
    /// The level's instructions must be available.
    unsafe fn along<V: Vector>(x: [V; M]) -> [V; N];

    /// The map along both axes of the square whose element `(i, j)` is `x(i, j)`: `T x T^T`.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn square<V: Vector>(x: impl Fn(usize, usize) -> V) -> [[V; N]; N] {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            let mut half = [[V::zero(); M]; N];
            for j in 0..M {
                let mut column = [V::zero(); M];
                for i in 0..M {
                    column[i] = x(i, j);
                }
                let column = Self::along(column);
                for i in 0..N {
                    half[i][j] = column[i];
                }
            }
            let mut result = [[V::zero(); N]; N];
            for i in 0..N {
                result[i] = Self::along(half[i]);
            }
            result
        }
    }
}

/// `B^T`: of a tile of the input.
pub(super) struct Input;
/// `A^T`: to a tile of the output.
pub(super) struct Output;
/// `A`: of a tile of the upstream gradient.
pub(super) struct Upstream;
/// `G`: of a weight.
pub(super) struct Weight;
/// `G^T`: to a weight's gradient.
pub(super) struct WeightGradient;

/// The points, their squares, and the factors of `G`: all but the latter are exact.
const A1: f32 = 0.75;
const B1: f32 = 1.5;
const A2: f32 = A1 * A1;
const B2: f32 = B1 * B1;
const M: f32 = (1.0 / (2.0 * 0.5625 * (0.5625 - 2.25))) as f32;
const N: f32 = (1.0 / (2.0 * 2.25 * (2.25 - 0.5625))) as f32;
const AT_ZERO: f32 = (1.0 / (0.5625 * 2.25)) as f32;

impl Transform<IN, IN> for Input {
    #[inline(always)]
    unsafe fn along<V: Vector>([d0, d1, d2, d3, d4, d5]: [V; IN]) -> [V; IN] {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            let (product, sum) = (V::splat(A2 * B2), V::splat(-A2 - B2));
            let (even, odd) = (d2.mul_add(V::splat(-B2), d4), d1.mul_add(V::splat(-B2), d3));
            let (even2, odd2) = (d2.mul_add(V::splat(-A2), d4), d1.mul_add(V::splat(-A2), d3));
            [
                d0.mul_add(product, d2.mul_add(sum, d4)),
                odd.mul_add(V::splat(A1), even),
                odd.mul_add(V::splat(-A1), even),
                odd2.mul_add(V::splat(B1), even2),
                odd2.mul_add(V::splat(-B1), even2),
                d1.mul_add(product, d3.mul_add(sum, d5)),
            ]
        }
    }
}

impl Transform<IN, OUT> for Output {
    #[inline(always)]
    unsafe fn along<V: Vector>([m0, m1, m2, m3, m4, m5]: [V; IN]) -> [V; OUT] {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            let (even, odd) = (m1.add(m2), m1.sub(m2));
            let (even2, odd2) = (m3.add(m4), m3.sub(m4));
            [
                m0.add(even).add(even2),
                odd2.mul_add(V::splat(B1), odd.mul(V::splat(A1))),
                even2.mul_add(V::splat(B2), even.mul(V::splat(A2))),
                odd2.mul_add(V::splat(B1 * B2), odd.mul_add(V::splat(A1 * A2), m5)),
            ]
        }
    }
}

impl Transform<OUT, IN> for Upstream {
    #[inline(always)]
    unsafe fn along<V: Vector>([y0, y1, y2, y3]: [V; OUT]) -> [V; IN] {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            let (even, odd) = (y2.mul_add(V::splat(A2), y0), y3.mul_add(V::splat(A2), y1));
            let (even2, odd2) = (y2.mul_add(V::splat(B2), y0), y3.mul_add(V::splat(B2), y1));
            [
                y0,
                odd.mul_add(V::splat(A1), even),
                odd.mul_add(V::splat(-A1), even),
                odd2.mul_add(V::splat(B1), even2),
                odd2.mul_add(V::splat(-B1), even2),
                y3,
            ]
        }
    }
}

impl Transform<3, IN> for Weight {
    #[inline(always)]
    unsafe fn along<V: Vector>([g0, g1, g2]: [V; 3]) -> [V; IN] {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            let even = g0.mul_add(V::splat(M), g2.mul(V::splat(A2 * M)));
            let even2 = g0.mul_add(V::splat(N), g2.mul(V::splat(B2 * N)));
            [
                g0.mul(V::splat(AT_ZERO)),
                g1.mul_add(V::splat(A1 * M), even),
                g1.mul_add(V::splat(-A1 * M), even),
                g1.mul_add(V::splat(B1 * N), even2),
                g1.mul_add(V::splat(-B1 * N), even2),
                g2,
            ]
        }
    }
}

impl Transform<IN, 3> for WeightGradient {
    #[inline(always)]
    unsafe fn along<V: Vector>([m0, m1, m2, m3, m4, m5]: [V; IN]) -> [V; 3] {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            let (even, odd) = (m1.add(m2), m1.sub(m2));
            let (even2, odd2) = (m3.add(m4), m3.sub(m4));
            [
                m0.mul_add(V::splat(AT_ZERO), even.mul_add(V::splat(M), even2.mul(V::splat(N)))),
                odd.mul_add(V::splat(A1 * M), odd2.mul(V::splat(B1 * N))),
                even.mul_add(V::splat(A2 * M), even2.mul_add(V::splat(B2 * N), m5)),
            ]
        }
    }
}

/// `U = G w G^T` of sixteen weights at a time: `lanes` is `[row, tap, lane]`, `packed` is `[position, row, lane]`.
pub(super) struct PackWeight<'a> {
    pub rows: usize,
    pub lanes: &'a [f32],
    pub packed: &'a mut [f32],
}

impl Kernel for PackWeight<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        assert!(self.lanes.len() == self.rows * 9 * LANES && self.packed.len() == self.rows * POSITIONS * LANES);
        for row in 0..self.rows {
            // SAFETY: the rows, taps and positions lie in the slices by the lengths asserted above.
            unsafe {
                let mut taps = [[V::zero(); 3]; 3];
                for (tap, x) in taps.as_flattened_mut().iter_mut().enumerate() {
                    *x = V::load(self.lanes.as_ptr().add((row * 9 + tap) * LANES));
                }
                let transformed = Weight::square(|i, j| taps[i][j]);
                for (position, x) in transformed.as_flattened().iter().enumerate() {
                    x.store(self.packed.as_mut_ptr().add((position * self.rows + row) * LANES));
                }
            }
        }
    }
}
