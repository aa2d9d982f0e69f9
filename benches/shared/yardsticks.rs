//! What the machine delivers at its best: multiply-adds on registers, and a triad on memory. Measured when asked for, because machines
//! differ from hour to hour.

use seismograd_kernels::level::Level;
use seismograd_kernels::peak::fused_multiply_adds;
use seismograd_tensor::Tensor;
use std::time::{Duration, Instant};

/// The best rates, where they are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Yardsticks {
    /// Of multiply-adds, in GFLOP/s.
    pub peak: Option<f64>,
    /// Of a triad, in GB/s.
    pub triad: Option<f64>,
}

/// Multiply-adds on the registers of the calling thread, in GFLOP/s.
///
/// # Panics
/// When this processor lacks the level.
pub fn peak(level: Level) -> f64 {
    best_rate(|rounds| fused_multiply_adds(level, rounds))
}

/// Multiply-adds on the registers of all of rayon's threads together, in GFLOP/s, by the clock of the slowest.
///
/// # Panics
/// When this processor lacks the level.
pub fn peak_of_all_threads(level: Level) -> f64 {
    best_rate(|rounds| rayon::broadcast(|_| fused_multiply_adds(level, rounds)).into_iter().sum())
}

/// `a = b + s a` on all of rayon's threads over so many elements, in GB/s: two are read, one is written.
pub fn triad(len: usize) -> f64 {
    let mut a = Tensor::full(&[len], 1.0);
    let b = Tensor::full(&[len], 1.0);
    best_rate(|rounds| {
        (0..rounds).for_each(|_| a.update(&b, [], |a, b, []| (b + 0.5 * a, [])));
        3 * 4 * len * rounds
    })
}

/// The shortest time that is taken for a rate: long beside a clock's tick, short beside a disturbance.
const SHORTEST: Duration = Duration::from_millis(10);

/// Rates that are taken.
const REPEATS: usize = 20;

/// The best rate of some work, which takes a number of rounds and returns the operations or bytes of them: those of a nanosecond.
fn best_rate(mut work: impl FnMut(usize) -> usize) -> f64 {
    let mut timed = |rounds| {
        let start = Instant::now();
        let done = work(rounds);
        (done, start.elapsed())
    };
    let mut rounds = 1;
    // Twice, because a disturbance is not to pass for slow work.
    while timed(rounds).1.min(timed(rounds).1) < SHORTEST {
        rounds *= 2;
    }
    let rates = (0..REPEATS).map(|_| timed(rounds)).map(|(done, time)| done as f64 / time.as_nanos() as f64);
    rates.fold(0.0, f64::max)
}
