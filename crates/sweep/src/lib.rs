//! Grids of training runs: which runs there are, with which seeds; the search for learning rates; the engine that carries them through.
//!
//! A [`Grid`] is optimizers by batch sizes, with seeds that no two arms share. [`search`] finds each optimizer's learning rate by short
//! trials at the same budget for all. [`carry`] trains any list of runs on as many threads as there are, one run a thread, and goes on
//! where it was interrupted. Nothing here draws on a terminal or judges what comes out.
//!
//! ```no_run
//! use seismograd_sweep::{Grid, carry};
//! use seismograd_train::DataSource;
//!
//! let grid = Grid { batch_sizes: vec![100], seeds: 2, ..Grid::new(&["sgd", "adam"], "out".into()) };
//! let runs = grid.runs(&[("sgd".to_owned(), 0.01), ("adam".to_owned(), 0.001)])?;
//! let reports = carry(&runs, &DataSource::Sample.load()?, None, &mut (), &|| false)?;
//! # Ok::<(), seismograd_train::TrainError>(())
//! ```

mod arms;
mod attempt;
mod cell;
mod engine;
mod error;
mod estimate;
mod file;
mod grid;
mod plan;
mod search;
mod state;
mod tune;

pub use arms::{ArmResult, arms};
pub use attempt::{Carried, Launch, carry_cell, program};
pub use cell::{Beat, Cell};
pub use engine::commands::{line, missing, quoted};
pub use engine::local::{Observer, Tally, run};
pub use engine::slurm::{Array, SlurmFiles, most_tasks, queued_tasks};
pub use engine::threads::{Watcher, carry};
pub use error::SweepError;
pub use estimate::estimate;
pub use file::{Budget, Limits, Method, Optimizer, Rates, Request, Seeds, Slurm, SweepFile, Tune};
pub use grid::{Grid, SEEDS_APART};
pub use plan::Plan;
pub use search::{Tried, search, trials_each};
pub use seismograd_cifar10::Dataset;
pub use state::{State, standing};
pub use tune::{Candidate, Scored, Tuned, tune};
