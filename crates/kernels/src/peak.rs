//! The arithmetic peak of the processor, as a yardstick: multiply-adds on registers alone.

use crate::level::{Kernel, Level, run_at};
use crate::vector::{LANES, Vector};

/// Chains of multiply-adds: enough to hide the latency of each, few enough for the registers.
const CHAINS: usize = 12;

/// Executes multiply-adds on the calling thread, `rounds` to each of the chains, and returns the number of floating-point operations (a
/// multiply-add is two).
///
/// # Panics
/// When this processor lacks the level.
pub fn fused_multiply_adds(level: Level, rounds: usize) -> usize {
    let mut lanes = [0.0; LANES];
    run_at(level, Spin { rounds, lanes: &mut lanes });
    std::hint::black_box(lanes);
    2 * rounds * CHAINS * LANES
}

struct Spin<'a> {
    rounds: usize,
    lanes: &'a mut [f32; LANES],
}

impl Kernel for Spin<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller vouches for the level.
        unsafe {
            let factor = V::splat(std::hint::black_box(0.5));
            let mut chains = [V::splat(1.0); CHAINS];
            for _ in 0..self.rounds {
                for chain in &mut chains {
                    *chain = chain.mul_add(factor, factor);
                }
            }
            let mut sum = chains[0];
            for chain in &chains[1..] {
                sum = sum.add(*chain);
            }
            sum.store(self.lanes.as_mut_ptr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted() {
        assert_eq!(fused_multiply_adds(Level::Portable, 10), 2 * 10 * CHAINS * 16);
    }
}
