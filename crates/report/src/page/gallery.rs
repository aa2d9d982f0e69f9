//! The figures, in line, in the page's own colours.

use super::html::{Element, Raw, tag};
use crate::{Figure, Theme};

/// The section of the page; none without figures.
pub(super) fn section(figures: &[Figure]) -> Option<Element> {
    let shown: Vec<Element> = figures.iter().map(one).collect();
    (!shown.is_empty()).then(|| {
        tag("section").attr("id", "figures").put(tag("h2").put("Figures")).put(tag("div").class("gallery").put(shown))
    })
}

/// A figure in a box that scrolls where the screen is narrower than the figure can be read.
fn one(figure: &Figure) -> Element {
    let id = format!("figure-{}", figure.name);
    let larger = tag("button")
        .attr("type", "button")
        .class("enlarge")
        .attr("aria-label", format!("Enlarge: {}", figure.title))
        .flag("hidden")
        .put("Enlarge");
    let drawing = tag("div")
        .class("drawing")
        .attr("style", format!("--natural:{:.0}px", figure.scene.width))
        .attr("tabindex", 0)
        .attr("role", "group")
        .attr("aria-label", format!("Figure: {}", figure.title))
        .put(Raw(figure.svg(Theme::Css)));
    tag("figure")
        .attr("id", id)
        .put(tag("div").class("row").put(tag("h3").put(&figure.title)).put(larger))
        .put(drawing)
        .put(
            tag("figcaption")
                .put(&figure.caption)
                .put(" ")
                .put(tag("code").put(format!("figures/{}.svg", figure.name))),
        )
}
