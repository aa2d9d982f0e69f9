//! The one pass over a block of elements.

use super::powers::Powers;
use super::{LANES, PROBES, RUN, Rows, STRIDE, Sums, add_to, mean_of_probes, reciprocal_power_of_two, widen};
use crate::level::Kernel;
use crate::vector::{Register, Vector};

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
            let centre = mean_of_probes(total);
            let distance = |probe: usize| at(probe * apart).sub(V::splat(centre)).abs();
            let distances = (0..PROBES).fold(V::zero(), |sum, probe| sum.add(distance(probe)));
            let Some(scale) = reciprocal_power_of_two(mean_of_probes(distances)) else { return };
            (rows[MIN], rows[MAX]) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
            for run in x.chunks(RUN) {
                for lane in (0..LANES).step_by(V::Register::LANES) {
                    if V::Register::MANY {
                        add_strides::<V::Register, true, true>(run, lane, [centre, scale], rows);
                    } else {
                        // The sums of both are more than there are registers.
                        add_strides::<V::Register, true, false>(run, lane, [centre, scale], rows);
                        add_strides::<V::Register, false, true>(run, lane, [centre, scale], rows);
                    }
                }
            }
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

/// Adds some lanes of the even and the odd vectors of a run.
///
/// # Safety
/// The level's instructions must be available, and the run have whole strides.
#[inline(always)]
unsafe fn add_strides<R: Register, const EVEN: bool, const ODD: bool>(
    run: &[f32],
    lane: usize,
    [centre, scale]: [f32; 2],
    rows: &mut [[f32; LANES]; LANES],
) {
    // SAFETY: the caller's.
    unsafe {
        let (factor, shift) = (R::splat(scale), R::splat(-centre * scale));
        let (mut even, mut odd) = (Accumulators::<R>::new(), Accumulators::<R>::new());
        for stride in (0..run.len()).step_by(STRIDE) {
            let first = run.as_ptr().add(stride + lane);
            if EVEN {
                even.add(R::load(first), factor, shift);
            }
            if ODD {
                odd.add(R::load(first.add(LANES)), factor, shift);
            }
        }
        if EVEN {
            even.flush(0, lane, rows);
        }
        if ODD {
            odd.flush(SUMS, lane, rows);
        }
    }
}

/// What some lanes add up of every second vector of a run.
struct Accumulators<R> {
    powers: Powers<R>,
    zeros: R,
    absolutes: R,
    min: R,
    max: R,
}

impl<R: Register> Accumulators<R> {
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: the level is the caller's.
        unsafe {
            Accumulators {
                powers: Powers::new(),
                zeros: R::zero(),
                absolutes: R::zero(),
                min: R::splat(f32::INFINITY),
                max: R::splat(f32::NEG_INFINITY),
            }
        }
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn add(&mut self, x: R, factor: R, shift: R) {
        // SAFETY: the level is the caller's.
        unsafe {
            let d = x.mul_add(factor, shift);
            self.powers.add(d, d.mul(d));
            self.zeros = self.zeros.add_where(x.is_zero(), R::splat(1.0));
            self.absolutes = self.absolutes.add(x.abs());
            self.min = x.lesser(self.min);
            self.max = x.greater(self.max);
        }
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn flush(&self, sums: usize, lane: usize, rows: &mut [[f32; LANES]; LANES]) {
        let [s1, s2, s3, s4] = self.powers.sums();
        // SAFETY: the level is the caller's.
        unsafe {
            add_to([s1, s2, s3, s4, self.zeros, self.absolutes], lane, &mut rows[sums..]);
            widen([self.min, self.max], lane, &mut rows[MIN..]);
        }
    }
}
