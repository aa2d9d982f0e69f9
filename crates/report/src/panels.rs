//! Small multiples: panels in rows and columns, their axes, and the labels at their edges.
//!
//! Axes are quiet: hairlines for the eye to follow, numbers at the outer edges alone, no frame.

use crate::axis::{Scale, spread, trace};
use crate::palette::{Ink, dash};
use crate::scene::{Paint, SMALL, Scene, Stroke, TEXT, Text, WIDER};
use crate::series::Band;
use crate::typeface;

/// The widest figure.
pub(crate) const WIDTH: f64 = 960.0;

/// The least distance between the base lines of two small labels.
pub(crate) const LINE: f64 = 14.0;

/// How far a number may reach beyond its panel's base line.
const REACH: f64 = 9.5;

/// The space between two panels side by side: room for the numbers at both their ends.
pub(crate) const ACROSS: f64 = 20.0;

/// Panels of one size, evenly spaced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) across: f64,
    pub(crate) down: f64,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Grid {
    /// Panels that share what is left of the widest figure between two margins, none wider than `widest`.
    pub(crate) fn between(left: f64, right: f64, columns: usize, across: f64, widest: f64) -> Grid {
        let gaps = across * (columns.max(1) - 1) as f64;
        let width = ((WIDTH - left - right - gaps) / columns.max(1) as f64).min(widest);
        Grid { left, top: 0.0, width, height: 0.0, across, down: 0.0, columns, rows: 1 }
    }

    pub(crate) fn stacked(self, rows: usize, top: f64, height: f64, down: f64) -> Grid {
        Grid { rows, top, height, down, ..self }
    }

    pub(crate) fn panel(&self, row: usize, column: usize) -> Panel {
        let x = self.left + column as f64 * (self.width + self.across);
        let y = self.top + row as f64 * (self.height + self.down);
        Panel { x, y, width: self.width, height: self.height }
    }

    pub(crate) fn right(&self) -> f64 {
        self.panel(0, self.columns.max(1) - 1).right()
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.panel(self.rows.max(1) - 1, 0).bottom()
    }
}

/// One panel's place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Panel {
    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub(crate) fn middle(&self) -> f64 {
        self.x + 0.5 * self.width
    }

    /// A scale across the panel.
    pub(crate) fn across(&self, scale: Scale) -> Scale {
        scale.onto(self.x, self.right())
    }

    /// A scale up the panel.
    pub(crate) fn up(&self, scale: Scale) -> Scale {
        scale.onto(self.bottom(), self.y)
    }

    /// Hairlines at the round numbers of a scale up the panel, with the numbers at its left if it is the outermost.
    pub(crate) fn levels(&self, scene: &mut Scene, scale: &Scale, labelled: bool) {
        for tick in scale.ticks((self.height / 28.0).clamp(2.0, 6.0) as usize) {
            let y = scale.at(tick.value);
            scene.line((self.x, y), (self.right(), y), Stroke::new(Ink::Grid, 0.8));
            if labelled {
                scene.text(Text::new(self.x - 6.0, y, tick.label).small().end().centred());
            }
        }
    }

    /// The base line with ticks at the round numbers of a scale across the panel, with numbers if it is the lowest.
    pub(crate) fn base(&self, scene: &mut Scene, scale: &Scale, labelled: bool) {
        let axis = Stroke::new(Ink::Muted, 0.8);
        let y = self.bottom();
        scene.line((self.x, y), (self.right(), y), axis);
        let ticks = scale.ticks((self.width / 48.0).clamp(2.0, 6.0) as usize);
        let mut free = f64::NEG_INFINITY;
        for tick in ticks {
            let x = scale.at(tick.value);
            scene.line((x, y), (x, y + 3.0), axis);
            let label = Text::new(x, y + 14.5, tick.label).small().middle();
            let [start, _, end, _] = label.bounds();
            // What reaches further out would touch the next panel's.
            let inside = start > self.x - REACH && end < self.right() + REACH;
            if labelled && inside && start > free {
                free = end + 4.0;
                scene.text(label);
            }
        }
    }

    /// A line at a number that means something, across the panel.
    pub(crate) fn mark_level(&self, scene: &mut Scene, scale: &Scale, value: f64, dash: Option<&'static str>) {
        let y = scale.within(value);
        scene.line((self.x, y), (self.right(), y), Stroke::new(Ink::Muted, 0.8).dashed(dash));
    }

    /// The batch size and a note below it, over the panel.
    pub(crate) fn heading(&self, scene: &mut Scene, heading: &str, notes: &[String]) {
        let lines = notes.len() as f64;
        let y = self.y - 30.0 - LINE * lines;
        scene.text(Text::new(self.x, y, heading).bold());
        for (at, note) in notes.iter().enumerate() {
            scene.text(Text::new(self.x, y + LINE * (at + 1) as f64, note.clone()).small());
        }
    }
}

/// The range and the median over an optimizer's runs.
pub(crate) fn draw_band(scene: &mut Scene, band: &Band, arm: usize, x: &Scale, y: &Scale) {
    let side = |values: &[f64]| trace(band.x.iter().copied().zip(values.iter().copied()), x, y);
    let (low, median, high) = (side(&band.low), side(&band.median), side(&band.high));
    let stroke = Stroke::new(Ink::Arm(arm), 1.6);
    if let [only] = median[..] {
        // One place has no line: its range is a whisker, its median a point.
        scene.line(low[0], high[0], stroke.opacity(0.6));
        scene.circle(only, 3.0, Paint::fill(Ink::Arm(arm)));
        return;
    }
    scene.area(high.into_iter().chain(low.into_iter().rev()).collect(), Paint::wash(Ink::Arm(arm), 0.18));
    scene.polyline(median, stroke.dashed(dash(arm)));
}

/// Names at the right of a panel, each beside its line's end, in the colour of its optimizer.
pub(crate) fn end_labels(scene: &mut Scene, panel: &Panel, ends: &[(usize, &str, f64)]) {
    let wanted: Vec<f64> = ends.iter().map(|end| end.2).collect();
    let places = spread(&wanted, LINE, panel.y + 2.0, panel.bottom() - 2.0);
    for ((arm, name, _), y) in ends.iter().zip(places) {
        scene.text(Text::new(panel.right() + 6.0, y, *name).ink(Ink::Arm(*arm)).centred());
    }
}

/// The names of the optimizers in a row, each in its colour behind a piece of its line. Returns where the row ends.
pub(crate) fn key(scene: &mut Scene, optimizers: &[&str], x: f64, y: f64) -> f64 {
    let mut at = x;
    for (arm, name) in optimizers.iter().enumerate() {
        let middle = y - 0.36 * TEXT;
        scene.line((at, middle), (at + 16.0, middle), Stroke::new(Ink::Arm(arm), 2.2).dashed(dash(arm)));
        let text = Text::new(at + 21.0, y, *name).ink(Ink::Arm(arm));
        at = text.after(16.0);
        scene.text(text);
    }
    at
}

/// The width that the longest of some names takes at an edge.
pub(crate) fn widest<'a>(names: impl IntoIterator<Item = &'a str>) -> f64 {
    WIDER * names.into_iter().map(|name| typeface::width(name, TEXT, false)).fold(0.0, f64::max)
}

/// The first of some wordings, longest first, that is no wider than this as a note; else the last.
pub(crate) fn fitting(wordings: Vec<String>, width: f64) -> String {
    let fits = |wording: &&String| typeface::width(wording, SMALL, false) <= width;
    wordings.iter().find(fits).or(wordings.last()).cloned().unwrap_or_default()
}
