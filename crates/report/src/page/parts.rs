//! Pieces that several sections of the page use: an optimizer's name in its colour, a table that a phone shows as cards, the bar of an effect.

use super::html::{Element, Node, tag};
use super::number::{self, field, number, p_value};
use crate::palette::ARMS;
use seismograd_analysis::{Answer, Effect, Feature, Measure, Verdict};
use seismograd_trace::{Signal, Statistic};
use std::fmt::Display;

/// A column's head, and how its cells are set.
pub(super) type Head = (&'static str, Set);

/// How a column is set.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Set {
    /// Text, from the left.
    Text,
    /// Numbers, to the right.
    Number,
}

/// A table. On a phone each row becomes a card in which the cells bear their column's head; a wide one scrolls in its own box.
pub(super) fn table(caption: impl Node, heads: &[Head], rows: Vec<Vec<Element>>) -> Element {
    let head = |(title, set): &Head| {
        tag("th").attr("scope", "col").attr("role", "columnheader").class(class(*set)).put(*title)
    };
    let cell = |(cell, (title, set)): (Element, &Head)| {
        cell.attr("role", "cell").attr("data-label", title).attr("data-set", class(*set))
    };
    let row = |cells: Vec<Element>| {
        tag("tr").attr("role", "row").put(cells.into_iter().zip(heads).map(cell).collect::<Vec<_>>())
    };
    let head = tag("tr").attr("role", "row").put(heads.iter().map(head).collect::<Vec<_>>());
    let table = tag("table")
        .attr("role", "table")
        .put(tag("caption").put(caption))
        .put(tag("thead").attr("role", "rowgroup").put(head))
        .put(tag("tbody").attr("role", "rowgroup").put(rows.into_iter().map(row).collect::<Vec<_>>()));
    tag("div").class("scroll").put(table)
}

fn class(set: Set) -> &'static str {
    match set {
        Set::Text => "text",
        Set::Number => "number",
    }
}

/// A cell.
pub(super) fn cell(content: impl Node) -> Element {
    tag("td").put(content)
}

/// A cell that is sorted by a key other than its text.
pub(super) fn keyed(key: impl Display, content: impl Node) -> Element {
    tag("td").attr("data-key", key).put(content)
}

/// An optimizer's name beside its colour.
pub(super) fn arm(optimizers: &[&str], name: &str) -> Element {
    tag("span").class(&format!("arm {}", colour(optimizers, name))).put(name)
}

/// The class that gives an optimizer's colour.
fn colour(optimizers: &[&str], name: &str) -> String {
    let place = optimizers.iter().position(|optimizer| *optimizer == name).unwrap_or(0);
    format!("arm-{}", place % ARMS)
}

/// Two optimizers, one against the other.
pub(super) fn pair(optimizers: &[&str], [first, second]: &[String; 2]) -> Element {
    tag("span")
        .class("pair")
        .put(arm(optimizers, first))
        .put(" ")
        .put(tag("span").class("muted").put("against"))
        .put(" ")
        .put(arm(optimizers, second))
}

/// An answer in a word or three, with a sign that needs no colour.
pub(super) fn answer(answer: Answer) -> Element {
    let (class, sign, words) = match answer {
        Answer::Differ => ("answer differ", "≠", "They differ"),
        Answer::NotFound => ("answer not-found", "?", "No difference found"),
        Answer::TooFewRuns => ("answer too-few", "…", "Too few runs to tell"),
    };
    let sign = tag("span").attr("aria-hidden", "true").class("sign").put(sign);
    tag("strong").class(class).put(sign).put(tag("span").put(words))
}

/// A signal as a reader says it.
pub(super) fn signal(signal: &Signal) -> String {
    format!("{} {}", signal.site(), signal.quantity().name())
}

/// A measure in words; the most common series and feature go without saying.
pub(super) fn short(measure: &Measure) -> String {
    match (measure.statistic, measure.feature) {
        (Statistic::MeanAbs, Feature::Level) => signal(&measure.signal),
        (statistic, feature) => {
            format!("{}, {} of {}", signal(&measure.signal), feature.description().0, statistic.name())
        }
    }
}

/// The number of an effect with its interval, and where it comes from.
pub(super) fn delta(effect: &Effect, [first, second]: &[String; 2], path: &str) -> Element {
    let d = &effect.delta;
    let made_by = format!(
        "Cliff's delta of {}: the share of pairs of runs in which {first} is above {second}, minus the reverse ({} × {} runs). \
         In brackets the {:.0} % interval, Newcombe's method 5.",
        effect.measure,
        d.n_first,
        d.n_second,
        100.0 * d.confidence
    );
    number(number::delta(effect), &made_by, &field(&format!("{path}.delta")))
}

/// The interval of an effect on the axis from -1 to 1, in the colour of the optimizer that has the larger values.
pub(super) fn bar(optimizers: &[&str], effect: &Effect, pair: &[String; 2], passes: bool) -> Element {
    let x = |delta: f64| format!("{:.1}", 60.0 + 56.0 * delta);
    let d = &effect.delta;
    let larger = &pair[usize::from(d.value < 0.0)];
    let line = |x1: String, x2: String, class: &str| {
        tag("line").class(class).attr("x1", x1).attr("x2", x2).attr("y1", 7).attr("y2", 7)
    };
    let zero = tag("line").class("zero").attr("x1", 60).attr("x2", 60).attr("y1", 1).attr("y2", 13);
    let dot = tag("circle").attr("cx", x(d.value)).attr("cy", 7).attr("r", 4);
    tag("svg")
        .class(&format!("bar {}{}", colour(optimizers, larger), if passes { "" } else { " unsure" }))
        .attr("viewBox", "0 0 120 14")
        .attr("aria-hidden", "true")
        .put(line(x(-1.0), x(1.0), "axis"))
        .put(zero)
        .put(line(x(d.lower), x(d.upper), "interval"))
        .put(dot)
}

/// The corrected p-value of a verdict, and where it comes from.
pub(super) fn corrected_p(verdict: &Verdict, path: &str, comparisons: usize) -> Element {
    let (Some(p), Some(test)) = (verdict.corrected_p, &verdict.test) else {
        return number::absent("No test: it takes two completed runs of each optimizer.");
    };
    let labelings = number::count(test.labelings);
    let how = if test.exact {
        format!("all {labelings} labelings of the runs")
    } else {
        format!("{labelings} random labelings of the runs")
    };
    let made_by = format!(
        "Permutation test of the energy distance between the runs' features: uncorrected p {} over {how}. Holm's correction over {}.",
        p_value(test.p),
        number::of(comparisons, "comparison")
    );
    number(p_value(p), &made_by, &format!("{}, findings.{path}.test", field(&format!("{path}.corrected_p"))))
}
