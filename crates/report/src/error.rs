//! The one error type of this crate.

use seismograd_trace::TraceError;

/// Why a report is not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] TraceError),
    /// A figure cannot be turned into pixels.
    #[error("figure `{figure}` at scale {scale}: {problem}")]
    Pixels {
        /// The figure's name.
        figure: String,
        /// Pixels for each of its units.
        scale: f32,
        /// What stood in the way.
        problem: String,
    },
}
