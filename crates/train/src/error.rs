//! What can go wrong with a run: one clear line each, with the fix.

use seismograd_trace::TraceError;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A run that could not be begun or carried on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting that no run can have.
    #[error("{setting} {value}: {rule}")]
    Setting {
        /// The setting, spelled as on the command line.
        setting: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        rule: String,
    },
    /// The optimizer's name or an option of it.
    #[error(transparent)]
    Optimizer(#[from] seismograd_optim::ConfigError),
    /// The schedule of the learning rate.
    #[error(transparent)]
    Schedule(#[from] seismograd_optim::ScheduleError),
    /// The model's name.
    #[error(transparent)]
    Model(#[from] seismograd_nn::models::UnknownModel),
    /// The data set.
    #[error(transparent)]
    Data(#[from] seismograd_cifar10::Error),
    /// The selection of signals.
    #[error(transparent)]
    Record(#[from] seismograd_record::RecordError),
    /// A file of the trace, or the output directory.
    #[error("{0}{fix}", fix = fix(.0))]
    Trace(#[from] TraceError),
    /// The forced instruction-set level.
    #[error(transparent)]
    Level(#[from] seismograd_kernels::level::LevelError),
    /// An optimizer asked the batch a question that failed.
    #[error(transparent)]
    Step(#[from] seismograd_optim::StepError),
    /// A file of weights or a checkpoint.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was found, what was expected, and the fix.
        problem: String,
    },
    /// A run directory that is taken.
    #[error("{}: {problem}", path.display())]
    Run {
        /// The run's directory.
        path: PathBuf,
        /// What stands there, and the way on.
        problem: String,
    },
    /// The pool of threads.
    #[error("cannot start {threads} threads: {reason}; ask for fewer with --threads")]
    Threads {
        /// The number asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}

/// What the user can do about a system's refusal, where the system does not say.
fn fix(error: &TraceError) -> &'static str {
    let TraceError::Io { source, .. } = error else { return "" };
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space, then go on with --resume",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "; choose another place, or allow writing there",
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => "; a file is in the way, choose another place",
        _ => "",
    }
}

impl TrainError {
    pub(crate) fn setting(setting: &'static str, value: impl ToString, rule: impl Into<String>) -> TrainError {
        TrainError::Setting { setting, value: value.to_string(), rule: rule.into() }
    }

    pub(crate) fn file(path: &Path, problem: impl Into<String>) -> TrainError {
        TrainError::File { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn run(path: &Path, problem: impl Into<String>) -> TrainError {
        TrainError::Run { path: path.to_owned(), problem: problem.into() }
    }
}
