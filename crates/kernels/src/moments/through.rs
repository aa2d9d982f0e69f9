//! Moments of elements and of what goes on through a ReLU, in one pass: of a value and what the ReLU makes of it, or of a gradient and what comes out
//! behind the ReLU, where a gate (the ReLU's value) is above zero.
//!
//! ```text
//! c, s = 0 and a power of two that makes 128 elements of the first piece about 1; c = their mean, where that is far from zero
//! in 16 lanes of f32:  d = (x - c) s,  sums of d, d^2, d^3, d^4:  of all elements, and of those that go on
//!                      extremes,  and a bit for each element: whether it goes on, whether it is zero
//! in f64:              the lanes together, moments about c to moments about the mean, the bits' numbers, zeros in the place of what does not go on
//! ```
//!
//! Mostly `c` is 0 and `s` is 1, and a vector takes 13 operations, with a gate 18. Elements come in pieces, as they are computed ([`Running`]): the lanes are
//! emptied at the end of each piece and after 4096 elements, so the order of the additions depends on the pieces' sizes alone.

use super::both::{BEHIND, BothPowers, BothSizes, MAX, MAX_BEHIND, MIN, MIN_BEHIND, SIZES, SIZES_BEHIND};
use super::{LANES, Moments, PROBES, RUN, Rows, Sums, mean_of_probes, reciprocal_power_of_two};
use crate::level::{Kernel, run};
use crate::vector::{Aligned, Lanes, Register, Vector};

/// Elements among which the centre is chosen, where more are there at once: as many as a convolution's first piece has.
const FIRST: usize = 4096;

/// How far ahead a gate is asked for: it was computed long before and comes from a far cache.
const AHEAD_OF_GATE: usize = 1536;

/// How far from zero the mean of the probes may be, beside the mean of their sizes, before distances are taken from it: of numbers spread normally
/// about three fifths of a standard deviation.
const FAR: f32 = 0.65;

/// Elements that the lanes add before their sums are added to the others': the rows of a convolution's first piece.
const LONG_RUN: usize = 2 * RUN;

/// Some vectors, at most [`LONG_RUN`] elements, and their gate, or themselves in its place.
#[derive(Clone, Copy)]
struct Run {
    /// They are written to only where what goes on is to take their place.
    x: *mut f32,
    gate: *const f32,
    len: usize,
}

/// A bit for each element of a run.
type Bits = [u64; LONG_RUN / 64];

/// What is known of the elements so far.
pub(crate) struct Running {
    centre: f32,
    scale: f32,
    gated: bool,
    count: usize,
    /// How many go on.
    open: usize,
    /// Elements that are zero, and those of them that go on.
    zeros: [f64; 2],
    rows: Aligned<[[f32; LANES]; LANES]>,
    /// Of the elements that fill no vector.
    rest: [Moments; 2],
}

impl Default for Running {
    /// Of no element.
    fn default() -> Running {
        let (rows, rest) = (Aligned([[0.0; LANES]; LANES]), [Moments::default(); 2]);
        let mut none =
            Running { centre: 0.0, scale: 1.0, gated: false, count: 0, open: 0, zeros: [0.0; 2], rows, rest };
        none.clear();
        none
    }
}

impl Running {
    /// Begins with no element; the first piece chooses the centre and the scale. `gated` says whether a gate will come with each piece.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(crate) unsafe fn start<V: Vector>(&mut self, first: &[f32], gated: bool) {
        self.clear();
        self.gated = gated;
        if first.len() >= PROBES * LANES {
            // SAFETY: the probes lie inside of the piece, and the level is the caller's.
            unsafe { self.probe::<V>(first) };
        }
    }

    /// Leaves no element: in its place, since it is a kilobyte.
    fn clear(&mut self) {
        (self.centre, self.scale, self.count, self.open, self.zeros) = (0.0, 1.0, 0, 0, [0.0; 2]);
        self.rest = [Moments::default(); 2];
        let rows = &mut self.rows.0;
        rows.fill([0.0; LANES]);
        for (min, max) in [(MIN, MAX), (MIN_BEHIND, MAX_BEHIND)] {
            (rows[min], rows[max]) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
        }
    }

    /// # Safety
    /// The level's instructions must be available, and `x` have [`PROBES`] vectors.
    #[inline(always)]
    unsafe fn probe<V: Vector>(&mut self, x: &[f32]) {
        let apart = x.len() / LANES / PROBES * LANES;
        // SAFETY: the caller's.
        unsafe {
            let (mut sum, mut sizes) = (V::zero(), V::zero());
            for probe in 0..PROBES {
                let x = V::load(x.as_ptr().add(probe * apart));
                (sum, sizes) = (sum.add(x), sizes.add(x.abs()));
            }
            let (mean, size) = (mean_of_probes(sum), mean_of_probes(sizes));
            let Some(scale) = reciprocal_power_of_two(size) else { return };
            self.centre = if mean.abs() > FAR * size { mean } else { 0.0 };
            // Fourth powers of numbers of this size neither overflow nor underflow.
            self.scale = if (1e-8..1e8).contains(&size) && self.centre == 0.0 { 1.0 } else { scale };
        }
    }

    /// Adds a piece and its gate, or itself in the gate's place.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(crate) unsafe fn add<V: Vector>(&mut self, x: &[f32], gate: &[f32]) {
        assert_eq!(x.len(), gate.len(), "moments: elements and gate");
        let whole = x.len() - x.len() % LANES;
        for first in (0..whole).step_by(LONG_RUN) {
            let (x, gate) = (&x[first..whole.min(first + LONG_RUN)], &gate[first..whole.min(first + LONG_RUN)]);
            // SAFETY: whole vectors of both, of which none is written, and the level is the caller's.
            unsafe {
                self.add_run::<V, false>(Run { x: x.as_ptr().cast_mut(), gate: gate.as_ptr(), len: x.len() });
            }
        }
        self.count += whole;
        self.add_rest(&x[whole..], &gate[whole..]);
    }

    /// The same, and leaves what goes on in the piece's place.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(crate) unsafe fn add_passing<V: Vector>(&mut self, x: &mut [f32], gate: Option<&[f32]>) {
        assert!(gate.is_none_or(|gate| gate.len() == x.len()), "moments: elements and gate");
        let (whole, rest) = x.split_at_mut(x.len() - x.len() % LANES);
        for (at, x) in whole.chunks_mut(LONG_RUN).enumerate() {
            let gate = gate.map_or(x.as_ptr(), |gate| gate[at * LONG_RUN..][..x.len()].as_ptr());
            // SAFETY: whole vectors of both, and the level is the caller's.
            unsafe { self.add_run::<V, true>(Run { x: x.as_mut_ptr(), gate, len: x.len() }) };
        }
        self.count += whole.len();
        let gate = gate.map(|gate| &gate[whole.len()..]);
        let behind = self.add_rest(rest, gate.unwrap_or(rest));
        rest.copy_from_slice(&behind);
    }

    /// Adds elements that fill no vector; what goes on of them.
    fn add_rest(&mut self, x: &[f32], gate: &[f32]) -> Vec<f32> {
        if x.is_empty() {
            return Vec::new();
        }
        let behind = if self.gated { gated(x, gate) } else { rectified(x) };
        self.rest = [self.rest[0].merge(&Moments::exact(x)), self.rest[1].merge(&Moments::exact(&behind))];
        behind
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn add_run<V: Vector, const PASSES: bool>(&mut self, run: Run) {
        // SAFETY: the caller's.
        unsafe {
            match (self.gated, self.centre == 0.0 && self.scale == 1.0) {
                (false, true) => self.add_run_of::<V, PASSES, false, true>(run),
                (false, false) => self.add_run_of::<V, PASSES, false, false>(run),
                (true, true) => self.add_run_of::<V, PASSES, true, true>(run),
                (true, false) => self.add_run_of::<V, PASSES, true, false>(run),
            }
        }
    }

    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn add_run_of<V: Vector, const PASSES: bool, const GATED: bool, const PLAIN: bool>(&mut self, run: Run) {
        let (mut open, mut zeros): (Bits, Bits) = ([0; _], [0; _]);
        for lane in (0..LANES).step_by(V::Register::LANES) {
            let bits = [&mut open, &mut zeros].map(|bits| bits.as_mut_ptr().cast());
            // SAFETY: the caller's, and there is room for a bit of each element.
            unsafe {
                if V::Register::MANY || !GATED {
                    self.add_lanes::<V, PASSES, GATED, PLAIN, true, true>(run, lane, bits);
                } else {
                    // The sums of both are more than there are registers.
                    self.add_lanes::<V, false, GATED, PLAIN, false, true>(run, lane, bits);
                    self.add_lanes::<V, PASSES, GATED, PLAIN, true, false>(run, lane, bits);
                }
            }
        }
        let bits = run.len.div_ceil(64);
        self.open += ones(open[..bits].iter().copied());
        // Mostly there is none.
        if zeros[..bits].iter().fold(0, |any, bits| any | bits) != 0 {
            let open_zeros = open[..bits].iter().zip(&zeros).map(|(open, zeros)| open & zeros);
            self.zeros[0] += ones(zeros[..bits].iter().copied()) as f64;
            self.zeros[1] += ones(open_zeros) as f64;
        }
    }

    /// Adds the powers of some lanes of each vector, their sizes, or both. What `PASSES` takes the elements' place. A bit is written for each element: whether
    /// it goes on, and whether it is zero.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn add_lanes<
        V: Vector,
        const PASSES: bool,
        const GATED: bool,
        const PLAIN: bool,
        const POWERS: bool,
        const SIZES: bool,
    >(
        &mut self,
        run: Run,
        lane: usize,
        [open, zeros]: [*mut u8; 2],
    ) {
        // SAFETY: the caller's.
        unsafe {
            let (factor, shift) = (V::Register::splat(self.scale), V::Register::splat(-self.centre * self.scale));
            let (mut powers, mut sizes) = (BothPowers::<V::Register>::new(), BothSizes::<V::Register>::new());
            for first in (lane..lane + run.len).step_by(LANES) {
                let (at, gate) = (run.x.add(first), run.gate.add(first));
                if GATED && POWERS && lane == 0 {
                    V::prefetch(gate.wrapping_add(AHEAD_OF_GATE));
                }
                let x = V::Register::load(at);
                let goes_on = if GATED { V::Register::load(gate) } else { x }.positive();
                if SIZES {
                    sizes.add::<GATED>(x, goes_on);
                }
                if POWERS {
                    V::Register::store_bits(goes_on, open.add(first / 8));
                    V::Register::store_bits(x.is_zero(), zeros.add(first / 8));
                    powers.add(if PLAIN { x } else { x.mul_add(factor, shift) }, goes_on);
                }
                if PASSES {
                    // A ReLU lets a NaN through.
                    if GATED { x.kept(goes_on) } else { V::Register::zero().greater(x) }.store(at);
                }
            }
            if POWERS {
                powers.flush(lane, &mut self.rows.0);
            }
            if SIZES {
                sizes.flush::<GATED>(lane, &mut self.rows.0);
            }
        }
    }

    /// The moments of all elements and of what goes on, unless the sums do not stand for them.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    pub(crate) unsafe fn finish<V: Vector>(&mut self) -> Option<[Moments; 2]> {
        // SAFETY: the level is the caller's.
        let (totals, least, greatest) = unsafe { Rows(&mut self.rows.0).put_together::<V>() };
        let (n, open, scale) = (self.count as f64, self.open as f64, f64::from(self.scale));
        // The centre from zero, in units of the scale.
        let t = f64::from(self.centre) * scale;
        let powers = [totals[0], totals[1], totals[2], totals[3]];
        let behind = [totals[BEHIND], totals[BEHIND + 1], totals[BEHIND + 2], totals[BEHIND + 3]];
        let closed = n - open;
        let own = Sums {
            centre: f64::from(self.centre),
            scale,
            powers,
            // |x| = 2 max(x, 0) - x.
            absolutes: if self.gated {
                totals[SIZES]
            } else {
                (2.0 * (behind[0] + open * t) - (powers[0] + n * t)) / scale
            },
            zeros: self.zeros[0],
            min: least[MIN],
            max: greatest[MAX],
        };
        let [min, max] = match self.gated {
            true => [least[MIN_BEHIND], greatest[MAX_BEHIND]],
            false => [if open > 0.0 { own.min.max(0.0) } else { 0.0 }, own.max],
        };
        let with_zero = |x: f32, pick: fn(f32, f32) -> f32| if closed > 0.0 { pick(x, 0.0) } else { x };
        let behind = Sums {
            centre: if t > 0.0 { own.centre } else { 0.0 },
            scale,
            powers: if t > 0.0 { with_zeros_at(behind, closed, -t) } else { about_zero(behind, open, t)? },
            absolutes: if self.gated { totals[SIZES_BEHIND] } else { (behind[0] + open * t) / scale },
            zeros: closed + self.zeros[1],
            min: with_zero(min, f32::min),
            max: with_zero(max, f32::max),
        };
        let [own, behind] = [own.moments(n)?, behind.moments(n)?];
        Some([own.merge(&self.rest[0]), behind.merge(&self.rest[1])])
    }
}

/// How many bits are set.
fn ones(bits: impl Iterator<Item = u64>) -> usize {
    bits.map(|bits| bits.count_ones() as usize).sum()
}

/// The share of the squares about a centre that those about zero must have: below it too many digits have cancelled.
const LEAST_SHARE_ABOUT_ZERO: f64 = 1.0 / 16.0;

/// The sums of the first to the fourth power of `d + t` over `n` elements, from those of `d`.
fn about_zero([s1, s2, s3, s4]: [f64; 4], n: f64, t: f64) -> Option<[f64; 4]> {
    let second = s2 + t * (2.0 * s1 + n * t);
    let third = s3 + t * (3.0 * s2 + t * (3.0 * s1 + n * t));
    let fourth = s4 + t * (4.0 * s3 + t * (6.0 * s2 + t * (4.0 * s1 + n * t)));
    (second >= LEAST_SHARE_ABOUT_ZERO * s2).then_some([s1 + n * t, second, third, fourth])
}

/// The sums of the first to the fourth power with those of `n` zeros, which are `d` from the centre.
fn with_zeros_at([s1, s2, s3, s4]: [f64; 4], n: f64, d: f64) -> [f64; 4] {
    let square = d * d;
    [s1 + n * d, s2 + n * square, s3 + n * square * d, s4 + n * square * square]
}

/// Elements that are there at once: one piece.
struct Piece<'a> {
    x: &'a [f32],
    gate: Option<&'a [f32]>,
    found: &'a mut Option<[Moments; 2]>,
}

impl Kernel for Piece<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let gate = self.gate.unwrap_or(self.x);
        // SAFETY: the level is the caller's.
        unsafe {
            let mut running = Running::default();
            running.start::<V>(&self.x[..self.x.len().min(FIRST)], self.gate.is_some());
            running.add::<V>(self.x, gate);
            *self.found = running.finish::<V>();
        }
    }
}

impl Moments {
    /// Of these elements, and of what a ReLU makes of them: the second cost a sixth of the first. A NaN is one in both.
    pub fn with_rectified(x: &[f32]) -> [Moments; 2] {
        Moments::through(x, None).unwrap_or_else(|| [x, &rectified(x)].map(Moments::of))
    }

    /// Of these elements, and of those that stay where `gate` is above zero, with zeros for the others: a gradient before and behind a ReLU whose value
    /// the gate is.
    ///
    /// # Panics
    /// When the two have different lengths.
    pub fn with_gated(x: &[f32], gate: &[f32]) -> [Moments; 2] {
        assert_eq!(x.len(), gate.len(), "moments: elements and gate");
        Moments::through(x, Some(gate)).unwrap_or_else(|| [x, &gated(x, gate)].map(Moments::of))
    }

    fn through(x: &[f32], gate: Option<&[f32]>) -> Option<[Moments; 2]> {
        let mut found = None;
        if x.len() >= PROBES * LANES {
            run(Piece { x, gate, found: &mut found });
        }
        found
    }
}

/// What a ReLU makes of the elements.
fn rectified(x: &[f32]) -> Vec<f32> {
    x.iter().map(|&x| if x < 0.0 { 0.0 } else { x }).collect()
}

/// What stays of the elements.
fn gated(x: &[f32], gate: &[f32]) -> Vec<f32> {
    x.iter().zip(gate).map(|(&x, &gate)| if gate > 0.0 { x } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, elements};
    use super::*;
    use crate::level::{Level, run_at};

    const CASES: [(f32, f32); 8] =
        [(0.0, 1.0), (-0.3, 1.0), (1e-12, 1e-11), (0.0, 1e18), (2.0, 1.0), (-9.0, 0.1), (0.6, 0.7), (-0.5, 0.6)];

    #[test]
    fn a_value_and_its_relu_agree_with_the_definitions() {
        for len in [1, 31, 32, 127, 128, 129, 4095, 20_011, 65_600] {
            for (mean, spread) in CASES {
                for every_zero in [7, usize::MAX] {
                    let x = elements(len, mean, spread, every_zero);
                    let [of_x, of_relu] = Moments::with_rectified(&x);
                    check(&x, &of_x, 1e-6);
                    check(&rectified(&x), &of_relu, 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_gradient_before_and_behind_a_relu_agrees_with_the_definitions() {
        for len in [1, 31, 32, 127, 128, 129, 4095, 20_011, 65_600] {
            for (mean, spread) in CASES {
                let (x, mut gate) = (elements(len, mean, spread, 7), elements(len, 0.1, 1.0, 3));
                gate.rotate_left(len / 3);
                let [own, behind] = Moments::with_gated(&x, &gate);
                check(&x, &own, 1e-6);
                check(&gated(&x, &gate), &behind, 1e-6);
            }
        }
    }

    #[test]
    fn first_elements_that_say_nothing_of_the_others_do_no_harm() {
        for (first, others) in [(0.0, 1e-12), (0.0, 1e12), (1e-3, 1e30), (5.0, 1e-3), (f32::INFINITY, 1.0)] {
            let mut x = elements(9000, 0.1 * others, others, 5);
            x[..FIRST].fill(first);
            let (found, gate) = (Moments::with_rectified(&x), elements(9000, 0.1, 1.0, 3));
            if first.is_finite() {
                check(&x, &found[0], 1e-6);
                check(&rectified(&x), &found[1], 1e-6);
                check(&gated(&x, &gate), &Moments::with_gated(&x, &gate)[1], 1e-6);
            }
            assert_eq!(found[0].mean.is_finite(), first.is_finite());
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
    fn zeros_alone_are_zeros() {
        let [own, behind] = Moments::with_rectified(&[0.0; 4112]);
        check(&[0.0; 4112], &own, 0.0);
        check(&[0.0; 4112], &behind, 0.0);
        let [_, behind] = Moments::with_rectified(&elements(4112, -9.0, 0.1, usize::MAX));
        check(&[0.0; 4112], &behind, 0.0);
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
        let gate = elements(4130, 0.0, 1.0, 5);
        for (mean, spread) in [(0.0, 1.0), (1e-10, 1e-9), (0.5, 0.6), (-0.25, 0.6)] {
            for (every_zero, gate) in [(3, None), (usize::MAX, None), (3, Some(&gate[..]))] {
                let x = elements(4130, mean, spread, every_zero);
                let bits = Level::ALL.into_iter().filter(|level| level.is_available()).map(|level| {
                    let mut found = None;
                    run_at(level, Piece { x: &x, gate, found: &mut found });
                    found.unwrap_or_else(|| panic!("{mean}, {spread}, {every_zero}")).map(|m| {
                        let [c2, c3, c4] = m.central;
                        [m.mean, c2, c3, c4, m.absolutes, m.zeros, m.min.into(), m.max.into()].map(f64::to_bits)
                    })
                });
                let bits: Vec<_> = bits.collect();
                assert!(bits.windows(2).all(|pair| pair[0] == pair[1]), "{mean}, {spread}");
            }
        }
    }
}
