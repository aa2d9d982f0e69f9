//! A training step of the paper's CNN: forward, backward, reduction, Adam, the row of the trace. `cargo xtask bench` times it beside PyTorch's.
//!
//! ```text
//! cargo bench -p benches --bench step
//! ```

use divan::{Bencher, counter::ItemsCount};
use seismograd_cifar10::Normalization;
use seismograd_train::{Batch, DataSource, Protocol, RunConfig, Shards, Trainer};

fn main() {
    divan::main();
}

fn step(bencher: Bencher<'_, '_>, batch_size: usize, record: &str) {
    let dataset = DataSource::Sample.load().expect("the embedded sample");
    let mut config = RunConfig::new(Protocol::Standard, "adam", None, &[]).expect("a known optimizer");
    config.record = record.to_owned();
    let mut trainer = Trainer::new(&config, None).expect("a valid configuration");
    let indices: Vec<u32> = (0..batch_size as u32).collect();
    let batch = Batch::Split { split: &dataset.train, indices: &indices, normalization: Normalization::Unit };
    let mut step = 0;
    bencher.counter(ItemsCount::new(batch_size)).bench_local(|| {
        step += 1;
        let shards = Shards { size: config.shard_size, seed: 0, step };
        trainer.step(&batch, shards).expect("adam asks nothing").is_ok()
    });
}

/// The output layer recorded, as by default.
#[divan::bench(args = [50, 100, 150, 200], sample_count = 30)]
fn adam(bencher: Bencher<'_, '_>, batch_size: usize) {
    step(bencher, batch_size, "output");
}

/// What recording costs, at batch size 100.
#[divan::bench(args = ["off", "output", "all"], sample_count = 30)]
fn recording(bencher: Bencher<'_, '_>, record: &str) {
    step(bencher, 100, record);
}
