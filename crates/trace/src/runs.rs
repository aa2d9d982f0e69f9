//! `runs.parquet`: one typed row a run, over a whole sweep.
//!
//! The truth is `run.json` in each run's directory, which only that run writes; the table is rebuilt by
//! scanning them, so it can be deleted, and several processes can rewrite it at once. Nothing here decides what
//! a run's status is.

use crate::atomic::write_atomically;
use crate::error::{Result, TraceError};
use crate::layout::{RUN_JSON, RUNS, RunKey, runs_table};
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const TABLE: &str = "runs";

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Under way, or killed without a chance to say so.
    Running,
    /// All epochs done.
    Completed,
    /// Stopped on request; it can be resumed.
    Interrupted,
    /// Ended before an update by a loss or gradient that was not finite.
    Diverged,
}

impl RunStatus {
    const ALL: [RunStatus; 4] = [RunStatus::Running, RunStatus::Completed, RunStatus::Interrupted, RunStatus::Diverged];

    /// The status as the table and `run.json` spell it.
    pub fn name(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Completed => "completed",
            RunStatus::Interrupted => "interrupted",
            RunStatus::Diverged => "diverged",
        }
    }
}

/// One run: the content of its `run.json`, and its row of `runs.parquet`.
///
/// A number that a run does not have yet is `None`, and so is one that is not finite: the table holds neither NaN
/// nor infinity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// What tells it from the other runs, and where it is.
    #[serde(flatten)]
    pub key: RunKey,
    /// The name of the training protocol.
    pub protocol: String,
    /// The epochs done.
    pub epochs: i32,
    /// The optimizer's updates done.
    pub steps: i64,
    /// How the run stands.
    pub status: RunStatus,
    /// The step whose loss or gradient was not finite.
    pub diverged_at_step: Option<i64>,
    /// The last epoch's training loss.
    pub train_loss: Option<f32>,
    /// The last epoch's training accuracy, as a fraction.
    pub train_accuracy: Option<f32>,
    /// The test loss after the last epoch.
    pub test_loss: Option<f32>,
    /// The test accuracy after the last epoch, as a fraction.
    pub test_accuracy: Option<f32>,
    /// The model's number of parameters.
    pub parameters: i64,
    /// The seconds of training so far.
    pub seconds: f64,
}

impl RunRow {
    /// Writes the run's `run.json` atomically.
    pub fn write(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(&self.finite()).expect("a row of plain fields is JSON");
        write_atomically(path, |file| writeln!(file, "{json}"))
    }

    /// Reads a `run.json`.
    pub fn read(path: &Path) -> Result<RunRow> {
        let json = fs::read_to_string(path).map_err(TraceError::io("read", path))?;
        let row = serde_json::from_str(&json);
        row.map_err(|error| {
            TraceError::file(
                path,
                format!("not a run's summary: {error}; move the run's directory away to train it again"),
            )
        })
    }

    /// A row to be filled column by column.
    fn blank() -> RunRow {
        let (optimizer, config) = (String::new(), String::new());
        RunRow {
            key: RunKey { optimizer, batch_size: 0, lr: 0.0, seed: 0, config },
            protocol: String::new(),
            epochs: 0,
            steps: 0,
            status: RunStatus::Running,
            diverged_at_step: None,
            train_loss: None,
            train_accuracy: None,
            test_loss: None,
            test_accuracy: None,
            parameters: 0,
            seconds: 0.0,
        }
    }

    fn finite(&self) -> RunRow {
        let finite = |value: Option<f32>| value.filter(|value| value.is_finite());
        let mut row = self.clone();
        row.train_loss = finite(row.train_loss);
        row.train_accuracy = finite(row.train_accuracy);
        row.test_loss = finite(row.test_loss);
        row.test_accuracy = finite(row.test_accuracy);
        row
    }
}

/// Every run below `<out>/runs`, ordered by optimizer, batch size, learning rate, seed, configuration.
///
/// A run is a directory with a `run.json`; symbolic links are not followed; no `runs` directory means no runs. A
/// summary that does not read, or that is not of the run its directory names, is an error.
pub fn collect_runs(out: &Path) -> Result<Vec<RunRow>> {
    match readable_runs(out)? {
        (rows, None) => Ok(rows),
        (_, Some(error)) => Err(error),
    }
}

/// The summaries that read, in the table's order, and what is wrong with the first that does not.
fn readable_runs(out: &Path) -> Result<(Vec<RunRow>, Option<TraceError>)> {
    let (mut rows, mut wrong) = (Vec::new(), None);
    for (_, row) in find_runs(out)? {
        match row {
            Ok(row) => rows.push(row),
            Err(error) => wrong = wrong.or(Some(error)),
        }
    }
    rows.sort_by(|a, b| {
        let (a, b) = (&a.key, &b.key);
        let numbers = a.batch_size.cmp(&b.batch_size).then(a.lr.total_cmp(&b.lr)).then(a.seed.cmp(&b.seed));
        a.optimizer.cmp(&b.optimizer).then(numbers).then_with(|| a.config.cmp(&b.config))
    });
    Ok((rows, wrong))
}

/// The directory of every run below `<out>/runs` with its summary, or with what is wrong with that, ordered by directory.
///
/// An error is of the directory itself: for those who go on without a damaged run.
pub fn find_runs(out: &Path) -> Result<Vec<(PathBuf, Result<RunRow>)>> {
    let mut runs = Vec::new();
    let mut waiting = vec![out.join(RUNS)];
    while let Some(directory) = waiting.pop() {
        for (path, is_directory) in list(&directory)? {
            if is_directory {
                waiting.push(path);
            } else if path.file_name().is_some_and(|name| name == RUN_JSON) {
                runs.push((directory.clone(), read_in_place(&path, &directory)));
            }
        }
    }
    runs.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(runs)
}

/// Entries of a directory and whether they are directories; one that is gone has none.
fn list(directory: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(TraceError::io("list", directory))?,
    };
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.path(), entry.file_type()?.is_dir()))
    };
    entries.map(entry).collect::<io::Result<_>>().map_err(TraceError::io("list", directory))
}

fn read_in_place(path: &Path, directory: &Path) -> Result<RunRow> {
    let row = RunRow::read(path)?;
    if RunKey::of_directory(directory)? != row.key {
        let problem = "is of another run than its directory names: was it copied or moved by hand?";
        return Err(TraceError::file(path, problem));
    }
    Ok(row)
}

/// Rebuilds `<out>/runs.parquet` from the runs' summaries. One that does not read has no row, and is what comes back.
///
/// Several processes may do so at once. Each looks again after it has written, and writes again if a summary
/// has changed meanwhile, so the table that stays has every summary that was there before the last writer began.
pub fn write_runs(out: &Path) -> Result<Option<TraceError>> {
    let (mut rows, _) = readable_runs(out)?;
    loop {
        write_table(&runs_table(out), &rows)?;
        let (now, wrong) = readable_runs(out)?;
        if now == rows {
            return Ok(wrong);
        }
        rows = now;
    }
}

fn write_table(path: &Path, rows: &[RunRow]) -> Result<()> {
    let run = |row: &RunRow| row.key.directory().map(|path| path.to_string_lossy().into_owned());
    let table = Table::new(TABLE)
        .with("run", rows.iter().map(run).collect::<Result<_>>()?)
        .with_each("config", rows, |row| row.key.config.clone())
        .with_each("optimizer", rows, |row| row.key.optimizer.clone())
        .with_each("protocol", rows, |row| row.protocol.clone())
        .with_each("batch_size", rows, |row| row.key.batch_size)
        .with_each("lr", rows, |row| row.key.lr)
        .with_each("seed", rows, |row| row.key.seed)
        .with_each("epochs", rows, |row| row.epochs)
        .with_each("steps", rows, |row| row.steps)
        .with_each("status", rows, |row| row.status.name().to_owned())
        .with_each("diverged_at_step", rows, |row| row.diverged_at_step)
        .with_each("train_loss", rows, |row| row.train_loss)
        .with_each("train_accuracy", rows, |row| row.train_accuracy)
        .with_each("test_loss", rows, |row| row.test_loss)
        .with_each("test_accuracy", rows, |row| row.test_accuracy)
        .with_each("parameters", rows, |row| row.parameters)
        .with_each("seconds", rows, |row| row.seconds);
    write_atomically(path, |file| file.write_all(&table.encode()))
}

/// Reads `<out>/runs.parquet`.
pub fn read_runs(out: &Path) -> Result<Vec<RunRow>> {
    let path = &runs_table(out);
    let mut table = Table::read(path, TABLE, &[])?;
    // Only a view for other programs: the key says the same.
    let _: Vec<String> = table.take(path, "run")?;
    let mut statuses = Vec::new();
    let mut rows = vec![RunRow::blank(); table.rows()];
    table.fill(path, "config", &mut rows, |row, value| row.key.config = value)?;
    table.fill(path, "optimizer", &mut rows, |row, value| row.key.optimizer = value)?;
    table.fill(path, "protocol", &mut rows, |row, value| row.protocol = value)?;
    table.fill(path, "batch_size", &mut rows, |row, value| row.key.batch_size = value)?;
    table.fill(path, "lr", &mut rows, |row, value| row.key.lr = value)?;
    table.fill(path, "seed", &mut rows, |row, value| row.key.seed = value)?;
    table.fill(path, "epochs", &mut rows, |row, value| row.epochs = value)?;
    table.fill(path, "steps", &mut rows, |row, value| row.steps = value)?;
    table.fill(path, "status", &mut rows, |_, value: String| statuses.push(value))?;
    table.fill(path, "diverged_at_step", &mut rows, |row, value| row.diverged_at_step = value)?;
    table.fill(path, "train_loss", &mut rows, |row, value| row.train_loss = value)?;
    table.fill(path, "train_accuracy", &mut rows, |row, value| row.train_accuracy = value)?;
    table.fill(path, "test_loss", &mut rows, |row, value| row.test_loss = value)?;
    table.fill(path, "test_accuracy", &mut rows, |row, value| row.test_accuracy = value)?;
    table.fill(path, "parameters", &mut rows, |row, value| row.parameters = value)?;
    table.fill(path, "seconds", &mut rows, |row, value| row.seconds = value)?;
    for (row, status) in rows.iter_mut().zip(&statuses) {
        row.status = parse_status(path, status)?;
    }
    Ok(rows)
}

fn parse_status(path: &Path, name: &str) -> Result<RunStatus> {
    let found = RunStatus::ALL.into_iter().find(|status| status.name() == name);
    found.ok_or_else(|| TraceError::file(path, format!("status `{name}` is not one of ours")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::RunDir;

    fn row(optimizer: &str, batch_size: i32, seed: i64) -> RunRow {
        let (optimizer, config) = (optimizer.to_owned(), "0123abcd".to_owned());
        RunRow {
            key: RunKey { optimizer, batch_size, lr: 0.1 + 0.2, seed, config },
            protocol: "paper".to_owned(),
            epochs: 2,
            steps: 1000,
            status: RunStatus::Completed,
            diverged_at_step: None,
            train_loss: Some(1.1),
            train_accuracy: Some(0.6),
            test_loss: Some(1.2),
            test_accuracy: Some(0.55),
            parameters: 314_922,
            seconds: 12.25,
        }
    }

    fn publish(out: &Path, row: &RunRow) -> PathBuf {
        let run = RunDir::of(out, &row.key).unwrap();
        fs::create_dir_all(run.trace()).unwrap();
        row.write(&run.summary()).unwrap();
        run.summary()
    }

    #[test]
    fn a_sweep_is_collected_in_order_written_and_read() {
        let out = tempfile::tempdir().unwrap();
        let mut diverged = row("adam", 50, 1);
        diverged.status = RunStatus::Diverged;
        diverged.diverged_at_step = Some(77);
        diverged.test_loss = None;
        let expected = [diverged, row("adam", 50, 2), row("adam", 100, 10), row("sgd", 50, 0)];
        for row in expected.iter().rev() {
            publish(out.path(), row);
        }
        assert_eq!(collect_runs(out.path()).unwrap(), expected);
        assert!(write_runs(out.path()).unwrap().is_none());
        assert_eq!(read_runs(out.path()).unwrap(), expected);
    }

    #[test]
    fn no_runs_make_an_empty_table() {
        let out = tempfile::tempdir().unwrap();
        assert!(write_runs(out.path()).unwrap().is_none());
        assert_eq!(read_runs(out.path()).unwrap(), []);
    }

    #[test]
    fn a_number_that_is_not_finite_is_left_out() {
        let out = tempfile::tempdir().unwrap();
        let mut row = row("sgd", 50, 0);
        row.train_loss = Some(f32::NAN);
        row.test_loss = Some(f32::INFINITY);
        let read = RunRow::read(&publish(out.path(), &row)).unwrap();
        assert_eq!((read.train_loss, read.test_loss), (None, None));
        assert_eq!(read.test_accuracy, row.test_accuracy);
    }

    #[test]
    fn a_summary_is_one_flat_object() {
        let json: serde_json::Value = serde_json::to_value(row("sgd", 50, 0)).unwrap();
        assert_eq!(json["optimizer"], "sgd");
        assert_eq!(json["status"], "completed");
        assert_eq!(json["lr"], 0.1 + 0.2);
        assert!(json["diverged_at_step"].is_null());
        for status in RunStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }

    fn check_refused(out: &Path, message: &str) {
        let error = collect_runs(out).unwrap_err().to_string();
        assert!(error.contains(RUN_JSON) && error.contains(message) && !error.contains('\n'), "{error}");
    }

    #[test]
    fn a_summary_that_does_not_fit_is_named() {
        let out = tempfile::tempdir().unwrap();
        let path = publish(out.path(), &row("sgd", 50, 0));
        row("sgd", 50, 1).write(&path).unwrap();
        check_refused(out.path(), "another run than its directory names");
        fs::write(&path, b"{\"optimizer\": \"sgd\"}").unwrap();
        check_refused(out.path(), "not a run's summary: missing field");
        // It costs its own row alone.
        publish(out.path(), &row("sgd", 50, 2));
        let wrong = write_runs(out.path()).unwrap().expect("it is damaged");
        assert!(wrong.to_string().contains("not a run's summary"));
        assert_eq!(read_runs(out.path()).unwrap(), [row("sgd", 50, 2)]);
    }

    #[test]
    fn writers_at_once_leave_a_whole_table() {
        let out = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for seed in 0..8 {
                let out = out.path();
                scope.spawn(move || {
                    publish(out, &row("adam", 100, seed));
                    write_runs(out).unwrap();
                });
            }
        });
        let expected: Vec<RunRow> = (0..8).map(|seed| row("adam", 100, seed)).collect();
        assert_eq!(read_runs(out.path()).unwrap(), expected);
    }
}
