//! The verdicts, primary and secondary, one row a comparison.

use super::html::{Element, tag};
use super::number::{absent, count, field, number, p_value, significant};
use super::parts::{Head, Set, answer, bar, cell, corrected_p, delta, keyed, pair, short, table};
use crate::Material;
use seismograd_analysis::{Contrast, Plan, Verdict};

const HEADS: [Head; 7] = [
    ("Batch size", Set::Number),
    ("Optimizers", Set::Text),
    ("Answer", Set::Text),
    ("Corrected p", Set::Number),
    ("Separation", Set::Number),
    ("Effects (Cliff's delta)", Set::Text),
    ("Runs", Set::Text),
];

/// The section of the page.
pub(super) fn section(material: &Material<'_>) -> Element {
    let findings = material.findings;
    let section = tag("section").attr("id", "verdicts").put(tag("h2").put("Do they differ?"));
    if findings.verdicts.is_empty() {
        return section
            .put(tag("p").put("No two optimizers have runs at one batch size, so there is nothing to compare."));
    }
    section
        .put(tag("p").class("lead").put(lead(&findings.plan)))
        .put(rows(
            material,
            &findings.verdicts,
            "verdicts",
            "Primary verdicts: values and gradients of what flows into and out of the output layer",
        ))
        .put(secondary(material))
}

fn lead(plan: &Plan) -> String {
    format!(
        "One row a comparison. Corrected p at most {} means that the two differ; the separation is 0 on average where nothing differs, and 1 \
         between two points. A dot on the right of its bar says that the optimizer named first has the larger values; a bar is full where its own \
         corrected p passes too. Every number says where \
         it comes from: point at it, tap it, or reach it with the keyboard.",
        plan.alpha
    )
}

fn secondary(material: &Material<'_>) -> Option<Element> {
    let verdicts = &material.findings.secondary;
    let note = "What the optimizer adds to the output layer's parameters. It names the rule too easily to be evidence about the signal, so it \
                is judged apart, with a correction of its own, and is no part of the answer above.";
    (!verdicts.is_empty()).then(|| {
        tag("div").class("secondary").put(tag("h3").put("Secondary: the updates")).put(tag("p").put(note)).put(rows(
            material,
            verdicts,
            "secondary",
            "Secondary verdicts: updates of the output layer's parameters",
        ))
    })
}

fn rows(material: &Material<'_>, verdicts: &[Verdict], list: &str, caption: &str) -> Element {
    let optimizers = material.optimizers();
    let row = |(at, verdict): (usize, &Verdict)| {
        let path = format!("{list}[{at}]");
        vec![
            keyed(verdict.batch_size, verdict.batch_size.to_string()),
            cell(pair(&optimizers, &verdict.optimizers)),
            cell(answer(verdict.answer)),
            keyed(verdict.corrected_p.unwrap_or(2.0), corrected_p(verdict, &path, verdicts.len()))
                .put(least(verdict, &path)),
            keyed(verdict.separation.unwrap_or(-1.0), separation(verdict, &path)),
            cell(effects(&material.findings.plan, &optimizers, verdict, &path)),
            cell(runs(verdict, &path)),
        ]
    };
    tag("div").class("verdicts").put(table(caption, &HEADS, verdicts.iter().enumerate().map(row).collect()))
}

/// What so many runs could have reached at best.
fn least(verdict: &Verdict, path: &str) -> Option<Element> {
    let least = verdict.least_corrected_p?;
    let made_by = "The least corrected p that so many runs could have reached, whatever they showed.";
    let shown = number(p_value(least), made_by, &field(&format!("{path}.least_corrected_p")));
    Some(tag("small").class("least").put("least possible ").put(shown))
}

fn separation(verdict: &Verdict, path: &str) -> Element {
    let made_by = "The part of the mean distance between the two groups of runs that is not distance within them: 0 on average where nothing differs.";
    match verdict.separation {
        Some(h) => number(significant(h, 2), made_by, &field(&format!("{path}.separation"))),
        None => absent("No distance: it takes two completed runs of each optimizer."),
    }
}

/// The headlines; where there are none, as among the secondary verdicts, the clearest contrasts.
fn effects(plan: &Plan, optimizers: &[&str], verdict: &Verdict, path: &str) -> Element {
    let clearest = verdict.contrasts.iter().take(2);
    let listed: Vec<(String, &Contrast)> = if verdict.headlines.is_empty() {
        clearest.enumerate().map(|(at, contrast)| (format!("{path}.contrasts[{at}]"), contrast)).collect()
    } else {
        verdict
            .headlines
            .iter()
            .enumerate()
            .map(|(at, headline)| (format!("{path}.headlines[{at}]"), headline))
            .collect()
    };
    let alpha = plan.alpha;
    let line = |(path, Contrast { effect, corrected_p }): &(String, &Contrast)| {
        let label = tag("span").class("label").put(short(&effect.measure));
        tag("li").put(label).put(bar(optimizers, effect, &verdict.optimizers, *corrected_p <= alpha)).put(delta(
            effect,
            &verdict.optimizers,
            path,
        ))
    };
    if listed.is_empty() {
        absent("No effect: it takes two completed runs of each optimizer.")
    } else {
        tag("ul").class("effects").put(listed.iter().map(line).collect::<Vec<_>>())
    }
}

fn runs(verdict: &Verdict, path: &str) -> Element {
    let [first, second] = verdict.runs;
    let made_by = "Completed runs of each optimizer: the replicates of the test.";
    let counted = number(format!("{} + {}", count(first), count(second)), made_by, &field(&format!("{path}.runs")));
    let diverged: usize = verdict.diverged.iter().sum();
    let note = (diverged > 0).then(|| {
        let made_by = "Runs that ended with a number that is not finite. The comparison is without them.";
        let [first, second] = verdict.diverged;
        let shown = number(format!("{first} + {second}"), made_by, &field(&format!("{path}.diverged")));
        tag("small").class("diverged").put("diverged ").put(shown)
    });
    tag("span").put(counted).put(note)
}
