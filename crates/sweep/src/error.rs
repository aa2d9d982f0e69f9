//! What can go wrong with a sweep as a whole: one clear line each, with the fix. What goes wrong with a cell is its state, not an error.

use seismograd_trace::TraceError;
use seismograd_train::TrainError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a sweep cannot be planned or carried on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// A sweep's file says something that no sweep can be.
    #[error("{origin}: {problem}")]
    Request {
        /// The file, or the option of the command line.
        origin: String,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// A file of the sweep cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory does not hold what is asked of it.
    #[error("{}: {problem}", path.display())]
    Directory {
        /// The directory, or a file in it.
        path: PathBuf,
        /// What is there, and the way on.
        problem: String,
    },
    /// A program of the cluster refuses.
    #[error("{0}")]
    Cluster(String),
    /// A run that cannot be.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A file of a run.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl SweepError {
    pub(crate) fn request(origin: impl Into<String>, problem: impl Into<String>) -> SweepError {
        SweepError::Request { origin: origin.into(), problem: problem.into() }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SweepError {
        move |source| SweepError::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn directory(path: &Path, problem: impl Into<String>) -> SweepError {
        SweepError::Directory { path: path.to_owned(), problem: problem.into() }
    }
}
