//! `cargo xtask <task>`: the project's chores, one file a task. This file only dispatches.

mod bench;
mod data;
mod oracle;
mod slurm_test;
mod sweep;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Time training steps, beside PyTorch's where a Python with torch is given.
    Bench(bench::Args),
    /// Download CIFAR-10, check every digest, store it in the user's cache directory.
    Data(data::Args),
    /// Regenerate the stored fixtures with Python and PyTorch.
    Oracle(oracle::Args),
    /// Carry a sweep through a real Slurm of two nodes on loopback, where it is installed.
    SlurmTest(slurm_test::Args),
    /// Train a grid of runs, on this machine or on a cluster, and analyse them.
    Sweep(Box<sweep::Args>),
    /// Check the invariants of ARCHITECTURE.md.
    Tidy(tidy::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Bench(args) => bench::run(&args),
        Task::Data(args) => data::run(&args),
        Task::Oracle(args) => oracle::run(&args),
        Task::SlurmTest(args) => slurm_test::run(&args),
        Task::Sweep(args) => match sweep::run(&args) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Task::Tidy(args) => tidy::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Printed here rather than returned: RUST_BACKTRACE must not add to the one line.
            eprintln!("error: {}", in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, but for those that it names itself.
fn in_one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |line, cause| match line {
        line if line.contains(&cause) => line,
        line if line.is_empty() => cause,
        line => format!("{line}: {cause}"),
    })
}
