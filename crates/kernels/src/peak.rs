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
    let mut sum = 0.0;
    run_at(level, Spin { rounds, sum: &mut sum });
    std::hint::black_box(sum);
    2 * rounds * CHAINS * LANES
}

struct Spin<'a> {
    rounds: usize,
    sum: &'a mut f32,
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
            *self.sum = chains.into_iter().map(|chain| chain.sum()).sum();
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
