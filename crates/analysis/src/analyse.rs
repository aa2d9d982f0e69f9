//! A collection of runs to findings: arms, verdicts, the partition of the runs' variety, the map, cautions.

use crate::collection::Collection;
use crate::error::AnalysisError;
use crate::findings::{Arm, Ended, Findings, MeanAndDeviation, RunLabel, RunMap};
use crate::plan::Plan;
use crate::run::Run;
use crate::stats::distance::Distances;
use crate::stats::robust::scale_columns;
use crate::stats::{mds, permanova};
use crate::verdict::{Pair, verdicts};
use crate::words;
use seismograd_trace::{EpochRow, RunRow};
use std::collections::BTreeSet;

/// Carries out the plan.
///
/// # Errors
/// Runs of one optimizer only.
pub fn analyse(plan: &Plan, collection: &Collection) -> Result<Findings, AnalysisError> {
    if let [only] = collection.optimizers.as_slice() {
        return Err(AnalysisError::runs(format!(
            "the runs are all of {only}: nothing to compare it with; train a second optimizer, at seeds of its own"
        )));
    }
    let pairs = pairs(collection);
    let map = map(plan, collection);
    let mut findings = Findings {
        plan: plan.clone(),
        shared: collection.shared.clone(),
        arms: arms(collection),
        set_aside: collection.set_aside.clone(),
        verdicts: verdicts(plan, &plan.primary, &pairs),
        secondary: verdicts(plan, &plan.secondary, &pairs),
        partition: Some(permanova::partition(
            &map.distances.square_roots(),
            &levels(&map.runs, |run| run.optimizer.clone()),
            &levels(&map.runs, |run| run.batch_size),
            &plan.permutations,
        )),
        factors: [String::new(), "batch size".to_owned()],
        map: Some(map),
        cautions: Vec::new(),
        summary: Vec::new(),
    };
    if seeds_recur(&map_runs(&findings)) {
        without_p_of_the_partition(&mut findings);
    }
    findings.factors[0] = words::optimizer_factor(&findings.arms).to_owned();
    findings.cautions = words::cautions(&findings, &collection.optimizers);
    findings.summary = words::summary(&findings);
    Ok(findings)
}

/// Every pair of optimizers at every batch size at which both have completed runs.
fn pairs(collection: &Collection) -> Vec<Pair<'_>> {
    let mut pairs = Vec::new();
    for batch_size in batch_sizes(collection) {
        for (at, first) in collection.optimizers.iter().enumerate() {
            for second in &collection.optimizers[at + 1..] {
                let names = [first, second];
                let is_of = |row: &RunRow, name: &str| row.key.batch_size == batch_size && row.key.optimizer == *name;
                let runs =
                    names.map(|name| collection.runs.iter().filter(|run| is_of(&run.row, name)).collect::<Vec<_>>());
                let diverged = names.map(|name| collection.diverged.iter().filter(|row| is_of(row, name)).count());
                // An arm of which there is nothing at all was never planned; one that diverged throughout was.
                if (0..2).all(|arm| runs[arm].len() + diverged[arm] > 0) {
                    pairs.push(Pair { batch_size, optimizers: names.map(Clone::clone), runs, diverged });
                }
            }
        }
    }
    pairs
}

fn batch_sizes(collection: &Collection) -> BTreeSet<i32> {
    collection.rows().map(|row| row.key.batch_size).collect()
}

fn arms(collection: &Collection) -> Vec<Arm> {
    let mut arms = Vec::new();
    for batch_size in batch_sizes(collection) {
        for optimizer in &collection.optimizers {
            let is_of = |row: &RunRow| row.key.batch_size == batch_size && row.key.optimizer == *optimizer;
            let runs: Vec<&Run> = collection.runs.iter().filter(|run| is_of(&run.row)).collect();
            let mut rows: Vec<&RunRow> = collection.rows().filter(|row| is_of(row)).collect();
            rows.sort_by_key(|row| row.key.seed);
            if let Some(row) = runs.first().map(|run| &run.row).or(rows.first().copied()) {
                let ended = rows.iter().map(|row| Ended { seed: row.key.seed, diverged_at_step: row.diverged_at_step });
                arms.push(arm(row, ended.collect(), &runs));
            }
        }
    }
    arms
}

fn arm(row: &RunRow, ended: Vec<Ended>, runs: &[&Run]) -> Arm {
    let last = |field: fn(&EpochRow) -> f32| {
        let values = runs.iter().filter_map(|run| run.epochs.rows().last()).map(|row| f64::from(field(row)));
        MeanAndDeviation::of(&values.collect::<Vec<_>>())
    };
    Arm {
        optimizer: row.key.optimizer.clone(),
        lr: row.key.lr,
        batch_size: row.key.batch_size,
        runs: ended,
        steps: runs.first().and_then(|run| run.row.steps.try_into().ok()),
        train_loss: last(|row| row.train_loss),
        test_loss: last(|row| row.test_loss),
        test_accuracy: last(|row| row.test_accuracy),
    }
}

/// The distances between all runs in their features, scaled over all of them.
fn map(plan: &Plan, collection: &Collection) -> RunMap {
    let measures = plan.measures(&plan.primary);
    let rows: Vec<Vec<f64>> = collection.runs.iter().map(|run| run.features(&measures)).collect();
    let distances = Distances::mean_absolute(&scale_columns(&rows).0);
    let place = mds::classical(&distances.square_roots());
    let label = |run: &Run| RunLabel {
        optimizer: run.row.key.optimizer.clone(),
        batch_size: run.row.key.batch_size,
        seed: run.row.key.seed,
    };
    let runs = collection.runs.iter().map(label).collect();
    RunMap { runs, distances, points: place.points, explained: place.explained }
}

/// Each run's level of a factor, counted from 0.
fn levels<T: Ord>(runs: &[RunLabel], of: impl Fn(&RunLabel) -> T) -> Vec<usize> {
    let levels: BTreeSet<T> = runs.iter().map(&of).collect();
    runs.iter().map(|run| levels.iter().position(|level| *level == of(run)).expect("it is one of them")).collect()
}

fn map_runs(findings: &Findings) -> Vec<RunLabel> {
    findings.map.iter().flat_map(|map| map.runs.clone()).collect()
}

/// Whether a seed serves at more than one batch size.
fn seeds_recur(runs: &[RunLabel]) -> bool {
    let seeds: BTreeSet<i64> = runs.iter().map(|run| run.seed).collect();
    seeds.len() < runs.len()
}

/// Runs that share a seed are not exchangeable: labels of batch sizes may not be permuted over them, nor those of optimizers at one batch size without
/// those at the others.
fn without_p_of_the_partition(findings: &mut Findings) {
    let terms = findings
        .partition
        .iter_mut()
        .flat_map(|partition| [&mut partition.first, &mut partition.second, &mut partition.interaction]);
    for term in terms.filter(|term| term.p.is_some()) {
        term.p = None;
        term.note = Some("no p: seeds recur at several batch sizes, so their labels cannot be exchanged".to_owned());
    }
}
