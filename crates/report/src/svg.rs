//! A scene as SVG text: for a file with outlines for letters, for a page with letters and the page's own colours.
//!
//! Numbers have at most two decimals and one spelling, so that the same scene has the same bytes everywhere.

use crate::palette::{Ink, Theme};
use crate::scene::{Anchor, Mark, Paint, Place, Scene, Text};
use crate::typeface;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The whole document. The title and the caption are for those who hear a figure.
pub(crate) fn document(scene: &Scene, title: &str, caption: &str, theme: Theme) -> String {
    let (width, height) = (number(scene.width), number(scene.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\""
    );
    if theme == Theme::Css {
        // A page numbers its figures itself: an id in here could be there twice.
        let _ = write!(
            svg,
            " aria-label=\"{}\" font-variant-numeric=\"tabular-nums\">",
            escape(&format!("{title}. {caption}"))
        );
    } else {
        let _ = write!(svg, ">\n<title>{}</title>\n<desc>{}</desc>\n", escape(title), escape(caption));
        svg.push_str(&definitions(scene));
        let surface = Ink::Surface.value(theme);
        let _ = write!(svg, "<rect width=\"{width}\" height=\"{height}\" fill=\"{surface}\"/>");
    }
    for mark in &scene.marks {
        svg.push('\n');
        svg.push_str(&element(mark, theme));
    }
    svg.push_str("\n</svg>\n");
    svg
}

/// Every glyph that is used, once.
fn definitions(scene: &Scene) -> String {
    let mut used = BTreeSet::new();
    for mark in &scene.marks {
        if let Mark::Text(text) = mark {
            used.extend(typeface::glyphs(&text.content, text.bold).iter().map(|glyph| (text.bold, glyph.id)));
        }
    }
    let path = |&(bold, id): &(bool, u16)| {
        format!("<path id=\"{}\" d=\"{}\"/>\n", name(id, bold), typeface::outline(id, bold))
    };
    format!("<defs>\n{}</defs>\n", used.iter().map(path).collect::<String>())
}

fn name(id: u16, bold: bool) -> String {
    format!("{}{id}", if bold { 'b' } else { 'r' })
}

fn element(mark: &Mark, theme: Theme) -> String {
    match mark {
        Mark::Path { points, closed, paint } => {
            format!("<path d=\"{}\"{}/>", path(points, *closed), painted(paint, theme))
        }
        Mark::Cells { cells, paint } => {
            let cell = |&[x, y, width, height]: &[f64; 4]| {
                let [x, y, width, height, back] = [x, y, width, height, -width].map(number);
                format!("M{x} {y}h{width}v{height}h{back}Z")
            };
            format!(
                "<path d=\"{}\"{} shape-rendering=\"crispEdges\"/>",
                cells.iter().map(cell).collect::<String>(),
                painted(paint, theme)
            )
        }
        Mark::Circle { centre, radius, paint } => {
            let [x, y, radius] = [centre.0, centre.1, *radius].map(number);
            format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{}/>", painted(paint, theme))
        }
        Mark::Text(text) if theme == Theme::Css => letters(text),
        Mark::Text(text) => outlines(text, theme),
    }
}

fn path(points: &[Place], closed: bool) -> String {
    let mut path = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        // After the first pair of a moveto SVG reads lines.
        let _ = write!(path, "{}{} {}", if at == 0 { "M" } else { " " }, number(*x), number(*y));
    }
    if closed {
        path.push('Z');
    }
    path
}

fn painted(paint: &Paint, theme: Theme) -> String {
    let mut attributes = String::new();
    match paint.fill {
        None => attributes.push_str(" fill=\"none\""),
        Some((ink, opacity)) => {
            let _ = write!(attributes, " fill=\"{}\"{}", ink.value(theme), unless_whole(" fill-opacity", opacity));
        }
    }
    if let Some(stroke) = paint.stroke {
        let (colour, width) = (stroke.ink.value(theme), number(stroke.width));
        let _ = write!(attributes, " stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"");
        attributes.push_str(&unless_whole(" stroke-opacity", stroke.opacity));
        if let Some(dash) = stroke.dash {
            let _ = write!(attributes, " stroke-dasharray=\"{dash}\"");
        }
    }
    attributes
}

fn unless_whole(name: &str, value: f64) -> String {
    if value < 1.0 { format!("{name}=\"{}\"", precise(value, 3)) } else { String::new() }
}

fn letters(text: &Text) -> String {
    let [x, y, size] = [text.place.0, text.place.1, text.size].map(number);
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if text.bold { " font-weight=\"600\"" } else { "" };
    let (ink, content) = (text.ink.value(Theme::Css), escape(&text.content));
    format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{weight} fill=\"{ink}\">{content}</text>")
}

/// The letters' outlines, placed in the typeface's own units.
fn outlines(text: &Text, theme: Theme) -> String {
    let scale = precise(text.size / typeface::units_per_em(text.bold), 6);
    let (x, y, ink) = (number(text.start()), number(text.place.1), text.ink.value(theme));
    let mut group = format!("<g fill=\"{ink}\" transform=\"translate({x} {y}) scale({scale} -{scale})\">");
    let mut along = 0;
    for (letter, glyph) in text.content.chars().zip(typeface::glyphs(&text.content, text.bold)) {
        if letter != ' ' {
            let _ = write!(group, "<use href=\"#{}\" x=\"{along}\"/>", name(glyph.id, text.bold));
        }
        along += u32::from(glyph.advance);
    }
    group.push_str("</g>");
    group
}

/// At most two decimals, none that say nothing, and no minus before zero.
pub(crate) fn number(value: f64) -> String {
    precise(value, 2)
}

fn precise(value: f64, decimals: usize) -> String {
    debug_assert!(value.is_finite(), "a mark at {value}");
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Stroke;

    #[test]
    fn a_number_has_one_spelling() {
        for (value, expect) in [(1.0, "1"), (-0.001, "0"), (0.375, "0.38"), (1e-9, "0"), (100.0, "100"), (-2.5, "-2.5")]
        {
            assert_eq!(number(value), expect);
        }
    }

    #[test]
    fn a_page_gets_letters_and_variables_and_a_file_gets_neither() {
        let mut scene = Scene::new(100.0, 50.0);
        scene.line((0.0, 0.0), (10.0, 5.0), Stroke::new(Ink::Arm(1), 1.0));
        scene.text(Text::new(5.0, 20.0, "a < b").bold());
        let css = document(&scene, "t", "c", Theme::Css);
        assert!(css.contains("a &lt; b</text>") && css.contains("stroke=\"var(--arm-1)\""), "{css}");
        let file = document(&scene, "t", "c", Theme::Light);
        assert!(!file.contains("<text") && !file.contains("var(") && file.contains("<use href"), "{file}");
    }
}
