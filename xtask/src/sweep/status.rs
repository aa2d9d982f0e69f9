//! `cargo xtask sweep status DIR`: how the cells stand, read from their files, while a sweep runs or after.

use super::say;
use super::view::ended;
use seismograd_sweep::{Labels, Plan, State, standing};
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of the task.
#[derive(clap::Args)]
pub struct Args {
    /// The sweep's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// A line for every cell, not only for those that run or failed
    #[arg(long)]
    all: bool,
}

/// Prints how many cells are in which state, and those that need a look.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let plan = Plan::read(&args.directory)?;
    let labels = Labels::of(&plan);
    let mut counts = [("waiting", 0), ("running", 0), ("done", 0), ("diverged", 0), ("failed", 0)];
    let mut epochs = 0.0;
    for (number, cell) in plan.cells.iter().enumerate() {
        let (state, row) = standing(&args.directory, cell)?;
        counts.iter_mut().filter(|(name, _)| *name == state.name()).for_each(|(_, count)| *count += 1);
        let trained = row.as_ref().map_or(0, |row| row.epochs);
        epochs += if state.is_over() { cell.epochs as f64 } else { f64::from(trained) };
        let line = match &state {
            State::Running => {
                let loss = row
                    .and_then(|row| row.train_loss)
                    .map_or_else(String::new, |loss| format!(", train loss {loss:.3}"));
                format!("{} running, {trained} of {} epochs done{loss}", labels.label(cell), cell.epochs)
            }
            State::Waiting if trained > 0 => {
                format!("{} waiting, {trained} of {} epochs done", labels.label(cell), cell.epochs)
            }
            state => ended(&args.directory, &labels, cell, state),
        };
        if args.all || matches!(state, State::Running | State::Failed { .. }) {
            say(&format!("{number:>5} {} {line}", cell.id));
        }
    }
    let counted: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let percent = 100.0 * epochs / plan.epochs();
    say(&format!("{} cells: {}; {percent:.0} % of all epochs", plan.cells.len(), counted.join(", ")));
    Ok(ExitCode::SUCCESS)
}
