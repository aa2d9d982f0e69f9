//! Trains a grid of runs and sets the signals of their output layers side by side, optimizer against optimizer.
//!
//! ```text
//! cargo run --example characterize
//! ```
//!
//! Without arguments: SGD and Adam at batch sizes 50, 100, 150 and 200 on the embedded sample of CIFAR-10, three seeds each.

use clap::Parser;
use examples::{GridBar, INTERRUPTED, Interrupt, accuracy, assignment, complain, count, fail, parse, say};
use seismograd_trace::{Quantity, Signal, Statistic, Trace, read_trace};
use seismograd_train::{DataSource, Outcome, Protocol, Report, Resume, RunConfig, Settings, TrainError, train};
use std::path::PathBuf;
use std::process::ExitCode;

/// Compare the signals that reach the output layer under several optimizers and batch sizes.
#[derive(Parser)]
#[command(name = "characterize")]
struct Arguments {
    /// The optimizers to compare
    #[arg(long, value_delimiter = ',', default_value = "sgd,adam", value_name = "NAME,..")]
    optimizers: Vec<String>,
    /// The batch sizes to compare them at
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "50,100,150,200",
        value_name = "N,..",
        allow_negative_numbers = true
    )]
    batch_sizes: Vec<usize>,
    /// Runs of each optimizer at each batch size; no two optimizers share a seed
    #[arg(long, default_value_t = 3, value_parser = count::<u64>, allow_negative_numbers = true)]
    seeds: u64,
    /// Epochs a run
    #[arg(long, default_value_t = 3, value_parser = count::<u64>, allow_negative_numbers = true)]
    epochs: u64,
    /// Learning rates, such as adam=1e-3,sgd=1e-2
    #[arg(long, value_delimiter = ',', value_parser = assignment, value_name = "NAME=RATE,..")]
    lr: Vec<(String, String)>,
    /// The images: sample (embedded), full (cargo xtask data) or a path
    #[arg(long, default_value = "sample", value_name = "sample|full|PATH")]
    data: DataSource,
    /// The preset: standard, or the paper's
    #[arg(long, default_value = "standard", value_name = "standard|paper")]
    protocol: Protocol,
    /// The directory of all runs; those that are there already are not trained again
    #[arg(long, default_value = "out/characterize", value_name = "DIR")]
    out: PathBuf,
    /// Threads to compute on; all if left out
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    threads: Option<usize>,
}

/// Learning rates where none are given: Adam's default, and one at which plain SGD is stable at every batch size.
const RATES: [(&str, f64); 2] = [("adam", 1e-3), ("sgd", 1e-2)];

/// Seeds of two optimizers are this far apart: the labels of runs that share a seed would not be exchangeable.
const SEEDS_APART: u64 = 1000;

/// The runs of one optimizer at one batch size.
struct Arm {
    optimizer: String,
    batch_size: usize,
    runs: Vec<Settings>,
}

fn main() -> ExitCode {
    match run(&parse()) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let arms = plan(arguments)?;
    let interrupt = Interrupt::listen();
    let dataset = arguments.data.load()?;
    for settings in arms.iter().flat_map(|arm| &arm.runs) {
        settings.check(&dataset)?;
    }
    let runs = arms.iter().map(|arm| arm.runs.len()).sum();
    say(&format!("{runs} runs of {} epochs on {}: {}", arguments.epochs, arguments.data, describe(&arms)));
    let mut bar = GridBar::new(runs, interrupt);
    let mut reports = Vec::new();
    for arm in &arms {
        let mut finished = Vec::new();
        for settings in &arm.runs {
            bar.next_run(&label(settings));
            let report = train(settings, &dataset, &mut bar)?;
            if report.outcome == Outcome::Interrupted {
                drop(bar);
                complain(&format!(
                    "stopped; the same command goes on ({} keeps what is done)",
                    arguments.out.display()
                ));
                return Ok(ExitCode::from(INTERRUPTED));
            }
            bar.end_run(&line(settings, &report));
            finished.push(report);
        }
        reports.push(finished);
    }
    drop(bar);
    print_tables(&arms, &reports)?;
    say(&format!("\nruns: {}", arguments.out.join("runs.parquet").display()));
    say(&format!("traces: {}", arguments.out.join("runs/**/trace/*.parquet").display()));
    Ok(ExitCode::SUCCESS)
}

/// Every arm, batch size by batch size.
fn plan(arguments: &Arguments) -> Result<Vec<Arm>, TrainError> {
    let allowed = 1..=SEEDS_APART;
    if !allowed.contains(&arguments.seeds) {
        let rule = format!("use 1 to {SEEDS_APART} runs an arm");
        return Err(TrainError::Setting { setting: "--seeds", value: arguments.seeds.to_string(), rule });
    }
    for (name, _) in &arguments.lr {
        if !arguments.optimizers.contains(name) {
            let rule =
                format!("is no rate of {}; name an optimizer of --optimizers", arguments.optimizers.join(" or "));
            return Err(TrainError::Setting { setting: "--lr", value: name.clone(), rule });
        }
    }
    let mut arms = Vec::new();
    for &batch_size in &arguments.batch_sizes {
        for (at, optimizer) in arguments.optimizers.iter().enumerate() {
            let seeds = at as u64 * SEEDS_APART..at as u64 * SEEDS_APART + arguments.seeds;
            let runs = seeds.map(|seed| settings(arguments, optimizer, batch_size, seed)).collect::<Result<_, _>>()?;
            arms.push(Arm { optimizer: optimizer.clone(), batch_size, runs });
        }
    }
    Ok(arms)
}

fn settings(arguments: &Arguments, optimizer: &str, batch_size: usize, seed: u64) -> Result<Settings, TrainError> {
    let given = arguments.lr.iter().find(|(name, _)| name == optimizer).map(|(_, rate)| rate);
    let lr = match given {
        Some(rate) => Some(rate.parse().map_err(|_| TrainError::Setting {
            setting: "--lr",
            value: format!("{optimizer}={rate}"),
            rule: "the rate is no number".to_owned(),
        })?),
        None => RATES.iter().find(|(name, _)| *name == optimizer).map(|(_, rate)| *rate),
    };
    let mut config = RunConfig::new(arguments.protocol, optimizer, lr, &[])?;
    config.data = arguments.data.to_string();
    (config.batch_size, config.seed) = (batch_size, seed);
    Ok(Settings {
        epochs: arguments.epochs,
        threads: arguments.threads,
        resume: Resume::IfPresent,
        ..Settings::new(config, arguments.out.clone())
    })
}

/// Every optimizer with its learning rate.
fn describe(arms: &[Arm]) -> String {
    let mut rates: Vec<String> =
        arms.iter().map(|arm| format!("{} at lr {}", arm.optimizer, arm.runs[0].config.lr)).collect();
    rates.dedup();
    rates.sort();
    rates.dedup();
    rates.join(", ")
}

fn label(settings: &Settings) -> String {
    let config = &settings.config;
    format!("{} batch {} seed {}", config.optimizer, config.batch_size, config.seed)
}

fn line(settings: &Settings, report: &Report) -> String {
    let how = match &report.outcome {
        Outcome::Diverged(divergence) => format!("diverged at step {}: {}", divergence.step, divergence.what),
        _ => format!("test accuracy {}", accuracy(report.row.test_accuracy.unwrap_or(f32::NAN).into())),
    };
    format!("{:<28} {how}", label(settings))
}

/// The signals of the tables: what flows into the output layer, and the logits, each with its gradient.
const SIGNALS: [(&str, Quantity); 4] = [
    ("output.input", Quantity::Value),
    ("output.input", Quantity::Gradient),
    ("output.logits", Quantity::Value),
    ("output.logits", Quantity::Gradient),
];

/// Prints a table for each batch size: a row a signal, a column an optimizer.
fn print_tables(arms: &[Arm], reports: &[Vec<Report>]) -> Result<(), TrainError> {
    say(
        "\nlevel: mean |x| of a step; spread: its standard deviation; both averaged over the steps, then mean ± sd over seeds",
    );
    let optimizers = arms.iter().take_while(|arm| arm.batch_size == arms[0].batch_size).count();
    for (arms, reports) in arms.chunks(optimizers).zip(reports.chunks(optimizers)) {
        print_table(arms, reports)?;
    }
    Ok(())
}

/// Prints the table of one batch size.
fn print_table(arms: &[Arm], reports: &[Vec<Report>]) -> Result<(), TrainError> {
    let traces: Vec<Vec<Trace>> =
        reports.iter().map(|arm| completed(arm).map(traces_of).collect()).collect::<Result<_, _>>()?;
    let header: String = arms.iter().map(|arm| format!("  {:^37}", arm.optimizer)).collect();
    say(format!("\nbatch size {:<15}{header}", arms[0].batch_size).trim_end());
    say(&format!("{:<26}{}", "", format!("  {:>18} {:>18}", "level", "spread").repeat(arms.len())));
    for (site, quantity) in SIGNALS {
        let signal = Signal::new(site, quantity)?;
        let cell = |traces: &Vec<Trace>| {
            let of = |statistic| over_runs(traces, &signal, statistic);
            format!("  {:>18} {:>18}", of(Statistic::MeanAbs), of(Statistic::Std))
        };
        say(&format!("{site:<15} {:<10}{}", quantity.name(), traces.iter().map(cell).collect::<String>()));
    }
    let accuracies: String = reports.iter().map(|arm| format!("  {:>37}", accuracies(arm))).collect();
    say(&format!("{:<26}{accuracies}", "test accuracy"));
    for (arm, reports) in arms.iter().zip(reports) {
        let diverged = reports.len() - completed(reports).count();
        if diverged > 0 {
            say(&format!("{diverged} of {} runs of {} diverged and are left out above", reports.len(), arm.optimizer));
        }
    }
    Ok(())
}

fn completed(reports: &[Report]) -> impl Iterator<Item = &Report> {
    reports.iter().filter(|report| report.outcome == Outcome::Completed)
}

fn traces_of(report: &Report) -> Result<Trace, TrainError> {
    Ok(read_trace(&report.directory)?)
}

/// A statistic's mean over each run's steps: mean and standard deviation over the runs.
fn over_runs(traces: &[Trace], signal: &Signal, statistic: Statistic) -> String {
    let mean = |series: &[f32]| series.iter().map(|&x| f64::from(x)).sum::<f64>() / series.len() as f64;
    let levels: Vec<f64> = traces.iter().filter_map(|trace| trace.series(signal, statistic)).map(mean).collect();
    match mean_and_deviation(&levels) {
        None => "-".to_owned(),
        Some((mean, None)) => format!("{mean:.4}"),
        Some((mean, Some(deviation))) => format!("{mean:.4} ±{deviation:.4}"),
    }
}

fn accuracies(reports: &[Report]) -> String {
    let percents: Vec<f64> = completed(reports)
        .filter_map(|report| report.row.test_accuracy)
        .map(|accuracy| 100.0 * f64::from(accuracy))
        .collect();
    match mean_and_deviation(&percents) {
        None => "-".to_owned(),
        Some((mean, None)) => format!("{mean:.1} %"),
        Some((mean, Some(deviation))) => format!("{mean:.1} ±{deviation:.1} %"),
    }
}

/// Mean and, of two values or more, sample standard deviation.
fn mean_and_deviation(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    match values.len() {
        0 => None,
        1 => Some((mean, None)),
        _ => Some((mean, Some((squares / (n - 1.0)).sqrt()))),
    }
}
