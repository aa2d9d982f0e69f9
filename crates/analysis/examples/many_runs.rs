//! How reading grows with the number of runs: writes synthetic runs, reads them as an analysis does, and says how long that took and how
//! much memory it held.
//!
//! ```text
//! cargo run -p seismograd-analysis --example many_runs -- 2000 2000 /tmp/many
//! ```
//!
//! The arguments are the number of runs, the steps of each, and a directory, in which runs that are there are not written again. With
//! `analyse` behind them the analysis is carried out too.

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use seismograd_analysis::{Plan, Selection, analyse, load};
use seismograd_trace::{
    EpochRow, Epochs, Quantity, Row, RunDir, RunKey, RunRow, RunStatus, Schema, Signal, TraceWriter, over_steps,
    read_trace,
};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [runs, steps, directory, rest @ ..] = arguments.as_slice() else {
        return Err("name the number of runs, the steps of each, and a directory".into());
    };
    let (runs, steps, directory) = (runs.parse()?, steps.parse()?, Path::new(directory));
    let begun = Instant::now();
    for at in 0..runs {
        write_run(directory, at, steps)?;
    }
    println!("{runs} runs of {steps} steps written or found in {:.1} s", begun.elapsed().as_secs_f64());
    let (plan, begun) = (Plan::default(), Instant::now());
    let collection = load(directory, &plan, &Selection::default())?;
    let kept = collection.runs.iter().filter(|run| run.has_series()).count();
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} runs read in {seconds:.1} s, {kept} with their series, peak memory {}", collection.runs.len(), peak());
    if rest.first().is_some_and(|word| word == "analyse") {
        let begun = Instant::now();
        let findings = analyse(&plan, &collection)?;
        let seconds = begun.elapsed().as_secs_f64();
        println!("{} verdicts in {seconds:.1} s, peak memory {}", findings.verdicts.len(), peak());
    }
    Ok(())
}

/// One run of the output layer's signals, of one of two optimizers at one of four batch sizes.
fn write_run(out: &Path, at: i64, steps: i64) -> Result<()> {
    let optimizer = ["sgd", "adam"][at as usize % 2];
    let batch_size = [50, 100, 150, 200][at as usize / 2 % 4];
    let key = RunKey { optimizer: optimizer.to_owned(), batch_size, lr: 0.001, seed: at, config: format!("{at:08x}") };
    let run = RunDir::of(out, &key)?;
    if run.summary().exists() {
        return Ok(());
    }
    let signals = [("output.input", 2), ("output.logits", 2), ("output.weight", 3), ("output.bias", 3)];
    let quantities = [Quantity::Value, Quantity::Gradient, Quantity::Update];
    let signals = signals.into_iter().flat_map(|(site, count)| quantities[..count].iter().map(move |q| (site, *q)));
    let signals =
        signals.map(|(site, quantity)| Ok((Signal::new(site, quantity)?, vec![]))).collect::<Result<Vec<_>>>()?;
    let schema = Schema::new(signals)?;
    std::fs::create_dir_all(run.trace())?;
    let mut writer = TraceWriter::create(&run.trace(), schema.clone())?;
    let mut random = ChaCha8Rng::seed_from_u64(at as u64);
    for step in 1..=steps {
        let values: Vec<f32> = (0..schema.len()).map(|_| (random.next_u32() >> 8) as f32 / (1 << 24) as f32).collect();
        let epoch = (1 + 5 * (step - 1) / steps) as i32;
        writer.push(Row { step, epoch, loss: 2.0, accuracy: 0.1, learning_rate: 0.001, signals: &values })?;
    }
    writer.finish()?;
    let mut epochs = Epochs::new(schema);
    epochs.push(EpochRow { epoch: 1, steps, signals: over_steps(&read_trace(run.root())?), ..EpochRow::default() });
    epochs.write(&run.epochs())?;
    std::fs::write(run.config(), "{\"dropout\": 0.5}\n")?;
    let row = RunRow {
        key,
        protocol: "standard".to_owned(),
        epochs: 5,
        steps,
        status: RunStatus::Completed,
        diverged_at_step: None,
        train_loss: None,
        train_accuracy: None,
        test_loss: None,
        test_accuracy: None,
        parameters: 1,
        seconds: 1.0,
    };
    Ok(row.write(&run.summary())?)
}

/// The most memory that this process has held, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.map_or_else(|| "unknown".to_owned(), |kilobytes: f64| format!("{:.0} MB", kilobytes * 1024.0 / 1e6))
}
