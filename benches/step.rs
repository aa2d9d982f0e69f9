//! A training step of the paper's CNN: forward, backward, reduction, Adam, the row of the trace. In GFLOP/s and in percent of what multiply-adds on
//! registers reach on as many threads in the same run. `cargo xtask bench` times it beside PyTorch's.
//!
//! ```text
//! cargo bench -p benches --bench step
//! cargo bench -p benches --bench step -- recording
//! ```

mod shared;

use criterion::Criterion;
use seismograd_cifar10::{Dataset, Normalization};
use seismograd_kernels::level::Level;
use seismograd_train::{Batch, DataSource, Protocol, RunConfig, Shards, Trainer};
use shared::{Rates, Yardsticks, bench, criterion, flop, peak_of_all_threads};
use std::time::Duration;

/// Floating-point operations of a sample, forward and backward, as `cargo xtask bench` counts them: convolutions as if computed directly, and
/// linear layers.
const FLOP: usize = 97_155_072;

fn main() -> anyhow::Result<()> {
    let level = Level::from_environment()?;
    let peak = peak_of_all_threads(level);
    let threads = rayon::current_num_threads();
    println!("Level {level}: multiply-adds on registers reach {peak:.3} GFLOP/s on {threads} threads\n");
    let mut criterion = criterion(Yardsticks { peak: Some(peak), triad: None }, 30, Duration::from_secs(3));
    let dataset = DataSource::Sample.load()?;
    // The output layer recorded, as by default.
    for batch_size in [50, 100, 150, 200] {
        step(&mut criterion, ["batch_size", &batch_size.to_string()], &dataset, batch_size, "output");
    }
    // What recording costs.
    for record in ["off", "output", "all"] {
        step(&mut criterion, ["recording", record], &dataset, 100, record);
    }
    Ok(())
}

fn step(criterion: &mut Criterion<Rates>, id: [&str; 2], dataset: &Dataset, batch_size: usize, record: &str) {
    let indices: Vec<u32> = (0..batch_size as u32).collect();
    let batch = Batch::Split { split: &dataset.train, indices: &indices, normalization: Normalization::Unit };
    let mut config = RunConfig::new(Protocol::Standard, "adam", None, &[]).expect("a known optimizer");
    config.record = record.to_owned();
    let prepare = || Trainer::new(&config, None).expect("a valid configuration");
    let mut step = 0;
    bench(criterion, id, flop(FLOP * batch_size), prepare, |trainer| {
        step += 1;
        let shards = Shards { size: config.shard_size, seed: 0, step };
        trainer.step(&batch, shards).expect("adam asks nothing").is_ok()
    });
}
