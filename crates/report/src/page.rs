//! The report as one page: answer first, then the numbers it rests on, then how they were made.
//!
//! The page holds everything it needs (styles, scripts, series, figures) and a policy that forbids it the network. It is complete without
//! scripts; they add the explorer of the series, sorting, and sources of numbers that open on focus and on tap. Nothing here computes:
//! medians and ranges of series apart, every number is the analysis'. The same material gives the same bytes.

mod answer;
mod contrasts;
mod explorer;
mod fallacy;
mod gallery;
mod html;
mod method;
mod number;
mod parts;
mod runs;
mod search;
mod series;
#[cfg(test)]
mod tests;
mod variety;
mod verdicts;

use crate::palette::declarations;
use crate::{Figure, Material, Theme};
use html::{Element, markup, tag};

/// The frame that the parts are put in.
const SHELL: &str = include_str!("page/shell.html");

/// What the page looks like, in the colours of the variables.
const STYLE: &str = include_str!("page/page.css");

/// The page's own colours beside those of the figures.
const LIGHT: &str = "--paper:#f4f5f7;--line:#d3d8de;--warn:#8a5a00;--warn-paper:#fff6e0;--focus:#0a66b0";
const DARK: &str = "--paper:#07090d;--line:#2f3741;--warn:#f0c060;--warn-paper:#1d1709;--focus:#8fcbff";

/// What the page does, in the order in which it is run.
const SCRIPTS: [&str; 9] = [
    include_str!("page/js/start.js"),
    include_str!("page/js/sources.js"),
    include_str!("page/js/tables.js"),
    include_str!("page/js/series.js"),
    include_str!("page/js/chart.js"),
    include_str!("page/js/view.js"),
    include_str!("page/js/hands.js"),
    include_str!("page/js/explorer.js"),
    include_str!("page/js/end.js"),
];

/// The page.
pub(crate) fn page(material: &Material<'_>, figures: &[Figure]) -> String {
    let sections = sections(material, figures);
    let script = SCRIPTS.concat();
    let light = format!("color-scheme:light;{}{LIGHT}", declarations(Theme::Light));
    let dark = format!("color-scheme:dark;{}{DARK}", declarations(Theme::Dark));
    fill(
        SHELL,
        &[
            ("title", &markup(answer::title(material))),
            ("light", &light),
            ("dark", &dark),
            ("light-chosen", &light),
            ("dark-chosen", &dark),
            ("style", STYLE),
            ("navigation", &markup(navigation(&sections))),
            ("content", &markup(sections.into_iter().map(|(_, element)| element).collect::<Vec<_>>())),
            ("script", &script),
        ],
    )
}

/// A section, and its name in the navigation if it has one: its anchor and what it is called there.
type Section = (Option<(&'static str, &'static str)>, Element);

fn sections(material: &Material<'_>, figures: &[Figure]) -> Vec<Section> {
    let head = answer::section(material).into_iter().map(|element| (None, Some(element)));
    let named = [
        (Some(("verdicts", "Verdicts")), Some(verdicts::section(material))),
        (Some(("explorer", "Series")), Some(explorer::section(material))),
        (Some(("figures", "Figures")), gallery::section(figures)),
        (Some(("contrasts", "What stands out")), contrasts::section(material)),
        (Some(("variety", "Variety")), variety::section(material)),
        (Some(("fallacy", "The wrong test")), fallacy::section(material)),
        (Some(("calibration", "Errors")), search::calibration(material)),
        (Some(("search", "Learning rates")), search::section(material)),
        (Some(("runs", "Runs")), Some(runs::section(material))),
        (Some(("method", "Method")), Some(method::section(material))),
    ];
    head.chain(named).filter_map(|(name, element)| Some((name, element?))).collect()
}

fn navigation(sections: &[Section]) -> Vec<Element> {
    let link = |(anchor, name): (&str, &'static str)| tag("a").attr("href", format!("#{anchor}")).put(name);
    sections.iter().filter_map(|(name, _)| name.map(link)).collect()
}

/// Puts each part where its name stands in double braces. The names stand in the order of the parts, and what is put in is not
/// searched again: a brace in a caption stays a brace.
fn fill(shell: &str, parts: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = shell;
    for (name, part) in parts {
        let (before, after) =
            rest.split_once(&format!("{{{{{name}}}}}")).expect("the shell names every part, in order");
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page + rest
}
