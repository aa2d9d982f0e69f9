//! `--dry-run`: the cells, their number, and how long they will take by steps measured here and now.

use super::cores;
use super::say;
use super::view::duration;
use seismograd_sweep::{Dataset, Labels, Plan, estimate, standing};
use std::path::Path;
use std::process::ExitCode;

/// Prints a line a cell and the estimate; trains nothing.
pub fn run(plan: &Plan, out: &Path, dataset: &Dataset, workers: usize) -> anyhow::Result<ExitCode> {
    let (mut rest, labels) = (plan.clone(), Labels::of(plan));
    rest.cells.clear();
    for (number, cell) in plan.cells.iter().enumerate() {
        let (state, _) = standing(out, cell)?;
        say(&format!("{number:>5} {} {} {} epochs, {}", cell.id, labels.label(cell), cell.epochs, state.name()));
        if !state.is_over() {
            rest.cells.push(cell.clone());
        }
    }
    let over = plan.cells.len() - rest.cells.len();
    say(&format!("{} cells in {}, {over} of them over", plan.cells.len(), out.display()));
    let workers = workers.min(rest.cells.len()).max(1);
    let threads = plan.limits.threads.unwrap_or(cores() / workers).max(1);
    let seconds = estimate(&rest, dataset, workers, threads)?;
    say(&format!(
        "about {} with {workers} workers of {threads} threads, by steps measured just now; the report comes on top",
        duration(seconds)
    ));
    Ok(ExitCode::SUCCESS)
}
