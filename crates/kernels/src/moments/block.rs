//! The one pass over a block of elements.

use super::{LANES, PROBES, RUN, Rows, STRIDE, Sums, add_to, greatest, lanes_of, reciprocal_power_of_two};
use crate::level::Kernel;
use crate::vector::Vector;

/// Sums that a lane makes of one thing: powers and zeros.
const POWERS: usize = 5;
/// Those and sizes.
const SUMS: usize = POWERS + 1;
/// The rows of the extremes, behind those of the sums.
const MIN: usize = 2 * SUMS;
const MAX: usize = MIN + 1;

pub(super) struct Block<'a> {
    pub x: &'a [f32],
    /// The lanes' sums of all runs, zeros at first: of even vectors, then of odd ones, then the extremes. They are the caller's, since the compiler would put
    /// a run's accumulators into room of the loop's own.
    pub rows: &'a mut [[f32; LANES]; LANES],
    pub sums: &'a mut Sums,
}

impl Kernel for Block<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Block { x, rows, sums } = self;
        // SAFETY: the level is the caller's; every load is of a whole vector inside `x`, whose length is a multiple of two vectors and at least `PROBES`
        // of them.
        unsafe {
            let at = |vector: usize| V::load(x.as_ptr().add(vector * LANES));
            let apart = x.len() / LANES / PROBES;
            let total = (0..PROBES).fold(V::zero(), |sum, probe| sum.add(at(probe * apart)));
            let centre = lanes_of(total).iter().sum::<f32>() / (PROBES * LANES) as f32;
            let distance = |probe: usize| at(probe * apart).sub(V::splat(centre)).abs();
            let furthest = (0..PROBES).fold(V::zero(), |far, probe| far.greater(distance(probe)));
            let Some(scale) = reciprocal_power_of_two(greatest(lanes_of(furthest))) else { return };
            let (factor, shift, one) = (V::splat(scale), V::splat(-centre * scale), V::splat(1.0));
            let mut extremes = (V::splat(f32::INFINITY), V::splat(f32::NEG_INFINITY));
            for first in (0..x.len()).step_by(RUN) {
                let (mut even, mut odd) = (Accumulators::new(extremes), Accumulators::new(extremes));
                for stride in first / STRIDE..x.len().min(first + RUN) / STRIDE {
                    even.add(at(2 * stride), factor, shift, one);
                    odd.add(at(2 * stride + 1), factor, shift, one);
                }
                extremes = (even.min.lesser(odd.min), even.max.greater(odd.max));
                even.flush(&mut rows[..SUMS]);
                odd.flush(&mut rows[SUMS..2 * SUMS]);
            }
            extremes.0.store(rows[MIN].as_mut_ptr());
            extremes.1.store(rows[MAX].as_mut_ptr());
            let (totals, least, greatest) = Rows(rows).put_together::<V>();
            let [s1, s2, s3, s4, zeros, absolutes] = std::array::from_fn(|sum| totals[sum] + totals[SUMS + sum]);
            *sums = Sums {
                centre: f64::from(centre),
                scale: f64::from(scale),
                powers: [s1, s2, s3, s4],
                absolutes,
                zeros,
                min: least[MIN],
                max: greatest[MAX],
            };
        }
    }
}

/// What sixteen lanes add up of a run: fields rather than arrays, which the compiler would not keep in registers.
#[derive(Clone, Copy)]
struct Powers<V> {
    s1: V,
    s2: V,
    s3: V,
    s4: V,
    zeros: V,
}

impl<V: Vector> Powers<V> {
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: the level is the caller's.
        let zero = unsafe { V::zero() };
        Powers { s1: zero, s2: zero, s3: zero, s4: zero, zeros: zero }
    }

    /// Adds the powers of `d`, which is `x` moved and scaled, and one where `x` is zero.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn add(&mut self, x: V, d: V, one: V) {
        // SAFETY: the level is the caller's.
        unsafe {
            let square = d.mul(d);
            self.s1 = self.s1.add(d);
            self.s2 = self.s2.add(square);
            self.s3 = square.mul_add(d, self.s3);
            self.s4 = square.mul_add(square, self.s4);
            self.zeros = self.zeros.add_where_zero(x, one);
        }
    }

    fn sums(self) -> [V; POWERS] {
        [self.s1, self.s2, self.s3, self.s4, self.zeros]
    }
}

/// The same of every second vector, the sizes of the elements and their extremes.
struct Accumulators<V> {
    powers: Powers<V>,
    absolutes: V,
    min: V,
    max: V,
}

impl<V: Vector> Accumulators<V> {
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn new((min, max): (V, V)) -> Self {
        // SAFETY: the level is the caller's.
        unsafe { Accumulators { powers: Powers::new(), absolutes: V::zero(), min, max } }
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn add(&mut self, x: V, factor: V, shift: V, one: V) {
        // SAFETY: the level is the caller's.
        unsafe {
            self.powers.add(x, x.mul_add(factor, shift), one);
            self.absolutes = self.absolutes.add(x.abs());
            self.min = x.lesser(self.min);
            self.max = x.greater(self.max);
        }
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn flush(&self, to: &mut [[f32; LANES]]) {
        let [s1, s2, s3, s4, zeros] = self.powers.sums();
        // SAFETY: the level is the caller's.
        unsafe { add_to([s1, s2, s3, s4, zeros, self.absolutes], to) };
    }
}
