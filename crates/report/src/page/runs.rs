//! The runs: how they ended, what they share, which were set aside and why.

use super::html::{Element, tag};
use super::number::{absent, count, field, number, percent, rate, significant};
use super::parts::{Head, Set, arm, cell, keyed, table};
use crate::Material;
use seismograd_analysis::{Arm, Findings, MeanAndDeviation};

const ARMS: [Head; 8] = [
    ("Optimizer", Set::Text),
    ("Batch size", Set::Number),
    ("Learning rate", Set::Number),
    ("Seeds", Set::Text),
    ("Steps", Set::Number),
    ("Training loss", Set::Number),
    ("Test loss", Set::Number),
    ("Test accuracy", Set::Number),
];

/// The section of the page.
pub(super) fn section(material: &Material<'_>) -> Element {
    let findings = material.findings;
    let optimizers = material.optimizers();
    let rows =
        findings.arms.iter().enumerate().map(|(at, arm)| row(&optimizers, arm, &format!("arms[{at}]"))).collect();
    let caption =
        "Completed runs by optimizer and batch size; mean ± standard deviation over seeds, after the last epoch";
    tag("section")
        .attr("id", "runs")
        .put(tag("h2").put("The runs"))
        .put(tag("div").class("sortable").put(table(caption, &ARMS, rows)))
        .put(set_aside(findings))
        .put(shared(findings))
}

fn row(optimizers: &[&str], of: &Arm, path: &str) -> Vec<Element> {
    let steps = of.steps.map_or_else(
        || absent("No run was completed."),
        |steps| number(count(steps), "Steps of a completed run.", &field(&format!("{path}.steps"))),
    );
    let loss = |loss, digits| significant(loss, digits);
    let accuracy = |accuracy, _| percent(accuracy);
    vec![
        keyed(&of.optimizer, arm(optimizers, &of.optimizer)),
        keyed(of.batch_size, of.batch_size.to_string()),
        keyed(of.lr, rate(of.lr)),
        cell(seeds(of, path)),
        keyed(of.steps.unwrap_or(0), steps),
        over_runs(
            of.train_loss,
            loss,
            "Mean loss over the training batches of the last epoch",
            &format!("{path}.train_loss"),
        ),
        over_runs(of.test_loss, loss, "Mean loss on the test set after the last epoch", &format!("{path}.test_loss")),
        over_runs(
            of.test_accuracy,
            accuracy,
            "Accuracy on the test set after the last epoch",
            &format!("{path}.test_accuracy"),
        ),
    ]
}

/// The seeds of completed runs, then those of diverged ones with their step.
fn seeds(of: &Arm, path: &str) -> Element {
    let completed: Vec<i64> = of.seeds().collect();
    let shown = number(
        ranges(&completed),
        &format!("Seeds of {} completed runs.", completed.len()),
        &field(&format!("{path}.runs")),
    );
    let diverged =
        of.runs.iter().filter_map(|run| Some(format!("{} at step {}", run.seed, count(run.diverged_at_step?))));
    let diverged: Vec<String> = diverged.collect();
    let note = (!diverged.is_empty())
        .then(|| tag("small").class("diverged").put(format!("diverged: {}", diverged.join(", "))));
    tag("span").put(if completed.is_empty() { absent("No run was completed.") } else { shown }).put(note)
}

/// `0 to 4, 7`.
fn ranges(seeds: &[i64]) -> String {
    let runs: Vec<String> = seeds
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| match run {
            [first, .., last] => format!("{first} to {last}"),
            [only] => only.to_string(),
            [] => String::new(),
        })
        .collect();
    runs.join(", ")
}

fn over_runs(
    value: Option<MeanAndDeviation>,
    write: impl Fn(f64, usize) -> String,
    made_by: &str,
    path: &str,
) -> Element {
    let Some(MeanAndDeviation { mean, deviation, runs }) = value else {
        return cell(absent("No run was completed."));
    };
    let deviation = deviation.map(|deviation| format!(" ± {}", write(deviation, 2))).unwrap_or_default();
    let made_by = format!("{made_by}: mean and sample standard deviation over {runs} runs.");
    keyed(mean, number(format!("{}{deviation}", write(mean, 4)), &made_by, &field(path)))
}

const ASIDE: [Head; 2] = [("Run", Set::Text), ("Why, and what to do", Set::Text)];

fn set_aside(findings: &Findings) -> Option<Element> {
    let row = |aside: &seismograd_analysis::SetAside| vec![cell(tag("code").put(&aside.run)), cell(&aside.reason)];
    let rows: Vec<Vec<Element>> = findings.set_aside.iter().map(row).collect();
    (!rows.is_empty()).then(|| {
        tag("div").put(tag("h3").put("Set aside")).put(table("Runs that are there and were not analysed", &ASIDE, rows))
    })
}

const SETTINGS: [Head; 2] = [("Setting", Set::Text), ("Value", Set::Text)];

fn shared(findings: &Findings) -> Option<Element> {
    let row = |(name, value): (&String, &String)| vec![cell(tag("code").put(name)), cell(value)];
    let rows: Vec<Vec<Element>> = findings.shared.iter().map(row).collect();
    (!rows.is_empty()).then(|| {
        let caption =
            "From each run's config.json; an optimizer's own options and the keys of the table above are left out";
        tag("details").put(tag("summary").put("Settings that all runs share")).put(table(caption, &SETTINGS, rows))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_shown_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0 to 2, 5, 7 to 8");
        assert_eq!(ranges(&[]), "");
    }
}
