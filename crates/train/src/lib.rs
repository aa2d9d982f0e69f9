//! Run configuration, the sharded training step, evaluation, checkpoints and resume.
//!
//! A [`RunConfig`] says everything that decides a run's numbers, and its digest names the run. [`train`] carries a run
//! through: it cuts each batch into shards, one graph and one task each, adds their gradients in shard order, lets the
//! optimizer update, and records the row of the trace. A run has the same bits for any number of threads, whatever is
//! recorded, and however often it was interrupted.
//!
//! Nothing here draws on a terminal: a [`Monitor`] is told what happens and may ask the run to stop.
//!
//! ```no_run
//! use seismograd_train::{DataSource, Protocol, RunConfig, Settings, train};
//!
//! let mut config = RunConfig::new(Protocol::Standard, "adam", Some(1e-3), &[])?;
//! config.batch_size = 50;
//! let dataset = DataSource::Sample.load()?;
//! let settings = Settings::new(config, "out".into());
//! let report = train(&settings, &dataset, &mut ())?;
//! println!("test accuracy {:?}", report.row.test_accuracy);
//! # Ok::<(), seismograd_train::TrainError>(())
//! ```

mod batch;
mod checkpoint;
mod config;
mod error;
mod evaluation;
mod run;
mod source;
mod step;
mod weights;

pub use batch::{Batch, BatchResult, Labels, Pass, Shards};
pub use config::{Protocol, RunConfig};
pub use error::TrainError;
pub use evaluation::{Evaluated, evaluate};
pub use run::{Monitor, Outcome, Progress, Report, Resume, Settings, train};
pub use seismograd_record::Selection;
pub use source::DataSource;
pub use step::{Divergence, StepResult, Trainer};
pub use weights::{read_weights, write_weights};
