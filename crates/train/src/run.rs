//! A run from its first step to its last, or to the next interruption.

mod directory;
mod session;

pub use directory::Resume;

use crate::config::{RunConfig, hexadecimal};
use crate::error::TrainError;
use crate::step::{Divergence, Trainer};
use seismograd_cifar10::Dataset;
use seismograd_kernels::level::Level;
use seismograd_nn::State;
use seismograd_trace::{EpochRow, Epochs, RunDir, RunRow, collect_runs};
use session::Session;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, fs, path::PathBuf, time::Duration};

/// A run, and what may change when it is resumed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What decides its numbers.
    pub config: RunConfig,
    /// The epochs to train.
    pub epochs: u64,
    /// Threads to compute on; all that the machine offers if none are named.
    pub threads: Option<usize>,
    /// The directory above all runs.
    pub out: PathBuf,
    /// What to do about a run that exists.
    pub resume: Resume,
    /// A file of initial weights, in place of random ones.
    pub init: Option<PathBuf>,
    /// The longest time between two checkpoints.
    pub checkpoint_every: Duration,
    /// Whether the table of all runs is read at the beginning and rebuilt at the end. A sweep does so once for all of its runs.
    pub table: bool,
}

impl Settings {
    /// Five epochs on all threads, begun anew, with a checkpoint at least every 30 seconds.
    pub fn new(config: RunConfig, out: PathBuf) -> Settings {
        let (resume, checkpoint_every) = (Resume::Never, Duration::from_secs(30));
        Settings { config, epochs: 5, threads: None, out, resume, init: None, checkpoint_every, table: true }
    }

    /// Checks everything that can be checked before a run begins.
    ///
    /// # Errors
    /// The first setting that no run can have.
    pub fn check(&self, dataset: &Dataset) -> Result<(), TrainError> {
        if self.epochs == 0 || i32::try_from(self.epochs).is_err() {
            return Err(TrainError::setting("--epochs", self.epochs, format!("use 1 to {}", i32::MAX)));
        }
        if let Some(threads) = self.threads.filter(|threads| !(1..=MOST_THREADS).contains(threads)) {
            let rule = format!("use 1 to {MOST_THREADS}, or leave it out for all that the machine has");
            return Err(TrainError::setting("--threads", threads, rule));
        }
        self.config.check(dataset)
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Completed,
    /// The monitor asked to stop; a checkpoint is there.
    Interrupted,
    /// Something was not finite.
    Diverged(Divergence),
}

/// What a run leaves.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Its row of `runs.parquet`.
    pub row: RunRow,
    /// Its directory.
    pub directory: PathBuf,
    /// Its epochs.
    pub epochs: Vec<EpochRow>,
    /// The model's numbers at the end, those that it is evaluated with; none of a run that diverged in an earlier process.
    pub state: Option<State>,
}

/// Where a run stands after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The epoch under way, from 1.
    pub epoch: u64,
    /// The epochs to train.
    pub epochs: u64,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// Samples trained on in this epoch so far.
    pub samples: usize,
    /// The epoch's mean loss so far.
    pub loss: f64,
    /// The epoch's accuracy so far, as a fraction.
    pub accuracy: f64,
}

/// Is told how a run goes, and may ask it to stop. `()` watches nothing.
pub trait Monitor {
    /// The run has found its place: at its beginning, or where it was interrupted.
    fn begin(&mut self, _progress: &Progress) {}

    /// A step is done.
    fn step(&mut self, _progress: &Progress) {}

    /// An epoch is done and evaluated.
    fn epoch(&mut self, _row: &EpochRow) {}

    /// Whether to stop after the step under way.
    fn should_stop(&self) -> bool {
        false
    }
}

impl Monitor for () {}

/// Carries a run through on `dataset`, which `settings.config.data` names.
///
/// # Errors
/// A setting that no run can have, a run directory that is taken, or a file that cannot be read or written. What was
/// recorded before stays.
pub fn train(settings: &Settings, dataset: &Dataset, monitor: &mut dyn Monitor) -> Result<Report, TrainError> {
    Level::from_environment()?;
    let (settings, dataset) = resolve(settings, dataset)?;
    settings.check(&dataset)?;
    let pool = pool(settings.threads)?;
    let directory = RunDir::of(&settings.out, &settings.config.key())?;
    // Initial weights that do not fit are found before the run's directory is there.
    let trainer = Trainer::new(&settings.config, settings.init.as_deref())?;
    if settings.resume == Resume::IfPresent
        && let Some((row, step)) = directory::diverged(&directory)?
    {
        return Ok(diverged_before(&directory, row, step));
    }
    // What would spoil the table of runs at the end is found before the training.
    if settings.table {
        collect_runs(&settings.out)?;
    }
    let (_lock, resumed) = directory::claim(&settings, &directory)?;
    let mut session = Session::open(&settings, &dataset, directory, trainer, resumed)?;
    session.run(&pool, monitor)
}

/// More threads than any machine's cores only get in each other's way.
const MOST_THREADS: usize = 512;

/// The report of a run that diverged in an earlier process.
fn diverged_before(directory: &RunDir, row: RunRow, step: i64) -> Report {
    let divergence = Divergence { step: step.unsigned_abs(), what: "a number, when it was first trained,".to_owned() };
    let epochs = Epochs::read(&directory.epochs()).map_or_else(|_| Vec::new(), |epochs| epochs.rows().to_vec());
    Report { outcome: Outcome::Diverged(divergence), row, directory: directory.root().to_owned(), epochs, state: None }
}

/// Fills in what the configuration takes from files, and cuts the training images to the limit.
fn resolve<'a>(settings: &Settings, dataset: &'a Dataset) -> Result<(Settings, Cow<'a, Dataset>), TrainError> {
    let mut settings = settings.clone();
    if let Some(path) = &settings.init {
        let bytes =
            fs::read(path).map_err(|error| TrainError::file(path, format!("cannot read: {error}; check --init")))?;
        settings.config.init_digest = Some(hexadecimal(&Sha256::digest(bytes)));
    }
    settings.config.identify_data(dataset);
    let mut dataset = Cow::Borrowed(dataset);
    if let Some(limit) = settings.config.limit {
        let available = dataset.train.len();
        if !(1..=available).contains(&limit) {
            return Err(TrainError::setting(
                "--limit",
                limit,
                format!("use 1 to {available}, the number of training images"),
            ));
        }
        dataset.to_mut().train.truncate(limit);
    }
    Ok((settings, dataset))
}

fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, TrainError> {
    // To rayon, zero means all.
    let threads = threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| TrainError::Threads { threads, reason: error.to_string() })
}
