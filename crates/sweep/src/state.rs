//! How a cell stands, from files alone: the run's summary, the journal of its attempts, and a lock that the kernel holds for the process
//! that carries the cell. Nothing is remembered anywhere else, so a kill or a power cut cannot leave a state that is not true.

use crate::cell::Cell;
use crate::error::SweepError;
use seismograd_trace::{RunDir, RunRow, RunStatus, create_directories};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a cell stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not begun, or interrupted.
    Waiting,
    /// A process carries it.
    Running,
    /// All epochs are trained.
    Done,
    /// It ended at a number that is not finite; it is over, and the sweep goes on.
    Diverged {
        /// The step.
        step: i64,
    },
    /// It died as often as it was tried.
    Failed {
        /// Its last error.
        problem: String,
    },
}

impl State {
    /// The state in a word.
    pub fn name(&self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Done => "done",
            State::Diverged { .. } => "diverged",
            State::Failed { .. } => "failed",
        }
    }

    /// Whether there is nothing left to train.
    pub fn is_over(&self) -> bool {
        matches!(self, State::Done | State::Diverged { .. })
    }
}

/// A line of a cell's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Entry {
    /// An attempt began; without an end it was killed together with the sweep, which is no fault of its own.
    Begun { attempt: u32, process: u32 },
    /// It ended.
    Ended { attempt: u32, how: Outcome, seconds: f64 },
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Done,
    Diverged,
    Interrupted,
    Failed(String),
}

/// The place of a cell's state.
pub(crate) struct Place {
    pub run: RunDir,
}

impl Place {
    pub fn of(out: &Path, cell: &Cell) -> Result<Place, SweepError> {
        Ok(Place { run: cell.directory(out)? })
    }

    fn journal(&self) -> PathBuf {
        self.run.root().join("attempts.jsonl")
    }

    /// Adds a line to the journal.
    pub fn note(&self, entry: &Entry) -> Result<(), SweepError> {
        let path = self.journal();
        let line = serde_json::to_string(entry).expect("an entry of plain fields is JSON");
        let written = || -> io::Result<()> {
            // What a power cut has cut short stays a line of its own.
            let cut = std::fs::read(&path).is_ok_and(|text| !text.is_empty() && !text.ends_with(b"\n"));
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{}{line}\n", if cut { "\n" } else { "" }).as_bytes())?;
            file.sync_data()
        };
        written().map_err(SweepError::io("write", &path))
    }

    /// The problem of the last attempt, if that is how it ended. A line cut short by a power cut says nothing.
    fn last_problem(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.journal()).ok()?;
        let last = text.lines().filter_map(|line| serde_json::from_str(line).ok()).next_back()?;
        match last {
            Entry::Ended { how: Outcome::Failed(problem), .. } => Some(problem),
            _ => None,
        }
    }

    /// Claims the cell until the file is dropped, or the process dies; `None` while another process has it.
    pub fn claim(&self) -> Result<Option<File>, SweepError> {
        create_directories(self.run.root())?;
        let path = self.run.root().join("cell.lock");
        let file = File::create(&path).map_err(SweepError::io("write", &path))?;
        // Who only looks at the state holds the lock for a moment.
        for _ in 0..20 {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
                Err(TryLockError::Error(error)) => return Err(SweepError::io("lock", &path)(error)),
            }
        }
        Ok(None)
    }

    /// Whether a file of the run's directory is locked by a process.
    pub fn is_locked(&self, name: &str) -> bool {
        // Who looks need not be allowed to write.
        let file = File::open(self.run.root().join(name));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// How the run stands by its own files, whoever carries it.
    pub fn recorded(&self, epochs: u64) -> (State, Option<RunRow>) {
        let path = self.run.summary();
        if !path.exists() {
            return (self.last_problem().map_or(State::Waiting, |problem| State::Failed { problem }), None);
        }
        let row = match RunRow::read(&path) {
            Ok(row) => row,
            Err(error) => return (State::Failed { problem: error.to_string() }, None),
        };
        let state = match (row.status, row.diverged_at_step) {
            (RunStatus::Diverged, Some(step)) => State::Diverged { step },
            (RunStatus::Completed, _) if i64::from(row.epochs) >= epochs as i64 => State::Done,
            _ => self.last_problem().map_or(State::Waiting, |problem| State::Failed { problem }),
        };
        (state, Some(row))
    }
}

/// How a cell stands, with the run's summary where there is one.
///
/// # Errors
/// A configuration that cannot be a path.
pub fn standing(out: &Path, cell: &Cell) -> Result<(State, Option<RunRow>), SweepError> {
    let place = Place::of(out, cell)?;
    let (state, row) = place.recorded(cell.epochs);
    let running = !state.is_over() && place.is_locked("cell.lock");
    Ok((if running { State::Running } else { state }, row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use seismograd_train::{Protocol, RunConfig};

    fn cell() -> Cell {
        Cell::new(RunConfig::new(Protocol::Standard, "adam", None, &[]).unwrap(), 2)
    }

    fn row(status: RunStatus, epochs: i32) -> RunRow {
        RunRow {
            key: cell().config.key(),
            protocol: "standard".to_owned(),
            epochs,
            steps: 20,
            status,
            diverged_at_step: (status == RunStatus::Diverged).then_some(20),
            train_loss: None,
            train_accuracy: None,
            test_loss: None,
            test_accuracy: None,
            parameters: 1,
            seconds: 1.0,
        }
    }

    #[test]
    fn files_say_how_a_cell_stands() {
        let out = tempfile::tempdir().unwrap();
        let place = Place::of(out.path(), &cell()).unwrap();
        let state = || standing(out.path(), &cell()).unwrap().0;
        assert_eq!(state(), State::Waiting);
        let lock = place.claim().unwrap().expect("nobody has it");
        assert_eq!(state(), State::Running);
        assert!(place.claim().unwrap().is_none(), "claimed twice");
        drop(lock);
        let failed =
            |problem: &str| Entry::Ended { attempt: 1, how: Outcome::Failed(problem.to_owned()), seconds: 1.0 };
        place.note(&failed("error: no luck")).unwrap();
        assert_eq!(state(), State::Failed { problem: "error: no luck".to_owned() });
        row(RunStatus::Interrupted, 1).write(&place.run.summary()).unwrap();
        assert_eq!(state().name(), "failed");
        // A line that was cut short says nothing, and takes none with it.
        let journal = std::fs::read(place.journal()).unwrap();
        std::fs::write(place.journal(), [&journal[..], b"{\"event\":\"be"].concat()).unwrap();
        place.note(&failed("error: no luck again")).unwrap();
        assert_eq!(state(), State::Failed { problem: "error: no luck again".to_owned() });
        // A new attempt that was killed with its sweep is no failure.
        place.note(&Entry::Begun { attempt: 1, process: 1 }).unwrap();
        assert_eq!(state(), State::Waiting);
        row(RunStatus::Completed, 1).write(&place.run.summary()).unwrap();
        assert_eq!(state(), State::Waiting, "one epoch of two");
        row(RunStatus::Completed, 2).write(&place.run.summary()).unwrap();
        assert_eq!(state(), State::Done);
        row(RunStatus::Diverged, 1).write(&place.run.summary()).unwrap();
        assert_eq!(state(), State::Diverged { step: 20 });
    }

    #[test]
    fn a_damaged_summary_is_a_failure_of_its_cell_alone() {
        let out = tempfile::tempdir().unwrap();
        let place = Place::of(out.path(), &cell()).unwrap();
        drop(place.claim().unwrap());
        std::fs::write(place.run.summary(), b"{").unwrap();
        let State::Failed { problem } = standing(out.path(), &cell()).unwrap().0 else { panic!("it is damaged") };
        assert!(problem.contains("run.json"), "{problem}");
    }
}
