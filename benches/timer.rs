//! Times training steps, and optimizers alone, on request, for `cargo xtask bench`, which interleaves them with another program's.
//!
//! A request is a line of JSON on standard input, and so is its answer on standard output:
//!
//! ```text
//! {"calibrate": {"threads": 2}}                                    {"gflops": 301.2}
//! {"step": {"batch_size": 100, "steps": 3, "width": 32, "side": 32,
//!           "threads": 2, "record": "output"}}                     {"ms": [36.1, 35.9, 36.0], "peak_mb": 92.4}
//! {"optimizer": {"name": "adam", "shape": [314922], "steps": 3,
//!                "threads": 2}}                                    {"ms": [0.14, 0.13, 0.14], "peak_mb": 12.1}
//! {"optimizer": {"name": "muon", "settings": [["fixed_point_from", "0"]],
//!                "shape": [512, 512], "steps": 3, "threads": 2}}   {"ms": [4.6, 4.5, 4.6], "peak_mb": 24.5}
//! ```

use rayon::ThreadPool;
use seismograd_cifar10::{Dataset, Normalization, Split};
use seismograd_kernels::level::Level;
use seismograd_kernels::peak::fused_multiply_adds;
use seismograd_nn::Tensor;
use seismograd_nn::models::{PaperCnnSize, paper_cnn_of_size};
use seismograd_optim::{Optimizer, StepError, registry};
use seismograd_record::{Recorder, Wiring};
use seismograd_train::{Batch, DataSource, Protocol, RunConfig, Shards, Trainer};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{BufRead, Write};
use std::time::Instant;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Calibrate { threads: usize },
    Step(Step),
    Optimizer(Update),
}

#[derive(Clone, Deserialize, PartialEq, Eq, Hash)]
struct Step {
    batch_size: usize,
    steps: usize,
    width: usize,
    side: usize,
    threads: usize,
    record: String,
}

/// An optimizer's update of one parameter.
#[derive(Clone, Deserialize, PartialEq, Eq, Hash)]
struct Update {
    name: String,
    /// Options that are not at their defaults.
    #[serde(default)]
    settings: Vec<(String, String)>,
    shape: Vec<usize>,
    steps: usize,
    threads: usize,
}

/// An optimizer with the parameter that it updates and the gradient, the same at each step.
struct Updated {
    optimizer: Box<dyn Optimizer>,
    parameters: [Tensor; 1],
    gradients: [Tensor; 1],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Calibrated { gflops: f64 },
    Timed { ms: Vec<f64>, peak_mb: f64 },
}

/// Multiply-adds to each chain of a calibration: about 25 ms.
const ROUNDS: usize = 10_000_000;

struct Timer {
    dataset: Dataset,
    pools: HashMap<usize, ThreadPool>,
    trainers: HashMap<Step, (Trainer, u64)>,
    updated: HashMap<Update, Updated>,
}

impl Timer {
    fn answer(&mut self, request: Request) -> Result<Answer, Box<dyn std::error::Error>> {
        match request {
            Request::Calibrate { threads } => Ok(Answer::Calibrated { gflops: self.calibrate(threads)? }),
            Request::Step(step) => self.time(&step),
            Request::Optimizer(update) => self.time_update(&update),
        }
    }

    fn pool(&mut self, threads: usize) -> Result<&ThreadPool, Box<dyn std::error::Error>> {
        Ok(match self.pools.entry(threads) {
            Entry::Occupied(pool) => pool.into_mut(),
            Entry::Vacant(place) => place.insert(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?),
        })
    }

    /// Floating-point operations a nanosecond of all threads together, by the clock of the slowest.
    fn calibrate(&mut self, threads: usize) -> Result<f64, Box<dyn std::error::Error>> {
        let (level, pool) = (Level::current(), self.pool(threads)?);
        let run = || pool.broadcast(|_| fused_multiply_adds(level, ROUNDS)).into_iter().sum::<usize>();
        // Threads that have slept share a processor until the system moves one of them.
        run();
        let start = Instant::now();
        let done = run();
        Ok(done as f64 / start.elapsed().as_nanos() as f64)
    }

    fn time(&mut self, step: &Step) -> Result<Answer, Box<dyn std::error::Error>> {
        self.pool(step.threads)?;
        let (mut trainer, number) = match self.trainers.remove(step) {
            Some(known) => known,
            None => (trainer(step)?, 0),
        };
        let split = &self.dataset.train;
        let indices: Vec<u32> = (0..step.batch_size as u32).collect();
        let enlarged = enlarged(split, &indices, step.side);
        let batch = match &enlarged {
            Some((images, labels)) => Batch::Tensor { images, labels },
            None => Batch::Split { split, indices: &indices, normalization: Normalization::Unit },
        };
        let size = RunConfig::new(Protocol::Standard, "adam", None, &[])?.shard_size;
        // The first request of a kind begins with a step that is not timed.
        let warm = usize::from(number == 0);
        let ms = self.pools[&step.threads].install(|| {
            (0..step.steps + warm)
                .map(|at| {
                    let start = Instant::now();
                    let shards = Shards { size, seed: 0, step: number + at as u64 };
                    trainer.step(&batch, shards).map(|_| start.elapsed().as_secs_f64() * 1e3)
                })
                .collect::<Result<Vec<f64>, _>>()
        })?;
        self.trainers.insert(step.clone(), (trainer, number + (step.steps + warm) as u64));
        Ok(Answer::Timed { ms: ms[warm..].to_vec(), peak_mb: peak_memory() })
    }
}

impl Timer {
    fn time_update(&mut self, update: &Update) -> Result<Answer, Box<dyn std::error::Error>> {
        self.pool(update.threads)?;
        let updated = match self.updated.entry(update.clone()) {
            Entry::Occupied(updated) => updated.into_mut(),
            Entry::Vacant(place) => {
                let filled = |scale: f32| {
                    let element = |at: usize| ((at * 7919 % 2003) as f32 / 1001.0 - 1.0003) * scale;
                    Tensor::new(&update.shape, (0..update.shape.iter().product()).map(element).collect())
                };
                let optimizer = registry::build(&update.name, None, &update.settings)?;
                let mut updated = Updated { optimizer, parameters: [filled(0.1)], gradients: [filled(0.01)] };
                // The first step makes the state.
                updated.step()?;
                place.insert(updated)
            }
        };
        let ms = self.pools[&update.threads]
            .install(|| (0..update.steps).map(|_| updated.step()).collect::<Result<_, _>>())?;
        Ok(Answer::Timed { ms, peak_mb: peak_memory() })
    }
}

impl Updated {
    /// One step; how many milliseconds it took.
    fn step(&mut self) -> Result<f64, StepError> {
        let start = Instant::now();
        self.optimizer.step(&mut self.parameters, &self.gradients, &mut ())?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }
}

/// The images repeated until they have this side, unless it is their own.
fn enlarged(split: &Split, indices: &[u32], side: usize) -> Option<(Tensor, Vec<u8>)> {
    (side != 32).then(|| {
        let mut own = Tensor::zeros(&[indices.len(), 32, 32, 3]);
        split.batch_into(indices, &Normalization::Unit, own.as_mut_slice());
        let [image, row] = [32 * 32 * 3, 32 * 3];
        let mut images = Tensor::zeros(&[indices.len(), side, side, 3]);
        for (at, pixel) in images.as_mut_slice().chunks_exact_mut(3).enumerate() {
            let (n, y, x) = (at / (side * side), at / side % side % 32, at % side % 32);
            pixel.copy_from_slice(&own.as_slice()[n * image + y * row + 3 * x..][..3]);
        }
        (images, split.labels(indices))
    })
}

/// The paper's CNN of another size, under Adam.
fn trainer(step: &Step) -> Result<Trainer, Box<dyn std::error::Error>> {
    let mut config = RunConfig::new(Protocol::Standard, "adam", None, &[])?;
    config.record = step.record.clone();
    let model = paper_cnn_of_size(PaperCnnSize { width: step.width, side: step.side }, config.dropout);
    let wiring =
        Wiring { output_layer: model.output_layer(), scopes: model.scopes(), parameters: model.parameter_names() };
    let recorder = Recorder::new(&config.record.parse()?, &wiring)?;
    let (state, optimizer) = (model.initialise(0), config.optimizer()?);
    Ok(Trainer { recorder: recorder.into(), state, optimizer, reduction: config.reduction()?, model })
}

/// The most memory this process has held, in MB, where the system tells.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map_or(0.0, |kilobytes| kilobytes * 1024.0 / 1e6)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dataset = DataSource::Sample.load()?;
    let mut timer = Timer { dataset, pools: HashMap::new(), trainers: HashMap::new(), updated: HashMap::new() };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = timer.answer(serde_json::from_str(&line?)?)?;
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
