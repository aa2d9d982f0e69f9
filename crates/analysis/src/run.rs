//! One run, as an analysis needs it: its settings, its series, its evaluation.

use crate::features::{Feature, LEAST_STEPS, series_features};
use crate::plan::{Measure, Plan};
use seismograd_trace::{
    EpochRow, Epochs, Measure as TraceMeasure, RunDir, RunRow, RunStatus, Schema, Signal, Statistic, Trace, TraceError,
    read_trace,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A completed run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What tells it from the others, and how it ended.
    pub row: RunRow,
    /// The options of its optimizer and the settings of its training, by name; the key's own left out.
    pub settings: BTreeMap<String, String>,
    /// Its series.
    pub trace: Trace,
    /// Its evaluations.
    pub epochs: Epochs,
    /// Its features, as far as they were computed when it was read; the others come from its series.
    pub known: Known,
}

/// Features that need no series any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known(Vec<(Signal, Statistic, [f64; Feature::ALL.len()])>);

/// The settings that a key or a run's own row says, and those of what was watched rather than of what was computed.
const APART: [&str; 6] = ["optimizer", "lr", "batch_size", "seed", "record", "shard_size"];

impl Run {
    /// Reads a completed run from its directory.
    ///
    /// # Errors
    /// A file that is missing or damaged.
    pub(crate) fn read(root: &Path, row: RunRow) -> Result<Run, TraceError> {
        let directory = RunDir::at(root);
        let settings = settings(&directory.config())?;
        let trace = read_trace(root)?;
        let epochs = Epochs::read(&directory.epochs())?;
        Ok(Run { row, settings, trace, epochs, known: Known::default() })
    }

    /// Computes the plan's features, so that the series may go.
    pub(crate) fn know(&mut self, plan: &Plan) {
        let of =
            |signal: &Signal, statistic| (signal.clone(), statistic, series_features(&self.series(signal, statistic)));
        let signals = plan.primary.iter().chain(&plan.secondary);
        self.known.0 = signals.flat_map(|signal| plan.statistics.iter().map(move |&it| of(signal, it))).collect();
    }

    /// Keeps the columns that an analysis or its report looks at: every statistic of the primary signals, those of the plan of the others.
    pub(crate) fn keep_shown(&mut self, plan: &Plan) {
        let compared = |statistic: &Statistic| plan.statistics.contains(statistic) || *statistic == Statistic::MeanAbs;
        self.trace.retain(|column| match &column.measure {
            TraceMeasure::Statistic(_) if plan.primary.contains(&column.signal) => true,
            TraceMeasure::Statistic(statistic) => plan.secondary.contains(&column.signal) && compared(statistic),
            TraceMeasure::At(_) => false,
        });
    }

    /// Lets the series go: what is left is some kilobytes.
    pub(crate) fn drop_series(&mut self) {
        let nothing = Schema::from_columns(Vec::new()).expect("no columns have no name twice");
        let last = self.epochs.rows().last().map(|row| EpochRow { signals: Vec::new(), ..row.clone() });
        (self.trace, self.epochs) = (Trace::new(nothing.clone()), Epochs::new(nothing));
        last.into_iter().for_each(|row| self.epochs.push(row));
    }

    /// Whether its series are there.
    pub fn has_series(&self) -> bool {
        !self.trace.is_empty()
    }

    /// Why the run cannot be analysed by the plan, if it cannot.
    pub(crate) fn unfit(&self, plan: &Plan) -> Option<String> {
        let steps = self.trace.len();
        if steps as i64 != self.row.steps {
            return Some(format!("its trace has {steps} steps, its run.json says {}: train it again", self.row.steps));
        }
        if steps < LEAST_STEPS {
            return Some(format!(
                "it has {steps} steps, features need {LEAST_STEPS}: train more epochs or a smaller batch"
            ));
        }
        let wanted = plan.primary.iter().chain(&plan.secondary);
        // The test of steps, which is shown beside the other, always takes the mean absolute value.
        let statistics = || plan.statistics.iter().copied().chain([Statistic::MeanAbs]);
        wanted.flat_map(|signal| statistics().map(move |statistic| (signal, statistic))).find_map(
            |(signal, statistic)| match self.trace.series(signal, statistic) {
                None => {
                    Some(format!("its trace lacks {} of {signal}: train it with --record output", statistic.name()))
                }
                Some(series) => first_non_finite(series).map(|at| {
                    let step = self.trace.steps()[at];
                    format!(
                        "{} of {signal} is not finite at step {step}: the run diverged or was damaged",
                        statistic.name()
                    )
                }),
            },
        )
    }

    /// The series of a statistic of a signal.
    ///
    /// # Panics
    /// If the trace has none; a run that fits the plan has those of the plan.
    #[track_caller]
    pub fn series(&self, signal: &Signal, statistic: Statistic) -> Vec<f64> {
        let series = self.trace.series(signal, statistic);
        let series = series.unwrap_or_else(|| panic!("Run::series: no {} of {signal}", statistic.name()));
        series.iter().map(|&x| f64::from(x)).collect()
    }

    /// The run's features, in the order of `measures`.
    pub(crate) fn features(&self, measures: &[Measure]) -> Vec<f64> {
        let mut cache: Option<(&Signal, Statistic, [f64; Feature::ALL.len()])> = None;
        let mut features = Vec::with_capacity(measures.len());
        for Measure { signal, statistic, feature } in measures {
            let known = self.known.0.iter().find(|(known, same, _)| known == signal && same == statistic);
            let of_series = match (cache, known) {
                (Some((last, same, of_series)), _) if last == signal && same == *statistic => of_series,
                (_, Some((_, _, of_series))) => *of_series,
                _ => series_features(&self.series(signal, *statistic)),
            };
            cache = Some((signal, *statistic, of_series));
            features.push(of_series[*feature as usize]);
        }
        features
    }
}

fn first_non_finite(series: &[f32]) -> Option<usize> {
    series.iter().position(|x| !x.is_finite())
}

/// The settings of `config.json`, each as text.
pub(crate) fn settings(path: &Path) -> Result<BTreeMap<String, String>, TraceError> {
    let text = fs::read_to_string(path).map_err(TraceError::io("read", path))?;
    let wrong = |problem: String| TraceError::File { path: path.to_owned(), problem };
    let config: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|error| wrong(format!("not a run's configuration: {error}")))?;
    let kept = config.into_iter().filter(|(name, value)| !APART.contains(&name.as_str()) && !value.is_null());
    Ok(kept.map(|(name, value)| (name, plain(&value))).collect())
}

/// A value as a person writes it.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(pairs) => pairs.iter().map(plain_pair).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn plain_pair(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Array(pair) => pair.iter().map(plain).collect::<Vec<_>>().join("="),
        other => plain(other),
    }
}

/// Whether a run came to its end.
pub(crate) fn is_completed(row: &RunRow) -> bool {
    row.status == RunStatus::Completed
}
