//! Trains one model and records the signals of its output layer.
//!
//! ```text
//! cargo run --example train -- --optimizer adam --batch-size 100 --lr 1e-3 --epochs 5 --seed 0 --data sample
//! ```

use clap::Parser;
use examples::{
    CellLines, INTERRUPTED, Interrupt, RunBar, accuracy, assignment, complain, count, duration, fail, number, parse,
    say,
};
use seismograd_cifar10::Dataset;
use seismograd_optim::registry::{ENTRIES, find};
use seismograd_optim::schedule::KINDS;
use seismograd_train::{
    DataSource, Monitor, Outcome, Report, Resume, RunConfig, Settings, TrainError, train, write_weights,
};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Train a CNN on CIFAR-10 and record the signals of its output layer.
#[derive(Parser)]
#[command(name = "train")]
struct Arguments {
    /// The optimizer (--list-optimizers names them)
    #[arg(long, default_value = "adam", value_name = "NAME")]
    optimizer: String,
    /// The learning rate; the optimizer's default if left out
    #[arg(long, value_name = "RATE", value_parser = number, allow_negative_numbers = true)]
    lr: Option<f64>,
    /// An option of the optimizer, such as momentum=0.9; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Samples a step
    #[arg(long, value_name = "N", default_value = "100", value_parser = count::<usize>, allow_negative_numbers = true)]
    batch_size: usize,
    /// Epochs to train
    #[arg(long, value_name = "N", default_value = "5", value_parser = count::<u64>, allow_negative_numbers = true)]
    epochs: u64,
    /// Seed of initial weights, orders and masks
    #[arg(long, value_name = "N", default_value = "0", value_parser = count::<u64>, allow_negative_numbers = true)]
    seed: u64,
    /// The images: sample (embedded), full (cargo xtask data) or a path
    #[arg(long, default_value = "sample", value_name = "sample|full|PATH")]
    data: DataSource,
    /// The preset: standard, or the paper's
    #[arg(long, default_value = "standard", value_name = "standard|paper")]
    protocol: String,
    /// The directory of all runs
    #[arg(long, default_value = "out", value_name = "DIR")]
    out: PathBuf,
    /// The model
    #[arg(long, default_value = "paper_cnn", value_name = "NAME")]
    model: String,
    /// Threads to compute on; all if left out
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    threads: Option<usize>,
    /// Initial weights, with PyTorch's names and shapes
    #[arg(long, value_name = "FILE.safetensors")]
    init: Option<PathBuf>,
    /// Where to save the final weights
    #[arg(long, value_name = "FILE.safetensors")]
    save: Option<PathBuf>,
    /// What an epoch reshuffles; the protocol's choice if left out
    #[arg(long, value_name = "samples|batches|none")]
    shuffle: Option<String>,
    /// Probability that a hidden unit is dropped
    #[arg(long, value_name = "P", value_parser = number, allow_negative_numbers = true)]
    dropout: Option<f64>,
    /// Train on the first N images only
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    limit: Option<usize>,
    /// Whether gradients are those of the losses' mean or sum; the protocol's choice if left out
    #[arg(long, value_name = "mean|sum")]
    loss_reduction: Option<String>,
    /// Subtract the channel means and divide by the deviations
    #[arg(long)]
    normalize: bool,
    /// What to record: output, all, off, or sites by name
    #[arg(long, default_value = "output", value_name = "output|all|off|SITES")]
    record: String,
    /// The most samples of a shard, the unit of reduction
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    shard_size: Option<usize>,
    /// The longest time between two checkpoints
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = count::<u64>, allow_negative_numbers = true)]
    checkpoint_every: u64,
    /// Go on with the run of these options
    #[arg(long)]
    resume: bool,
    /// Run as a cell of a sweep: begin or go on, tell progress as lines of JSON, stop with a checkpoint when standard input closes
    #[arg(long, conflicts_with_all = ["resume", "init", "save"])]
    cell: bool,
    /// How the learning rate goes with the steps, such as cosine:steps=500 (--list-schedules names them)
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<String>,
    /// Name the optimizers and end
    #[arg(long)]
    list_optimizers: bool,
    /// Describe an optimizer and its options, and end
    #[arg(long, value_name = "NAME")]
    describe: Option<String>,
    /// Name the schedules and their settings, and end
    #[arg(long)]
    list_schedules: bool,
}

fn main() -> ExitCode {
    let arguments: Arguments = parse();
    match lists(&arguments) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => return fail(&error),
    }
    match run(arguments) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Prints what was asked for in place of a run, and whether anything was.
fn lists(arguments: &Arguments) -> Result<bool, TrainError> {
    if arguments.list_optimizers {
        ENTRIES.iter().for_each(|entry| say(&format!("{:<20} {}", entry.name, entry.summary)));
    }
    if let Some(name) = &arguments.describe {
        say(&find(name)?.describe());
    }
    if arguments.list_schedules {
        KINDS.iter().for_each(|kind| say(&kind.describe()));
    }
    Ok(arguments.list_optimizers || arguments.list_schedules || arguments.describe.is_some())
}

fn run(arguments: Arguments) -> Result<ExitCode, TrainError> {
    let settings = settings(&arguments)?;
    arguments.save.as_deref().map_or(Ok(()), check_target)?;
    let interrupt = Interrupt::listen();
    if arguments.cell {
        interrupt.ask_when_input_closes();
    }
    let dataset = arguments.data.load()?;
    let mut monitor: Box<dyn Monitor> = match arguments.cell {
        true => Box::new(CellLines::new(interrupt)),
        false => Box::new(RunBar::new(heading(&settings.config, &dataset), settings.config.batch_size, interrupt)),
    };
    let report = train(&settings, &dataset, monitor.as_mut())?;
    drop(monitor);
    conclude(&settings, &report, arguments.save)
}

fn heading(config: &RunConfig, dataset: &Dataset) -> String {
    format!(
        "{} on {} ({} training images), {} lr {}, batch size {}, seed {}",
        config.model,
        config.data,
        config.limit.unwrap_or(dataset.train.len()),
        config.optimizer,
        config.lr,
        config.batch_size,
        config.seed,
    )
}

/// Whether weights may be saved there at the end is told at the beginning.
fn check_target(path: &Path) -> Result<(), TrainError> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let problem = match () {
        () if path.is_dir() => "is a directory; --save wants the name of a file",
        () if path.exists() && !path.is_file() => "is a device or a pipe; --save wants the name of a file",
        () if !above.is_dir() => "cannot be written, its directory does not exist; create it, or change --save",
        () => return Ok(()),
    };
    Err(TrainError::File { path: path.to_owned(), problem: problem.to_owned() })
}

fn settings(arguments: &Arguments) -> Result<Settings, TrainError> {
    let Arguments { optimizer, lr, set, .. } = arguments;
    let mut config = RunConfig::new(arguments.protocol.parse()?, optimizer, *lr, set)?;
    config.set_model(&arguments.model, arguments.dropout)?;
    config.data = arguments.data.to_string();
    config.limit = arguments.limit;
    config.normalize = arguments.normalize;
    config.batch_size = arguments.batch_size;
    config.seed = arguments.seed;
    config.record.clone_from(&arguments.record);
    config.shuffle = arguments.shuffle.clone().unwrap_or(config.shuffle);
    config.loss_reduction = arguments.loss_reduction.clone().unwrap_or(config.loss_reduction);
    arguments.schedule.as_deref().map_or(Ok(()), |schedule| config.set_schedule(schedule))?;
    config.shard_size = arguments.shard_size.unwrap_or(config.shard_size);
    Ok(Settings {
        epochs: arguments.epochs,
        threads: arguments.threads,
        resume: match (arguments.cell, arguments.resume) {
            (true, _) => Resume::IfPresent,
            (false, true) => Resume::Expected,
            (false, false) => Resume::Never,
        },
        table: !arguments.cell,
        init: arguments.init.clone(),
        checkpoint_every: Duration::from_secs(arguments.checkpoint_every),
        ..Settings::new(config, arguments.out.clone())
    })
}

fn conclude(settings: &Settings, report: &Report, save: Option<PathBuf>) -> Result<ExitCode, TrainError> {
    let directory = report.directory.display();
    match &report.outcome {
        Outcome::Completed => {
            if let (Some(train), Some(test)) = (report.row.train_accuracy, report.row.test_accuracy) {
                let (train, test) = (accuracy(train.into()), accuracy(test.into()));
                let time = duration(report.row.seconds);
                say(&format!("done in {time}: train accuracy {train}, test accuracy {test}"));
            }
            say(&format!("trace, epochs and checkpoint: {directory}"));
            if let (Some(path), Some(state)) = (save, &report.state) {
                write_weights(&path, &settings.config.model()?, state)?;
                say(&format!("weights: {}", path.display()));
            }
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Interrupted => {
            let steps = report.row.steps;
            complain(&format!("stopped after step {steps}; go on with the same command and --resume ({directory})"));
            Ok(ExitCode::from(INTERRUPTED))
        }
        Outcome::Diverged(divergence) => {
            let (step, what) = (divergence.step, &divergence.what);
            complain(&format!(
                "error: diverged at step {step}: {what} is not finite; lower --lr ({directory} keeps the steps before)"
            ));
            Ok(ExitCode::FAILURE)
        }
    }
}
