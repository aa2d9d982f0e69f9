//! How the learning rates were found, and how often the test errs where there is nothing to find.

use super::html::{Element, tag};
use super::number::{absent, number, of, p_value, percent, rate, significant};
use super::parts::{Head, Set, arm, cell, keyed, signal, table};
use crate::Material;
use seismograd_analysis::{Calibration, Choice, Rate, Search};

/// The section of the page; none where no search was made.
pub(super) fn section(material: &Material<'_>) -> Option<Element> {
    let search = material.search?;
    let optimizers = material.optimizers();
    let sizes: Vec<String> = search.batch_sizes.iter().map(usize::to_string).collect();
    let lead = format!(
        "{}, {} each, at batch sizes {}, with seed {}, which no compared run has. {}",
        budget(search),
        of(search.epochs as usize, "epoch"),
        sizes.join(", "),
        search.seed,
        search.rule
    );
    let tables: Vec<Element> =
        search.choices.iter().enumerate().map(|(at, choice)| one(&optimizers, search, at, choice)).collect();
    Some(
        tag("section")
            .attr("id", "search")
            .put(tag("h2").put("The search for learning rates"))
            .put(tag("p").class("lead").put(lead))
            .put(tag("div").class("side-by-side").put(tables)),
    )
}

/// The trials of each optimizer; that all had as many is said only where it is so.
fn budget(search: &Search) -> String {
    let trials = |choice: &Choice| of(choice.trials.len(), "trial");
    let each = search.choices.iter().map(|choice| format!("{} had {}", choice.optimizer, trials(choice)));
    match search.choices.as_slice() {
        [first, rest @ ..] if rest.iter().all(|choice| choice.trials.len() == first.trials.len()) => {
            format!("Every optimizer had the same budget of {}", trials(first))
        }
        _ => each.collect::<Vec<_>>().join(", "),
    }
}

const RATES: [Head; 3] = [("Learning rate", Set::Number), ("Mean test loss", Set::Number), ("", Set::Text)];

fn one(optimizers: &[&str], search: &Search, at: usize, choice: &Choice) -> Element {
    let row = |(lr, loss): (f64, Option<f64>)| {
        let why = "A trial at this rate diverged.";
        let made_by = format!("Mean test loss after {}, over the batch sizes.", of(search.epochs as usize, "epoch"));
        let loss = loss.map_or_else(
            || absent(why),
            |loss| number(significant(loss, 4), &made_by, &format!("summary.json: search.choices[{at}].trials")),
        );
        let mark = match (lr == choice.lr, choice.at_edge) {
            (true, true) => "chosen; at the edge of what was tried, a better one may lie beyond",
            (true, false) => "chosen",
            _ => "",
        };
        vec![keyed(lr, rate(lr)), cell(loss), cell(tag("strong").put(mark))]
    };
    let caption = tag("span").put(arm(optimizers, &choice.optimizer));
    table(caption, &RATES, choice.curve().into_iter().map(row).collect())
}

const TESTS: [Head; 4] =
    [("Test", Set::Text), ("Rejected", Set::Number), ("Rate", Set::Number), ("Interval", Set::Number)];

/// The section of the page; none where nothing was calibrated.
pub(super) fn calibration(material: &Material<'_>) -> Option<Element> {
    let calibration = material.calibration?;
    let steps = calibration.steps.iter().enumerate().map(|(at, (watched, rate))| {
        row(&format!("Steps as replicates (KS): {}", signal(watched)), rate, calibration, &format!("steps[{at}][1]"))
    });
    let rows = std::iter::once(row("Runs as replicates: this report's test", &calibration.test, calibration, "test"))
        .chain(steps)
        .collect();
    let caption = format!("Rejections at {} where there is nothing to find", p_value(calibration.alpha));
    Some(
        tag("section")
            .attr("id", "calibration")
            .put(tag("h2").put("How often the test errs"))
            .put(tag("p").class("lead").put(lead(calibration)))
            .put(table(caption, &TESTS, rows)),
    )
}

fn lead(calibration: &Calibration) -> String {
    format!(
        "Fresh runs of {} alone (learning rate {}, batch size {}, {}), {} a trial, half against half; every run serves once. A test that is \
         right rejects in at most {} of the trials.",
        calibration.optimizer,
        rate(calibration.lr),
        calibration.batch_size,
        of(calibration.epochs as usize, "epoch"),
        of(calibration.runs_per_trial, "run"),
        percent(calibration.alpha)
    )
}

fn row(name: &str, rate: &Rate, calibration: &Calibration, path: &str) -> Vec<Element> {
    let place = format!("summary.json: calibration.{path}");
    let made_by = "Trials in which the test rejected, of all trials.";
    let interval_by = format!("The {} interval of Clopper and Pearson.", percent(calibration.confidence));
    let (low, high) = rate.interval;
    vec![
        cell(name),
        keyed(rate.rejections, number(format!("{} of {}", rate.rejections, rate.tests), made_by, &place)),
        cell(number(percent(rate.rate()), made_by, &place)),
        cell(number(format!("{} to {}", percent(low), percent(high)), &interval_by, &format!("{place}.interval"))),
    ]
}
