//! The head of the page: what was compared, the answer in words that can be quoted, and the cautions beside it.

use super::html::{Element, tag};
use super::number::{count, of};
use super::parts::arm;
use crate::Material;

/// What the page is about, for its title.
pub(super) fn title(material: &Material<'_>) -> String {
    let sizes: Vec<String> = material.batch_sizes().iter().map(i32::to_string).collect();
    let sizes = match sizes.as_slice() {
        [] => String::new(),
        [only] => format!(" at batch size {only}"),
        several => format!(" at batch sizes {}", listed(several)),
    };
    let names: Vec<String> = material.optimizers().iter().map(|&name| name.to_owned()).collect();
    if names.is_empty() { "No runs".to_owned() } else { format!("{}{sizes}", listed(&names)) }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// The head and the answer.
pub(super) fn section(material: &Material<'_>) -> Vec<Element> {
    let head = tag("header")
        .class("head")
        .put(tag("p").class("eyebrow").put("What the optimizer does to the signal at the output layer"))
        .put(tag("h1").put(title(material)))
        .put(extent(material));
    let answer = tag("section").attr("id", "answer").class("answer-grid");
    vec![head, answer.put(quotable(material)).put(cautions(material)).put(words(material))]
}

/// How much was compared.
fn extent(material: &Material<'_>) -> Element {
    let arms = &material.findings.arms;
    let optimizers = material.optimizers();
    let diverged: usize = arms.iter().map(|arm| arm.diverged()).sum();
    // Of many runs only some are drawn.
    let completed: usize = arms.iter().map(|arm| arm.seeds().count()).sum();
    let mut parts = vec![format!("{} analysed", of(completed, "completed run"))];
    if diverged > 0 {
        parts.push(format!("{diverged} diverged"));
    }
    if let Some(epochs) = material.findings.shared.get("epochs") {
        parts.push(format!("{epochs} epoch{} each", if epochs == "1" { "" } else { "s" }));
    }
    let steps: usize = arms.iter().map(|arm| arm.seeds().count() * arm.steps.unwrap_or(0)).sum();
    parts.push(format!("{} steps recorded", count(steps)));
    let names: Vec<Element> = optimizers.iter().map(|name| arm(&optimizers, name)).collect();
    tag("p").class("extent").put(tag("span").class("arms").put(names)).put(tag("span").put(parts.join(" · ")))
}

fn quotable(material: &Material<'_>) -> Element {
    let summary = &material.findings.summary;
    let sentences: Vec<Element> = summary.iter().map(|sentence| tag("p").put(sentence)).collect();
    let copy = tag("button")
        .attr("type", "button")
        .class("copy")
        .attr("data-copy", "answer")
        .flag("hidden")
        .put("Copy the answer");
    let empty = summary.is_empty().then(|| tag("p").put("There is no answer: nothing could be compared."));
    tag("div")
        .class("quotable")
        .put(tag("div").class("row").put(tag("h2").put("The answer")).put(copy))
        .put(tag("blockquote").attr("data-copied", "answer").put(sentences).put(empty))
}

/// Each comparison in a sentence or two.
fn words(material: &Material<'_>) -> Option<Element> {
    let words = material.findings.verdicts.iter().map(|verdict| tag("li").put(&verdict.words));
    let words: Vec<Element> = words.collect();
    (!words.is_empty()).then(|| {
        let list = tag("ul").class("words").attr("data-copied", "answer").put(words);
        tag("details").class("worded").put(tag("summary").put("Verdict by verdict, in words")).put(list)
    })
}

/// Always there, and copied with the answer: who quotes the one should see the other.
fn cautions(material: &Material<'_>) -> Element {
    let cautions: Vec<Element> = material.findings.cautions.iter().map(|caution| tag("li").put(caution)).collect();
    let content = if cautions.is_empty() {
        tag("p").attr("data-copied", "answer").put("None beyond those of the method below.")
    } else {
        tag("ul").attr("data-copied", "answer").put(cautions)
    };
    tag("aside")
        .class("cautions")
        .attr("aria-labelledby", "cautions")
        .put(tag("h2").attr("id", "cautions").put("Before you quote it"))
        .put(content)
}
