//! `epochs.parquet`: one row an epoch, with the evaluation and each signal's mean and standard deviation over
//! the epoch's steps.
//!
//! The evaluation's numbers come from the trainer, and the rows of an epoch from
//! [`TraceWriter::epoch`](crate::TraceWriter::epoch).

use crate::atomic::write_atomically;
use crate::error::{Result, TraceError};
use crate::schema::Schema;
use crate::table::Table;
use crate::trace::Trace;
use std::io::Write;
use std::path::Path;

const TABLE: &str = "epochs";
const KEY_SITES: &str = "seismograd.sites";
const MEAN: &str = "__mean_over_steps";
const STD: &str = "__std_over_steps";

/// One epoch of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpochRow {
    /// The epoch, from 1.
    pub epoch: i32,
    /// The optimizer's updates from the run's beginning to this epoch's end: the `step` of its last row.
    pub steps: i64,
    /// The loss on the training batches, averaged over the epoch as it went.
    pub train_loss: f32,
    /// The accuracy on the training batches, as a fraction, averaged over the epoch as it went.
    pub train_accuracy: f32,
    /// The mean loss on the test set after the epoch.
    pub test_loss: f32,
    /// The accuracy on the test set after the epoch, as a fraction.
    pub test_accuracy: f32,
    /// The seconds that the epoch took.
    pub seconds: f64,
    /// The learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// For each signal column of the trace the mean and the standard deviation over the epoch's steps, as
    /// [`over_steps`] gives them.
    pub signals: Vec<f32>,
}

/// For each signal column in turn: its mean and its population standard deviation over all rows.
///
/// Taken in f64, in two passes, and rounded to f32 once. One step, or a constant column, has deviation 0; over no
/// rows both are 0.
pub fn over_steps(rows: &Trace) -> Vec<f32> {
    rows.signals.iter().flat_map(|column| mean_and_std(column)).collect()
}

fn mean_and_std(values: &[f32]) -> [f32; 2] {
    let first = values.first().copied().unwrap_or_default();
    if values.iter().all(|value| *value == first) {
        // Exact, where a sum's rounding would leave a spread of about 1e-17.
        return [first, 0.0];
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let variance = values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
    [mean as f32, variance.sqrt() as f32]
}

/// The epochs of a run.
///
/// ```
/// use seismograd_trace::{EpochRow, Epochs, Schema};
///
/// let mut epochs = Epochs::new(Schema::new([])?);
/// epochs.push(EpochRow {
///     epoch: 1, steps: 500, train_loss: 1.6, train_accuracy: 0.4, test_loss: 1.4, test_accuracy: 0.5,
///     seconds: 9.5, learning_rate: 1e-3, signals: vec![],
/// });
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("epochs.parquet");
/// epochs.write(&path)?;
/// assert_eq!(Epochs::read(&path)?, epochs);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Epochs {
    schema: Schema,
    rows: Vec<EpochRow>,
}

impl Epochs {
    /// No epochs yet, of a run whose trace has these columns.
    pub fn new(schema: Schema) -> Epochs {
        Epochs { schema, rows: Vec::new() }
    }

    /// Adds an epoch.
    ///
    /// # Panics
    ///
    /// If the row has not two values for each signal column, or if it is not the next epoch.
    #[track_caller]
    pub fn push(&mut self, row: EpochRow) {
        let (found, expected) = (row.signals.len(), 2 * self.schema.len());
        assert!(found == expected, "Epochs::push: the row has {found} signals, expected {expected}");
        let next = self.rows.len() as i32 + 1;
        assert!(row.epoch == next, "Epochs::push: epoch {}, expected {next}", row.epoch);
        self.rows.push(row);
    }

    /// Drops the epochs after the first `epochs`: those that a resumed run goes through again.
    pub fn truncate(&mut self, epochs: usize) {
        self.rows.truncate(epochs);
    }

    /// The rows: epoch 1, 2, ...
    pub fn rows(&self) -> &[EpochRow] {
        &self.rows
    }

    /// The columns of the trace that the epochs summarise.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The names of the signals' columns: `<column>__mean_over_steps`, `<column>__std_over_steps` for each.
    pub fn signal_names(&self) -> Vec<String> {
        let pair = |name: &String| [format!("{name}{MEAN}"), format!("{name}{STD}")];
        self.schema.names().iter().flat_map(pair).collect()
    }

    /// The signal column of this name.
    pub fn column(&self, name: &str) -> Option<Vec<f32>> {
        let place = self.signal_names().iter().position(|found| found == name)?;
        Some(self.rows.iter().map(|row| row.signals[place]).collect())
    }

    /// Writes the file atomically; the same rows give the same bytes.
    pub fn write(&self, path: &Path) -> Result<()> {
        let rows = &self.rows;
        let mut table = Table::new(TABLE)
            .with_each("epoch", rows, |row| row.epoch)
            .with_each("steps", rows, |row| row.steps)
            .with_each("train_loss", rows, |row| row.train_loss)
            .with_each("train_accuracy", rows, |row| row.train_accuracy)
            .with_each("test_loss", rows, |row| row.test_loss)
            .with_each("test_accuracy", rows, |row| row.test_accuracy)
            .with_each("seconds", rows, |row| row.seconds)
            .with_each("learning_rate", rows, |row| row.learning_rate);
        for (place, name) in self.signal_names().into_iter().enumerate() {
            table = table.with_each(name, rows, |row| row.signals[place]);
        }
        table.notes.push((KEY_SITES, self.schema.sites().join(" ")));
        write_atomically(path, |file| file.write_all(&table.encode()))
    }

    /// Reads the file.
    pub fn read(path: &Path) -> Result<Epochs> {
        let mut table = Table::read(path, TABLE, &[KEY_SITES])?;
        let mut rows = vec![EpochRow::default(); table.rows()];
        table.fill(path, "epoch", &mut rows, |row, value| row.epoch = value)?;
        table.fill(path, "steps", &mut rows, |row, value| row.steps = value)?;
        table.fill(path, "train_loss", &mut rows, |row, value| row.train_loss = value)?;
        table.fill(path, "train_accuracy", &mut rows, |row, value| row.train_accuracy = value)?;
        table.fill(path, "test_loss", &mut rows, |row, value| row.test_loss = value)?;
        table.fill(path, "test_accuracy", &mut rows, |row, value| row.test_accuracy = value)?;
        table.fill(path, "seconds", &mut rows, |row, value| row.seconds = value)?;
        table.fill(path, "learning_rate", &mut rows, |row, value| row.learning_rate = value)?;
        let mut epochs = Epochs::new(read_schema(path, &table)?);
        for name in epochs.signal_names() {
            table.fill(path, &name, &mut rows, |row, value| row.signals.push(value))?;
        }
        if let Some((row, expected)) = rows.iter().zip(1..).find(|(row, expected)| row.epoch != *expected) {
            return Err(TraceError::file(path, format!("epoch {}, expected {expected}", row.epoch)));
        }
        epochs.rows = rows;
        Ok(epochs)
    }
}

fn read_schema(path: &Path, table: &Table) -> Result<Schema> {
    let names = table.names();
    let columns: Vec<String> = names.iter().filter_map(|name| name.strip_suffix(MEAN)).map(str::to_owned).collect();
    let sites: Vec<&str> = table.note(KEY_SITES).split(' ').collect();
    Schema::from_names(&columns, &sites).map_err(|error| TraceError::file(path, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{schema, trace};

    fn row(epoch: i32) -> EpochRow {
        let steps = i64::from(epoch) * 600;
        EpochRow {
            epoch,
            steps,
            train_loss: 2.0,
            train_accuracy: 0.25,
            test_loss: 1.5,
            test_accuracy: 0.5,
            seconds: 12.5,
            learning_rate: 1e-3,
            signals: over_steps(&trace(steps - 599..=steps)),
        }
    }

    fn epochs(count: i32) -> Epochs {
        let mut epochs = Epochs::new(schema());
        (1..=count).for_each(|epoch| epochs.push(row(epoch)));
        epochs
    }

    fn check_summary(values: &[f32], expect: [f32; 2]) {
        assert_eq!(mean_and_std(values), expect, "{values:?}");
    }

    #[test]
    fn the_mean_and_the_deviation_are_the_populations() {
        check_summary(&[1.0, 2.0, 3.0, 6.0], [3.0, 3.5f32.sqrt()]);
        check_summary(&[], [0.0, 0.0]);
        check_summary(&[0.1], [0.1, 0.0]);
        check_summary(&[0.1; 777], [0.1, 0.0]);
        check_summary(&[-3e38, 3e38], [0.0, 3e38]);
    }

    #[test]
    fn epochs_are_written_and_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("epochs.parquet");
        for count in [0, 1, 3] {
            epochs(count).write(&path).unwrap();
            assert_eq!(Epochs::read(&path).unwrap(), epochs(count));
        }
        let written = std::fs::read(&path).unwrap();
        epochs(3).write(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), written);
    }

    #[test]
    fn a_column_is_found_by_name() {
        let three = epochs(3);
        let column = three.column("output_logits__value__mean__std_over_steps").unwrap();
        assert_eq!(column, three.rows().iter().map(|row| row.signals[1]).collect::<Vec<_>>());
        assert_eq!(three.column("output_logits__value__mean"), None);
    }

    #[test]
    fn a_resumed_run_goes_on_behind_the_kept_epochs() {
        let mut three = epochs(3);
        three.truncate(1);
        three.push(row(2));
        assert_eq!(three, epochs(2));
    }

    #[test]
    #[should_panic(expected = "Epochs::push: epoch 3, expected 2")]
    fn an_epoch_left_out_is_refused() {
        epochs(1).push(row(3));
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("epochs.parquet");
        std::fs::write(&path, b"PAR1 and nothing of use PAR1").unwrap();
        let error = Epochs::read(&path).unwrap_err().to_string();
        assert!(error.contains("epochs.parquet: not a whole Parquet file"), "{error}");
    }
}
