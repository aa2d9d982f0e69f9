//! How long a plan will take, by steps that are measured here and now.

use crate::cell::Cell;
use crate::error::SweepError;
use crate::plan::Plan;
use seismograd_cifar10::{Dataset, batches_per_epoch};
use seismograd_train::{Batch, RunConfig, Shards, TrainError, Trainer};
use std::collections::BTreeMap;
use std::time::Instant;

/// Steps that are measured of each kind; the first one allocates and is not counted.
const STEPS: u64 = 4;

/// An evaluated image costs a forward pass, about a third of a trained one.
const EVALUATION: f64 = 1.0 / 3.0;

/// Seconds of the plan's cells with so many workers of so many threads, from a measured step of each optimizer at each batch size. Workers
/// that disturb each other, and what processes need to start, are left out.
///
/// # Errors
/// A configuration that no run can have.
pub fn estimate(plan: &Plan, dataset: &Dataset, workers: usize, threads: usize) -> Result<f64, SweepError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| TrainError::Threads { threads, reason: error.to_string() })?;
    let mut steps: BTreeMap<(&str, usize), f64> = BTreeMap::new();
    let mut total = 0.0;
    for Cell { config, epochs, .. } in &plan.cells {
        let kind = (config.optimizer.as_str(), config.batch_size);
        let step = match steps.get(&kind) {
            Some(step) => *step,
            None => *steps.entry(kind).or_insert(pool.install(|| measure(config, dataset))?),
        };
        let images = config.limit.unwrap_or(dataset.train.len());
        let batches = batches_per_epoch(images, config.batch_size, config.drop_incomplete).map_err(TrainError::from)?;
        let evaluated = EVALUATION * dataset.test.len() as f64 / config.batch_size as f64;
        total += *epochs as f64 * (batches as f64 + evaluated) * step;
    }
    Ok(total / workers.max(1) as f64)
}

/// Seconds of a step: the least of a few.
fn measure(config: &RunConfig, dataset: &Dataset) -> Result<f64, SweepError> {
    let mut trainer = Trainer::new(config, None)?;
    let indices: Vec<u32> = (0..config.batch_size as u32).collect();
    let batch = Batch::Split { split: &dataset.train, indices: &indices, normalization: config.normalization() };
    let mut least = f64::INFINITY;
    for step in 1..=STEPS {
        let shards = Shards { size: config.shard_size, seed: config.seed, step };
        let begun = Instant::now();
        // A rate so high that the first steps diverge takes as long for them.
        let _ = trainer.step(&batch, shards)?;
        if step > 1 {
            least = least.min(begun.elapsed().as_secs_f64());
        }
    }
    Ok(least)
}
