//! The typeface of figures in files: Noto Sans, from a crate that carries it, so that a machine without fonts draws the same.
//!
//! It knows widths and outlines of single characters. It does no kerning, no ligatures, no writing from right to left: labels are names
//! and numbers.

use std::sync::LazyLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

static REGULAR: LazyLock<Face<'static>> = LazyLock::new(|| face(notosans::REGULAR_TTF));
static BOLD: LazyLock<Face<'static>> = LazyLock::new(|| face(notosans::BOLD_TTF));

fn face(bytes: &'static [u8]) -> Face<'static> {
    Face::parse(bytes, 0).expect("the embedded typeface is a typeface")
}

fn of(bold: bool) -> &'static Face<'static> {
    if bold { &BOLD } else { &REGULAR }
}

/// The height of a capital letter over the size of the text.
pub(crate) const CAPITAL: f64 = 0.714;

/// How far letters such as `g` reach below the line, over the size of the text.
pub(crate) const DESCENT: f64 = 0.24;

/// One character: its place in the typeface, and how far it moves the next one, in units of the typeface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glyph {
    pub(crate) id: u16,
    pub(crate) advance: u16,
}

/// The glyphs of a text; a character that the typeface lacks becomes its box.
pub(crate) fn glyphs(text: &str, bold: bool) -> Vec<Glyph> {
    let face = of(bold);
    let glyph = |letter: char| {
        let id = face.glyph_index(letter).unwrap_or(GlyphId(0));
        Glyph { id: id.0, advance: face.glyph_hor_advance(id).unwrap_or_default() }
    };
    text.chars().map(glyph).collect()
}

/// The width of a text in the unit of its size.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let units: u32 = glyphs(text, bold).iter().map(|glyph| u32::from(glyph.advance)).sum();
    f64::from(units) * size / units_per_em(bold)
}

/// Units of the typeface in the size of a text.
pub(crate) fn units_per_em(bold: bool) -> f64 {
    f64::from(of(bold).units_per_em())
}

/// The outline of a glyph as an SVG path in the typeface's units, y upwards. Empty for a space.
pub(crate) fn outline(id: u16, bold: bool) -> String {
    let mut path = Path(String::new());
    of(bold).outline_glyph(GlyphId(id), &mut path);
    path.0
}

/// Outlines of the embedded typeface have whole coordinates; halves appear between quadratic control points.
struct Path(String);

impl Path {
    fn command(&mut self, letter: char, coordinates: &[f32]) {
        self.0.push(letter);
        for (at, coordinate) in coordinates.iter().enumerate() {
            if at > 0 {
                self.0.push(' ');
            }
            self.0.push_str(&coordinate.to_string());
        }
    }
}

impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        self.command('M', &[x, y]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.command('L', &[x, y]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.command('Q', &[x1, y1, x, y]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.command('C', &[x1, y1, x2, y2, x, y]);
    }

    fn close(&mut self) {
        self.0.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_add_up_and_digits_are_alike() {
        assert_eq!(width("1.5", 10.0, false), width("8.0", 10.0, false));
        assert!(width("Wide", 12.0, true) > width("Wide", 12.0, false));
        assert_eq!(width("", 12.0, false), 0.0);
    }

    #[test]
    fn every_character_that_figures_use_is_there() {
        let letters: String = (' '..='~').chain("−×·–≤≥δ".chars()).collect();
        for bold in [false, true] {
            assert!(glyphs(&letters, bold).iter().all(|glyph| glyph.id != 0));
        }
        assert!(outline(glyphs("A", false)[0].id, false).starts_with('M'));
        assert!(outline(glyphs(" ", false)[0].id, false).is_empty());
    }
}
