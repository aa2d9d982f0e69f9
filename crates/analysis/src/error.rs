//! The one error type of this crate: what keeps an analysis from being made at all.

use seismograd_trace::TraceError;

/// Why there is no analysis.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// A file that all runs share cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The runs that are there do not answer the question.
    #[error("{0}")]
    Runs(String),
}

impl AnalysisError {
    pub(crate) fn runs(problem: impl Into<String>) -> AnalysisError {
        AnalysisError::Runs(problem.into())
    }
}
