//! What an analysis finds: plain data, for the terminal, for figures, and for other programs as `summary.json`.

use crate::plan::{Measure, Plan};
use crate::stats::cliff::Delta;
use crate::stats::distance::Distances;
use crate::stats::ks::Ks;
use crate::stats::permanova::Partition;
use crate::stats::permutation::PermutationTest;
use seismograd_trace::Signal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that an analysis finds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// What was fixed beforehand.
    pub plan: Plan,
    /// The settings that all runs share, by name.
    pub shared: BTreeMap<String, String>,
    /// The groups of runs, by batch size and optimizer.
    pub arms: Vec<Arm>,
    /// Runs that could not be analysed, and why.
    pub set_aside: Vec<SetAside>,
    /// The primary verdicts: one for each pair of optimizers at each batch size.
    pub verdicts: Vec<Verdict>,
    /// The secondary verdicts, from the updates of the output layer alone.
    pub secondary: Vec<Verdict>,
    /// What of the runs' variety goes with the optimizer, the batch size, their interaction, the seed.
    pub partition: Option<Partition>,
    /// What the partition's factors are called.
    pub factors: [String; 2],
    /// The distances between all runs.
    pub map: Option<RunMap>,
    /// What a reader must know before quoting any of it.
    pub cautions: Vec<String>,
    /// The answer in plain words, a sentence each.
    pub summary: Vec<String>,
}

/// The runs of one optimizer at one batch size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// The optimizer's name.
    pub optimizer: String,
    /// Its learning rate.
    pub lr: f64,
    /// Samples a batch.
    pub batch_size: i32,
    /// How each of its runs ended, in order of seeds.
    pub runs: Vec<Ended>,
    /// Steps of a completed run.
    pub steps: Option<usize>,
    /// The loss on the training batches in the last epoch, over completed runs.
    pub train_loss: Option<MeanAndDeviation>,
    /// The loss on the test set after the last epoch, over completed runs.
    pub test_loss: Option<MeanAndDeviation>,
    /// The accuracy on the test set after the last epoch, as a fraction, over completed runs.
    pub test_accuracy: Option<MeanAndDeviation>,
}

impl Arm {
    /// The seeds of the runs that count.
    pub fn seeds(&self) -> impl Iterator<Item = i64> {
        self.runs.iter().filter(|run| run.diverged_at_step.is_none()).map(|run| run.seed)
    }

    /// The number of runs that diverged.
    pub fn diverged(&self) -> usize {
        self.runs.iter().filter(|run| run.diverged_at_step.is_some()).count()
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its seed.
    pub seed: i64,
    /// The step at which a number was not finite; none if it was completed.
    pub diverged_at_step: Option<i64>,
}

/// A mean over runs, with the sample standard deviation of two runs or more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanAndDeviation {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation.
    pub deviation: Option<f64>,
    /// The number of runs.
    pub runs: usize,
}

impl MeanAndDeviation {
    /// Over these values; none over no values.
    pub fn of(values: &[f64]) -> Option<MeanAndDeviation> {
        let runs = values.len();
        let mean = values.iter().sum::<f64>() / runs as f64;
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        let deviation = (runs > 1).then(|| (squares / (runs as f64 - 1.0)).sqrt());
        (runs > 0).then_some(MeanAndDeviation { mean, deviation, runs })
    }
}

/// A run that is there and is not analysed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Its directory, relative to that of all runs where it is below it.
    pub run: String,
    /// Why, and what to do.
    pub reason: String,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The two differ: the corrected p-value is at most alpha.
    Differ,
    /// No difference was found. It is not shown that there is none.
    NotFound,
    /// So few runs cannot pass, whatever they show.
    TooFewRuns,
}

/// Two optimizers at one batch size, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Samples a batch.
    pub batch_size: i32,
    /// The two optimizers.
    pub optimizers: [String; 2],
    /// Completed runs of each.
    pub runs: [usize; 2],
    /// Diverged runs of each, which the comparison is without.
    pub diverged: [usize; 2],
    /// The answer.
    pub answer: Answer,
    /// The permutation test of the energy distance between their runs' features; none with fewer than two runs a side.
    pub test: Option<PermutationTest>,
    /// Its p-value after Holm's correction over all comparisons of this kind.
    pub corrected_p: Option<f64>,
    /// The least corrected p-value that so many runs could have reached.
    pub least_corrected_p: Option<f64>,
    /// The part of the mean distance between the groups that is not distance within them: 0 on average where nothing differs, 1 for two
    /// different points.
    pub separation: Option<f64>,
    /// The effect on each of the plan's headlines, its p-value corrected for all headlines and all comparisons.
    pub headlines: Vec<Contrast>,
    /// Every measure, that with the least corrected p-value (then the largest effect) first.
    pub contrasts: Vec<Contrast>,
    /// What a test that took steps for replicates would have said.
    pub fallacy: Vec<Fallacy>,
    /// The verdict in a sentence or two.
    pub words: String,
}

/// How much two groups of runs differ in one measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The measure.
    pub measure: Measure,
    /// The median over each group's runs, in the measure's own unit.
    pub medians: [f64; 2],
    /// The mean over each group's runs, which the test compares.
    pub means: [f64; 2],
    /// Cliff's delta: the probability that a run of the first is above one of the second, minus the reverse.
    pub delta: Delta,
}

/// An effect with the probability of one as large anywhere in its family by chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The effect.
    #[serde(flatten)]
    pub effect: Effect,
    /// Adjusted for all measures of its family (step-down maxT) and for all comparisons of this kind (Bonferroni). The interval of the
    /// effect is its own alone: nothing is named unless this is at most alpha.
    pub corrected_p: f64,
}

/// The mistaken test of one signal's series: all steps of all runs of a group in one heap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fallacy {
    /// The signal, of which the series of mean absolute values is taken.
    pub signal: Signal,
    /// Steps in each heap.
    pub steps: [usize; 2],
    /// The test of Kolmogorov and Smirnov between the heaps.
    pub ks: Ks,
}

/// All runs, and how far they are from each other in the space of scaled features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunMap {
    /// Which run each row is, ordered by batch size, optimizer, seed.
    pub runs: Vec<RunLabel>,
    /// The distances: mean absolute differences of features, each in units of its MAD over all runs.
    pub distances: Distances,
    /// Places in the plane whose squared distances come nearest to the distances (classical scaling of their square roots).
    pub points: Vec<[f64; 2]>,
    /// The fraction of the distances' sum that the plane shows.
    pub explained: f64,
}

/// What tells a run from the others of an analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLabel {
    /// The optimizer's name.
    pub optimizer: String,
    /// Samples a batch.
    pub batch_size: i32,
    /// The seed.
    pub seed: i64,
}
