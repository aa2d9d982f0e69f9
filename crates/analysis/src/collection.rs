//! The runs below a directory: which can be analysed together, which are set aside, and why.
//!
//! One damaged run costs itself and is named. Runs that do not answer one question together are an error, which says how to choose.

use crate::error::AnalysisError;
use crate::findings::SetAside;
use crate::plan::Plan;
use crate::run::{self, Run, is_completed};
use seismograd_trace::{RunDir, RunRow, RunStatus, find_runs};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Which of a directory's runs are meant. The default means all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// These optimizers, in this order; all if none is named.
    pub optimizers: Vec<String>,
    /// These batch sizes; all if none is named.
    pub batch_sizes: Vec<usize>,
    /// Of these optimizers only runs at this learning rate.
    pub rates: Vec<(String, f64)>,
    /// Only runs in these directories, relative to that of all runs.
    pub directories: Option<BTreeSet<PathBuf>>,
}

impl Selection {
    fn wants(&self, directory: &Path, row: &RunRow) -> bool {
        let key = &row.key;
        let optimizer = self.optimizers.is_empty() || self.optimizers.contains(&key.optimizer);
        let batch_size = self.batch_sizes.is_empty()
            || self.batch_sizes.iter().any(|&size| i32::try_from(size) == Ok(key.batch_size));
        let rate = self.rates.iter().find(|(name, _)| *name == key.optimizer).is_none_or(|&(_, rate)| rate == key.lr);
        optimizer && batch_size && rate && self.wants_directory(directory)
    }

    fn wants_directory(&self, directory: &Path) -> bool {
        self.directories.as_ref().is_none_or(|wanted| wanted.contains(directory))
    }

    /// The place of an optimizer in the order that was asked for, then the alphabet's.
    fn place<'a>(&self, optimizer: &'a str) -> (usize, &'a str) {
        let place = self.optimizers.iter().position(|name| name == optimizer);
        (place.unwrap_or(self.optimizers.len()), optimizer)
    }
}

/// Runs that answer one question together.
#[derive(Clone, Debug, PartialEq)]
pub struct Collection {
    /// Completed runs, ordered by batch size, optimizer (as selected), seed.
    pub runs: Vec<Run>,
    /// Runs that diverged, in the same order.
    pub diverged: Vec<RunRow>,
    /// Runs that cannot be analysed.
    pub set_aside: Vec<SetAside>,
    /// The settings that all completed runs share.
    pub shared: BTreeMap<String, String>,
    /// Every optimizer that there are runs of, as selected.
    pub optimizers: Vec<String>,
}

/// How many of an arm's runs keep their series, from the lowest seed on, when [`load`] bounds its memory.
pub const SERIES_KEPT: usize = 50;

/// Reads the selected runs below `<out>/runs`, on all cores; features are computed as runs are read. Of an optimizer's runs at a batch size
/// the first [`SERIES_KEPT`] keep their series, for figures and for the test of steps; of the others only features stay. So memory grows by
/// kilobytes a run.
///
/// # Errors
/// No run, only one, or runs that cannot be compared: of different configurations, at several learning rates, with shared seeds.
pub fn load(out: &Path, plan: &Plan, selection: &Selection) -> Result<Collection, AnalysisError> {
    load_keeping(out, plan, selection, SERIES_KEPT)
}

/// The same, with the series of so many runs of each arm.
///
/// # Errors
/// As [`load`].
pub fn load_keeping(
    out: &Path,
    plan: &Plan,
    selection: &Selection,
    series_kept: usize,
) -> Result<Collection, AnalysisError> {
    let mut collection =
        Collection { runs: vec![], diverged: vec![], set_aside: vec![], shared: BTreeMap::new(), optimizers: vec![] };
    let found = find_runs(out)?;
    let any = !found.is_empty();
    let mut settings = Vec::new();
    let mut wanted = Vec::new();
    for (directory, row) in found {
        let relative = directory.strip_prefix(out).unwrap_or(&directory).to_owned();
        match row {
            Err(error) if selection.wants_directory(&relative) => {
                let run = relative.display().to_string();
                collection.set_aside.push(SetAside { run, reason: relative_to(&directory, &error.to_string()) });
            }
            Ok(row) if selection.wants(&relative, &row) => wanted.push((directory, relative, row)),
            _ => {}
        }
    }
    let read = read(&wanted, plan, series_kept);
    for ((directory, relative, row), read) in wanted.into_iter().zip(read) {
        let taken = match read {
            None => collection.take_diverged(&directory, row, &mut settings),
            Some(run) => run.map(|run| collection.runs.push(run)),
        };
        if let Err(reason) = taken {
            let (run, reason) = (relative.display().to_string(), relative_to(&directory, &reason));
            collection.set_aside.push(SetAside { run, reason });
        }
    }
    collection.set_aside.sort_by(|a, b| Path::new(&a.run).cmp(Path::new(&b.run)));
    collection.order(selection);
    settings.extend(collection.runs.iter().map(shared));
    collection.check(out, any, &settings)?;
    collection.shared = collection.runs.first().map(shared).unwrap_or_default();
    Ok(collection)
}

/// A run that is wanted: its directory, the same below that of all runs, its summary.
type Wanted = (PathBuf, PathBuf, RunRow);

/// Reads what is wanted, but for diverged runs. Of each arm's runs so many keep their series, from the lowest seed on.
fn read(wanted: &[Wanted], plan: &Plan, series_kept: usize) -> Vec<Option<Result<Run, String>>> {
    let take = |at: usize, keep_series: bool| {
        let (directory, _, row) = &wanted[at];
        (row.status != RunStatus::Diverged).then(|| take(directory, row, plan, keep_series))
    };
    let mut arms: BTreeMap<(&str, i32), Vec<(i64, usize)>> = BTreeMap::new();
    for (at, (_, _, row)) in wanted.iter().enumerate().filter(|(_, (_, _, row))| is_completed(row)) {
        arms.entry((&row.key.optimizer, row.key.batch_size)).or_default().push((row.key.seed, at));
    }
    let mut kept = vec![false; wanted.len()];
    for arm in arms.values_mut() {
        arm.sort_unstable();
        arm.iter().take(series_kept).for_each(|&(_, at)| kept[at] = true);
    }
    let mut read = in_parallel(wanted.len(), |at| take(at, kept[at]));
    // Some could not be analysed: others, whose series went, stand in for them.
    for arm in arms.values() {
        let good = arm.iter().map(|&(_, at)| at).filter(|&at| matches!(read[at], Some(Ok(_))));
        let missing: Vec<usize> = good.take(series_kept).filter(|&at| !kept[at]).collect();
        missing.into_iter().for_each(|at| read[at] = take(at, true));
    }
    read
}

/// Reads a completed run; says why it cannot be analysed if it cannot.
fn take(directory: &Path, row: &RunRow, plan: &Plan, keep_series: bool) -> Result<Run, String> {
    if !is_completed(row) {
        return Err(format!("{} after {} steps: resume it, then analyse", row.status.name(), row.steps));
    }
    let mut run = Run::read(directory, row.clone()).map_err(|error| error.to_string())?;
    if let Some(reason) = run.unfit(plan) {
        return Err(reason);
    }
    run.know(plan);
    match keep_series {
        true => run.keep_shown(plan),
        false => run.drop_series(),
    }
    Ok(run)
}

/// The results of `job` for 0 to `count`, in that order, from as many threads as the machine has cores. No pool is asked for: reading
/// traces is for those who want nothing else.
fn in_parallel<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(count);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return done;
            }
            done.push((at, job(at)));
        }
    };
    let mut results: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a damaged file is an error, not a panic")).collect()
    });
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

impl Collection {
    /// A diverged run is counted only where its settings are known.
    fn take_diverged(&mut self, directory: &Path, row: RunRow, others: &mut Vec<Settings>) -> Result<(), String> {
        let own = run::settings(&RunDir::at(directory).config()).map_err(|error| error.to_string())?;
        others.push(own.into_iter().filter(|(name, _)| name != OPTIONS).collect());
        self.diverged.push(row);
        Ok(())
    }

    fn order(&mut self, selection: &Selection) {
        let place = |a: &RunRow, b: &RunRow| {
            let batch_sizes = a.key.batch_size.cmp(&b.key.batch_size);
            let optimizers = selection.place(&a.key.optimizer).cmp(&selection.place(&b.key.optimizer));
            batch_sizes.then(optimizers).then(a.key.seed.cmp(&b.key.seed)).then_with(|| a.key.config.cmp(&b.key.config))
        };
        self.runs.sort_by(|a, b| place(&a.row, &b.row));
        self.diverged.sort_by(place);
        let rows = self.runs.iter().map(|run| &run.row).chain(&self.diverged);
        let mut optimizers: Vec<String> = rows.map(|row| row.key.optimizer.clone()).collect();
        optimizers.sort_by(|a, b| selection.place(a).cmp(&selection.place(b)));
        optimizers.dedup();
        self.optimizers = optimizers;
    }

    /// Whether the runs answer one question together.
    fn check(&self, out: &Path, any: bool, settings: &[Settings]) -> Result<(), AnalysisError> {
        let place = out.display();
        if self.runs.is_empty() {
            let reason = match (self.set_aside.first(), any) {
                (Some(SetAside { run, reason }), _) => format!("none can be analysed, for example {run}: {reason}"),
                (None, true) if !self.diverged.is_empty() => {
                    "all of them diverged; choose lower learning rates".to_owned()
                }
                (None, true) => "none is of the chosen optimizers, batch sizes and learning rates".to_owned(),
                (None, false) => "it has no runs/**/run.json; name a directory that --out was given".to_owned(),
            };
            return Err(AnalysisError::runs(format!("{place}: no runs to analyse: {reason}")));
        }
        if let [only] = self.runs.as_slice() {
            let what = format!("{} at batch size {}", only.row.key.optimizer, only.row.key.batch_size);
            return Err(AnalysisError::runs(format!(
                "{place}: one completed run only ({what}), nothing to compare it with; train more seeds of two optimizers"
            )));
        }
        check_settings(settings)?;
        self.check_rates()?;
        self.check_seeds()
    }

    /// An optimizer has one learning rate and one set of options at a batch size.
    fn check_rates(&self) -> Result<(), AnalysisError> {
        let mut rates: BTreeMap<(i32, &str), Vec<&RunRow>> = BTreeMap::new();
        self.rows().for_each(|row| rates.entry((row.key.batch_size, &row.key.optimizer)).or_default().push(row));
        for ((batch_size, optimizer), rows) in rates {
            let rates = count(rows.iter().map(|row| row.key.lr.to_string()));
            if rates.len() > 1 {
                return Err(AnalysisError::runs(format!(
                    "{optimizer} at batch size {batch_size} has runs at several learning rates: {}; choose one, as in --lr {optimizer}={}",
                    listed(&rates),
                    rows[0].key.lr
                )));
            }
        }
        for arm in self.arms() {
            let key = &arm[0].row.key;
            let who = format!("{} at batch size {}", key.optimizer, key.batch_size);
            let options = count(arm.iter().map(|run| run.settings.get(OPTIONS).cloned().unwrap_or_default()));
            if options.len() > 1 {
                return Err(AnalysisError::runs(format!(
                    "{who} has runs with several sets of options: {}; keep them in directories of their own",
                    listed(&options)
                )));
            }
        }
        Ok(())
    }

    /// At a batch size every run has a seed of its own: labels of runs that share one are not exchangeable.
    fn check_seeds(&self) -> Result<(), AnalysisError> {
        let mut seen: BTreeMap<(i32, i64), &str> = BTreeMap::new();
        for row in self.rows() {
            let key = &row.key;
            if let Some(other) = seen.insert((key.batch_size, key.seed), &key.optimizer) {
                return Err(AnalysisError::runs(format!(
                    "{other} and {} share seed {} at batch size {}: labels of runs that share a seed cannot be exchanged; \
                     train them with disjoint seeds, as characterize does",
                    key.optimizer, key.seed, key.batch_size
                )));
            }
        }
        Ok(())
    }

    /// Completed and diverged runs.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &RunRow> {
        self.runs.iter().map(|run| &run.row).chain(&self.diverged)
    }

    /// The completed runs of each optimizer at each batch size.
    pub(crate) fn arms(&self) -> impl Iterator<Item = &[Run]> {
        let same = |a: &Run, b: &Run| {
            (a.row.key.batch_size, &a.row.key.optimizer) == (b.row.key.batch_size, &b.row.key.optimizer)
        };
        self.runs.chunk_by(same)
    }
}

/// Settings by name.
type Settings = BTreeMap<String, String>;

/// The setting that optimizers have of their own.
const OPTIONS: &str = "options";

/// All runs have the same settings, apart from their optimizers' options. A diverged run has no number of epochs.
fn check_settings(settings: &[Settings]) -> Result<(), AnalysisError> {
    let names: BTreeSet<&String> = settings.iter().flat_map(BTreeMap::keys).collect();
    for name in names {
        let known = settings.iter().filter(|settings| name != EPOCHS || settings.contains_key(name));
        let counts = count(known.map(|settings| settings.get(name).cloned().unwrap_or_else(|| "none".to_owned())));
        if counts.len() > 1 {
            return Err(AnalysisError::runs(format!(
                "the runs are of different configurations: {name} is {}; keep them in directories of their own",
                listed(&counts)
            )));
        }
    }
    Ok(())
}

pub(crate) const EPOCHS: &str = "epochs";

/// A reason without the place of the runs on this machine.
fn relative_to(directory: &Path, reason: &str) -> String {
    reason.replace(&format!("{}/", directory.display()), "")
}

/// The settings that all runs of an analysis must share.
fn shared(run: &Run) -> Settings {
    let mut settings = run.settings.clone();
    settings.remove(OPTIONS);
    settings.insert(EPOCHS.to_owned(), run.row.epochs.to_string());
    settings
}

fn count(values: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_insert(0) += 1);
    counts
}

fn listed(counts: &BTreeMap<String, usize>) -> String {
    let parts: Vec<String> = counts.iter().map(|(value, runs)| format!("{value} ({runs} runs)")).collect();
    parts.join(" and ")
}
