//! The explorer of the series: its data, and the places that the page's script fills.
//!
//! Without scripts the section says where the same is seen as a figure.

use super::html::{Element, script_json, tag};
use super::series::{COARSE, FINE, Packed, Points, pack};
use crate::Material;
use seismograd_analysis::Run;
use seismograd_trace::{Signal, Statistic};
use serde::Serialize;

/// What the explorer offers of each signal, after the statistics of the plan.
const STATISTICS: [Statistic; 4] = [Statistic::MeanAbs, Statistic::Kurtosis, Statistic::Std, Statistic::Mean];

/// Letters that the arms' series and the single runs' series may each take: a page should stay near a megabyte.
const LETTERS: usize = 600_000;

#[derive(Serialize)]
struct Data<'a> {
    optimizers: Vec<&'a str>,
    series: Vec<Name>,
    groups: Vec<Group>,
}

/// A series that can be chosen.
#[derive(Serialize)]
struct Name {
    signal: String,
    statistic: String,
    /// The statistic in words.
    about: &'static str,
}

/// The completed runs of one optimizer at one batch size.
#[derive(Serialize)]
struct Group {
    /// The place of its optimizer.
    arm: usize,
    batch_size: i32,
    lr: f64,
    steps: usize,
    steps_per_epoch: usize,
    seeds: Vec<i64>,
    /// In the order of the names; none where the trace has no such series.
    series: Vec<Option<Packed>>,
}

/// One column of a trace.
enum Column {
    Loss,
    Accuracy,
    Of(Signal, Statistic),
}

/// The section of the page.
pub(super) fn section(material: &Material<'_>) -> Element {
    let section = tag("section").attr("id", "explorer").put(tag("h2").put("The series, step by step"));
    if material.runs.is_empty() {
        return section.put(tag("p").put("There is no completed run to look at."));
    }
    let lead = "The line is the median over an arm's runs, the band reaches from the least to the greatest of them. Choose a signal, point \
                at a step, drag to zoom.";
    let without =
        "The interactive view needs scripts, which are switched off here; the figures below show the same series.";
    section
        .put(tag("p").class("lead").put(lead))
        .put(tag("noscript").put(tag("p").put(without)))
        .put(tag("div").attr("id", "explorer-view").flag("hidden"))
        .put(
            tag("script")
                .attr("type", "application/json")
                .attr("id", "explorer-data")
                .put(script_json(&data(material))),
        )
}

fn data<'a>(material: &Material<'a>) -> Data<'a> {
    let optimizers = material.optimizers();
    let columns = columns(material);
    let series = columns.iter().map(Column::name).collect();
    let same = |a: &Run, b: &Run| key(a) == key(b);
    let arms: Vec<&[Run]> = material.runs.chunk_by(same).collect();
    let points = points(columns.len(), arms.len(), material.runs.len());
    let groups = arms.into_iter().map(|runs| group(runs, &optimizers, &columns, points)).collect();
    Data { optimizers, series, groups }
}

fn key(run: &Run) -> (i32, &str) {
    (run.row.key.batch_size, &run.row.key.optimizer)
}

/// The primary signals, each with the same statistics; then what every training shows.
fn columns(material: &Material<'_>) -> Vec<Column> {
    let plan = &material.findings.plan;
    let mut statistics = plan.statistics.clone();
    statistics.extend(STATISTICS.into_iter().filter(|statistic| !plan.statistics.contains(statistic)));
    let of =
        |signal: &Signal| statistics.iter().map(|&statistic| Column::Of(signal.clone(), statistic)).collect::<Vec<_>>();
    plan.primary.iter().flat_map(of).chain([Column::Loss, Column::Accuracy]).collect()
}

/// At most 400 buckets an arm and 200 numbers a run; fewer where there are so many that the page would grow heavy.
fn points(columns: usize, arms: usize, runs: usize) -> Points {
    let of = |series: usize, letters: u32| LETTERS / (series.max(1) * columns.max(1) * letters as usize);
    Points { arm: of(arms, FINE + 2 * COARSE).clamp(50, 400), run: of(runs, COARSE).clamp(20, 200) }
}

fn group(runs: &[Run], optimizers: &[&str], columns: &[Column], points: Points) -> Group {
    let first = &runs[0];
    let trace = &first.trace;
    let series = |column: &Column| {
        let all: Option<Vec<&[f32]>> = runs.iter().map(|run| column.of(run)).collect();
        pack(&all?, points)
    };
    Group {
        arm: optimizers.iter().position(|name| *name == first.row.key.optimizer).unwrap_or(0),
        batch_size: first.row.key.batch_size,
        lr: first.row.key.lr,
        steps: trace.len(),
        steps_per_epoch: trace.epochs().iter().take_while(|&&epoch| Some(&epoch) == trace.epochs().first()).count(),
        seeds: runs.iter().map(|run| run.row.key.seed).collect(),
        series: columns.iter().map(series).collect(),
    }
}

impl Column {
    fn of<'a>(&self, run: &'a Run) -> Option<&'a [f32]> {
        match self {
            Column::Loss => Some(run.trace.losses()),
            Column::Accuracy => Some(run.trace.accuracies()),
            Column::Of(signal, statistic) => run.trace.series(signal, *statistic),
        }
    }

    fn name(&self) -> Name {
        let (signal, statistic, about) = match self {
            Column::Loss => ("training loss".to_owned(), String::new(), "mean over the batch"),
            Column::Accuracy => {
                ("training accuracy".to_owned(), String::new(), "fraction of the batch that is classified rightly")
            }
            Column::Of(signal, statistic) => (signal.to_string(), statistic.name().to_owned(), about(*statistic)),
        };
        Name { signal, statistic, about }
    }
}

/// A statistic over a signal's elements at one step, in words.
pub(super) fn about(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Mean => "mean of the elements",
        Statistic::Std => "standard deviation of the elements",
        Statistic::L2Norm => "square root of the sum of squares",
        Statistic::MeanAbs => "mean absolute value: how large the signal is",
        Statistic::Min => "least element",
        Statistic::Max => "greatest element",
        Statistic::Q05 => "5 % quantile of the elements",
        Statistic::Q25 => "25 % quantile of the elements",
        Statistic::Q50 => "median of the elements",
        Statistic::Q75 => "75 % quantile of the elements",
        Statistic::Q95 => "95 % quantile of the elements",
        Statistic::Skewness => "skewness of the elements",
        Statistic::Kurtosis => "kurtosis of the elements: how heavy the tails are (3 for a normal distribution)",
        Statistic::ZeroFraction => "fraction of elements that are exactly zero",
    }
}
