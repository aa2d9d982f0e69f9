//! Two optimizers at one batch size: the test of whether they differ, and how much in each measure.
//!
//! Both groups' runs become feature vectors, each feature is scaled by the median and the MAD of both groups together, and the energy
//! distance between the groups, in mean absolute differences, is set against that of every other way to label the runs. Corrections over several comparisons are made
//! here too; the words are [`crate::words`]'s.

use crate::findings::{Answer, Contrast, Effect, Fallacy, Verdict};
use crate::plan::{Measure, Plan};
use crate::run::Run;
use crate::stats::distance::Distances;
use crate::stats::max_t::{self, Adjusted};
use crate::stats::permutation::PermutationTest;
use crate::stats::robust::{median, scale_columns};
use crate::stats::{cliff, energy, holm, ks};
use crate::words;
use seismograd_trace::{Signal, Statistic};

/// The runs of two optimizers at one batch size.
pub(crate) struct Pair<'a> {
    pub(crate) batch_size: i32,
    pub(crate) optimizers: [String; 2],
    pub(crate) runs: [Vec<&'a Run>; 2],
    pub(crate) diverged: [usize; 2],
}

/// A pair under the test, before any correction.
struct Compared<'a> {
    pair: &'a Pair<'a>,
    test: Option<PermutationTest>,
    separation: Option<f64>,
    contrasts: Vec<(Effect, Adjusted)>,
    headlines: Vec<(Effect, Adjusted)>,
}

/// The fewest runs of a group that has a spread.
const LEAST_RUNS: usize = 2;

/// Compares every pair in the measures of `signals`, and corrects over the pairs.
pub(crate) fn verdicts(plan: &Plan, signals: &[Signal], pairs: &[Pair<'_>]) -> Vec<Verdict> {
    let measures = plan.measures(signals);
    if measures.is_empty() {
        return Vec::new();
    }
    let compared: Vec<Compared<'_>> = pairs.iter().map(|pair| compare(plan, &measures, pair)).collect();
    // A comparison that could not be made was planned all the same.
    let ps: Vec<f64> = compared.iter().map(|compared| compared.test.as_ref().map_or(1.0, |test| test.p)).collect();
    let least: Vec<f64> =
        compared.iter().map(|compared| compared.test.as_ref().map_or(1.0, |test| test.least_p)).collect();
    let corrected = holm::adjust(&ps).into_iter().zip(holm::adjust(&least));
    let verdict = |(compared, ps)| conclude(plan, signals, compared, ps, pairs.len());
    compared.iter().zip(corrected).map(verdict).collect()
}

/// The feature vectors of two groups of runs.
pub(crate) type Features = [Vec<Vec<f64>>; 2];

/// The features of both groups in these measures.
pub(crate) fn features(measures: &[Measure], runs: &[Vec<&Run>; 2]) -> Features {
    runs.each_ref().map(|group| group.iter().map(|run| run.features(measures)).collect())
}

/// The distances between all runs of two groups, and which are of the first.
fn distances(groups: &Features) -> (Distances, Vec<bool>) {
    let rows: Vec<Vec<f64>> = groups.iter().flatten().cloned().collect();
    let in_first = (0..rows.len()).map(|row| row < groups[0].len()).collect();
    (Distances::mean_absolute(&scale_columns(&rows).0), in_first)
}

/// The test of whether two groups of runs differ in their features. Groups of one run have none.
pub(crate) fn test(plan: &Plan, groups: &Features) -> Option<PermutationTest> {
    let (distances, in_first) = distances(groups);
    let enough = groups.iter().all(|group| group.len() >= LEAST_RUNS);
    enough.then(|| energy::test(&distances, &in_first, &plan.permutations))
}

fn compare<'a>(plan: &Plan, measures: &[Measure], pair: &'a Pair<'a>) -> Compared<'a> {
    let groups = features(measures, &pair.runs);
    let Some(test) = test(plan, &groups) else {
        return Compared { pair, test: None, separation: None, contrasts: Vec::new(), headlines: Vec::new() };
    };
    let (distances, in_first) = distances(&groups);
    let separation = Some(energy::separation(&distances, &in_first));
    let contrasts = family(plan, measures, &groups, &in_first);
    let headlines = headlines(plan, measures, &groups, &in_first);
    Compared { pair, test: Some(test), separation, contrasts, headlines }
}

/// Each measure's effect, with p-values adjusted over these measures.
fn family(plan: &Plan, measures: &[Measure], groups: &Features, in_first: &[bool]) -> Vec<(Effect, Adjusted)> {
    let adjusted = max_t::test(&groups.concat(), in_first, &plan.permutations);
    effects(plan, measures, groups).into_iter().zip(adjusted).collect()
}

/// The headlines among these measures: named beforehand and few, they are a family of their own.
fn headlines(plan: &Plan, measures: &[Measure], groups: &Features, in_first: &[bool]) -> Vec<(Effect, Adjusted)> {
    let place = |headline: &Measure| measures.iter().position(|measure| measure == headline);
    let places: Vec<usize> = plan.headlines.iter().filter_map(place).collect();
    if places.is_empty() {
        return Vec::new();
    }
    let chosen: Vec<Measure> = places.iter().map(|&place| measures[place].clone()).collect();
    let columns = |rows: &Vec<Vec<f64>>| -> Vec<Vec<f64>> {
        rows.iter().map(|row| places.iter().map(|&place| row[place]).collect()).collect()
    };
    family(plan, &chosen, &groups.each_ref().map(columns), in_first)
}

/// The effect on each measure.
fn effects(plan: &Plan, measures: &[Measure], groups: &Features) -> Vec<Effect> {
    let effect = |(at, measure): (usize, &Measure)| {
        let [first, second] = groups.each_ref().map(|rows| rows.iter().map(|row| row[at]).collect::<Vec<f64>>());
        Effect {
            measure: measure.clone(),
            medians: [median(&first), median(&second)],
            means: [&first, &second].map(|values| values.iter().sum::<f64>() / values.len() as f64),
            delta: cliff::delta(&first, &second, plan.confidence),
        }
    };
    measures.iter().enumerate().map(effect).collect()
}

fn conclude(
    plan: &Plan,
    signals: &[Signal],
    compared: &Compared<'_>,
    (corrected, least): (f64, f64),
    comparisons: usize,
) -> Verdict {
    let Compared { pair, test, separation, contrasts, headlines } = compared;
    let times = |p: f64| (p * comparisons as f64).min(1.0);
    // Holm's correction grows with each p, so that of the least ones is the least corrected one.
    let least = test.as_ref().map(|_| least);
    let answer = match (test, least) {
        (Some(_), _) if corrected <= plan.alpha => Answer::Differ,
        (Some(_), Some(least)) if least <= plan.alpha => Answer::NotFound,
        _ => Answer::TooFewRuns,
    };
    let mut verdict = Verdict {
        batch_size: pair.batch_size,
        optimizers: pair.optimizers.clone(),
        runs: pair.runs.each_ref().map(Vec::len),
        diverged: pair.diverged,
        answer,
        test: test.clone(),
        corrected_p: test.as_ref().map(|_| corrected),
        least_corrected_p: least,
        separation: *separation,
        headlines: headlines.iter().map(|found| contrast(found, times)).collect(),
        contrasts: ordered(contrasts, times),
        fallacy: fallacies(signals, &pair.runs),
        words: String::new(),
    };
    verdict.words = words::verdict(&verdict, plan);
    verdict
}

/// The contrasts with their corrected p-values: the least first, and of equals the most separated.
fn ordered(contrasts: &[(Effect, Adjusted)], times: impl Fn(f64) -> f64) -> Vec<Contrast> {
    let mut order: Vec<&(Effect, Adjusted)> = contrasts.iter().collect();
    order.sort_by(|a, b| {
        let statistics = b.1.statistic.total_cmp(&a.1.statistic);
        a.1.adjusted_p.total_cmp(&b.1.adjusted_p).then(statistics).then_with(|| a.0.measure.cmp(&b.0.measure))
    });
    order.into_iter().map(|found| contrast(found, &times)).collect()
}

fn contrast((effect, adjusted): &(Effect, Adjusted), times: impl Fn(f64) -> f64) -> Contrast {
    Contrast { effect: effect.clone(), corrected_p: times(adjusted.adjusted_p) }
}

/// What a test of steps would say, signal by signal.
pub(crate) fn fallacies(signals: &[Signal], runs: &[Vec<&Run>; 2]) -> Vec<Fallacy> {
    let fallacy = |signal: &Signal| {
        let heap = |group: &Vec<&Run>| -> Vec<f64> {
            let with_series = group.iter().filter(|run| run.has_series());
            with_series.flat_map(|run| run.series(signal, Statistic::MeanAbs)).collect()
        };
        let heaps = runs.each_ref().map(heap);
        heaps.iter().all(|heap| !heap.is_empty()).then(|| Fallacy {
            signal: signal.clone(),
            steps: heaps.each_ref().map(Vec::len),
            ks: ks::two_sample(&heaps[0], &heaps[1]),
        })
    };
    signals.iter().filter_map(fallacy).collect()
}
