//! The trace of a training run: its schema, Parquet files and TensorBoard events.
//!
//! A trace is a table with a row a training step: loss, accuracy, learning rate, and for each watched
//! [`Signal`] a set of [`Statistic`]s and single elements. This crate knows their names, their order and their files;
//! it computes none of them, draws nothing and knows no tensor. Who wants only to read traces needs
//! [`read_trace`], [`Epochs::read`] and [`read_runs`], or any Parquet reader:
//!
//! ```sql
//! -- DuckDB, in a sweep's directory
//! SELECT optimizer, lr, epoch, avg(output_logits__gradient__std)
//! FROM read_parquet('runs/**/trace/*.parquet', hive_partitioning = true, hive_types = {'lr': DOUBLE})
//! GROUP BY ALL;
//! ```
//!
//! From the first step to the reader:
//!
//! ```
//! use seismograd_trace::{Quantity, Row, RunDir, Schema, Signal, Statistic, TraceWriter, read_trace};
//!
//! let dir = tempfile::tempdir()?;
//! let run = RunDir::at(dir.path());
//! let gradient = Signal::new("output.logits", Quantity::Gradient)?;
//! let schema = Schema::new([(gradient.clone(), vec![])])?;
//!
//! let mut writer = TraceWriter::create(&run.trace(), schema)?;
//! writer.push(Row { step: 1, epoch: 1, loss: 2.3, accuracy: 0.1, learning_rate: 1e-3, signals: &[0.5; 14] })?;
//! writer.push(Row { step: 2, epoch: 1, loss: 2.2, accuracy: 0.2, learning_rate: 1e-3, signals: &[0.4; 14] })?;
//! writer.finish()?;
//!
//! let trace = read_trace(run.root())?;
//! assert_eq!(trace.losses(), [2.3, 2.2]);
//! assert_eq!(trace.series(&gradient, Statistic::Mean), Some(&[0.5, 0.4][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic;
mod codec;
mod epochs;
mod error;
mod events;
mod layout;
mod part;
mod runs;
mod schema;
mod seal;
mod signal;
mod table;
mod tfrecord;
mod trace;
mod writer;

#[cfg(test)]
mod fixture;

pub use atomic::{create_directories, write_atomically};
pub use epochs::{EpochRow, Epochs, over_steps};
pub use error::{Result, TraceError};
pub use events::EventWriter;
pub use layout::{RunDir, RunKey, runs_table};
pub use part::{PART_STEPS, encode_part, part_of, read_part, read_trace, write_part};
pub use runs::{RunRow, RunStatus, collect_runs, find_runs, read_runs, write_runs};
pub use schema::{FIXED_COLUMNS, Schema};
pub use signal::{Column, Coordinate, Measure, Quantity, Signal, Statistic};
pub use tfrecord::read_records;
pub use trace::{Row, Trace};
pub use writer::TraceWriter;
