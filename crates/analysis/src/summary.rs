//! `summary.json`: everything that was found, for other programs.

use crate::calibration::Calibration;
use crate::error::AnalysisError;
use crate::findings::Findings;
use crate::tuning::Search;
use seismograd_trace::{TraceError, write_atomically};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The content of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of this layout.
    pub format: u32,
    /// What the analysis found.
    pub findings: Findings,
    /// How the learning rates were found, unless all were given.
    pub search: Option<Search>,
    /// How often the test rejects where there is nothing to find, if that was tried beside these runs.
    pub calibration: Option<Calibration>,
}

impl Summary {
    /// In today's layout.
    pub fn new(findings: Findings, search: Option<Search>, calibration: Option<Calibration>) -> Summary {
        Summary { format: 1, findings, search, calibration }
    }
}

/// Writes any of this crate's results as JSON.
///
/// # Errors
/// A file that cannot be written.
pub fn write_json(value: &impl Serialize, path: &Path) -> Result<(), AnalysisError> {
    let json = serde_json::to_string_pretty(value).expect("results are finite numbers, names and lists of them");
    Ok(write_atomically(path, |file| writeln!(file, "{json}"))?)
}

/// Reads any of this crate's results back; none if there is no such file.
///
/// # Errors
/// A file that cannot be read or holds something else.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, AnalysisError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.map_err(TraceError::io("read", path))?,
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let problem = format!("{}: not what this program wrote ({error}); move the file away", path.display());
        AnalysisError::runs(problem)
    })
}
