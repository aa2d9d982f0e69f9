//! The exact way: elements are looked at twice, and each sum is in `f64`.

use super::{LANES, Moments, add_to, lanes_of, lanes_of_double, tree};
use crate::level::Kernel;
use crate::vector::{Double, Register, Vector};

pub(super) struct Exact<'a> {
    /// Elements in pieces, each of whole vectors but the last.
    pub pieces: &'a [&'a [f32]],
    pub moments: &'a mut Moments,
}

/// Vectors of which zeros are counted in `f32`, exactly.
const COUNTED: usize = 1 << 20;

impl Kernel for Exact<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Exact { pieces, moments } = self;
        let n = pieces.iter().map(|piece| piece.len()).sum::<usize>() as f64;
        let rest = pieces.last().map_or(&[][..], |last| last.as_chunks::<LANES>().1);
        // Element i goes to lane i % 16.
        // SAFETY: the level is the caller's.
        let Totals { sums, absolutes, min, max, zeros } = unsafe { totals::<V>(pieces, rest) };
        let sum = |lanes: [f64; LANES]| tree(lanes, |a, b| a + b);
        let mean = sum(sums) / n;
        // SAFETY: the level is the caller's.
        let powers = unsafe { central_powers::<V>(pieces, rest, mean) };
        *moments = Moments {
            count: n,
            mean,
            central: powers.map(sum),
            absolutes: sum(absolutes),
            min: min.into_iter().fold(f32::INFINITY, f32::min),
            max: max.into_iter().fold(f32::NEG_INFINITY, f32::max),
            zeros,
        };
    }
}

/// What the lanes add up to in a first look.
struct Totals {
    sums: [f64; LANES],
    absolutes: [f64; LANES],
    min: [f32; LANES],
    max: [f32; LANES],
    zeros: f64,
}

/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn totals<V: Vector>(pieces: &[&[f32]], rest: &[f32]) -> Totals {
    let mut zeros = rest.iter().filter(|x| **x == 0.0).count() as f64;
    // SAFETY: an array is a vector, and the level is the caller's.
    let (sums, absolutes, least, greatest) = unsafe {
        let one = V::Double::splat(1.0);
        let (mut sums, mut absolutes) = ([V::Double::splat(0.0); 2], [V::Double::splat(0.0); 2]);
        let (mut least, mut greatest) = (V::splat(f32::INFINITY), V::splat(f32::NEG_INFINITY));
        for vectors in pieces.iter().flat_map(|piece| piece.as_chunks::<LANES>().0.chunks(COUNTED)) {
            for x in vectors {
                let x = V::load(x.as_ptr());
                let (own, size) = (x.doubled(), x.abs().doubled());
                sums = [own[0].mul_add(one, sums[0]), own[1].mul_add(one, sums[1])];
                absolutes = [size[0].mul_add(one, absolutes[0]), size[1].mul_add(one, absolutes[1])];
                (least, greatest) = (x.lesser(least), x.greater(greatest));
            }
            for lane in (0..LANES).step_by(V::Register::LANES) {
                zeros += zeros_among::<V::Register>(vectors, lane);
            }
        }
        (lanes_of_double(sums), lanes_of_double(absolutes), lanes_of(least), lanes_of(greatest))
    };
    let mut all = Totals { sums, absolutes, min: least, max: greatest, zeros };
    for (lane, &x) in rest.iter().enumerate() {
        all.sums[lane] += f64::from(x);
        all.absolutes[lane] += f64::from(x).abs();
        all.min[lane] = if x < all.min[lane] { x } else { all.min[lane] };
        all.max[lane] = if x > all.max[lane] { x } else { all.max[lane] };
    }
    all
}

/// How many elements in the lanes from `lane` on of at most [`COUNTED`] vectors are zero.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn zeros_among<R: Register>(vectors: &[[f32; LANES]], lane: usize) -> f64 {
    let mut counts = [[0.0; LANES]];
    // SAFETY: the lanes lie in the vectors, and the level is the caller's.
    unsafe {
        let (mut zeros, one) = (R::zero(), R::splat(1.0));
        for x in vectors {
            zeros = zeros.add_where(R::load(x[lane..lane + R::LANES].as_ptr()).is_zero(), one);
        }
        add_to([zeros], 0, &mut counts);
    }
    // Counts below 2^24: every sum is exact.
    f64::from(counts[0].iter().sum::<f32>())
}

/// The sums of the second, third and fourth power of the distances from the mean.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn central_powers<V: Vector>(pieces: &[&[f32]], rest: &[f32], mean: f64) -> [[f64; LANES]; 3] {
    // SAFETY: an array is a vector, and the level is the caller's.
    let mut powers = unsafe {
        let (one, shift, zero) = (V::Double::splat(1.0), V::Double::splat(-mean), V::Double::splat(0.0));
        let mut sums = [[zero; 2]; 3];
        for piece in pieces {
            for x in piece.as_chunks::<LANES>().0 {
                let x = V::load(x.as_ptr()).doubled();
                for half in 0..2 {
                    let d = x[half].mul_add(one, shift);
                    let square = d.mul(d);
                    sums[0][half] = square.mul_add(one, sums[0][half]);
                    sums[1][half] = square.mul(d).mul_add(one, sums[1][half]);
                    sums[2][half] = square.mul(square).mul_add(one, sums[2][half]);
                }
            }
        }
        [lanes_of_double(sums[0]), lanes_of_double(sums[1]), lanes_of_double(sums[2])]
    };
    for (lane, &x) in rest.iter().enumerate() {
        let d = f64::from(x) - mean;
        let square = d * d;
        powers[0][lane] += square;
        powers[1][lane] += square * d;
        powers[2][lane] += square * square;
    }
    powers
}
