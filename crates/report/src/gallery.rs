//! A sheet of small maps: paths over landscapes, a card for each optimizer. Nothing is computed here but where things stand.

use crate::figure::Figure;
use crate::palette::Ink;
use crate::scene::{Paint, Place, SMALL, Scene, Stroke, Text};

/// A function of two numbers to draw paths on.
#[derive(Clone, Copy, Debug)]
pub struct Landscape {
    /// Its name.
    pub name: &'static str,
    /// The ends of both axes.
    pub x: (f64, f64),
    /// The ends of the axis upwards.
    pub y: (f64, f64),
    /// The height at a place.
    pub height: fn(f64, f64) -> f64,
    /// Where it is least.
    pub minima: &'static [(f64, f64)],
}

/// What one optimizer did, on each landscape.
#[derive(Clone, Debug)]
pub struct Card {
    /// The optimizer.
    pub name: String,
    /// A few words below the name.
    pub note: String,
    /// A path on each landscape, and a word below it.
    pub paths: Vec<(Vec<(f64, f64)>, String)>,
}

/// The side of a map, the room between maps and between cards, the height of a card's head and of its foot.
const SIDE: f64 = 104.0;
const GAP: f64 = 7.0;
const BETWEEN: f64 = 30.0;
const HEAD: f64 = 24.0;
const FOOT: f64 = 30.0;
const MARGIN: f64 = 28.0;
const TITLE: f64 = 74.0;

/// Squares along a side of a map, and steps of its shading.
const SQUARES: usize = 40;
const BANDS: usize = 9;

/// The sheet, with so many cards in a row.
pub fn gallery(title: &str, caption: &str, landscapes: &[Landscape], cards: &[Card], across: usize) -> Figure {
    let (card, row) = (landscapes.len() as f64 * (SIDE + GAP) - GAP, HEAD + SIDE + FOOT);
    let width = 2.0 * MARGIN + across as f64 * (card + BETWEEN) - BETWEEN;
    let rows = cards.len().div_ceil(across) as f64;
    let mut scene = Scene::new(width, TITLE + rows * row + MARGIN / 2.0);
    scene.rectangle((0.0, 0.0), (width, scene.height), Paint::fill(Ink::Surface));
    scene.text(Text { size: 20.0, ..Text::new(MARGIN, 36.0, title).bold() });
    scene.text(Text { size: 12.0, ..Text::new(MARGIN, 56.0, caption).ink(Ink::Muted) });
    let shades: Vec<Vec<Vec<[usize; 3]>>> = landscapes.iter().map(shade).collect();
    for (at, one) in cards.iter().enumerate() {
        let left = MARGIN + (at % across) as f64 * (card + BETWEEN);
        let top = TITLE + (at / across) as f64 * row;
        let name = Text { size: 13.0, ..Text::new(left, top + 14.0, one.name.as_str()).bold() };
        let after = name.after(8.0);
        scene.text(name);
        scene.text(Text { size: SMALL - 1.0, ..Text::new(after, top + 14.0, one.note.as_str()).ink(Ink::Muted) });
        for (column, ((landscape, shades), path)) in landscapes.iter().zip(&shades).zip(&one.paths).enumerate() {
            let map = Map { left: left + column as f64 * (SIDE + GAP), top: top + HEAD, landscape };
            map.draw(&mut scene, shades, path, at);
        }
    }
    Figure { name: "optimizers".to_owned(), title: title.to_owned(), caption: caption.to_owned(), scene }
}

/// For each band of height the runs of squares in it: row, first column, how many. Bands hold equal shares of the map.
fn shade(landscape: &Landscape) -> Vec<Vec<[usize; 3]>> {
    let at = |ends: (f64, f64), index: usize| ends.0 + (ends.1 - ends.0) * (index as f64 + 0.5) / SQUARES as f64;
    let height =
        |square: usize| (landscape.height)(at(landscape.x, square % SQUARES), at(landscape.y, square / SQUARES));
    let heights: Vec<f64> = (0..SQUARES * SQUARES).map(height).collect();
    let mut sorted = heights.clone();
    sorted.sort_by(f64::total_cmp);
    let edges: Vec<f64> = (1..BANDS).map(|band| sorted[band * sorted.len() / BANDS]).collect();
    let mut bands = vec![Vec::new(); BANDS];
    for (row, line) in heights.chunks_exact(SQUARES).enumerate() {
        let band = |height: &f64| edges.iter().filter(|edge| *height >= **edge).count();
        let mut first = 0;
        for run in line.chunk_by(|a, b| band(a) == band(b)) {
            bands[band(&run[0])].push([row, first, run.len()]);
            first += run.len();
        }
    }
    bands
}

/// A landscape's place on the sheet.
struct Map<'a> {
    left: f64,
    top: f64,
    landscape: &'a Landscape,
}

impl Map<'_> {
    fn place(&self, (x, y): (f64, f64)) -> Place {
        let share = |(low, high): (f64, f64), value: f64| (value - low) / (high - low);
        (self.left + SIDE * share(self.landscape.x, x), self.top + SIDE * (1.0 - share(self.landscape.y, y)))
    }

    fn draw(
        &self,
        scene: &mut Scene,
        shades: &[Vec<[usize; 3]>],
        (path, word): &(Vec<(f64, f64)>, String),
        arm: usize,
    ) {
        let square = SIDE / SQUARES as f64;
        for (band, runs) in shades.iter().enumerate() {
            let cell = |&[row, first, len]: &[usize; 3]| {
                let (x, y) = (self.left + first as f64 * square, self.top + SIDE - (row + 1) as f64 * square);
                [x, y, len as f64 * square, square]
            };
            let opacity = 0.34 * (1.0 - band as f64 / (BANDS - 1) as f64) + 0.02;
            scene.cells(runs.iter().map(cell).collect(), Paint::wash(Ink::Ramp, opacity));
        }
        for &minimum in self.landscape.minima {
            let (x, y) = self.place(minimum);
            scene.line((x - 2.5, y), (x + 2.5, y), Stroke::new(Ink::Surface, 1.4));
            scene.line((x, y - 2.5), (x, y + 2.5), Stroke::new(Ink::Surface, 1.4));
        }
        let ink = Ink::Arm(arm);
        for part in self.inside(path) {
            scene.polyline(part.clone(), Stroke::new(Ink::Surface, 2.6).opacity(0.7));
            scene.polyline(part, Stroke::new(ink, 1.3));
        }
        if let (Some(&first), Some(&last)) = (path.first(), path.last()) {
            scene.circle(self.place(first), 2.0, Paint::fill(Ink::Surface).edged(Stroke::new(ink, 1.1)));
            if self.holds(last) {
                scene.circle(self.place(last), 2.3, Paint::fill(ink));
            }
        }
        let foot = Text { size: SMALL - 1.5, ..Text::new(self.left, self.top + SIDE + 11.0, word.as_str()) };
        scene.text(foot.ink(Ink::Muted));
    }

    fn holds(&self, (x, y): (f64, f64)) -> bool {
        let ((left, right), (low, high)) = (self.landscape.x, self.landscape.y);
        (left..=right).contains(&x) && (low..=high).contains(&y)
    }

    /// The parts of a path that lie on the map, on the canvas.
    fn inside(&self, path: &[(f64, f64)]) -> Vec<Vec<Place>> {
        let parts = path.split(|&point| !self.holds(point));
        parts.filter(|part| part.len() > 1).map(|part| part.iter().map(|&point| self.place(point)).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bowl() -> Landscape {
        Landscape { name: "bowl", x: (-1.0, 1.0), y: (-1.0, 1.0), height: |x, y| x * x + y * y, minima: &[(0.0, 0.0)] }
    }

    #[test]
    fn every_square_has_one_shade() {
        let bands = shade(&bowl());
        let squares: usize = bands.iter().flatten().map(|[_, _, len]| len).sum();
        assert_eq!((bands.len(), squares), (BANDS, SQUARES * SQUARES));
    }

    #[test]
    fn a_path_that_leaves_its_map_is_cut() {
        let path = vec![(-0.5, 0.0), (0.0, 0.0), (7.0, 0.0), (0.5, 0.5), (0.6, 0.5), (9.0, 9.0)];
        let map = Map { left: 0.0, top: 0.0, landscape: &bowl() };
        assert_eq!(map.inside(&path).iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        let card = Card { name: "sgd".into(), note: String::new(), paths: vec![(path, "lr 1".into())] };
        let figure = gallery("title", "caption", &[bowl()], &[card], 1);
        assert!(figure.png(1.0).unwrap().starts_with(b"\x89PNG"));
    }
}
