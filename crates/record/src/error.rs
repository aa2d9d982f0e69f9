//! The one error type of this crate.

use seismograd_trace::{Quantity, TraceError};

/// The crate's result.
pub type Result<T, E = RecordError> = std::result::Result<T, E>;

/// What can go wrong between a selection and a row. Every message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The text is no selection.
    #[error(
        "`{0}` does not say what to record: expected off, output, all, or sites separated by commas, such as conv1,fc1.weight"
    )]
    Selection(String),
    /// The model has no such site.
    #[error(
        "no site is called `{name}`; {} are {}",
        nearest.as_ref().map_or_else(|| "there".to_owned(), |nearest| format!("did you mean `{nearest}`? There")),
        known.join(", ")
    )]
    UnknownSite {
        /// The name that was asked for.
        name: String,
        /// The site whose name is most like it, if any is.
        nearest: Option<String>,
        /// All that there are.
        known: Vec<String>,
    },
    /// Two of the model's sites have the same name.
    #[error(
        "two sites are called `{0}`; rename a layer (`output` and `input` are taken), or record nothing with `off`"
    )]
    Ambiguous(String),
    /// The model has no scope of the output layer's name.
    #[error("the output layer `{0}` is none of the model's scopes; name the scope whose output is the logits")]
    NoOutputLayer(String),
    /// A recorded site did not report at a step.
    #[error("no {} was seen at site `{site}` in this step; watch both passes of every shard, or leave the site out", quantity.name())]
    Silent {
        /// The site.
        site: String,
        /// What it should have reported.
        quantity: Quantity,
    },
    /// A site's name cannot become part of a column.
    #[error(transparent)]
    Trace(#[from] TraceError),
}
