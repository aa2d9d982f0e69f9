//! Trains one model and records the signals of its output layer.
//!
//! ```text
//! cargo run --example train -- --optimizer adam --batch-size 100 --lr 1e-3 --epochs 5 --seed 0 --data sample
//! ```

use clap::Parser;
use examples::{INTERRUPTED, Interrupt, RunBar, accuracy, assignment, duration, fail, parse};
use seismograd_train::{
    DataSource, Outcome, Protocol, Report, Resume, RunConfig, Settings, TrainError, train, write_weights,
};
use std::path::PathBuf;
use std::process::ExitCode;

/// Train a CNN on CIFAR-10 and record the signals of its output layer.
#[derive(Parser)]
#[command(name = "train")]
struct Arguments {
    /// The optimizer (--list-optimizers names them)
    #[arg(long, default_value = "adam")]
    optimizer: String,
    /// The learning rate; the optimizer's default if left out
    #[arg(long, allow_negative_numbers = true)]
    lr: Option<f64>,
    /// An option of the optimizer, such as momentum=0.9; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Samples a step
    #[arg(long, default_value_t = 100, allow_negative_numbers = true)]
    batch_size: usize,
    /// Epochs to train
    #[arg(long, default_value_t = 5, allow_negative_numbers = true)]
    epochs: u64,
    /// Seed of initial weights, orders and masks
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// The images: sample (embedded), full (cargo xtask data) or a path
    #[arg(long, default_value = "sample", value_name = "sample|full|PATH")]
    data: DataSource,
    /// The preset: standard, or the paper's
    #[arg(long, default_value = "standard", value_name = "standard|paper")]
    protocol: Protocol,
    /// The directory of all runs
    #[arg(long, default_value = "out", value_name = "DIR")]
    out: PathBuf,
    /// The model
    #[arg(long, default_value = "paper_cnn")]
    model: String,
    /// Threads to compute on; all if left out
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
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
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    dropout: Option<f64>,
    /// Train on the first N images only
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
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
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    shard_size: Option<usize>,
    /// Go on with the run of these options
    #[arg(long)]
    resume: bool,
    /// Name the optimizers and end
    #[arg(long)]
    list_optimizers: bool,
}

fn main() -> ExitCode {
    let arguments: Arguments = parse();
    if arguments.list_optimizers {
        for entry in seismograd_optim::registry::ENTRIES {
            println!("{:<8} {}", entry.name, entry.summary);
        }
        return ExitCode::SUCCESS;
    }
    match run(arguments) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, TrainError> {
    let settings = settings(&arguments)?;
    let interrupt = Interrupt::listen();
    let dataset = arguments.data.load()?;
    let config = &settings.config;
    println!(
        "{} on {} ({} training images), {} lr {}, batch size {}, seed {}",
        config.model,
        config.data,
        config.limit.unwrap_or(dataset.train.len()).min(dataset.train.len()),
        config.optimizer,
        config.lr,
        config.batch_size,
        config.seed,
    );
    let report = train(&settings, &dataset, &mut RunBar::new(config.batch_size, interrupt))?;
    conclude(&settings, &report, arguments.save)
}

fn settings(arguments: &Arguments) -> Result<Settings, TrainError> {
    let Arguments { optimizer, lr, set, .. } = arguments;
    let mut config = RunConfig::new(arguments.protocol, optimizer, *lr, set)?;
    config.model.clone_from(&arguments.model);
    config.data = arguments.data.to_string();
    config.limit = arguments.limit;
    config.normalize = arguments.normalize;
    config.batch_size = arguments.batch_size;
    config.seed = arguments.seed;
    config.record.clone_from(&arguments.record);
    config.shuffle = arguments.shuffle.clone().unwrap_or(config.shuffle);
    config.loss_reduction = arguments.loss_reduction.clone().unwrap_or(config.loss_reduction);
    config.dropout = arguments.dropout.unwrap_or(config.dropout);
    config.shard_size = arguments.shard_size.unwrap_or(config.shard_size);
    Ok(Settings {
        epochs: arguments.epochs,
        threads: arguments.threads,
        resume: if arguments.resume { Resume::Expected } else { Resume::Never },
        init: arguments.init.clone(),
        ..Settings::new(config, arguments.out.clone())
    })
}

fn conclude(settings: &Settings, report: &Report, save: Option<PathBuf>) -> Result<ExitCode, TrainError> {
    let directory = report.directory.display();
    match &report.outcome {
        Outcome::Completed => {
            if let (Some(train), Some(test)) = (report.row.train_accuracy, report.row.test_accuracy) {
                let (train, test) = (accuracy(train.into()), accuracy(test.into()));
                println!("done in {}: train accuracy {train}, test accuracy {test}", duration(report.row.seconds));
            }
            println!("trace, epochs and checkpoint: {directory}");
            if let Some(path) = save {
                let model = settings.config.model()?;
                write_weights(&path, &model, &report.state)?;
                println!("weights: {}", path.display());
            }
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Interrupted => {
            let steps = report.row.steps;
            eprintln!("stopped after step {steps}; go on with the same command and --resume ({directory})");
            Ok(ExitCode::from(INTERRUPTED))
        }
        Outcome::Diverged(divergence) => {
            let (step, what) = (divergence.step, &divergence.what);
            eprintln!(
                "error: diverged at step {step}: {what} is not finite; lower --lr ({directory} keeps the steps before)"
            );
            Ok(ExitCode::FAILURE)
        }
    }
}
