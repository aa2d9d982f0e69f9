//! What stands out: of each comparison the measures in which the two differ most clearly.

use super::html::{Element, tag};
use super::number::{count, field, number, p_value, significant};
use super::parts::{Head, Set, bar, cell, delta, keyed, pair, signal, table};
use crate::Material;
use seismograd_analysis::{Contrast, Verdict};

/// Rows of a comparison; all of them are in the analysis' own file.
const TOP: usize = 12;

const HEADS: [Head; 7] = [
    ("Signal", Set::Text),
    ("Series", Set::Text),
    ("Feature", Set::Text),
    ("Median of the first", Set::Number),
    ("Median of the second", Set::Number),
    ("Cliff's delta", Set::Text),
    ("Corrected p", Set::Number),
];

/// The section of the page; none where nothing was compared.
pub(super) fn section(material: &Material<'_>) -> Option<Element> {
    let (optimizers, alpha) = (material.optimizers(), material.findings.plan.alpha);
    let verdicts = material.findings.verdicts.iter().enumerate().filter(|(_, verdict)| !verdict.contrasts.is_empty());
    let tables: Vec<Element> =
        verdicts.enumerate().map(|(place, (at, verdict))| one(&optimizers, at, verdict, alpha, place == 0)).collect();
    let lead = "Each run is reduced to one number a feature; here are the features that separate the runs best. p is corrected for all \
                features of the comparison (step-down maxT) and for all comparisons (Bonferroni).";
    (!tables.is_empty()).then(|| {
        tag("section")
            .attr("id", "contrasts")
            .put(tag("h2").put("What stands out"))
            .put(tag("p").class("lead").put(lead))
            .put(tables)
    })
}

fn one(optimizers: &[&str], at: usize, verdict: &Verdict, alpha: f64, open: bool) -> Element {
    let all = verdict.contrasts.len();
    let caption = match all > TOP {
        true => {
            format!("The {TOP} clearest of {all} measures; all are in summary.json: findings.verdicts[{at}].contrasts")
        }
        false => format!("All {all} measures"),
    };
    let top = verdict.contrasts.iter().take(TOP).enumerate();
    let rows = top
        .map(|(place, contrast)| {
            row(optimizers, verdict, alpha, contrast, &format!("verdicts[{at}].contrasts[{place}]"))
        })
        .collect();
    let summary = tag("summary")
        .put(format!("Batch size {}: ", count(verdict.batch_size)))
        .put(pair(optimizers, &verdict.optimizers));
    let details = tag("details").class("sortable").put(summary).put(table(caption, &HEADS, rows));
    if open { details.flag("open") } else { details }
}

fn row(optimizers: &[&str], verdict: &Verdict, alpha: f64, contrast: &Contrast, path: &str) -> Vec<Element> {
    let Contrast { effect, corrected_p } = contrast;
    let measure = &effect.measure;
    let (name, formula) = measure.feature.description();
    let median = |at: usize| {
        let made_by = format!("Median over the {} runs of {} of: {formula}.", verdict.runs[at], verdict.optimizers[at]);
        keyed(
            effect.medians[at],
            number(significant(effect.medians[at], 3), &made_by, &field(&format!("{path}.medians[{at}]"))),
        )
    };
    let p_by = "Step-down maxT over all features of this comparison, then Bonferroni over the comparisons.";
    vec![
        cell(signal(&measure.signal)),
        cell(tag("code").put(measure.statistic.name())),
        cell(tag("span").class("n").attr("title", formula).put(name)),
        median(0),
        median(1),
        keyed(
            effect.delta.value,
            tag("span")
                .class("effect")
                .put(bar(optimizers, effect, &verdict.optimizers, *corrected_p <= alpha))
                .put(delta(effect, &verdict.optimizers, path)),
        ),
        keyed(corrected_p, number(p_value(*corrected_p), p_by, &field(&format!("{path}.corrected_p")))),
    ]
}
