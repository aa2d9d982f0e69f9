//! The cells of a grid and the seeds of their runs.

use seismograd_train::{Protocol, Resume, RunConfig, Settings, TrainError};
use std::path::PathBuf;

/// Optimizers by batch sizes, with the same number of runs in each cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The preset of all runs.
    pub protocol: Protocol,
    /// The images, as `--data` names them.
    pub data: String,
    /// The optimizers, each once.
    pub optimizers: Vec<String>,
    /// The batch sizes, each once.
    pub batch_sizes: Vec<usize>,
    /// Runs in each cell.
    pub seeds: u64,
    /// Epochs of each run.
    pub epochs: u64,
    /// The directory above all runs.
    pub out: PathBuf,
}

/// Each cell's seeds begin at a multiple of this: no two cells share a seed, and a grid that grows by runs keeps those it has.
pub const SEEDS_APART: u64 = 1000;

/// Optimizers lie in blocks of two, and a block's seeds this far apart: grids that grow by batch sizes or optimizers at their end keep the
/// seeds that they have.
const BLOCKS_APART: u64 = 10_000_000;

/// The most batch sizes of a grid: the seeds of a search begin behind theirs.
pub(crate) const MOST_BATCH_SIZES: usize = (SEARCH_SEED / SEEDS_APART / 2) as usize;

/// The first seed of the arm in this row (batch size) and column (optimizer).
pub(crate) fn first_seed(row: usize, column: usize) -> u64 {
    (column / 2) as u64 * BLOCKS_APART + (2 * row + column % 2) as u64 * SEEDS_APART
}

/// The seed of the trials of a search, beyond those of any grid.
pub(crate) const SEARCH_SEED: u64 = 1_000_000;

/// Where the seeds of a calibration begin, beyond the search's.
const CALIBRATION_SEED: u64 = 2_000_000;

impl Grid {
    /// The paper's batch sizes, five runs of five epochs in each cell, on the embedded sample.
    pub fn new(optimizers: &[&str], out: PathBuf) -> Grid {
        Grid {
            protocol: Protocol::Standard,
            data: "sample".to_owned(),
            optimizers: optimizers.iter().map(|&name| name.to_owned()).collect(),
            batch_sizes: vec![50, 100, 150, 200],
            seeds: 5,
            epochs: 5,
            out,
        }
    }

    /// Checks what is the grid's own; each run checks the rest.
    ///
    /// # Errors
    /// No optimizer or batch size, one of them twice, a batch without samples, no seeds or too many.
    pub fn check(&self) -> Result<(), TrainError> {
        let sizes: Vec<String> = self.batch_sizes.iter().map(usize::to_string).collect();
        each_once("--optimizers", &self.optimizers)?;
        each_once("--batch-sizes", &sizes)?;
        if self.batch_sizes.len() > MOST_BATCH_SIZES {
            let rule = format!("are too many; use at most {MOST_BATCH_SIZES}");
            return Err(setting("--batch-sizes", &format!("of {} values", self.batch_sizes.len()), rule));
        }
        if self.batch_sizes.contains(&0) {
            return Err(setting("--batch-sizes", "0", "use 1 or more".to_owned()));
        }
        match self.seeds {
            1..=SEEDS_APART => Ok(()),
            seeds => Err(setting("--seeds", &seeds.to_string(), format!("use 1 to {SEEDS_APART} runs a cell"))),
        }
    }

    /// Every run, batch size by batch size, with these learning rates; an optimizer without one takes its default.
    ///
    /// # Errors
    /// An unknown optimizer, or a rate that it refuses.
    pub fn runs(&self, rates: &[(String, f64)]) -> Result<Vec<Settings>, TrainError> {
        let mut runs = Vec::new();
        for (row, &batch_size) in self.batch_sizes.iter().enumerate() {
            for (column, optimizer) in self.optimizers.iter().enumerate() {
                let rate = rates.iter().find(|(name, _)| name == optimizer).map(|(_, rate)| *rate);
                let first = first_seed(row, column);
                for seed in first..first + self.seeds {
                    runs.push(self.run(optimizer, rate, batch_size, seed)?);
                }
            }
        }
        Ok(runs)
    }

    /// Runs of one optimizer at one batch size, apart from the grid's, to test where there is nothing to find.
    ///
    /// # Errors
    /// As [`Grid::runs`].
    pub fn null_runs(
        &self,
        optimizer: &str,
        rate: Option<f64>,
        batch_size: usize,
        count: u64,
    ) -> Result<Vec<Settings>, TrainError> {
        let seeds = CALIBRATION_SEED..CALIBRATION_SEED + count;
        seeds.map(|seed| self.run(optimizer, rate, batch_size, seed)).collect()
    }

    /// One run; it goes on with what is there of it.
    pub(crate) fn run(
        &self,
        optimizer: &str,
        rate: Option<f64>,
        batch_size: usize,
        seed: u64,
    ) -> Result<Settings, TrainError> {
        let mut config = RunConfig::new(self.protocol, optimizer, rate, &[])?;
        config.data.clone_from(&self.data);
        (config.batch_size, config.seed) = (batch_size, seed);
        let settings = Settings::new(config, self.out.clone());
        Ok(Settings { epochs: self.epochs, resume: Resume::IfPresent, ..settings })
    }
}

fn setting(setting: &'static str, value: &str, rule: String) -> TrainError {
    TrainError::Setting { setting, value: value.to_owned(), rule }
}

fn each_once(option: &'static str, names: &[String]) -> Result<(), TrainError> {
    if names.is_empty() {
        return Err(setting(option, "", "name at least one".to_owned()));
    }
    let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    twice.map_or(Ok(()), |(_, name)| Err(setting(option, name, "is named twice; name each once".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn grid() -> Grid {
        Grid::new(&["sgd", "adam"], "out".into())
    }

    fn check(change: impl Fn(&mut Grid), expect: &str) {
        let mut grid = grid();
        change(&mut grid);
        let error = grid.check().unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn no_two_runs_share_a_seed() {
        let runs = grid().runs(&[]).unwrap();
        let seeds: BTreeSet<u64> = runs.iter().map(|run| run.config.seed).collect();
        assert_eq!((runs.len(), seeds.len()), (40, 40));
        assert!(seeds.iter().all(|&seed| seed < SEARCH_SEED));
    }

    #[test]
    fn more_seeds_keep_the_runs_that_there_are() {
        let keys = |seeds| -> BTreeSet<String> {
            let runs = Grid { seeds, ..grid() }.runs(&[]).unwrap();
            runs.iter().map(|run| run.config.digest()).collect()
        };
        assert!(keys(5).is_subset(&keys(8)));
    }

    #[test]
    fn rates_are_each_optimizers_own() {
        let runs = grid().runs(&[("sgd".to_owned(), 0.5)]).unwrap();
        let rate = |name: &str| runs.iter().find(|run| run.config.optimizer == name).unwrap().config.lr;
        assert_eq!((rate("sgd"), rate("adam")), (0.5, 0.001));
    }

    #[test]
    fn what_is_no_grid_is_refused() {
        grid().check().unwrap();
        check(|grid| grid.optimizers.clear(), "name at least one");
        check(|grid| grid.optimizers.push("sgd".to_owned()), "sgd");
        check(|grid| grid.batch_sizes.push(50), "named twice");
        check(|grid| grid.batch_sizes.push(0), "--batch-sizes 0");
        check(|grid| grid.seeds = 0, "use 1 to 1000");
        check(|grid| grid.batch_sizes = (1..=501).collect(), "501 values");
    }
}
