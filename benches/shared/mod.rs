//! What the benchmarks share: criterion's wall clock with throughputs in GFLOP/s and GB/s, and as a share of what the machine delivers at
//! its best, measured in the same run. A benchmark measures speed; no test asserts one.

#![allow(dead_code, reason = "each benchmark uses some of it")]
#![allow(unused_imports, reason = "likewise")]

mod rates;
mod yardsticks;

pub use rates::{Rates, floats, flop};
pub use yardsticks::{Yardsticks, peak, peak_of_all_threads, triad};

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use std::cell::LazyCell;
use std::time::Duration;

/// Criterion under the flags of the command line, which win over the number of samples and the time for all of them. The warm-up is a quarter of
/// that time.
pub fn criterion(yardsticks: Yardsticks, samples: usize, time: Duration) -> Criterion<Rates> {
    // Resamples of criterion's bootstrap: its 100,000 would take as long as the benchmark.
    let criterion = Criterion::default().without_plots().nresamples(10_000).sample_size(samples);
    // Machines that others work on too differ by this much from run to run.
    let criterion = criterion.noise_threshold(0.05);
    criterion
        .warm_up_time(time / 4)
        .measurement_time(time)
        .configure_from_args()
        .with_measurement(Rates::new(yardsticks))
}

/// Benchmarks `run`, which does `work` in each call, as `group/name`. What it runs on is made once, and not at all where a filter leaves
/// the benchmark out.
pub fn bench<T, R>(
    criterion: &mut Criterion<Rates>,
    [group, name]: [&str; 2],
    work: Throughput,
    prepare: impl FnOnce() -> T,
    mut run: impl FnMut(&mut T) -> R,
) {
    let mut prepared = LazyCell::new(prepare);
    let mut group = criterion.benchmark_group(group);
    // As many calls in each sample, so that slow benchmarks keep to their time.
    group.sampling_mode(SamplingMode::Flat).throughput(work);
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        let prepared = LazyCell::force_mut(&mut prepared);
        bencher.iter(|| run(prepared));
    });
    group.finish();
}
