//! The one pass over a block of elements.

use super::powers::Powers;
use super::{LANES, PROBES, RUN, Rows, STRIDE, Sums, add_to, greatest, lanes_of, reciprocal_power_of_two};
use crate::level::Kernel;
use crate::vector::Vector;

/// Sums that a lane makes: of powers, zeros and sizes.
const SUMS: usize = 6;
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

/// What sixteen lanes add up of every second vector of a run.
struct Accumulators<V> {
    powers: Powers<V>,
    zeros: V,
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
        unsafe { Accumulators { powers: Powers::new(), zeros: V::zero(), absolutes: V::zero(), min, max } }
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn add(&mut self, x: V, factor: V, shift: V, one: V) {
        // SAFETY: the level is the caller's.
        unsafe {
            let d = x.mul_add(factor, shift);
            self.powers.add(d, d.mul(d));
            self.zeros = self.zeros.add_where_zero(x, one);
            self.absolutes = self.absolutes.add(x.abs());
            self.min = x.lesser(self.min);
            self.max = x.greater(self.max);
        }
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn flush(&self, to: &mut [[f32; LANES]]) {
        let [s1, s2, s3, s4] = self.powers.sums();
        // SAFETY: the level is the caller's.
        unsafe { add_to([s1, s2, s3, s4, self.zeros, self.absolutes], to) };
    }
}
