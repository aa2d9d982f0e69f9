//! The runs of a characterization: what is asked for is checked and written down, then searched for and trained.

use super::files::Files;
use super::request::Request;
use super::{Arguments, Result, check, directories, label, line};
use examples::{GridBar, Interrupt, number_of, say_long};
use seismograd_analysis::stats::permutation::least_p;
use seismograd_analysis::{Plan, Search, Selection, p_value};
use seismograd_cifar10::Dataset;
use seismograd_sweep::{Grid, Plan as Sweep, Tried, carry, search, trials_each};
use seismograd_trace::Quantity;
use seismograd_train::TrainError;
use std::path::PathBuf;

/// Epochs of each trial of the search.
const SEARCH_EPOCHS: u64 = 1;

/// A characterization that can begin, or go on.
pub struct Experiment {
    /// Where everything is.
    pub files: Files,
    /// What is compared, and how it is judged.
    pub plan: Plan,
    grid: Grid,
    /// The learning rates that were given.
    rates: Vec<(String, f64)>,
    dataset: Dataset,
    threads: Option<usize>,
    interrupt: Interrupt,
}

/// Refuses a plan of signals that a run does not record.
fn recorded(plan: &Plan) -> Result<()> {
    let strange = plan.primary.iter().chain(&plan.secondary).find(|signal| match signal.site() {
        "output.input" | "output.logits" => signal.quantity() == Quantity::Update,
        site => site != "output.weight" && site != "output.bias",
    });
    match strange {
        None => Ok(()),
        Some(signal) => Err(format!(
            "plan.json: {signal} is not recorded; use output.input or output.logits with value or gradient, output.weight or output.bias"
        )
        .into()),
    }
}

impl Experiment {
    /// Checks what is asked for, and writes it down with the plan before any run.
    pub fn prepare(arguments: &Arguments) -> Result<Experiment> {
        let files = Files::at(arguments.out.clone().unwrap_or_else(|| PathBuf::from("out/characterize")));
        let request = match arguments.resume {
            true => {
                // In an empty directory it begins; one that is not there was probably spelled otherwise.
                if arguments.out.is_some() && !files.directory().is_dir() {
                    let there = files.directory().display();
                    return Err(format!(
                        "{there} is not there; name the directory that --out was given, or leave --resume out"
                    )
                    .into());
                }
                files.request()?.unwrap_or_default()
            }
            false => Request::of(arguments, Request::default())?,
        };
        let (grid, rates) = (request.grid(files.directory())?, request.rates()?);
        grid.check()?;
        let dataset = request.data()?.load()?;
        check(&grid.runs(&rates)?, &dataset, arguments.threads)?;
        if let [only] = grid.optimizers.as_slice() {
            let rule = "has nothing to be compared with; name two or more".to_owned();
            return Err(TrainError::Setting { setting: "--optimizers", value: only.clone(), rule }.into());
        }
        let plan = files.plan()?;
        recorded(&plan)?;
        if files.request()?.is_none() && Sweep::begun(files.directory()) {
            let there = files.directory().display();
            return Err(format!(
                "{there}: a sweep was begun here, whose report would be replaced; choose another --out"
            )
            .into());
        }
        files.begin(&request, &plan)?;
        let (threads, interrupt) = (arguments.threads, Interrupt::listen());
        Ok(Experiment { files, plan, grid, rates, dataset, threads, interrupt })
    }

    /// Searches for the learning rates that were not given and trains what is missing; says which runs are to be analysed, or nothing
    /// when it was asked to stop.
    pub fn train(&self) -> Result<Option<Selection>> {
        let searched = self.searched();
        self.announce(&searched);
        let mut bar = GridBar::new(self.epochs(searched.len()), self.interrupt.clone(), label, line);
        let Some(found) = self.search(&searched, &mut bar)? else { return Ok(None) };
        self.files.write_search(found.as_ref())?;
        bar.stage("runs");
        let runs = self.grid.runs(&self.all_rates(found.as_ref()))?;
        if carry(&runs, &self.dataset, self.threads, &mut bar, &|| self.interrupt.is_asked())?.is_none() {
            return Ok(None);
        }
        let optimizers = self.grid.optimizers.clone();
        Ok(Some(Selection { optimizers, directories: Some(directories(&runs)?), ..Selection::default() }))
    }

    /// The optimizers whose learning rate was not given.
    fn searched(&self) -> Vec<String> {
        let given = |name: &&String| self.rates.iter().any(|(known, _)| known == *name);
        self.grid.optimizers.iter().filter(|name| !given(name)).cloned().collect()
    }

    /// A search, nothing to search for (`Some(None)`), or none because it was asked to stop.
    fn search(&self, searched: &[String], bar: &mut GridBar) -> Result<Option<Option<Search>>> {
        if searched.is_empty() {
            return Ok(Some(None));
        }
        bar.stage("search");
        let trials = Grid { epochs: SEARCH_EPOCHS, out: self.files.search_directory(), ..self.grid.clone() };
        let should_stop = || self.interrupt.is_asked();
        Ok(match search(&trials, searched, &self.dataset, self.threads, bar, &should_stop)? {
            Tried::Chosen(search) => Some(Some(search)),
            Tried::Interrupted => None,
        })
    }

    /// The rates that were given and those that were found.
    fn all_rates(&self, search: Option<&Search>) -> Vec<(String, f64)> {
        let choices = search.into_iter().flat_map(|search| &search.choices);
        let found = choices.map(|choice| (choice.optimizer.clone(), choice.lr));
        self.rates.iter().cloned().chain(found).collect()
    }

    fn runs(&self) -> u64 {
        (self.grid.optimizers.len() * self.grid.batch_sizes.len()) as u64 * self.grid.seeds
    }

    /// The epochs of all runs and of the trials for so many optimizers.
    fn epochs(&self, searched: usize) -> u64 {
        SEARCH_EPOCHS * (searched * trials_each(&self.grid)) as u64 + self.runs() * self.grid.epochs
    }

    fn announce(&self, searched: &[String]) {
        let after = match searched {
            [] => String::new(),
            names => format!(", after a search for the learning rate of {}", names.join(" and of ")),
        };
        let (runs, epochs) = (number_of(self.runs(), "run"), number_of(self.grid.epochs, "epoch"));
        say_long(&format!("{runs} of {epochs} on {}{after}", self.grid.data), 2);
        if let Some(warning) = self.too_few() {
            say_long(&warning, 2);
        }
    }

    /// What to say of runs so few that no outcome of theirs could be a verdict.
    fn too_few(&self) -> Option<String> {
        let optimizers = self.grid.optimizers.len() as u64;
        let comparisons = optimizers * (optimizers - 1) / 2 * self.grid.batch_sizes.len() as u64;
        let least = |runs: u64| (least_p([runs, runs]) * comparisons as f64).min(1.0);
        let enough = (self.grid.seeds..).find(|&runs| least(runs) <= self.plan.alpha)?;
        let p = p_value(least(self.grid.seeds));
        (enough > self.grid.seeds).then(|| {
            format!(
                "so few cannot pass over {comparisons} comparisons (the least corrected p is {p}): --seeds {enough} can"
            )
        })
    }
}
