//! Who owns a run's directory, and whether there is something to resume in it.

use super::Settings;
use crate::config::RunConfig;
use crate::error::TrainError;
use seismograd_trace::{RunDir, RunRow, RunStatus, collect_runs, create_directories};
use std::fs::{self, File, TryLockError};

/// What to do about a run that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Refuse: a run is begun, never gone on with.
    Never,
    /// Go on with it; begin it if it does not exist, beside whatever other runs there are.
    IfPresent,
    /// Go on with it; begin it only in a directory without any run.
    Expected,
}

/// Claims the run's directory: the lock is held until the file is dropped, also by a killed process. Says whether to resume.
pub(super) fn claim(settings: &Settings, directory: &RunDir) -> Result<(File, bool), TrainError> {
    let exists = directory.summary().exists();
    match settings.resume {
        Resume::Never if exists => return Err(refuse_existing(directory)),
        Resume::Expected if !exists => refuse_other_runs(settings, directory)?,
        _ => {}
    }
    if exists {
        refuse_diverged(directory)?;
    }
    create_directories(directory.root())?;
    let lock = lock(directory)?;
    if directory.summary().exists() != exists {
        let problem = "another process began this run a moment ago; go on with --resume";
        return Err(TrainError::run(directory.root(), problem));
    }
    Ok((lock, exists))
}

fn lock(directory: &RunDir) -> Result<File, TrainError> {
    let path = directory.root().join("lock");
    let cannot = |error: std::io::Error| TrainError::file(&path, format!("cannot lock: {error}"));
    let file = File::create(&path).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(TrainError::run(directory.root(), "another process is training this run; wait for it or stop it"))
        }
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

fn refuse_existing(directory: &RunDir) -> TrainError {
    let row = RunRow::read(&directory.summary());
    let stands = row.map_or_else(
        |_| "exists already".to_owned(),
        |row| format!("exists already ({}, {} steps)", row.status.name(), row.steps),
    );
    TrainError::run(directory.root(), format!("{stands}; go on with --resume, or choose another --out"))
}

/// The row of a run that has diverged already: it is over, and the same steps would end it again.
pub(super) fn diverged(directory: &RunDir) -> Result<Option<(RunRow, i64)>, TrainError> {
    if !directory.summary().exists() {
        return Ok(None);
    }
    let row = RunRow::read(&directory.summary())?;
    let step = row.diverged_at_step.filter(|_| row.status == RunStatus::Diverged);
    Ok(step.map(|step| (row, step)))
}

fn refuse_diverged(directory: &RunDir) -> Result<(), TrainError> {
    match diverged(directory)? {
        Some((_, step)) => {
            let problem = format!("this run diverged at step {step}, there is nothing to resume; choose a lower --lr");
            Err(TrainError::run(directory.root(), problem))
        }
        None => Ok(()),
    }
}

/// Names the run that was probably meant, and how it differs.
fn refuse_other_runs(settings: &Settings, directory: &RunDir) -> Result<(), TrainError> {
    let configs = collect_runs(&settings.out)?.into_iter().filter_map(|row| {
        let directory = RunDir::of(&settings.out, &row.key).ok()?;
        let text = fs::read_to_string(directory.config()).ok()?;
        let config: RunConfig = serde_json::from_str(&text).ok()?;
        Some((config.differences(&settings.config), directory))
    });
    match configs.min_by_key(|(differences, _)| differences.len()) {
        None => Ok(()),
        Some((differences, other)) => {
            let problem = format!(
                "--resume finds no run of this configuration; {} has {}; repeat its options, or leave --resume out",
                other.root().display(),
                differences.join(", "),
            );
            Err(TrainError::run(directory.root(), problem))
        }
    }
}
