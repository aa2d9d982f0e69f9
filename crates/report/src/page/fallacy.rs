//! The test that takes steps for replicates: what it would have said, and why it is wrong.

use super::html::{Element, tag};
use super::number::{count, field, number, p_value, significant};
use super::parts::{Head, Set, cell, keyed, pair, signal, table};
use crate::Material;
use seismograd_analysis::{Fallacy, Verdict};

const HEADS: [Head; 6] = [
    ("Batch size", Set::Number),
    ("Optimizers", Set::Text),
    ("Signal", Set::Text),
    ("Steps", Set::Number),
    ("KS distance", Set::Number),
    ("p that means nothing", Set::Number),
];

const WHY: [&str; 2] = [
    "The replicate is the run, never the step. Steps of one run follow from each other: a thousand of them are not a thousand independent \
     trials. A test of Kolmogorov and Smirnov between two heaps of steps finds tiny p values between any two runs, also between two runs of \
     the same optimizer that differ in their seed alone.",
    "The table is here so that nobody has to compute it, and so that its p values can be recognised where they are reported in earnest.",
];

/// The section of the page; none where nothing was compared.
pub(super) fn section(material: &Material<'_>) -> Option<Element> {
    let verdicts = &material.findings.verdicts;
    let all = verdicts.iter().enumerate().flat_map(|(at, verdict)| {
        let named = move |(place, fallacy)| (format!("verdicts[{at}].fallacy[{place}]"), verdict, fallacy);
        verdict.fallacy.iter().enumerate().map(named)
    });
    let optimizers = material.optimizers();
    let rows: Vec<Vec<Element>> =
        all.map(|(path, verdict, fallacy)| row(&optimizers, verdict, fallacy, &path)).collect();
    (!rows.is_empty()).then(|| {
        let caption = "Kolmogorov-Smirnov between heaps of steps, series of the mean absolute value: not evidence";
        let shown = tag("details").put(tag("summary").put("Show the mistaken test")).put(table(caption, &HEADS, rows));
        tag("section")
            .attr("id", "fallacy")
            .put(tag("h2").put("The test that would be wrong"))
            .put(WHY.map(|paragraph| tag("p").put(paragraph)))
            .put(shown)
    })
}

fn row(optimizers: &[&str], verdict: &Verdict, fallacy: &Fallacy, path: &str) -> Vec<Element> {
    let made_by =
        "Two-sample Kolmogorov-Smirnov test of all steps of all runs as if they were independent. They are not.";
    let [first, second] = fallacy.steps.map(count);
    vec![
        keyed(verdict.batch_size, verdict.batch_size.to_string()),
        cell(pair(optimizers, &verdict.optimizers)),
        cell(signal(&fallacy.signal)),
        cell(number(format!("{first} + {second}"), "Steps in each heap.", &field(&format!("{path}.steps")))),
        cell(number(significant(fallacy.ks.statistic, 3), made_by, &field(&format!("{path}.ks.statistic")))),
        keyed(fallacy.ks.p, tag("s").put(number(p_value(fallacy.ks.p), made_by, &field(&format!("{path}.ks.p"))))),
    ]
}
