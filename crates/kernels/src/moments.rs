//! Moments of many elements: mean, central moments up to the fourth, extremes, zeros.
//!
//! [`Moments::exact`] looks at the elements twice and adds in `f64`. [`Moments::of`] looks at them once, at the speed at which they can be
//! read from a cache, in blocks of up to 32768 elements:
//!
//! ```text
//! c, s = the mean of 128 elements spread over the block, a power of two that makes their distances from c about 1
//! in 32 lanes of f32:  d = (x - c) s,  sums of d, d^2, d^3, d^4, |x|,  extremes,  zeros
//!                      of 2048 elements, and those sums' sums: rounding grows with their number, so few are added to one
//! in f64:              the lanes together, moments about c to moments about the mean
//! ```
//!
//! A block whose sums do not stand for it (its spread underflows, overflows, or is small beside the distance of `c` from the mean) is done the exact way.
//! The order of every addition depends on the number of elements alone, never on the level.

mod block;
mod both;
mod exact;
mod powers;
mod through;

use crate::buffer::Buffer;
use crate::elementwise::zip;
use crate::level::run;
use crate::vector::{Aligned, Double, LANES, Register, Vector, load_rows};

use block::Block;
use exact::Exact;
pub(crate) use through::Running;

/// What is known of some elements. Two of them put together ([`Moments::merge`]) are what is known of the elements of both.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// The number of elements.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// The sums of the second, third and fourth power of their distances from the mean.
    pub central: [f64; 3],
    /// The sum of their absolute values.
    pub absolutes: f64,
    /// The least element that is a number.
    pub min: f32,
    /// The greatest element that is a number.
    pub max: f32,
    /// How many are zero, of either sign.
    pub zeros: f64,
}

impl Default for Moments {
    /// Of no element.
    fn default() -> Moments {
        Moments {
            count: 0.0,
            mean: 0.0,
            central: [0.0; 3],
            absolutes: 0.0,
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
            zeros: 0.0,
        }
    }
}

/// Elements of a block, at most.
const BLOCK: usize = 32_768;
/// Elements that the lanes add before their sums are added to the block's.
const RUN: usize = 2048;
/// Elements that are looked at together.
const STRIDE: usize = 2 * LANES;
/// Vectors whose elements choose a block's centre and scale.
const PROBES: usize = 8;

impl Moments {
    /// Of these elements, each sum in `f64`. Elements that are not finite spread to all but the extremes and the zeros.
    pub fn exact(x: &[f32]) -> Moments {
        Moments::exact_of(&[x])
    }

    /// [`Moments::exact`] of elements that lie in pieces.
    pub fn exact_of(pieces: &[&[f32]]) -> Moments {
        let mut moments = Moments::default();
        let Some((_, others)) = pieces.split_last() else { return moments };
        if others.iter().any(|piece| !piece.len().is_multiple_of(LANES)) {
            // Every element has its lane.
            return Moments::exact(&pieces.concat());
        }
        if pieces.iter().any(|piece| !piece.is_empty()) {
            run(Exact { pieces, moments: &mut moments });
        }
        moments
    }

    /// Of these elements, in one pass. Each sum is off by a few 1e-7 of the sum of its terms' sizes.
    pub fn of(x: &[f32]) -> Moments {
        let block = |x: &[f32]| {
            let (whole, rest) = x.split_at(x.len() - x.len() % STRIDE);
            Moments::of_block(whole).unwrap_or_else(|| Moments::exact(whole)).merge(&Moments::exact(rest))
        };
        x.chunks(BLOCK).map(block).fold(Moments::default(), |all, next| all.merge(&next))
    }

    /// Of these elements, and of what they are more than `before`, as [`Moments::of`] gives them. Both are read once.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn of_change(x: &[f32], before: &[f32]) -> [Moments; 2] {
        assert_eq!(x.len(), before.len(), "moments: elements before and after");
        let mut change = Buffer::stale(x.len().min(BLOCK));
        let mut all = [Moments::default(); 2];
        for (x, before) in x.chunks(BLOCK).zip(before.chunks(BLOCK)) {
            let change = &mut change[..x.len()];
            zip(x, before, change, |x, before| x - before);
            all = [all[0].merge(&Moments::of(x)), all[1].merge(&Moments::of(change))];
        }
        all
    }

    /// Of whole strides, if the lanes' sums stand for them.
    fn of_block(x: &[f32]) -> Option<Moments> {
        if x.len() < PROBES * LANES {
            return None;
        }
        let mut sums = Sums::default();
        run(Block { x, rows: &mut Aligned([[0.0; LANES]; LANES]).0, sums: &mut sums });
        sums.moments(x.len() as f64)
    }

    /// Of the elements of both (Pébay 2008, equations 2.1 to 2.3 with two sets).
    #[must_use]
    pub fn merge(&self, other: &Moments) -> Moments {
        let (a, b) = (self, other);
        if a.count == 0.0 || b.count == 0.0 {
            return if a.count == 0.0 { *b } else { *a };
        }
        let n = a.count + b.count;
        let (p, q) = (a.count / n, b.count / n);
        let (a2, b2, a3, b3) = (a.central[0], b.central[0], a.central[1], b.central[1]);
        let delta = b.mean - a.mean;
        let square = delta * delta;
        Moments {
            count: n,
            mean: a.mean + delta * q,
            central: [
                a2 + b2 + square * p * b.count,
                a3 + b3 + square * delta * p * b.count * (p - q) + 3.0 * delta * (p * b2 - q * a2),
                a.central[2]
                    + b.central[2]
                    + square * square * p * b.count * (p * p - p * q + q * q)
                    + 6.0 * square * (p * p * b2 + q * q * a2)
                    + 4.0 * delta * (p * b3 - q * a3),
            ],
            absolutes: a.absolutes + b.absolutes,
            min: a.min.min(b.min),
            max: a.max.max(b.max),
            zeros: a.zeros + b.zeros,
        }
    }

    /// Of the elements of all parts, each added to the sums about the mean of all (Pébay 2008, equation 2.1 for many sets): what one [`Moments::merge`]
    /// after the other gives, without their divisions.
    pub fn together<'a>(parts: impl Iterator<Item = &'a Moments> + Clone) -> Moments {
        let mut all = Moments::default();
        for part in parts.clone() {
            all.count += part.count;
            all.mean += part.count * part.mean;
            all.absolutes += part.absolutes;
            all.zeros += part.zeros;
            all.min = all.min.min(part.min);
            all.max = all.max.max(part.max);
        }
        if all.count == 0.0 {
            return all;
        }
        all.mean /= all.count;
        let [c2, c3, c4] = &mut all.central;
        for part in parts {
            let (n, delta, [m2, m3, m4]) = (part.count, part.mean - all.mean, part.central);
            let square = delta * delta;
            *c2 += m2 + n * square;
            *c3 += m3 + delta * (3.0 * m2 + n * square);
            *c4 += m4 + 4.0 * delta * m3 + square * (6.0 * m2 + n * square);
        }
        all
    }

    /// Of so many zeros.
    fn of_zeros(count: f64) -> Moments {
        if count == 0.0 {
            return Moments::default();
        }
        Moments { count, zeros: count, min: 0.0, max: 0.0, ..Moments::default() }
    }

    /// Of these elements and so many zeros.
    #[must_use]
    pub fn with_zeros(&self, zeros: usize) -> Moments {
        if zeros == 0 { *self } else { self.merge(&Moments::of_zeros(zeros as f64)) }
    }

    /// The sum of the squares of the elements.
    pub fn squares(&self) -> f64 {
        self.central[0] + self.count * self.mean * self.mean
    }
}

/// What the lanes of a block add up to.
#[derive(Default)]
struct Sums {
    centre: f64,
    /// Zero where the lanes found none, and added up nothing.
    scale: f64,
    /// Of the first to the fourth power of the scaled distances from the centre.
    powers: [f64; 4],
    absolutes: f64,
    zeros: f64,
    min: f32,
    max: f32,
}

/// The least share of the second moment about the centre that the variance must have: below it too many digits have cancelled.
const LEAST_SHARE: f64 = 0.5;

/// What the sum of the fourth powers must reach: below it terms may have been rounded to zero.
const LEAST_FOURTH: f64 = 1e-34;

impl Sums {
    fn moments(&self, n: f64) -> Option<Moments> {
        let [s1, s2, s3, s4] = self.powers;
        if self.scale > 0.0 && s2 == 0.0 && self.min == 0.0 && self.max == 0.0 {
            return Some(Moments::of_zeros(n));
        }
        let shift = s1 / n;
        let square = shift * shift;
        let m2 = s2 - n * square;
        if !(s4.is_finite() && s4 > LEAST_FOURTH && m2 > LEAST_SHARE * s2) {
            return None;
        }
        let m3 = s3 - 3.0 * shift * s2 + 2.0 * n * square * shift;
        let m4 = s4 - 4.0 * shift * s3 + 6.0 * square * s2 - 3.0 * n * square * square;
        // Powers of two: nothing is rounded.
        let unit = 1.0 / self.scale;
        Some(Moments {
            count: n,
            mean: self.centre + shift * unit,
            central: [m2 * unit * unit, m3 * unit * unit * unit, m4 * (unit * unit) * (unit * unit)],
            absolutes: self.absolutes,
            min: self.min,
            max: self.max,
            zeros: self.zeros,
        })
    }
}

/// Vectors of lanes' sums and extremes.
struct Rows<'a>(&'a mut [[f32; LANES]; LANES]);

impl Rows<'_> {
    /// Of each row: the sum, the least and the greatest lane. Lanes become rows, which are put together as vectors: the first's with the second's, then the
    /// third's.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn put_together<V: Vector>(self) -> ([f64; LANES], [f32; LANES], [f32; LANES]) {
        // SAFETY: a row is a vector, and the level is the caller's.
        unsafe {
            let lanes = V::exchange(load_rows(self.0));
            let (mut least, mut greatest) = (lanes[0], lanes[0]);
            let (one, mut sums) = (V::Double::splat(1.0), [V::Double::splat(0.0); 2]);
            for lane in lanes {
                (least, greatest) = (lane.lesser(least), lane.greater(greatest));
                let [low, high] = lane.doubled();
                sums = [low.mul_add(one, sums[0]), high.mul_add(one, sums[1])];
            }
            (lanes_of_double(sums), lanes_of(least), lanes_of(greatest))
        }
    }
}

/// Adds what is in the lanes from `lane` on to rows.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn add_to<R: Register, const N: usize>(sums: [R; N], lane: usize, rows: &mut [[f32; LANES]]) {
    for (sum, row) in sums.into_iter().zip(rows) {
        let row = row[lane..lane + R::LANES].as_mut_ptr();
        // SAFETY: there are as many lanes in the row, and the level is the caller's.
        unsafe { R::load(row).add(sum).store(row) };
    }
}

/// The same for a row of the least and one of the greatest.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn widen<R: Register>([min, max]: [R; 2], lane: usize, rows: &mut [[f32; LANES]]) {
    let [least, greatest] = [0, 1].map(|row| rows[row][lane..lane + R::LANES].as_mut_ptr());
    // SAFETY: there are as many lanes in each row, and the level is the caller's.
    unsafe {
        min.lesser(R::load(least)).store(least);
        max.greater(R::load(greatest)).store(greatest);
    }
}

/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn lanes_of<V: Vector>(vector: V) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    // SAFETY: the array has room for a vector, and the caller vouches for the level.
    unsafe { vector.store(lanes.as_mut_ptr()) };
    lanes
}

/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn lanes_of_double<D: Double>(halves: [D; 2]) -> [f64; LANES] {
    let mut lanes = [[0.0; LANES / 2]; 2];
    // SAFETY: the level is the caller's.
    unsafe {
        halves[0].store(&mut lanes[0]);
        halves[1].store(&mut lanes[1]);
    }
    let mut all = [0.0; LANES];
    all.copy_from_slice(lanes.as_flattened());
    all
}

/// The mean of probes, which lanes have added up.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn mean_of_probes<V: Vector>(sum: V) -> f32 {
    // SAFETY: the level is the caller's.
    tree(unsafe { lanes_of(sum) }, |a, b| a + b) / (PROBES * LANES) as f32
}

/// The power of two that takes `x` into [1, 2), unless it or its inverse is no normal number.
#[inline(always)]
fn reciprocal_power_of_two(x: f32) -> Option<f32> {
    let exponent = x.to_bits() >> 23;
    (1..254).contains(&exponent).then(|| f32::from_bits((254 - exponent) << 23))
}

/// The lanes put together: halves of 8, of 4, of 2, then the last pair.
#[inline(always)]
fn tree<T: Copy>(lanes: [T; LANES], put: impl Fn(T, T) -> T) -> T {
    // No map of an array: the compiler leaves some of them functions.
    let quarter = |lane: usize| put(put(lanes[lane], lanes[lane + 8]), put(lanes[lane + 4], lanes[lane + 12]));
    put(put(quarter(0), quarter(2)), put(quarter(1), quarter(3)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{Level, run_at};

    /// Elements as networks make them, about a level and of a spread.
    pub(super) fn elements(len: usize, mean: f32, spread: f32, every_zero: usize) -> Vec<f32> {
        let element = |at: usize| {
            let x = (at as u32).wrapping_mul(2_654_435_761) >> 8;
            let x = x as f32 / (1 << 23) as f32 - 1.0;
            if at.is_multiple_of(every_zero) { 0.0 } else { mean + spread * x * x * x }
        };
        (0..len).map(element).collect()
    }

    /// The sums by their definitions: count, mean, central, absolutes, zeros.
    fn naive(x: &[f32]) -> [f64; 7] {
        let n = x.len() as f64;
        let x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
        let mean = x.iter().sum::<f64>() / n;
        let central = |power| x.iter().map(|x| (x - mean).powi(power)).sum::<f64>();
        let zeros = x.iter().filter(|x| **x == 0.0).count() as f64;
        [n, mean, central(2), central(3), central(4), x.iter().map(|x| x.abs()).sum(), zeros]
    }

    pub(super) fn check(x: &[f32], found: &Moments, tolerance: f64) {
        let expect = naive(x);
        let [m2, m3, m4] = found.central;
        // A third moment is judged beside what its terms add up to without their signs, a mean beside the spread.
        let deviation = (expect[2] / expect[0]).sqrt();
        let third = x.iter().map(|&x| (f64::from(x) - expect[1]).abs().powi(3)).sum::<f64>();
        let sizes = [0.0, deviation + expect[1].abs(), expect[2], third, expect[4], expect[5], 0.0];
        for (at, found) in [found.count, found.mean, m2, m3, m4, found.absolutes, found.zeros].into_iter().enumerate() {
            let error = (found - expect[at]).abs();
            assert!(error <= tolerance * sizes[at], "{at} of {} elements: {found}, {}", x.len(), expect[at]);
        }
        assert_eq!(found.min, x.iter().copied().fold(f32::INFINITY, f32::min));
        assert_eq!(found.max, x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    }

    #[test]
    fn a_change_is_that_of_the_differences() {
        for len in [0, 1, 200, BLOCK, 3 * BLOCK + 77] {
            let (x, before) = (elements(len, 0.1, 1.0, 5), elements(len, 0.0, 1.0, 7));
            let change: Vec<f32> = x.iter().zip(&before).map(|(x, before)| x - before).collect();
            let expect = [Moments::of(&x), Moments::of(&change)];
            assert_eq!(format!("{:?}", Moments::of_change(&x, &before)), format!("{expect:?}"), "{len}");
        }
    }

    #[test]
    fn pieces_are_added_as_the_whole_is() {
        let x = elements(1000, 0.5, 2.0, 4);
        let whole = format!("{:?}", Moments::exact(&x));
        for cuts in [&[0, 160, 160, 480, 1000][..], &[0, 7, 1000], &[0, 992, 1000], &[0, 1000, 1000]] {
            let pieces: Vec<&[f32]> = cuts.windows(2).map(|cut| &x[cut[0]..cut[1]]).collect();
            assert_eq!(format!("{:?}", Moments::exact_of(&pieces)), whole, "{cuts:?}");
        }
        assert_eq!([Moments::exact_of(&[]), Moments::exact_of(&[&[], &[]])].map(|none| none.count), [0.0; 2]);
    }

    #[test]
    fn worked_by_hand() {
        // Mean 0.25, distances 1.25, -0.75, -0.25, -0.25.
        let moments = Moments::exact(&[1.5, -0.5, 0.0, -0.0]);
        assert_eq!((moments.count, moments.mean, moments.absolutes, moments.zeros), (4.0, 0.25, 2.0, 2.0));
        assert_eq!(moments.central, [2.25, 1.5, 2.765625]);
        assert_eq!((moments.min, moments.max, moments.squares()), (-0.5, 1.5, 2.5));
    }

    #[test]
    fn both_ways_agree_with_the_definitions() {
        for len in [1, 15, 31, 32, 127, 128, 129, 4095, 4096, 4100, 20_011, 65_600] {
            for (mean, spread) in [(0.0, 1.0), (0.3, 1e-3), (-2.0, 5.0), (1e-12, 1e-14), (1e20, 1e18)] {
                let x = elements(len, mean, spread, 3);
                check(&x, &Moments::exact(&x), 1e-12);
                check(&x, &Moments::of(&x), 1e-6);
                let level = elements(len, mean, spread, usize::MAX);
                check(&level, &Moments::of(&level), 1e-6);
            }
        }
    }

    #[test]
    fn blocks_that_the_probes_do_not_stand_for_are_done_exactly() {
        let mut x = vec![0.0; 8192];
        check(&x, &Moments::of(&x), 0.0);
        for (at, odd) in [(20, 1.0), (4113, -1e-30), (77, 1e30), (8000, 3e38)] {
            x[at] = odd;
            check(&x, &Moments::of(&x), 1e-12);
        }
        let mut level = vec![1.0; 4096];
        level[20] = 1.0 + f32::EPSILON;
        check(&level, &Moments::of(&level), 1e-12);
        let steps: Vec<f32> = (0..4096).map(|at| if at % 512 < 16 { 0.0 } else { 5.0 + (at % 3) as f32 }).collect();
        check(&steps, &Moments::of(&steps), 1e-6);
    }

    #[test]
    fn what_is_not_finite_shows() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x = elements(4096, 0.0, 1.0, 5);
            x[1000] = bad;
            assert!(!Moments::of(&x).mean.is_finite() && Moments::of(&x).central[0].is_nan());
        }
    }

    #[test]
    fn put_together_they_are_those_of_the_whole() {
        let x = elements(1000, 0.5, 2.0, 4);
        let parts = [&x[..1], &x[1..400], &x[400..400], &x[400..]];
        let parts = parts.map(Moments::exact);
        check(&x, &parts.iter().fold(Moments::default(), |all, part| all.merge(part)), 1e-12);
        check(&x, &Moments::together(parts.iter()), 1e-12);
        assert_eq!(Moments::together([].iter()).count, 0.0);
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        for (len, every_zero) in [(128, 3), (4096, 2), (4064, usize::MAX)] {
            let x = elements(len, 0.1, 1.0, every_zero);
            let bits = Level::ALL.into_iter().filter(|level| level.is_available()).map(|level| {
                let mut sums = Sums::default();
                run_at(level, Block { x: &x, rows: &mut [[0.0; LANES]; LANES], sums: &mut sums });
                let mut exact = Moments::default();
                run_at(level, Exact { pieces: &[&x], moments: &mut exact });
                let fast = sums.moments(len as f64).expect("spread evenly");
                [fast, exact]
                    .map(|m| [m.mean, m.central[0], m.central[1], m.central[2], m.absolutes, m.zeros].map(f64::to_bits))
            });
            let bits: Vec<_> = bits.collect();
            assert!(bits.windows(2).all(|pair| pair[0] == pair[1]), "{len}");
        }
    }
}
