//! Moments of a gradient and of what goes on through a ReLU, in one pass.

use super::{
    BLOCK, LANES, Moments, PROBES, Powers, RUN, Rows, STRIDE, SUMS, Sums, add_to, greatest, lanes_of,
    reciprocal_power_of_two,
};
use crate::level::{Kernel, run};
use crate::vector::Vector;

impl Moments {
    /// Of these elements, and of those that stay where `gate` is above zero, with zeros for the others: a gradient before and behind a ReLU whose value
    /// the gate is.
    ///
    /// # Panics
    /// When the two have different lengths.
    pub fn with_gated(x: &[f32], gate: &[f32]) -> [Moments; 2] {
        assert_eq!(x.len(), gate.len(), "moments: elements and gate");
        let block = |(x, gate): (&[f32], &[f32])| {
            let (whole, rest) = x.split_at(x.len() - x.len() % STRIDE);
            let (whole_gate, rest_gate) = gate.split_at(whole.len());
            let [own, behind] = Moments::of_gated_block(whole, whole_gate);
            let own = own.unwrap_or_else(|| Moments::of(whole));
            let behind = behind.unwrap_or_else(|| Moments::of(&gated(whole, whole_gate)));
            [own.merge(&Moments::exact(rest)), behind.merge(&Moments::exact(&gated(rest, rest_gate)))]
        };
        let merge = |[x, y]: [Moments; 2], [next_x, next_y]: [Moments; 2]| [x.merge(&next_x), y.merge(&next_y)];
        x.chunks(BLOCK).zip(gate.chunks(BLOCK)).map(block).fold([Moments::default(); 2], merge)
    }

    /// Of whole strides and what stays of them, where the lanes' sums stand for them.
    fn of_gated_block(x: &[f32], gate: &[f32]) -> [Option<Moments>; 2] {
        let mut sums = [Sums::default(), Sums::default()];
        if x.len() >= PROBES * LANES {
            run(Gated { x, gate, rows: &mut [[0.0; LANES]; LANES], sums: &mut sums });
        }
        sums.map(|sums| sums.moments(x.len() as f64))
    }

    /// Of these elements and so many zeros.
    #[must_use]
    pub fn with_zeros(&self, zeros: usize) -> Moments {
        if zeros == 0 {
            return *self;
        }
        let zeros = zeros as f64;
        self.merge(&Moments { count: zeros, zeros, min: 0.0, max: 0.0, ..Moments::default() })
    }
}

/// Elements and what stays of them, both about zero: where gradients have their mean.
struct Gated<'a> {
    x: &'a [f32],
    gate: &'a [f32],
    /// As for [`super::Block`]: the sums of the elements, of what stays, the extremes of both.
    rows: &'a mut [[f32; LANES]; LANES],
    sums: &'a mut [Sums; 2],
}

impl Kernel for Gated<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Gated { x, gate, rows, sums } = self;
        assert_eq!(x.len(), gate.len());
        // SAFETY: as for `Block`, and the gate is as long as the elements.
        unsafe {
            let at = |vector: usize| V::load(x.as_ptr().add(vector * LANES));
            let apart = x.len() / LANES / PROBES;
            let furthest = (0..PROBES).fold(V::zero(), |far, probe| far.greater(at(probe * apart).abs()));
            let Some(scale) = reciprocal_power_of_two(greatest(lanes_of(furthest))) else { return };
            let (factor, one) = (V::splat(scale), V::splat(1.0));
            let (mut min, mut max) = (V::splat(f32::INFINITY), V::splat(f32::NEG_INFINITY));
            let (mut min_behind, mut max_behind) = (min, max);
            for first in (0..x.len()).step_by(RUN / 2) {
                let [mut own, mut behind] = [Powers::<V>::new(); 2];
                let (mut absolutes, mut absolutes_behind) = (V::zero(), V::zero());
                for vector in first / LANES..x.len().min(first + RUN / 2) / LANES {
                    let (x, gate) = (at(vector), V::load(gate.as_ptr().add(vector * LANES)));
                    let d = x.mul(factor);
                    own.add(x, d, one);
                    absolutes = absolutes.add(x.abs());
                    min = x.lesser(min);
                    max = x.greater(max);
                    let stays = x.where_positive(gate);
                    behind.add(stays, d.where_positive(gate), one);
                    absolutes_behind = absolutes_behind.add(stays.abs());
                    min_behind = stays.lesser(min_behind);
                    max_behind = stays.greater(max_behind);
                }
                let (rows, rows_behind) = rows.split_at_mut(SUMS);
                let sums = |powers: Powers<V>, absolutes: V| {
                    let [s1, s2, s3, s4, zeros] = powers.sums();
                    [s1, s2, s3, s4, zeros, absolutes]
                };
                add_to(sums(own, absolutes), rows);
                add_to(sums(behind, absolutes_behind), rows_behind);
            }
            let extremes = [min, max, min_behind, max_behind];
            for (row, extreme) in rows[2 * SUMS..].iter_mut().zip(extremes) {
                extreme.store(row.as_mut_ptr());
            }
            let (totals, least, greatest) = Rows(rows).put_together::<V>();
            *sums = [0, SUMS].map(|from| {
                let [s1, s2, s3, s4, zeros, absolutes] = std::array::from_fn(|sum| totals[from + sum]);
                let extremes = 2 * SUMS + from / SUMS * 2;
                Sums {
                    centre: 0.0,
                    scale: f64::from(scale),
                    powers: [s1, s2, s3, s4],
                    absolutes,
                    zeros,
                    min: least[extremes],
                    max: greatest[extremes + 1],
                }
            });
        }
    }
}

/// What stays of the elements.
fn gated(x: &[f32], gate: &[f32]) -> Vec<f32> {
    x.iter().zip(gate).map(|(&x, &gate)| if gate > 0.0 { x } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, elements, same_bits_at_every_level};
    use super::*;
    use crate::level::run_at;

    #[test]
    fn both_agree_with_the_definitions() {
        for len in [1, 31, 32, 127, 128, 129, 4095, 20_011, 65_600] {
            // The last two are done again: elements far from zero.
            for (mean, spread) in [(0.0, 1.0), (-0.3, 1.0), (1e-12, 1e-11), (0.0, 1e18), (2.0, 1.0), (-9.0, 0.1)] {
                let (x, mut gate) = (elements(len, mean, spread, 7), elements(len, 0.1, 1.0, 3));
                gate.rotate_left(len / 3);
                let [own, behind] = Moments::with_gated(&x, &gate);
                check(&x, &own, 1e-6);
                check(&gated(&x, &gate), &behind, 1e-6);
            }
        }
    }

    #[test]
    fn a_closed_gate_lets_nothing_through() {
        let (mut x, mut gate) = (elements(4096, 0.0, 1.0, 5), vec![1.0; 4096]);
        for (at, closed) in [(1000, 0.0), (1001, -1.0), (1002, f32::NAN)] {
            (x[at], gate[at]) = (f32::NAN, closed);
        }
        let [own, behind] = Moments::with_gated(&x, &gate);
        assert!(!own.mean.is_finite());
        check(&gated(&x, &gate), &behind, 1e-6);
        gate[1002] = 1.0;
        assert!(Moments::with_gated(&x, &gate).iter().all(|moments| moments.central[0].is_nan()));
        let [_, behind] = Moments::with_gated(&x, &[0.0; 4096]);
        check(&[0.0; 4096], &behind, 0.0);
    }

    #[test]
    fn zeros_are_added() {
        let x = elements(500, 0.2, 1.0, 4);
        let spread: Vec<f32> = x.iter().flat_map(|&x| [0.0, x, 0.0, 0.0]).collect();
        check(&spread, &Moments::exact(&x).with_zeros(1500), 1e-12);
        check(&[0.0; 3], &Moments::default().with_zeros(3), 0.0);
        check(&x, &Moments::exact(&x).with_zeros(0), 1e-12);
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        let (x, gate) = (elements(4064, 0.0, 1.0, 3), elements(4064, 0.0, 1.0, 5));
        same_bits_at_every_level(|level, rows, sums| run_at(level, Gated { x: &x, gate: &gate, rows, sums }), x.len());
    }
}
