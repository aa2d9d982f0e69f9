//! A request's cells, and the sweep's own file `sweep.json`, from which every engine and every other terminal knows them.

use crate::cell::Cell;
use crate::error::SweepError;
use crate::file::{Budget, Limits, Request, Seeds, Slurm};
use crate::grid::{MOST_BATCH_SIZES, SEEDS_APART, first_seed};
use seismograd_cifar10::{Dataset, batches_per_epoch};
use seismograd_trace::{RunRow, create_directories, find_runs, write_atomically};
use seismograd_train::{DataSource, RunConfig, Settings, Trainer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A sweep: its cells, and how they are carried through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The optimizers, in the order in which a report compares them.
    pub optimizers: Vec<String>,
    /// What a cell may use, and for how long.
    pub limits: Limits,
    /// What a cluster is asked for.
    pub slurm: Slurm,
    /// The cells, batch size by batch size.
    pub cells: Vec<Cell>,
}

/// The name of a plan in the sweep's directory.
const FILE: &str = "sweep.json";

/// The most cells of a sweep.
const MOST_CELLS: usize = 100_000;

impl Request {
    /// Reads the images.
    ///
    /// # Errors
    /// When they are not there or damaged.
    pub fn dataset(&self) -> Result<Dataset, SweepError> {
        Ok(self.data.parse::<DataSource>().expect("any text names a source").load()?)
    }

    /// The grid's cells, each of them checked against the images.
    ///
    /// # Errors
    /// The first configuration that no run can have, or no cell at all.
    pub fn plan(&self, dataset: &Dataset) -> Result<Plan, SweepError> {
        let mut cells = Vec::new();
        if self.batch_sizes.len() > MOST_BATCH_SIZES {
            return Err(self.refuse(format!("batch_sizes: use at most {MOST_BATCH_SIZES}")));
        }
        for (row, &batch_size) in self.batch_sizes.iter().enumerate() {
            for (column, optimizer) in self.optimizers.iter().enumerate() {
                let rates = optimizer.rates.values();
                let rates: Vec<Option<f64>> =
                    if rates.is_empty() { vec![None] } else { rates.into_iter().map(Some).collect() };
                for options in optimizer.combinations() {
                    for &rate in &rates {
                        let config = self.config(&optimizer.name, rate, &options, batch_size)?;
                        for seed in self.seeds.of(row, column) {
                            // Images at a path are digested once, not for each cell.
                            let data_digest = cells.first().and_then(|cell: &Cell| cell.config.data_digest.clone());
                            let config = RunConfig { seed, data_digest, ..config.clone() };
                            if !self.excludes(&config) {
                                cells.push(self.cell(config, dataset)?);
                            }
                        }
                    }
                }
            }
            if cells.len() > MOST_CELLS {
                return Err(self.refuse(format!("makes more than {MOST_CELLS} cells; cut it into several sweeps")));
            }
        }
        self.collect(cells)
    }

    /// A configuration with the file's settings; its seed is still 0.
    pub(crate) fn config(
        &self,
        optimizer: &str,
        rate: Option<f64>,
        options: &[(String, String)],
        batch_size: usize,
    ) -> Result<RunConfig, SweepError> {
        let refused = |error: seismograd_train::TrainError| self.refuse(format!("[optimizers.{optimizer}]: {error}"));
        let run = &self.run;
        let mut config = RunConfig::new(self.protocol, optimizer, rate, options).map_err(refused)?;
        if run.model.is_some() || run.dropout.is_some() {
            config
                .set_model(run.model.as_deref().unwrap_or("paper_cnn"), run.dropout)
                .map_err(|e| self.refuse(e.to_string()))?;
        }
        config.data.clone_from(&self.data);
        config.batch_size = batch_size;
        config.limit = run.limit;
        config.normalize = run.normalize;
        config.record = run.record.clone().unwrap_or(config.record);
        config.shuffle = run.shuffle.clone().unwrap_or(config.shuffle);
        config.loss_reduction = run.loss_reduction.clone().unwrap_or(config.loss_reduction);
        config.shard_size = run.shard_size.unwrap_or(config.shard_size);
        Ok(config)
    }

    /// A checked cell.
    pub(crate) fn cell(&self, mut config: RunConfig, dataset: &Dataset) -> Result<Cell, SweepError> {
        if config.data_digest.is_none() {
            config.identify_data(dataset);
        }
        let images = dataset.train.len();
        let images = match config.limit {
            Some(limit) if !(1..=images).contains(&limit) => {
                return Err(self.refuse(format!("limit = {limit}: use 1 to {images}, the number of training images")));
            }
            Some(limit) => limit,
            None => images,
        };
        if config.batch_size > images {
            return Err(
                self.refuse(format!("batch_sizes: {} is more than the {images} training images", config.batch_size))
            );
        }
        let epochs = match self.budget {
            Budget::Epochs(epochs) => epochs,
            Budget::Steps(steps) => {
                let batches = batches_per_epoch(images, config.batch_size, config.drop_incomplete);
                steps.div_ceil(batches.map_err(seismograd_train::TrainError::from)? as u64)
            }
        };
        let settings = Settings { epochs, ..Settings::new(config, PathBuf::new()) };
        settings.check(dataset).map_err(|error| self.refuse(error.to_string()))?;
        Ok(Cell::new(settings.config, epochs))
    }

    fn excludes(&self, config: &RunConfig) -> bool {
        self.exclude.iter().any(|exclusion| {
            exclusion.optimizer.as_ref().is_none_or(|name| *name == config.optimizer)
                && exclusion.batch_size.is_none_or(|size| size == config.batch_size)
                && exclusion.lr.is_none_or(|lr| lr == config.lr)
                && exclusion.seed.is_none_or(|seed| seed == config.seed)
        })
    }

    fn collect(&self, cells: Vec<Cell>) -> Result<Plan, SweepError> {
        if cells.is_empty() {
            return Err(self.refuse("every cell is excluded; leave one".to_owned()));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = cells.iter().find(|cell| !seen.insert(&cell.id)) {
            return Err(self.refuse(format!("{} is planned twice; name each configuration once", twice.name())));
        }
        // Whether the model has what is to be recorded is known once it is built.
        Trainer::new(&cells[0].config, None).map_err(|error| self.refuse(error.to_string()))?;
        let optimizers = self.optimizers.iter().map(|optimizer| optimizer.name.clone()).collect();
        Ok(Plan { optimizers, limits: self.cell.clone(), slurm: self.slurm.clone(), cells })
    }

    pub(crate) fn refuse(&self, problem: String) -> SweepError {
        SweepError::request(self.origin.clone(), problem)
    }
}

impl Seeds {
    fn of(&self, row: usize, column: usize) -> Vec<u64> {
        match self {
            Seeds::List(list) => list.clone(),
            Seeds::Count(count) => {
                debug_assert!(*count <= SEEDS_APART);
                let first = first_seed(row, column);
                (first..first + count).collect()
            }
        }
    }
}

/// Writes a text beside a sweep, whole or not at all.
///
/// # Errors
/// When the directory cannot be written.
pub fn write_text(path: &Path, text: &str) -> Result<(), SweepError> {
    Ok(write_atomically(path, |file| file.write_all(text.as_bytes()))?)
}

impl Plan {
    /// Writes `sweep.json`.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn write(&self, out: &Path) -> Result<(), SweepError> {
        create_directories(out)?;
        let json = serde_json::to_string_pretty(self).expect("a plan of plain fields is JSON");
        Ok(write_atomically(&out.join(FILE), |file| writeln!(file, "{json}"))?)
    }

    /// Whether a sweep was begun in the directory.
    pub fn begun(out: &Path) -> bool {
        out.join(FILE).exists()
    }

    /// Reads `sweep.json`.
    ///
    /// # Errors
    /// When no sweep was begun there, or the file is damaged.
    pub fn read(out: &Path) -> Result<Plan, SweepError> {
        let path = out.join(FILE);
        if !Plan::begun(out) {
            let problem = "no sweep was begun here; name the directory that --out was given";
            return Err(SweepError::directory(out, problem));
        }
        let json = std::fs::read_to_string(&path).map_err(SweepError::io("read", &path))?;
        let wrong = |error| {
            SweepError::directory(
                &path,
                format!("is no plan of a sweep ({error}); start the sweep again with its file"),
            )
        };
        serde_json::from_str(&json).map_err(wrong)
    }

    /// A cell by its id or by its number, from 0.
    ///
    /// # Errors
    /// When there is none.
    pub fn cell(&self, name: &str) -> Result<&Cell, SweepError> {
        let by_number = || name.parse().ok().and_then(|number: usize| self.cells.get(number));
        let found = self.cells.iter().find(|cell| cell.id == name).or_else(by_number);
        let count = self.cells.len();
        found.ok_or_else(|| {
            SweepError::request(format!("--cell {name}"), format!("use 0 to {}, or a cell's id", count - 1))
        })
    }

    /// Refuses a directory in which a cell has trained for longer than is asked now: its data would pass for what they are not.
    ///
    /// # Errors
    /// The first such cell.
    pub fn check_against(&self, out: &Path) -> Result<(), SweepError> {
        for cell in &self.cells {
            let summary = cell.directory(out)?.summary();
            let trained = RunRow::read(&summary).map_or(0, |row| row.epochs.unsigned_abs().into());
            if trained > cell.epochs {
                let problem = format!(
                    "{} has trained for {trained} epochs, {} are asked for; choose another --out, or --epochs {trained}",
                    cell.name(),
                    cell.epochs
                );
                return Err(SweepError::directory(out, problem));
            }
        }
        Ok(())
    }

    /// Runs below the directory that are none of the plan's cells: a file that was changed leaves them, and a report leaves them out.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn strangers(&self, out: &Path) -> Result<usize, SweepError> {
        let own = self.directories()?;
        let found = find_runs(out)?;
        Ok(found.iter().filter(|(run, _)| run.strip_prefix(out).is_ok_and(|run| !own.contains(run))).count())
    }

    /// The directories of the cells' runs, relative to the sweep's.
    ///
    /// # Errors
    /// A configuration that cannot be a path.
    pub fn directories(&self) -> Result<BTreeSet<PathBuf>, SweepError> {
        self.cells.iter().map(Cell::relative).collect()
    }

    /// Why the runs do not make one comparison of optimizers, if they do not.
    pub fn incomparable(&self) -> Option<String> {
        if self.optimizers.len() < 2 {
            return Some("a comparison wants two optimizers".to_owned());
        }
        let mut arms: BTreeMap<(&str, usize), &RunConfig> = BTreeMap::new();
        let mut seeds: BTreeMap<(usize, u64), &str> = BTreeMap::new();
        for Cell { config, .. } in &self.cells {
            let (name, size) = (config.optimizer.as_str(), config.batch_size);
            let first = *arms.entry((name, size)).or_insert(config);
            if (first.lr, &first.options) != (config.lr, &config.options) {
                return Some(format!(
                    "{name} has several learning rates or options at batch size {size}: tune, then compare"
                ));
            }
            if let Some(other) = seeds.insert((size, config.seed), name) {
                return Some(format!(
                    "{other} and {name} share seeds; give seeds as a count, and no two arms share one"
                ));
            }
        }
        None
    }

    /// The work of a cell: samples seen take about the same time at any batch size.
    pub fn epochs(&self) -> f64 {
        self.cells.iter().map(|cell| cell.epochs as f64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;
    use crate::file::SweepFile;

    fn plan(text: &str) -> Result<Plan, SweepError> {
        let request = SweepFile::parse(text, "sweep.toml")?.request()?;
        request.plan(&DataSource::Sample.load()?)
    }

    fn ids(plan: &Plan) -> BTreeSet<String> {
        plan.cells.iter().map(|cell| cell.id.clone()).collect()
    }

    const PAPER: &str = "epochs = 5\nbatch_sizes = [50, 100, 150, 200]\nseeds = 5\n\
                         [optimizers.sgd]\nlr = [0.03]\n[optimizers.adam]\nlr = [0.001]\n";

    #[test]
    fn a_file_and_a_characterization_plan_the_same_runs() {
        let grid = Grid::new(&["sgd", "adam"], "out".into());
        let runs = grid.runs(&[("sgd".to_owned(), 0.03), ("adam".to_owned(), 0.001)]).unwrap();
        let of_grid: Vec<String> = runs.iter().map(|run| run.config.digest()).collect();
        let of_file: Vec<String> = plan(PAPER).unwrap().cells.iter().map(|cell| cell.id.clone()).collect();
        assert_eq!(of_file, of_grid);
    }

    #[test]
    fn what_is_added_keeps_the_cells_that_there_are() {
        let before = ids(&plan(PAPER).unwrap());
        for (from, to) in [
            ("seeds = 5", "seeds = 6"),
            ("[0.03]", "[0.03, 0.1]"),
            ("150, 200]", "150, 200, 250]"),
            ("[0.001]\n", "[0.001]\n[optimizers.adamw]\nlr = [0.001]\n"),
            ("epochs = 5", "epochs = 6"),
        ] {
            let after = ids(&plan(&PAPER.replace(from, to)).unwrap());
            assert!(after.is_superset(&before), "{to}");
        }
        assert!(ids(&plan(&PAPER.replace("epochs", "limit = 1000\nepochs")).unwrap()).is_disjoint(&before));
    }

    #[test]
    fn options_and_rates_are_axes_and_exclusions_leave_holes() {
        let text = "steps = 100\nbatch_sizes = [50, 200]\nseeds = [7]\n\
                    [optimizers.sgd]\nlr = { log = [0.01, 1], points = 3 }\nmomentum = [0, 0.9]\n\
                    [[exclude]]\nbatch_size = 200\nlr = 1\n";
        let plan = plan(text).unwrap();
        assert_eq!(plan.cells.len(), 2 * 3 * 2 - 2);
        assert!(plan.cells.iter().all(|cell| cell.config.seed == 7));
        // 40 and 10 steps an epoch.
        assert!(plan.cells.iter().all(|cell| cell.epochs == if cell.config.batch_size == 50 { 3 } else { 10 }));
    }

    #[test]
    fn a_configuration_that_cannot_be_is_refused_before_any_run() {
        let check = |from: &str, to: &str, word: &str| {
            let error = plan(&PAPER.replace(from, to)).expect_err(to).to_string();
            assert!(error.contains("sweep.toml") && error.contains(word), "{error}");
        };
        check("optimizers.adam", "optimizers.adm", "did you mean \"adam\"");
        check("lr = [0.03]", "lr = [0.03]\nmomentm = 0.9", "did you mean \"momentum\"");
        check("[0.03]", "[-1]", "lr is -1");
        check("[50,", "[5000,", "5000");
        check("epochs", "limit = 5000\nepochs", "1 to 2000");
        check("epochs", "model = \"paper_cn\"\nepochs", "did you mean paper_cnn");
        check("epochs", "record = \"output.logit\"\nepochs", "output.logits");
        check("[optimizers.sgd]", "[[exclude]]\n[optimizers.sgd]", "every cell is excluded");
    }

    #[test]
    fn a_plan_is_read_back() {
        let out = tempfile::tempdir().unwrap();
        let plan = plan(PAPER).unwrap();
        plan.write(out.path()).unwrap();
        assert_eq!(Plan::read(out.path()).unwrap(), plan);
        assert_eq!(plan.cell("3").unwrap(), &plan.cells[3]);
        assert_eq!(plan.cell(&plan.cells[4].id).unwrap(), &plan.cells[4]);
        assert!(plan.cell("40").unwrap_err().to_string().contains("use 0 to 39"));
    }
}
