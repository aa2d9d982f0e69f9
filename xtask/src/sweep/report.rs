//! The end of a sweep: how its cells ended, the table of runs, and the analysis.

use super::programs::Programs;
use super::say;
use super::view::ended;
use anyhow::Context;
use seismograd_sweep::{Labels, Plan, State, arms, standing};
use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Says how the cells ended and analyses the runs. Fails if a cell is not over, whatever the analysis says.
pub fn run(plan: &Plan, out: &Path, programs: &Programs) -> anyhow::Result<ExitCode> {
    // Two sweeps that end together write the same files, one after the other.
    let lock = File::create(out.join("report.lock")).with_context(|| format!("cannot write in {}", out.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", out.display()))?;
    let missing = conclude(plan, out)?;
    plan.write_table(out)?;
    let analysed = match plan.incomparable() {
        Some(why) => {
            table(plan, out)?;
            say(&format!("no verdict: {why}"));
            true
        }
        None => analyse(out, programs)?,
    };
    Ok(if missing == 0 && analysed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line a state; returns how many cells are not over.
fn conclude(plan: &Plan, out: &Path) -> anyhow::Result<usize> {
    let mut counts = [("done", 0), ("diverged", 0), ("failed", 0), ("running", 0), ("waiting", 0)];
    let (mut problems, labels) = (Vec::new(), Labels::of(plan));
    for cell in &plan.cells {
        let (state, _) = standing(out, cell)?;
        counts.iter_mut().filter(|(name, _)| *name == state.name()).for_each(|(_, count)| *count += 1);
        if matches!(state, State::Failed { .. }) {
            problems.push(ended(out, &labels, cell, &state));
        }
    }
    let counted: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect();
    say(&format!("{} cells: {}", plan.cells.len(), counted.join(", ")));
    for problem in &problems {
        eprintln!("error: {problem}");
    }
    let missing = counts[2].1 + counts[3].1 + counts[4].1;
    if missing > 0 {
        eprintln!("error: {missing} of {} cells are not done; the same command tries them again", plan.cells.len());
    }
    Ok(missing)
}

/// The analysis and report of `characterize` over the plan's runs.
fn analyse(out: &Path, programs: &Programs) -> anyhow::Result<bool> {
    let mut analysis = Command::new(&programs.characterize);
    let status = analysis.arg("--from").arg(out).status();
    let status = status.with_context(|| format!("cannot start {}", programs.characterize.display()))?;
    Ok(status.success())
}

/// Each arm's results, for sweeps that compare settings of one optimizer.
fn table(plan: &Plan, out: &Path) -> anyhow::Result<()> {
    say(&format!("\n{:<40} {:>6} {:>10} {:>12} {:>14}", "", "runs", "diverged", "test loss", "test accuracy"));
    for arm in arms(plan, out)? {
        let number = |value: Option<f64>, scale: f64, unit: &str| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{:.3}{unit}", scale * value))
        };
        say(&format!(
            "{:<40} {:>6} {:>10} {:>12} {:>14}",
            arm.name,
            arm.done,
            arm.diverged,
            number(arm.test_loss, 1.0, ""),
            number(arm.test_accuracy, 100.0, " %"),
        ));
    }
    say("");
    Ok(())
}
