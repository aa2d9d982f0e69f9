//! The arithmetic peak of the processor, as a yardstick: multiply-adds on registers alone.

use crate::level::{Kernel, Level, run_at};
use crate::vector::{LANES, Vector};

/// The most chains of multiply-adds. A level has [`Vector::TALL`]: enough to hide the latency of each, few enough for its registers.
const CHAINS: usize = 12;

/// Executes multiply-adds on the calling thread, `rounds` to each of the chains, and returns the number of floating-point operations (a
/// multiply-add is two).
///
/// # Panics
/// When this processor lacks the level.
pub fn fused_multiply_adds(level: Level, rounds: usize) -> usize {
    let (mut lanes, mut operations) = ([0.0; LANES], 0);
    run_at(level, Spin { rounds, lanes: &mut lanes, operations: &mut operations });
    std::hint::black_box(lanes);
    operations
}

struct Spin<'a> {
    rounds: usize,
    lanes: &'a mut [f32; LANES],
    operations: &'a mut usize,
}

impl Kernel for Spin<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller vouches for the level.
        unsafe {
            let factor = V::splat(std::hint::black_box(0.5));
            let chains = &mut [V::splat(1.0); CHAINS][..V::TALL];
            for _ in 0..self.rounds {
                for chain in &mut *chains {
                    *chain = chain.mul_add(factor, factor);
                }
            }
            let mut sum = chains[0];
            for chain in &chains[1..] {
                sum = sum.add(*chain);
            }
            sum.store(self.lanes.as_mut_ptr());
        }
        *self.operations = 2 * self.rounds * V::TALL * LANES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted() {
        for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
            let chains = fused_multiply_adds(level, 10) / (2 * 10 * 16);
            assert!((1..=CHAINS).contains(&chains), "{level}");
            assert_eq!(fused_multiply_adds(level, 30), 2 * 30 * chains * 16);
        }
    }
}
