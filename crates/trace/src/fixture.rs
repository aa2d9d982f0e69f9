//! Small traces for this crate's own tests.

use crate::schema::Schema;
use crate::signal::{Coordinate, Quantity, Signal};
use crate::trace::{Row, Trace};
use std::ops::RangeInclusive;

/// The value of the logits: fourteen statistics and one coordinate.
pub(crate) fn schema() -> Schema {
    let logits = Signal::new("output.logits", Quantity::Value).expect("a valid site");
    let first = Coordinate::new("sample0_class0").expect("a valid coordinate");
    Schema::new([(logits, vec![first])]).expect("distinct columns")
}

/// Rows of these steps, 600 steps an epoch, whose values depend on the step alone.
pub(crate) fn trace(steps: RangeInclusive<i64>) -> Trace {
    let mut trace = Trace::new(schema());
    for step in steps {
        let value = |k: usize| (step as f32 * 0.37 + k as f32).sin();
        let signals: Vec<f32> = (0..trace.schema().len()).map(value).collect();
        let epoch = 1 + ((step - 1) / 600) as i32;
        let loss = 2.3 / step as f32;
        trace.push(Row { step, epoch, loss, accuracy: 0.25, learning_rate: 1e-3, signals: &signals });
    }
    trace
}
