//! Results by arm: runs that differ in their seed alone.

use crate::cell::Cell;
use crate::error::SweepError;
use crate::labels::Labels;
use crate::plan::Plan;
use crate::state::{State, standing};
use seismograd_trace::write_runs;
use std::path::Path;

/// Runs of one configuration apart from the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmResult {
    /// Optimizer, batch size, learning rate and what options vary.
    pub name: String,
    /// Runs that are done.
    pub done: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// The mean test loss of those done.
    pub test_loss: Option<f64>,
    /// Their mean test accuracy, as a fraction.
    pub test_accuracy: Option<f64>,
}

/// The results of each arm, in the plan's order.
///
/// # Errors
/// A configuration that cannot be a path.
pub fn arms(plan: &Plan, out: &Path) -> Result<Vec<ArmResult>, SweepError> {
    let same = |a: &Cell, b: &Cell| {
        let key = |cell: &Cell| {
            (
                cell.config.optimizer.clone(),
                cell.config.batch_size,
                cell.config.lr.to_bits(),
                cell.config.options.clone(),
            )
        };
        key(a) == key(b)
    };
    let labels = Labels::of(plan);
    plan.cells.chunk_by(same).map(|cells| arm(&labels, out, cells)).collect()
}

fn arm(labels: &Labels, out: &Path, cells: &[Cell]) -> Result<ArmResult, SweepError> {
    let (mut rows, mut diverged) = (Vec::new(), 0);
    for cell in cells {
        match standing(out, cell)? {
            (State::Done, Some(row)) => rows.push(row),
            (State::Diverged { .. }, _) => diverged += 1,
            _ => {}
        }
    }
    let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let (config, options) = (&cells[0].config, labels.options(&cells[0]));
    Ok(ArmResult {
        name: format!("{} batch {} lr {}{options}", config.optimizer, config.batch_size, config.lr),
        done: rows.len(),
        diverged,
        test_loss: mean(rows.iter().filter_map(|row| row.test_loss.map(f64::from)).collect()),
        test_accuracy: mean(rows.iter().filter_map(|row| row.test_accuracy.map(f64::from)).collect()),
    })
}

impl Plan {
    /// Rebuilds `runs.parquet`. A damaged `run.json` costs its own row: its cell is reported as failed.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub fn write_table(&self, out: &Path) -> Result<(), SweepError> {
        write_runs(out)?;
        Ok(())
    }
}
