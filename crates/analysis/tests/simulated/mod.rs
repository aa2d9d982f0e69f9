//! Runs that nobody trained: series of known laws, in memory and as the files of a run.
#![allow(dead_code, reason = "each test file uses a part of it")]

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use seismograd_analysis::{Collection, Plan, Run};
use seismograd_trace::{
    EpochRow, Epochs, Row, RunDir, RunKey, RunRow, RunStatus, Schema, Signal, Trace, over_steps, write_part,
};
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

/// The law of a run's series: `level + trend t + noise`, where the noise remembers a part of itself from step to step.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    pub level: f64,
    pub trend: f64,
    pub spread: f64,
    pub memory: f64,
    /// Standard deviation of a run's own level: what a seed does.
    pub seed_effect: f64,
}

impl Law {
    pub const NULL: Law = Law { level: 1.0, trend: 0.5, spread: 0.1, memory: 0.5, seed_effect: 0.2 };
}

/// What a simulated run is called.
#[derive(Clone, Debug)]
pub struct Named {
    pub optimizer: &'static str,
    pub batch_size: i32,
    pub lr: f64,
    pub seed: i64,
    pub steps: i64,
}

impl Named {
    pub fn new(optimizer: &'static str, batch_size: i32, seed: i64) -> Named {
        Named { optimizer, batch_size, lr: 0.01, seed, steps: 40 }
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let mut unit = || (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
    let (radius, angle) = (unit(), unit());
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

/// One series of a law.
fn series(law: Law, steps: i64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let own = law.level + law.seed_effect * normal(rng);
    let mut noise = normal(rng);
    (0..steps)
        .map(|k| {
            noise = law.memory * noise + (1.0 - law.memory * law.memory).sqrt() * normal(rng);
            own + law.trend * k as f64 / (steps - 1) as f64 + law.spread * noise
        })
        .collect()
}

/// A run whose columns each follow the law, independent of one another.
pub fn run(named: &Named, law: Law) -> Run {
    let plan = Plan::default();
    let signals: Vec<(Signal, Vec<_>)> =
        plan.primary.iter().chain(&plan.secondary).map(|signal| (signal.clone(), vec![])).collect();
    let schema = Schema::new(signals).unwrap();
    // Batch sizes enter as well: runs that differ in anything have noise of their own.
    let mut rng = ChaCha8Rng::seed_from_u64(named.seed as u64 * 1009 + named.batch_size as u64);
    let columns: Vec<Vec<f64>> = (0..schema.len()).map(|_| series(law, named.steps, &mut rng)).collect();
    let mut trace = Trace::new(schema.clone());
    for k in 0..named.steps {
        let signals: Vec<f32> = columns.iter().map(|column| column[k as usize] as f32).collect();
        let (step, epoch) = (k + 1, 1);
        trace.push(Row { step, epoch, loss: 2.0, accuracy: 0.1, learning_rate: named.lr, signals: &signals });
    }
    let mut epochs = Epochs::new(schema);
    epochs.push(EpochRow {
        epoch: 1,
        steps: named.steps,
        train_loss: 2.0,
        test_loss: 2.1,
        test_accuracy: 0.2,
        signals: over_steps(&trace),
        ..EpochRow::default()
    });
    let settings = BTreeMap::from([("dropout".to_owned(), "0.5".to_owned())]);
    Run { row: row(named), settings, trace, epochs, known: Default::default() }
}

fn row(named: &Named) -> RunRow {
    RunRow {
        key: RunKey {
            optimizer: named.optimizer.to_owned(),
            batch_size: named.batch_size,
            lr: named.lr,
            seed: named.seed,
            config: "0123abcd".to_owned(),
        },
        protocol: "standard".to_owned(),
        epochs: 1,
        steps: named.steps,
        status: RunStatus::Completed,
        diverged_at_step: None,
        train_loss: Some(2.0),
        train_accuracy: Some(0.1),
        test_loss: Some(2.1),
        test_accuracy: Some(0.2),
        parameters: 1,
        seconds: 1.0,
    }
}

/// Runs in memory, as [`seismograd_analysis::load`] returns them.
pub fn collection(runs: Vec<Run>) -> Collection {
    let mut optimizers: Vec<String> = runs.iter().map(|run| run.row.key.optimizer.clone()).collect();
    optimizers.sort();
    optimizers.dedup();
    Collection { runs, diverged: vec![], set_aside: vec![], shared: BTreeMap::new(), optimizers }
}

/// Two arms of `n` runs each at every batch size, every run with a seed of its own from `first_seed` on.
pub fn arms(batch_sizes: &[i32], n: i64, first_seed: i64, laws: [Law; 2]) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut seed = first_seed;
    for &batch_size in batch_sizes {
        for (optimizer, law) in ["adam", "sgd"].into_iter().zip(laws) {
            for _ in 0..n {
                runs.push(run(&Named::new(optimizer, batch_size, seed), law));
                seed += 1;
            }
        }
    }
    runs
}

/// Writes a run's files below `out` and returns its directory.
pub fn write(out: &Path, run: &Run, config: &str) -> PathBuf {
    let directory = RunDir::of(out, &run.row.key).unwrap();
    fs::create_dir_all(directory.trace()).unwrap();
    fs::write(directory.config(), config).unwrap();
    write_part(&directory.trace(), &run.trace).unwrap();
    run.epochs.write(&directory.epochs()).unwrap();
    run.row.write(&directory.summary()).unwrap();
    directory.root().to_owned()
}
