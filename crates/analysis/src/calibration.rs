//! How often the test rejects where there is nothing to find: groups of fresh runs of one and the same optimizer.
//!
//! Each trial has runs of its own. Splits of one small pool would reject at alpha by construction, and show nothing.

use crate::collection::{Collection, EPOCHS};
use crate::error::AnalysisError;
use crate::findings::Findings;
use crate::plan::Plan;
use crate::run::Run;
use crate::stats::binomial;
use crate::verdict::{fallacies, features, test};
use seismograd_trace::Signal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a calibration found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The optimizer of all runs.
    pub optimizer: String,
    /// Its learning rate.
    pub lr: f64,
    /// Samples a batch.
    pub batch_size: i32,
    /// Epochs of each run.
    pub epochs: i32,
    /// Runs of each trial, half of them a side.
    pub runs_per_trial: usize,
    /// The rate that is aimed at.
    pub alpha: f64,
    /// The confidence of the intervals.
    pub confidence: f64,
    /// The plan whose test was tried.
    pub plan: Plan,
    /// The settings that all its runs share, by name.
    pub shared: BTreeMap<String, String>,
    /// Runs that served in no trial: diverged, not to be analysed, or too few for another one.
    pub left_out: usize,
    /// Each trial.
    pub trials: Vec<Trial>,
    /// The rate of this project's test.
    pub test: Rate,
    /// The rate of the test of Kolmogorov and Smirnov over steps, signal by signal, on the same groups.
    pub steps: Vec<(Signal, Rate)>,
}

/// One test where there is nothing to find.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The seeds of both groups.
    pub seeds: [Vec<i64>; 2],
    /// The p-value over runs.
    pub p: f64,
    /// The p-value over steps of each signal.
    pub steps_p: Vec<f64>,
}

/// How often a test rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Rejections.
    pub rejections: u64,
    /// Tests.
    pub tests: u64,
    /// The interval of Clopper and Pearson.
    pub interval: (f64, f64),
}

impl Calibration {
    /// Whether it is about these findings: the same plan, and runs of the same settings but for their epochs.
    pub fn is_of(&self, findings: &Findings) -> bool {
        let settings = |shared: &BTreeMap<String, String>| {
            shared.iter().filter(|(name, _)| *name != EPOCHS).map(|(a, b)| (a.clone(), b.clone())).collect::<Vec<_>>()
        };
        self.plan == findings.plan && settings(&self.shared) == settings(&findings.shared)
    }
}

impl Rate {
    fn of(ps: impl Iterator<Item = f64>, plan: &Plan) -> Rate {
        let (rejections, tests) = ps.fold((0, 0), |(low, all), p| (low + u64::from(p <= plan.alpha), all + 1));
        Rate { rejections, tests, interval: binomial::interval(rejections, tests, plan.confidence) }
    }

    /// Rejections over tests.
    pub fn rate(&self) -> f64 {
        self.rejections as f64 / self.tests as f64
    }
}

/// Tests groups of `runs_per_trial` runs, in order of seeds, half against half; every run serves once.
///
/// # Errors
/// Runs of more than one optimizer or batch size, or fewer than one trial needs.
pub fn calibrate(plan: &Plan, collection: &Collection, runs_per_trial: usize) -> Result<Calibration, AnalysisError> {
    let mut arms = collection.arms();
    let (Some(runs), None) = (arms.next(), arms.next()) else {
        return Err(AnalysisError::runs("a calibration takes runs of one optimizer at one batch size, not of several"));
    };
    let half = runs_per_trial / 2;
    if half < 2 || runs.len() < 2 * half {
        let problem =
            format!("a trial takes 4 runs or more, half a side: there are {} runs for {runs_per_trial}", runs.len());
        return Err(AnalysisError::runs(problem));
    }
    let trials: Vec<Trial> = runs.chunks_exact(2 * half).map(|runs| trial(plan, runs)).collect();
    let steps =
        |(at, signal): (usize, &Signal)| (signal.clone(), Rate::of(trials.iter().map(|trial| trial.steps_p[at]), plan));
    let row = &runs[0].row;
    Ok(Calibration {
        optimizer: row.key.optimizer.clone(),
        lr: row.key.lr,
        batch_size: row.key.batch_size,
        epochs: row.epochs,
        runs_per_trial: 2 * half,
        alpha: plan.alpha,
        confidence: plan.confidence,
        test: Rate::of(trials.iter().map(|trial| trial.p), plan),
        steps: plan.primary.iter().enumerate().map(steps).collect(),
        plan: plan.clone(),
        shared: collection.shared.clone(),
        left_out: collection.diverged.len() + collection.set_aside.len() + runs.len() % (2 * half),
        trials,
    })
}

fn trial(plan: &Plan, runs: &[Run]) -> Trial {
    let (first, second) = runs.split_at(runs.len() / 2);
    let groups = [first.iter().collect(), second.iter().collect()];
    let features = features(&plan.measures(&plan.primary), &groups);
    let test = test(plan, &features).expect("a group has two runs or more");
    Trial {
        seeds: groups.each_ref().map(|group| group.iter().map(|run| run.row.key.seed).collect()),
        p: test.p,
        steps_p: fallacies(&plan.primary, &groups).into_iter().map(|fallacy| fallacy.ks.p).collect(),
    }
}
