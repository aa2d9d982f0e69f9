//! The one error type of this crate.
//!
//! Every message is one line: what was being read or written, what was found, what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The crate's result.
pub type Result<T, E = TraceError> = std::result::Result<T, E>;

/// What can go wrong with a trace's names, bytes and files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The operating system refused an operation on a file or directory.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation, as a verb: `write`, `rename`, ...
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file exists and does not hold what it should.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What was found, what was expected, and the way out.
        problem: String,
    },
    /// The rows that travel inside a checkpoint do not decode.
    #[error("trace rows in a checkpoint: {0}")]
    Rows(String),
    /// A name cannot become a part of a column or of a directory.
    #[error("{what} `{name}`: {problem}")]
    Name {
        /// The kind of thing that is named: `site`, `column`, ...
        what: &'static str,
        /// The offending name.
        name: String,
        /// The rule that it breaks.
        problem: String,
    },
}

impl TraceError {
    /// Ties a system error to the path and to the operation: for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TraceError {
        move |source| TraceError::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn file(path: &Path, problem: impl Into<String>) -> TraceError {
        TraceError::File { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn name(what: &'static str, name: &str, problem: impl Into<String>) -> TraceError {
        TraceError::Name { what, name: name.to_owned(), problem: problem.into() }
    }
}
