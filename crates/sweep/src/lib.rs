//! Grids of training runs: a file to cells, how each cell stands, tuning, and the engines that carry cells through.
//!
//! A [`SweepFile`] is TOML; its [`Request`] makes a [`Plan`] of [`Cell`]s, each a run with a directory of its own. [`standing`] says how a cell stands
//! from files and a lock of the kernel alone. [`run`] carries a plan through with processes on this machine, [`carry_cell`] one cell of it; what
//! a cluster or a shell is handed are texts ([`SlurmFiles`], [`line()`]). [`tune`](tune()) finds each optimizer's learning rate with the same budget for all.
//! Nothing here draws on a terminal or judges what comes out.
//!
//! ```
//! use seismograd_sweep::SweepFile;
//!
//! let text = "epochs = 1\nbatch_sizes = [50, 200]\nseeds = 3\n[optimizers.adam]\nlr = { log = [1e-4, 1e-2], points = 3 }\n";
//! let request = SweepFile::parse(text, "sweep.toml")?.request()?;
//! let plan = request.plan(&request.dataset()?)?;
//! assert_eq!(plan.cells.len(), 2 * 3 * 3);
//! assert_eq!(plan.cells[0].name(), "adam batch 50 lr 0.0001 seed 0");
//! # Ok::<(), seismograd_sweep::SweepError>(())
//! ```
//!
//! A characterization plans through a [`Grid`], with the same seeds, and trains inside its own process with [`carry`]:
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
mod labels;
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
pub use labels::Labels;
pub use plan::{Plan, write_text};
pub use search::{Tried, search, trials_each};
pub use seismograd_cifar10::Dataset;
pub use state::{State, standing};
pub use tune::{Candidate, Scored, Tuned, tune};
