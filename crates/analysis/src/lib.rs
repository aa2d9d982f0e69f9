//! The statistics of traces: do two optimizers differ in the signal that reaches the output layer, by how much, and how sure is that?
//!
//! **The replicate is the run, never the step.** A run's series become one vector of [`Feature`]s; a [`Plan`] says beforehand which
//! signals, which series and which features; [`analyse`] compares groups of runs by permuting their labels and returns [`Findings`], which
//! [`seismograd-report`](https://docs.rs/seismograd-report) draws. Nothing here trains, draws, or knows a tensor.
//!
//! ```
//! use seismograd_analysis::{Feature, series_features};
//!
//! let rising: Vec<f64> = (0..50).map(|step| f64::from(step) + f64::from(step % 3)).collect();
//! let features = series_features(&rising);
//! assert_eq!(features[Feature::Level as usize], 25.5);
//! assert!(features[Feature::Trend as usize] > 48.0);
//! ```
//!
//! # Power
//!
//! How often five runs against five are said to differ at 5 % when each series is `level + trend t + noise` and one thing about it
//! changes: nothing (0), or the level by so many standard deviations of what a seed does to it, the trend by that multiple of itself, the
//! noise's deviation by half of it, its memory down by it. The first figure is for one batch size alone; the second for one of four, which
//! must give the least p that there is to pass the first step of Holm's correction. 200 repetitions, computed by `cargo test --test power`:
//!
//! | change | 0 | 0.5 | 1 | 2 |
//! |---|---|---|---|---|
//! | level  |   4 %,   1 % |   6 %,   1 % |  18 %,   2 % |  64 %,  23 % |
//! | trend  |   4 %,   1 % | 100 %, 100 % | 100 %, 100 % | 100 %, 100 % |
//! | spread |   4 %,   1 % |  46 %,  14 % |  96 %,  65 % | 100 %,  92 % |
//! | memory |   4 %,   1 % |  86 %,  58 % | 100 %, 100 % | 100 %, 100 % |
//!
//! On runs that exist:
//!
//! ```no_run
//! use seismograd_analysis::{Plan, Selection, analyse, load};
//!
//! let plan = Plan::default();
//! let collection = load("out/characterize".as_ref(), &plan, &Selection::default())?;
//! for verdict in &analyse(&plan, &collection)?.verdicts {
//!     println!("{}", verdict.words);
//! }
//! # Ok::<(), seismograd_analysis::AnalysisError>(())
//! ```

mod analyse;
mod calibration;
mod collection;
mod error;
mod features;
mod findings;
mod plan;
mod run;
pub mod spectrum;
pub mod stats;
mod summary;
mod tuning;
mod verdict;
mod words;

pub use analyse::analyse;
pub use calibration::{Calibration, Rate, Trial as CalibrationTrial, calibrate};
pub use collection::{Collection, SERIES_KEPT, Selection, load, load_keeping};
pub use error::AnalysisError;
pub use features::{Feature, LEAST_STEPS, autocorrelation, residuals, series_features};
pub use findings::{
    Answer, Arm, Contrast, Effect, Ended, Fallacy, Findings, MeanAndDeviation, RunLabel, RunMap, SetAside, Verdict,
};
pub use plan::{Measure, Plan};
pub use run::{Known, Run};
pub use summary::{Summary, read_json, write_json};
pub use tuning::{Choice, Search, Trial};
pub use words::{larger, p_value};
