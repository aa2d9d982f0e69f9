//! A training step of the paper's CNN with recording on: forward, backward, reduction, Adam, the row of the trace.
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

#[divan::bench(args = [50, 100, 150, 200], sample_count = 30)]
fn adam(bencher: Bencher<'_, '_>, batch_size: usize) {
    let dataset = DataSource::Sample.load().expect("the embedded sample");
    let config = RunConfig::new(Protocol::Standard, "adam", None, &[]).expect("a known optimizer");
    let mut trainer = Trainer::new(&config, None).expect("a valid configuration");
    let indices: Vec<u32> = (0..batch_size as u32).collect();
    let batch = Batch { split: &dataset.train, indices: &indices, normalization: Normalization::Unit };
    let mut step = 0;
    bencher.counter(ItemsCount::new(batch_size)).bench_local(|| {
        step += 1;
        let shards = Shards { size: config.shard_size, seed: 0, step };
        trainer.step(&batch, shards).expect("adam asks nothing").is_ok()
    });
}
