//! Moments of elements and of what a ReLU makes of them, in one pass.

use super::{
    BLOCK, LANES, MAX, MIN, Moments, POWERS, PROBES, Powers, RUN, Rows, STRIDE, Sums, add_to, greatest, lanes_of,
    reciprocal_power_of_two,
};
use crate::level::{Kernel, run};
use crate::vector::Vector;

impl Moments {
    /// Of these elements, and of what a ReLU makes of them: the second cost half of the first. A NaN is one in both.
    pub fn with_rectified(x: &[f32]) -> [Moments; 2] {
        let block = |x: &[f32]| {
            let (whole, rest) = x.split_at(x.len() - x.len() % STRIDE);
            let [of_whole, of_rectified] = Moments::of_pair(whole);
            // A NaN is no part of the ReLU's sums, but shows in the elements' own.
            let is_number = of_whole.is_some_and(|whole| whole.mean.is_finite());
            let of_rectified = of_rectified.filter(|_| is_number).unwrap_or_else(|| Moments::of(&rectified(whole)));
            let of_whole = of_whole.unwrap_or_else(|| Moments::of(whole));
            [of_whole.merge(&Moments::exact(rest)), of_rectified.merge(&Moments::exact(&rectified(rest)))]
        };
        let merge = |[x, y]: [Moments; 2], [next_x, next_y]: [Moments; 2]| [x.merge(&next_x), y.merge(&next_y)];
        x.chunks(BLOCK).map(block).fold([Moments::default(); 2], merge)
    }

    /// Of whole strides and of what a ReLU makes of them, where the lanes' sums stand for them.
    fn of_pair(x: &[f32]) -> [Option<Moments>; 2] {
        let mut sums = [Sums::default(), Sums::default()];
        if x.len() >= PROBES * LANES {
            run(Pair { x, rows: &mut [[0.0; LANES]; LANES], sums: &mut sums });
        }
        sums.map(|sums| sums.moments(x.len() as f64))
    }
}

/// Elements and what a ReLU makes of them, both about zero: what moves the centre of the ones moves the other's.
struct Pair<'a> {
    x: &'a [f32],
    /// As for [`Block`]: of the elements, of the ReLU's, the extremes.
    rows: &'a mut [[f32; LANES]; LANES],
    sums: &'a mut [Sums; 2],
}

impl Kernel for Pair<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Pair { x, rows, sums } = self;
        // SAFETY: as for `Block`.
        unsafe {
            let at = |vector: usize| V::load(x.as_ptr().add(vector * LANES));
            let apart = x.len() / LANES / PROBES;
            let furthest = (0..PROBES).fold(V::zero(), |far, probe| far.greater(at(probe * apart).abs()));
            let Some(scale) = reciprocal_power_of_two(greatest(lanes_of(furthest))) else { return };
            let (factor, one) = (V::splat(scale), V::splat(1.0));
            let (mut min, mut max) = (V::splat(f32::INFINITY), V::splat(f32::NEG_INFINITY));
            for first in (0..x.len()).step_by(RUN / 2) {
                let [mut own, mut rectified] = [Powers::<V>::new(); 2];
                for vector in first / LANES..x.len().min(first + RUN / 2) / LANES {
                    let x = at(vector);
                    own.add(x, x.mul(factor), one);
                    let positive = x.relu();
                    rectified.add(positive, positive.mul(factor), one);
                    min = x.lesser(min);
                    max = x.greater(max);
                }
                let (of_own, of_rectified) = rows.split_at_mut(POWERS);
                add_to(own.sums(), of_own);
                add_to(rectified.sums(), of_rectified);
            }
            min.store(rows[MIN].as_mut_ptr());
            max.store(rows[MAX].as_mut_ptr());
            let (totals, least, greatest) = Rows(rows).put_together::<V>();
            let ([s1, s2, s3, s4, zeros, r1, r2, r3, r4, off, ..], min, max) = (totals, least[MIN], greatest[MAX]);
            let scale = f64::from(scale);
            let of = |powers: [f64; 4], absolutes: f64, zeros: f64, min: f32, max: f32| Sums {
                centre: 0.0,
                scale,
                powers,
                absolutes: absolutes / scale,
                zeros,
                min,
                max,
            };
            *sums = [
                // |x| = 2 max(x, 0) - x.
                of([s1, s2, s3, s4], 2.0 * r1 - s1, zeros, min, max),
                of([r1, r2, r3, r4], r1, off, if off > 0.0 { 0.0 } else { min }, max.max(0.0)),
            ];
        }
    }
}

/// What a ReLU makes of the elements.
fn rectified(x: &[f32]) -> Vec<f32> {
    x.iter().map(|&x| if x < 0.0 { 0.0 } else { x }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, elements, same_bits_at_every_level};
    use super::*;
    use crate::level::run_at;

    #[test]
    fn both_agree_with_the_definitions() {
        for len in [1, 31, 32, 127, 128, 129, 4095, 20_011, 65_600] {
            // The last two are done again: a ReLU's elements far from zero, and elements that are.
            for (mean, spread) in [(0.0, 1.0), (-0.3, 1.0), (1e-12, 1e-11), (0.0, 1e18), (2.0, 1.0), (-9.0, 0.1)] {
                let x = elements(len, mean, spread, 7);
                let [of_x, of_relu] = Moments::with_rectified(&x);
                check(&x, &of_x, 1e-6);
                check(&rectified(&x), &of_relu, 1e-6);
            }
        }
    }

    #[test]
    fn what_is_not_finite_shows_in_both() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x = elements(4096, 0.0, 1.0, 5);
            x[1000] = bad;
            assert!(Moments::with_rectified(&x).iter().all(|m| !m.mean.is_finite() && m.central[0].is_nan()));
        }
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        let x = elements(4064, 0.0, 1.0, 3);
        same_bits_at_every_level(|level, rows, sums| run_at(level, Pair { x: &x, rows, sums }), x.len());
    }
}
