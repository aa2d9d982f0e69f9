//! What of the runs' variety goes with the optimizer, the batch size, their interaction and the seed.

use super::html::{Element, tag};
use super::number::{absent, field, number, p_value, percent, significant};
use super::parts::{Head, Set, cell, keyed, table};
use crate::Material;
use seismograd_analysis::stats::permanova::Term;

const HEADS: [Head; 7] = [
    ("Source", Set::Text),
    ("Share (R²)", Set::Number),
    ("Beyond chance (ω²)", Set::Number),
    ("Degrees of freedom", Set::Number),
    ("Pseudo-F", Set::Number),
    ("p", Set::Number),
    ("Note", Set::Text),
];

/// The section of the page; none where there is no partition.
pub(super) fn section(material: &Material<'_>) -> Option<Element> {
    let partition = material.findings.partition.as_ref()?;
    let [first, second] = &material.findings.factors;
    let terms = [
        (first.as_str(), "first", &partition.first),
        (second.as_str(), "second", &partition.second),
        ("interaction", "interaction", &partition.interaction),
        ("seed (residual)", "residual", &partition.residual),
    ];
    let lead = "The distances between all runs, in the features of the primary signals, split by what the runs have in common \
                (PERMANOVA on their square roots). Where two factors change together no figure is given. As many groups of anything would \
                explain a part: the share beyond chance is without it.";
    let total = ("total", "total", &partition.total);
    let beyond = |at: usize| terms[..3].get(at).and_then(|(_, _, term)| partition.omega_squared(term));
    let rows = terms.iter().chain([&total]).enumerate().map(|(at, line)| row(line, beyond(at))).collect();
    Some(
        tag("section")
            .attr("id", "variety")
            .put(tag("h2").put("What the variety goes with"))
            .put(tag("p").class("lead").put(lead))
            .put(bar(&terms))
            .put(table("The partition of the runs' variety", &HEADS, rows)),
    )
}

/// The shares, end to end. What a reader of the table hears, the eye sees here.
fn bar(terms: &[(&str, &str, &Term)]) -> Element {
    let shares = || terms.iter().enumerate().filter_map(|(at, (name, _, term))| Some((at, *name, term.r2?.max(0.0))));
    let piece = |(at, _, share): (usize, &str, f64)| {
        tag("span").class(&format!("share share-{at}")).attr("style", format!("flex-grow:{share:.4}"))
    };
    let key = |(at, name, share): (usize, &str, f64)| {
        tag("li").put(tag("span").class(&format!("swatch share-{at}"))).put(format!("{name} {}", percent(share)))
    };
    tag("div")
        .class("shares")
        .attr("aria-hidden", "true")
        .put(tag("div").class("stack").put(shares().map(piece).collect::<Vec<_>>()))
        .put(tag("ul").put(shares().map(key).collect::<Vec<_>>()))
}

fn row(&(name, path, term): &(&str, &str, &Term), beyond_chance: Option<f64>) -> Vec<Element> {
    let field = |of: &str| field(&format!("partition.{path}.{of}"));
    let shown = |value: Option<f64>, write: &dyn Fn(f64) -> String, made_by: &str, of: &str| {
        let why = term.note.as_deref().unwrap_or("This line of the table has none.");
        let content = value.map_or_else(|| absent(why), |value| number(write(value), made_by, &field(of)));
        keyed(value.unwrap_or(-1.0), content)
    };
    let p_by = "Permutation p of the pseudo-F.";
    vec![
        cell(tag("strong").put(name)),
        shown(term.r2, &percent, "This source's sum of squared distances over the total.", "r2"),
        shown(
            beyond_chance,
            &percent,
            "Omega squared: the sum of squares without what the residual's mean square makes of as many groups, over the total.",
            "sum_of_squares",
        ),
        cell(number(
            term.degrees_of_freedom.to_string(),
            "The dimension of this part of the design.",
            &field("degrees_of_freedom"),
        )),
        shown(term.pseudo_f, &|f| significant(f, 3), "The mean square over that of the residual.", "pseudo_f"),
        shown(term.p, &p_value, p_by, "p"),
        cell(term.note.as_deref().unwrap_or("")),
    ]
}
