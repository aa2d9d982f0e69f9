//! The rows of a trace in memory, column by column.
//!
//! A [`Trace`] is any run of consecutive steps: a whole run's trace as read from its directory, one part of
//! it, or the rows that wait for the next part. It knows no file; see [`crate::part`].

use crate::error::{Result, TraceError};
use crate::schema::Schema;
use crate::signal::{Column, Measure, Signal};

/// What one training step adds to a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// The optimizer's updates so far, counted over the whole run: the first step is 1.
    pub step: i64,
    /// The epoch that the step belongs to, from 1.
    pub epoch: i32,
    /// The loss, averaged over the batch.
    pub loss: f32,
    /// The fraction of the batch that was classified rightly.
    pub accuracy: f32,
    /// The learning rate that the step used.
    pub learning_rate: f64,
    /// The signals' values, in the order of the schema's columns.
    pub signals: &'a [f32],
}

/// Rows of consecutive steps.
///
/// ```
/// use seismograd_trace::{Quantity, Row, Schema, Signal, Statistic, Trace};
///
/// let logits = Signal::new("output.logits", Quantity::Value)?;
/// let mut trace = Trace::new(Schema::new([(logits.clone(), vec![])])?);
/// trace.push(Row { step: 1, epoch: 1, loss: 2.3, accuracy: 0.1, learning_rate: 1e-3, signals: &[0.5; 14] });
/// assert_eq!(trace.series(&logits, Statistic::Max), Some(&[0.5][..]));
/// assert_eq!(trace.column("loss"), Some(&[2.3][..]));
/// # Ok::<(), seismograd_trace::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    pub(crate) schema: Schema,
    pub(crate) steps: Vec<i64>,
    pub(crate) epochs: Vec<i32>,
    pub(crate) losses: Vec<f32>,
    pub(crate) accuracies: Vec<f32>,
    pub(crate) learning_rates: Vec<f64>,
    /// One vector for each of the schema's columns.
    pub(crate) signals: Vec<Vec<f32>>,
}

impl Trace {
    /// A trace of no rows.
    pub fn new(schema: Schema) -> Trace {
        let signals = vec![Vec::new(); schema.len()];
        let (steps, epochs, losses) = Default::default();
        Trace { schema, steps, epochs, losses, accuracies: Vec::new(), learning_rates: Vec::new(), signals }
    }

    /// Lets go of the signals' columns that are not wanted; the steps stay.
    pub fn retain(&mut self, wanted: impl Fn(&Column) -> bool) {
        let columns = std::mem::take(&mut self.signals).into_iter().zip(self.schema.columns());
        let (signals, kept) =
            columns.filter(|(_, column)| wanted(column)).map(|(values, column)| (values, column.clone())).unzip();
        self.signals = signals;
        self.schema = Schema::from_columns(kept).expect("some of the columns of a schema are a schema");
    }

    /// Adds the next step.
    ///
    /// # Panics
    ///
    /// If the row has another number of signals than the schema, is not the step after the last, or goes back to
    /// an earlier epoch.
    #[track_caller]
    pub fn push(&mut self, row: Row<'_>) {
        let (found, expected) = (row.signals.len(), self.schema.len());
        assert!(found == expected, "Trace::push: the row has {found} signals, the schema {expected}");
        if let Some(last) = self.steps.last() {
            assert!(row.step == last + 1, "Trace::push: step {} after step {last}", row.step);
        }
        if let Some(last) = self.epochs.last() {
            assert!(row.epoch >= *last, "Trace::push: epoch {} after epoch {last}", row.epoch);
        }
        self.steps.push(row.step);
        self.epochs.push(row.epoch);
        self.losses.push(row.loss);
        self.accuracies.push(row.accuracy);
        self.learning_rates.push(row.learning_rate);
        for (column, value) in self.signals.iter_mut().zip(row.signals) {
            column.push(*value);
        }
    }

    /// Adds the rows of a trace that goes on where this one ends.
    ///
    /// # Panics
    ///
    /// If the schemas differ or if a step is missing between the two.
    #[track_caller]
    pub fn append(&mut self, mut next: Trace) {
        assert!(self.schema == next.schema, "Trace::append: the two traces have different columns");
        if let (Some(last), Some(first)) = (self.steps.last(), next.steps.first()) {
            assert!(*first == last + 1, "Trace::append: step {first} after step {last}");
        }
        self.steps.append(&mut next.steps);
        self.epochs.append(&mut next.epochs);
        self.losses.append(&mut next.losses);
        self.accuracies.append(&mut next.accuracies);
        self.learning_rates.append(&mut next.learning_rates);
        for (column, more) in self.signals.iter_mut().zip(&mut next.signals) {
            column.append(more);
        }
    }

    /// Takes the first `rows` rows out (all of them when there are fewer).
    pub fn split_front(&mut self, rows: usize) -> Trace {
        let rows = rows.min(self.len());
        Trace {
            schema: self.schema.clone(),
            steps: self.steps.drain(..rows).collect(),
            epochs: self.epochs.drain(..rows).collect(),
            losses: self.losses.drain(..rows).collect(),
            accuracies: self.accuracies.drain(..rows).collect(),
            learning_rates: self.learning_rates.drain(..rows).collect(),
            signals: self.signals.iter_mut().map(|column| column.drain(..rows).collect()).collect(),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The columns that this trace has besides the fixed ones.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The signal columns, in order.
    pub fn columns(&self) -> &[Column] {
        self.schema.columns()
    }

    /// The f32 column of this name: a signal's, `loss` or `accuracy`.
    pub fn column(&self, name: &str) -> Option<&[f32]> {
        match name {
            "loss" => Some(&self.losses),
            "accuracy" => Some(&self.accuracies),
            _ => self.schema.position(name).map(|position| &self.signals[position][..]),
        }
    }

    /// The time series of one statistic or coordinate of a signal.
    pub fn series(&self, signal: &Signal, measure: impl Into<Measure>) -> Option<&[f32]> {
        self.column(&Column::new(signal.clone(), measure).name())
    }

    /// The steps: consecutive, from 1 in a whole run.
    pub fn steps(&self) -> &[i64] {
        &self.steps
    }

    /// The epoch of each step, from 1.
    pub fn epochs(&self) -> &[i32] {
        &self.epochs
    }

    /// The mean loss of each step's batch.
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// The accuracy on each step's batch, as a fraction.
    pub fn accuracies(&self) -> &[f32] {
        &self.accuracies
    }

    /// The learning rate of each step.
    pub fn learning_rates(&self) -> &[f64] {
        &self.learning_rates
    }

    /// Whether the steps follow one another, for rows that come from outside.
    pub(crate) fn check_steps(&self, refuse: impl FnOnce(String) -> TraceError) -> Result<()> {
        match self.steps.windows(2).find(|pair| pair[0].checked_add(1) != Some(pair[1])) {
            None => Ok(()),
            Some(pair) => Err(refuse(format!("step {} follows step {}", pair[1], pair[0]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::trace;

    #[test]
    fn the_front_is_taken_and_put_back() {
        let whole = trace(1..=7);
        let mut rest = whole.clone();
        let mut front = rest.split_front(3);
        assert_eq!((front.steps(), rest.steps()), (&[1, 2, 3][..], &[4, 5, 6, 7][..]));
        front.append(rest.split_front(100));
        assert!(rest.is_empty());
        assert_eq!(front, whole);
    }

    #[test]
    #[should_panic(expected = "Trace::push: step 9 after step 7")]
    fn a_step_left_out_is_refused() {
        let mut rows = trace(1..=7);
        let signals = vec![0.0; rows.schema().len()];
        rows.push(Row { step: 9, epoch: 1, loss: 0.0, accuracy: 0.0, learning_rate: 0.0, signals: &signals });
    }

    #[test]
    #[should_panic(expected = "the row has 1 signals, the schema 15")]
    fn a_row_of_another_width_is_refused() {
        let mut rows = trace(1..=7);
        rows.push(Row { step: 8, epoch: 1, loss: 0.0, accuracy: 0.0, learning_rate: 0.0, signals: &[0.0] });
    }

    #[test]
    fn columns_are_found_by_name_and_by_signal() {
        let rows = trace(1..=3);
        let column = &rows.columns()[0];
        let series = rows.series(&column.signal, column.measure.clone());
        assert_eq!(series, rows.column(&column.name()));
        assert_eq!(rows.column("loss"), Some(rows.losses()));
        assert_eq!(rows.column("nothing"), None);
    }
}
