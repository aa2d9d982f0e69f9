//! The ordered list of a trace's columns.
//!
//! It says which columns there are and in which order; the numbers are in [`Trace`](crate::Trace).

use crate::error::{Result, TraceError};
use crate::signal::{Column, Coordinate, Measure, Signal, Statistic, column_form};
use std::collections::HashSet;
use std::sync::Arc;

/// The columns that every trace begins with, in order.
///
/// `learning_rate` is the one in force at the step. It is not called `lr`, because a run's path has an `lr=` (the
/// base rate), and readers of hive paths put the path's value in place of a column of that name.
pub const FIXED_COLUMNS: [&str; 5] = ["step", "epoch", "loss", "accuracy", "learning_rate"];

/// The f32 columns of a trace, in order, behind the [`FIXED_COLUMNS`]. A clone shares them.
///
/// ```
/// use seismograd_trace::{Coordinate, Quantity, Schema, Signal};
///
/// let logits = Signal::new("output.logits", Quantity::Value)?;
/// let schema = Schema::new([(logits, vec![Coordinate::new("sample0_class0")?])])?;
/// assert_eq!(schema.len(), 14 + 1);
/// assert_eq!(schema.names()[0], "output_logits__value__mean");
/// assert_eq!(schema.names()[14], "output_logits__value__at_sample0_class0");
/// # Ok::<(), seismograd_trace::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    columns: Arc<[Column]>,
    names: Arc<[String]>,
}

impl Schema {
    /// For each signal in order: every statistic in the order of [`Statistic::ALL`], then the coordinates.
    ///
    /// Refuses two columns of one name, and two sites that are spelled alike in columns: `a.b` and `a_b`, or, to
    /// readers that ignore case, `A` and `a`.
    pub fn new(signals: impl IntoIterator<Item = (Signal, Vec<Coordinate>)>) -> Result<Schema> {
        let columns = signals.into_iter().flat_map(|(signal, coordinates)| {
            let statistics = Statistic::ALL.into_iter().map(Measure::Statistic);
            let measures = statistics.chain(coordinates.into_iter().map(Measure::At));
            measures.map(move |measure| Column::new(signal.clone(), measure))
        });
        Schema::from_columns(columns.collect())
    }

    /// A schema of exactly these columns; refuses what [`Schema::new`] refuses.
    pub fn from_columns(columns: Vec<Column>) -> Result<Schema> {
        let names: Vec<String> = columns.iter().map(Column::name).collect();
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.to_ascii_lowercase())) {
            return Err(TraceError::name("column", twice, "two columns have this name; rename a site"));
        }
        let schema = Schema { columns: columns.into(), names: names.into() };
        let mut forms = HashSet::new();
        match schema.sites().iter().find(|site| !forms.insert(column_form(site).to_ascii_lowercase())) {
            None => Ok(schema),
            Some(site) => Err(TraceError::name("site", site, "another site is spelled alike in columns; rename one")),
        }
    }

    /// A schema from columns' names as a file spells them, and the exact names of the sites.
    pub(crate) fn from_names(names: &[String], sites: &[&str]) -> Result<Schema> {
        let exact = |mut column: Column| {
            let form = column_form(column.signal.site());
            let Some(site) = sites.iter().find(|site| column_form(site) == form) else {
                return Ok(column);
            };
            column.signal = Signal::new(*site, column.signal.quantity())?;
            Ok(column)
        };
        let columns = names.iter().map(|name| Column::parse(name).and_then(exact));
        Schema::from_columns(columns.collect::<Result<_>>()?)
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns' names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of signal columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether the trace has the fixed columns alone.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The place of a column among the signal columns.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| column == name)
    }

    /// The signals, each once, in order of first appearance.
    pub fn signals(&self) -> Vec<&Signal> {
        let mut seen = HashSet::new();
        self.columns.iter().map(|column| &column.signal).filter(|signal| seen.insert(*signal)).collect()
    }

    /// The sites, each once, in order of first appearance.
    pub(crate) fn sites(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.columns.iter().map(|column| column.signal.site()).filter(|site| seen.insert(*site)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Quantity;

    fn signal(site: &str) -> (Signal, Vec<Coordinate>) {
        (Signal::new(site, Quantity::Value).unwrap(), Vec::new())
    }

    fn check_clash(sites: [&str; 2]) {
        let error = Schema::new(sites.map(signal)).unwrap_err().to_string();
        assert!(error.contains("two columns have this name"), "{error}");
    }

    #[test]
    fn columns_of_one_name_are_refused() {
        check_clash(["a.b", "a_b"]);
        check_clash(["a", "a"]);
        check_clash(["A", "a"]);
    }

    #[test]
    fn sites_that_are_spelled_alike_are_refused() {
        let gradient = Signal::new("a_b", Quantity::Gradient).unwrap();
        let error = Schema::new([signal("a.b"), (gradient, vec![])]).unwrap_err().to_string();
        assert!(error.contains("site `a_b`: another site is spelled alike"), "{error}");
    }

    #[test]
    fn a_site_with_an_underscore_survives_its_column_form() {
        let schema = Schema::new([signal("layer_norm.out"), signal("fc")]).unwrap();
        let sites = schema.sites();
        assert_eq!(sites, ["layer_norm.out", "fc"]);
        assert_eq!(Schema::from_names(schema.names(), &sites).unwrap(), schema);
        let guessed = Schema::from_names(schema.names(), &[]).unwrap();
        assert_eq!(guessed.sites(), ["layer.norm.out", "fc"]);
        assert_eq!(guessed.names(), schema.names());
    }

    #[test]
    fn signals_are_listed_once() {
        let gradient = (Signal::new("a", Quantity::Gradient).unwrap(), Vec::new());
        let schema = Schema::new([signal("a"), gradient]).unwrap();
        let signals: Vec<String> = schema.signals().iter().map(ToString::to_string).collect();
        assert_eq!(signals, ["a/value", "a/gradient"]);
        assert_eq!(schema.position("a__gradient__mean"), Some(14));
    }
}
