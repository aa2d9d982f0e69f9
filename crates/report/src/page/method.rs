//! The method in plain words, with what it assumes; the features and their formulas.

use super::answer::listed;
use super::explorer::about;
use super::html::{Element, tag};
use super::number::{count, of, percent};
use super::parts::{Head, Set, cell, signal, table};
use crate::Material;
use seismograd_analysis::{Feature, Plan};

const FEATURES: [Head; 3] = [("Feature", Set::Text), ("Name in files", Set::Text), ("How it is made", Set::Text)];

/// The section of the page.
pub(super) fn section(material: &Material<'_>) -> Element {
    let plan = &material.findings.plan;
    let point = |(term, words): (&'static str, String)| [tag("dt").put(term), tag("dd").put(words)];
    let features = plan.features.iter().map(|feature| feature_row(*feature)).collect();
    tag("section")
        .attr("id", "method")
        .put(tag("h2").put("Method, and what it assumes"))
        .put(tag("dl").class("method").put(points(plan).into_iter().flat_map(point).collect::<Vec<_>>()))
        .put(tag("details").put(tag("summary").put("The features and their formulas")).put(table(
            "What each series is reduced to; r are the residuals from the least-squares line through the series",
            &FEATURES,
            features,
        )))
}

fn feature_row(feature: Feature) -> Vec<Element> {
    let (words, formula) = feature.description();
    vec![cell(words), cell(tag("code").put(feature.name())), cell(formula)]
}

fn points(plan: &Plan) -> Vec<(&'static str, String)> {
    vec![
        ("Fixed beforehand", fixed(plan)),
        ("One vector a run", vector(plan)),
        ("Scaling is blind", "Each feature is scaled by the median and the median absolute deviation of both groups together, without looking at \
            which run belongs to which optimizer.".to_owned()),
        ("Do they differ?", differ(plan)),
        ("How far apart?", "The separation is the part of the mean distance between the two groups that is not distance within them: 0 on average \
            where nothing differs, 1 between two points. It is no probability.".to_owned()),
        ("How large is the effect?", format!("Cliff's delta is the share of pairs of runs in which the first optimizer's number is larger, minus \
            the reverse. The {} interval is Newcombe's method 5 (2006), which keeps its width where the groups do not overlap at all. Each interval stands by itself, not corrected for there being several; a \
            direction is named only where the p of that effect, corrected over all of its family, passes.",
            percent(plan.confidence))),
        ("What must hold", "Labels may be exchanged only if, were the optimizers alike, nothing else told the runs apart. Hence the seeds of the \
            two optimizers are disjoint and all other settings are shared. Runs that share a seed share their initial weights and the order of \
            their batches; they are refused.".to_owned()),
        ("What is not said", "No difference found is not proof of none: so few runs see large differences only. A difference is one between \
            optimizers with the learning rates they had, on this network, these data and so many epochs.".to_owned()),
        ("Diverged runs", "A run whose loss or gradient is no longer finite ends there. It is counted and named, and enters no comparison. If \
            one optimizer diverges more often, the runs that are left are a selection.".to_owned()),
    ]
}

fn fixed(plan: &Plan) -> String {
    format!(
        "plan.json was written before the runs were looked at. Primary signals: {}. Secondary, judged apart: {}. Level of error {} over all \
         comparisons of one kind.",
        listed(&plan.primary.iter().map(signal).collect::<Vec<_>>()),
        listed(&plan.secondary.iter().map(signal).collect::<Vec<_>>()),
        percent(plan.alpha)
    )
}

fn vector(plan: &Plan) -> String {
    let series: Vec<String> =
        plan.statistics.iter().map(|&statistic| format!("{} ({})", statistic.name(), about(statistic))).collect();
    format!(
        "The replicate is the run. At each step a signal is summarised by {}; each of these series is reduced to {}. A run is one \
         vector of {} numbers, however many steps it had.",
        listed(&series),
        of(plan.features.len(), "feature"),
        plan.measures(&plan.primary).len()
    )
}

fn differ(plan: &Plan) -> String {
    format!(
        "Two runs are as far apart as their scaled features differ on average (mean absolute difference). The energy distance between the \
         two groups is set against that of every other way to deal the labels out to the runs: all of them up to {}, else {} random ones (seed {}). p is the share that is at least as far apart, the true labels counted \
         in. Holm's correction covers all comparisons of one kind.",
        count(plan.permutations.limit),
        count(plan.permutations.draws),
        plan.permutations.seed
    )
}
