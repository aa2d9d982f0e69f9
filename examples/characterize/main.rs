//! Do two optimizers differ in the signal that reaches the output layer? Trains runs of each, and answers with a table, figures and a page.
//!
//! ```text
//! cargo run --example characterize
//! ```
//!
//! Without arguments: SGD and Adam at batch sizes 50, 100, 150 and 200 on the embedded sample of CIFAR-10, five runs of five epochs each, at
//! learning rates from a search with the same budget for both. `--from DIR` analyses runs that exist, of a sweep's directory those in its plan; `--calibrate N` shows how often the
//! test rejects where there is nothing to find.

mod calibrate;
mod experiment;
mod files;
mod from;
mod request;
mod table;

use clap::Parser;
use examples::{INTERRUPTED, accuracy, assignment, complain, count, fail, number_of, parse, say};
use experiment::Experiment;
use files::Files;
use seismograd_analysis::{Findings, LEAST_STEPS, Plan, Run, SERIES_KEPT, Selection, analyse, load};
use seismograd_cifar10::{Dataset, batches_per_epoch};
use seismograd_train::{DataSource, Outcome, Protocol, Report, Settings, TrainError};
use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Do optimizers differ in the signal that reaches the output layer, by how much, and how sure is that?
#[derive(Parser)]
#[command(name = "characterize")]
struct Arguments {
    /// The optimizers to compare [default: sgd,adam]
    #[arg(long, value_delimiter = ',', value_name = "NAME,..")]
    optimizers: Option<Vec<String>>,
    /// The batch sizes to compare them at [default: 50,100,150,200]
    #[arg(long, value_delimiter = ',', value_name = "N,..", allow_negative_numbers = true, value_parser = count::<usize>)]
    batch_sizes: Option<Vec<usize>>,
    /// Runs of each optimizer at each batch size; no two share a seed [default: 5]
    #[arg(long, value_parser = count::<u64>, allow_negative_numbers = true)]
    seeds: Option<u64>,
    /// Epochs a run [default: 5; 1 with --calibrate]
    #[arg(long, value_parser = count::<u64>, allow_negative_numbers = true)]
    epochs: Option<u64>,
    /// Learning rates, such as adam=1e-3,sgd=1e-2; an optimizer without one gets it from a search
    #[arg(long, value_delimiter = ',', value_parser = assignment, value_name = "NAME=RATE,..")]
    lr: Option<Vec<(String, String)>>,
    /// The images: sample (embedded), full (cargo xtask data) or a path [default: sample]
    #[arg(long, value_name = "sample|full|PATH")]
    data: Option<DataSource>,
    /// The preset: standard, or the paper's [default: standard]
    #[arg(long, value_name = "standard|paper")]
    protocol: Option<Protocol>,
    /// The directory of all runs and results; runs that are there already are not trained again [default: out/characterize]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with what --out began, with the options that it was begun with
    #[arg(long, conflicts_with_all = ["optimizers", "batch_sizes", "seeds", "epochs", "lr", "data", "protocol"])]
    resume: bool,
    /// Train nothing: analyse the runs in DIR; --optimizers, --batch-sizes and --lr choose among them
    #[arg(long, value_name = "DIR", conflicts_with_all = ["resume", "calibrate", "seeds", "epochs", "data", "protocol"])]
    from: Option<PathBuf>,
    /// Make N tests, each on fresh runs of the first optimizer at the largest batch size, and count false rejections
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "40", value_parser = count::<u64>, allow_negative_numbers = true, conflicts_with = "resume")]
    calibrate: Option<u64>,
    /// Runs of each of the tests of --calibrate, half a side
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count::<usize>, allow_negative_numbers = true)]
    runs_per_test: usize,
    /// Threads to compute on; all if left out
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    threads: Option<usize>,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments = parse::<Arguments>();
    let done = match (&arguments.from, arguments.calibrate) {
        (Some(directory), _) => from::run(&arguments, directory.clone()),
        (None, Some(tests)) => calibrate::run(&arguments, tests),
        (None, None) => characterize(&arguments),
    };
    done.unwrap_or_else(|error| fail(error.as_ref()))
}

/// Trains what is missing, then analyses.
fn characterize(arguments: &Arguments) -> Result<ExitCode> {
    let experiment = Experiment::prepare(arguments)?;
    match experiment.train()? {
        Some(selection) => conclude(&experiment.files, &experiment.files, &experiment.plan, &selection, None),
        None => Ok(stopped(&experiment.files)),
    }
}

/// Analyses, writes everything, and prints the table.
fn conclude(
    runs: &Files,
    written: &Files,
    plan: &Plan,
    selection: &Selection,
    caution: Option<String>,
) -> Result<ExitCode> {
    let collection = load(runs.directory(), plan, selection)?;
    let mut findings = analyse(plan, &collection)?;
    findings.cautions.extend(caution);
    let all = collection.runs.len();
    let drawn: Vec<Run> = collection.runs.into_iter().filter(Run::has_series).collect();
    if drawn.len() < all {
        let few = format!("Figures of series and the test of steps show {} of {all} runs", drawn.len());
        findings.cautions.push(format!(
            "{few}: the first {SERIES_KEPT} of each optimizer and batch size. Every verdict is of all runs."
        ));
    }
    let (findings, paths) = written.write_results(plan, &findings, &drawn, runs)?;
    print(&findings, &paths);
    Ok(ExitCode::SUCCESS)
}

fn print(findings: &Findings, paths: &[(&str, PathBuf)]) {
    table::print(findings);
    say("");
    for (what, path) in paths {
        say(&format!("{what:<9} {}", path.display()));
    }
}

/// Checks every run before the first one begins.
fn check(runs: &[Settings], dataset: &Dataset, threads: Option<usize>) -> Result<()> {
    for run in runs {
        Settings { threads, ..run.clone() }.check(dataset).map_err(of_the_grid)?;
        // Told before hours of training rather than after.
        let config = &run.config;
        let batches = batches_per_epoch(dataset.train.len(), config.batch_size, config.drop_incomplete)?;
        let steps = run.epochs.saturating_mul(batches as u64);
        if steps < LEAST_STEPS as u64 {
            let rule = format!(
                "makes {} in {}, features need {LEAST_STEPS}; use a smaller one, or more --epochs",
                number_of(steps, "step"),
                number_of(run.epochs, "epoch")
            );
            return Err(
                TrainError::Setting { setting: "--batch-sizes", value: config.batch_size.to_string(), rule }.into()
            );
        }
    }
    Ok(())
}

/// What a run refuses, by the name of the option that asked for several runs.
fn of_the_grid(error: TrainError) -> TrainError {
    match error {
        TrainError::Setting { setting: "--batch-size", value, rule } => {
            TrainError::Setting { setting: "--batch-sizes", value, rule }
        }
        other => other,
    }
}

/// The directories of runs, to find them among others.
fn directories(runs: &[Settings]) -> Result<BTreeSet<PathBuf>> {
    runs.iter().map(|run| Ok(run.config.key().directory()?)).collect()
}

/// Says how to go on, by the command that began.
fn stopped(files: &Files) -> ExitCode {
    let command =
        if std::env::var_os("CARGO").is_some() { "cargo run --example characterize --" } else { "characterize" };
    complain(&format!("stopped; go on with: {command} --resume --out {}", files.directory().display()));
    ExitCode::from(INTERRUPTED)
}

fn label(settings: &Settings) -> String {
    let config = &settings.config;
    format!("{} {} seed {}", config.optimizer, config.batch_size, config.seed)
}

fn line(settings: &Settings, report: &Report) -> String {
    let config = &settings.config;
    let how = match &report.outcome {
        Outcome::Diverged(divergence) => format!("diverged at step {}: {}", divergence.step, divergence.what),
        _ => format!("test accuracy {}", accuracy(report.row.test_accuracy.unwrap_or(f32::NAN).into())),
    };
    let (rate, seed) = (config.lr, config.seed);
    format!("{:<8} batch {:<4} lr {rate:<8} seed {seed:<8} {how}", config.optimizer, config.batch_size)
}
