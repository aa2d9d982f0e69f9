//! What a figure is made of: a few kinds of marks on a canvas, in the order in which they are painted.
//!
//! Coordinates are in the canvas's own unit (a CSS pixel at scale 1), x to the right, y downwards. A scene knows no data and no file
//! format; scales are `axis`'s, text files are `svg`'s.

use crate::palette::Ink;
use crate::typeface::{self, CAPITAL, DESCENT};

/// A place on the canvas.
pub(crate) type Place = (f64, f64);

/// A canvas and its marks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) marks: Vec<Mark>,
}

/// One thing that is painted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mark {
    /// A line through points, or an area within them.
    Path {
        /// The points; never fewer than two.
        points: Vec<Place>,
        /// Whether the last is joined to the first.
        closed: bool,
        /// How it is painted.
        paint: Paint,
    },
    /// Rectangles of one look: left, top, width, height.
    Cells {
        /// The rectangles.
        cells: Vec<[f64; 4]>,
        /// How they are painted.
        paint: Paint,
    },
    /// A circle.
    Circle {
        /// Its centre.
        centre: Place,
        /// Its radius.
        radius: f64,
        /// How it is painted.
        paint: Paint,
    },
    /// A line of text.
    Text(Text),
}

/// How a mark is painted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Paint {
    pub(crate) stroke: Option<Stroke>,
    pub(crate) fill: Option<(Ink, f64)>,
}

/// A line's look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) ink: Ink,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    pub(crate) dash: Option<&'static str>,
}

impl Stroke {
    pub(crate) fn new(ink: Ink, width: f64) -> Stroke {
        Stroke { ink, width, opacity: 1.0, dash: None }
    }

    pub(crate) fn dashed(self, dash: Option<&'static str>) -> Stroke {
        Stroke { dash, ..self }
    }

    pub(crate) fn opacity(self, opacity: f64) -> Stroke {
        Stroke { opacity, ..self }
    }
}

impl From<Stroke> for Paint {
    fn from(stroke: Stroke) -> Paint {
        Paint { stroke: Some(stroke), fill: None }
    }
}

impl Paint {
    pub(crate) fn fill(ink: Ink) -> Paint {
        Paint::wash(ink, 1.0)
    }

    pub(crate) fn wash(ink: Ink, opacity: f64) -> Paint {
        Paint { stroke: None, fill: Some((ink, opacity)) }
    }

    pub(crate) fn edged(self, stroke: Stroke) -> Paint {
        Paint { stroke: Some(stroke), ..self }
    }
}

/// Which part of a text its place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text; its place is on the base line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) place: Place,
    pub(crate) content: String,
    pub(crate) size: f64,
    pub(crate) ink: Ink,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
}

/// The size of most text.
pub(crate) const TEXT: f64 = 11.5;
/// How much wider than the embedded typeface a page's own may be.
pub(crate) const WIDER: f64 = 1.13;
/// The size of ticks and notes.
pub(crate) const SMALL: f64 = 10.5;

impl Text {
    pub(crate) fn new(x: f64, y: f64, content: impl Into<String>) -> Text {
        let (ink, anchor) = (Ink::Plain, Anchor::Start);
        Text { place: (x, y), content: content.into(), size: TEXT, ink, anchor, bold: false }
    }

    pub(crate) fn small(self) -> Text {
        Text { size: SMALL, ink: Ink::Muted, ..self }
    }

    pub(crate) fn ink(self, ink: Ink) -> Text {
        Text { ink, ..self }
    }

    pub(crate) fn bold(self) -> Text {
        Text { bold: true, ..self }
    }

    pub(crate) fn middle(self) -> Text {
        Text { anchor: Anchor::Middle, ..self }
    }

    pub(crate) fn end(self) -> Text {
        Text { anchor: Anchor::End, ..self }
    }

    /// Puts the middle of its capitals, not its base line, at its place.
    pub(crate) fn centred(self) -> Text {
        let (x, y) = self.place;
        Text { place: (x, y + 0.5 * CAPITAL * self.size), ..self }
    }

    pub(crate) fn width(&self) -> f64 {
        typeface::width(&self.content, self.size, self.bold)
    }

    /// Where the text begins.
    pub(crate) fn start(&self) -> f64 {
        self.place.0
            - match self.anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => 0.5 * self.width(),
                Anchor::End => self.width(),
            }
    }

    /// Where another text may begin to the right of this one. A page's own typeface may be wider than the one that is measured by.
    pub(crate) fn after(&self, gap: f64) -> f64 {
        self.start() + WIDER * self.width() + gap
    }

    /// Left, top, right, bottom of what the text may cover.
    pub(crate) fn bounds(&self) -> [f64; 4] {
        let (start, line) = (self.start(), self.place.1);
        [start, line - CAPITAL * self.size, start + self.width(), line + DESCENT * self.size]
    }
}

/// The outline of a point, so that a group is known without its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Wedge,
    Pentagon,
    Bar,
    Plank,
}

impl Shape {
    pub(crate) const ALL: [Shape; 8] = [
        Shape::Circle,
        Shape::Square,
        Shape::Triangle,
        Shape::Diamond,
        Shape::Wedge,
        Shape::Pentagon,
        Shape::Bar,
        Shape::Plank,
    ];

    /// Its corners about the origin, of about the area of a circle of radius 1; none for the circle.
    fn corners(self) -> &'static [Place] {
        match self {
            Shape::Circle => &[],
            Shape::Square => &[(-0.89, -0.89), (0.89, -0.89), (0.89, 0.89), (-0.89, 0.89)],
            Shape::Triangle => &[(0.0, -1.5), (1.25, 0.8), (-1.25, 0.8)],
            Shape::Diamond => &[(0.0, -1.35), (1.2, 0.0), (0.0, 1.35), (-1.2, 0.0)],
            Shape::Wedge => &[(0.0, 1.5), (1.25, -0.8), (-1.25, -0.8)],
            Shape::Pentagon => &[(0.0, -1.2), (1.14, -0.37), (0.71, 0.97), (-0.71, 0.97), (-1.14, -0.37)],
            Shape::Bar => &[(-0.5, -1.5), (0.5, -1.5), (0.5, 1.5), (-0.5, 1.5)],
            Shape::Plank => &[(-1.5, -0.5), (1.5, -0.5), (1.5, 0.5), (-1.5, 0.5)],
        }
    }
}

impl Scene {
    pub(crate) fn new(width: f64, height: f64) -> Scene {
        Scene { width, height, marks: Vec::new() }
    }

    pub(crate) fn line(&mut self, from: Place, to: Place, stroke: Stroke) {
        self.polyline(vec![from, to], stroke);
    }

    /// A line through points; nothing for fewer than two.
    pub(crate) fn polyline(&mut self, points: Vec<Place>, stroke: Stroke) {
        if points.len() > 1 {
            self.marks.push(Mark::Path { points, closed: false, paint: stroke.into() });
        }
    }

    /// The area within points; nothing for fewer than three.
    pub(crate) fn area(&mut self, points: Vec<Place>, paint: Paint) {
        if points.len() > 2 {
            self.marks.push(Mark::Path { points, closed: true, paint });
        }
    }

    pub(crate) fn rectangle(&mut self, (x, y): Place, (width, height): (f64, f64), paint: Paint) {
        self.cells(vec![[x, y, width, height]], paint);
    }

    /// Rectangles of one look; nothing for none.
    pub(crate) fn cells(&mut self, cells: Vec<[f64; 4]>, paint: Paint) {
        if !cells.is_empty() {
            self.marks.push(Mark::Cells { cells, paint });
        }
    }

    pub(crate) fn circle(&mut self, centre: Place, radius: f64, paint: Paint) {
        self.marks.push(Mark::Circle { centre, radius, paint });
    }

    pub(crate) fn point(&mut self, shape: Shape, (x, y): Place, radius: f64, paint: Paint) {
        match shape.corners() {
            [] => self.circle((x, y), radius, paint),
            corners => self.area(corners.iter().map(|(dx, dy)| (x + radius * dx, y + radius * dy)).collect(), paint),
        }
    }

    pub(crate) fn text(&mut self, text: Text) {
        if !text.content.is_empty() {
            self.marks.push(Mark::Text(text));
        }
    }
}
