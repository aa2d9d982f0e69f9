//! The distances between all runs as a matrix: runs of one kind are near each other, or they are not.

use crate::Material;
use crate::axis::{Scale, range, three_digits};
use crate::figure::Figure;
use crate::palette::Ink;
use crate::panels::{LINE, widest};
use crate::scene::{Paint, SMALL, Scene, Stroke, Text};
use crate::typeface;
use crate::words;
use seismograd_analysis::{RunLabel, RunMap};

/// Shades between the nearest and the farthest.
const SHADES: usize = 48;
const BETWEEN_ARMS: f64 = 2.0;
const BETWEEN_SIZES: f64 = 7.0;

/// Runs of one optimizer at one batch size: where they lie along an edge.
struct Stretch<'a> {
    run: &'a RunLabel,
    from: f64,
    to: f64,
}

pub(crate) fn figure(material: &Material<'_>) -> Option<Figure> {
    let map = material.findings.map.as_ref().filter(|map| map.runs.len() > 1)?;
    let n = map.runs.len();
    // Whole pixels, so that no seam shows between cells.
    let cell = (600.0 / n as f64).floor().clamp(2.0, 18.0);
    let places = places(&map.runs, cell);
    let side = places[n - 1] + cell;
    let optimizers = material.optimizers();
    let left = (52.0 + widest(optimizers.iter().copied()) + 12.0).ceil();
    let top = 24.0;
    let right = 110.0;
    let mut scene = Scene::new(left + side + right, top + side.max(180.0) + 8.0);
    let (_, farthest) = range((0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| map.distances.get(i, j)));
    shade(&mut scene, map, &places, (left, top), cell, farthest);
    edges(&mut scene, &optimizers, &stretches(&map.runs, &places, cell), (left, top));
    bar(&mut scene, (left + side + 26.0, top), farthest);
    Some(Figure {
        name: "distances".to_owned(),
        title: "How far every run is from every other".to_owned(),
        caption: format!(
            "By how many (normal-scaled) median absolute deviations the features of two runs differ on average ({}); rows and columns by batch \
             size, optimizer and seed. A square on the diagonal is one optimizer at one batch size.",
            words::runs(material) + " an arm"
        ),
        scene,
    })
}

/// Where each run's cell begins along an edge.
fn places(runs: &[RunLabel], cell: f64) -> Vec<f64> {
    let mut at = 0.0;
    let mut places = vec![0.0];
    for pair in runs.windows(2) {
        at += cell + gap(&pair[0], &pair[1]);
        places.push(at);
    }
    places
}

fn gap(a: &RunLabel, b: &RunLabel) -> f64 {
    match (a.batch_size == b.batch_size, a.optimizer == b.optimizer) {
        (true, true) => 0.0,
        (true, false) => BETWEEN_ARMS,
        (false, _) => BETWEEN_SIZES,
    }
}

fn stretches<'a>(runs: &'a [RunLabel], places: &[f64], cell: f64) -> Vec<Stretch<'a>> {
    let mut stretches: Vec<Stretch<'a>> = Vec::new();
    for (run, &from) in runs.iter().zip(places) {
        match stretches.last_mut() {
            Some(last) if gap(last.run, run) == 0.0 => last.to = from + cell,
            _ => stretches.push(Stretch { run, from, to: from + cell }),
        }
    }
    stretches
}

/// All cells of a shade are one mark, and neighbours in a row are one cell.
fn shade(scene: &mut Scene, map: &RunMap, places: &[f64], (left, top): (f64, f64), cell: f64, farthest: f64) {
    let mut shades: Vec<Vec<[f64; 4]>> = vec![Vec::new(); SHADES + 1];
    for (row, y) in places.iter().enumerate() {
        for (column, x) in places.iter().enumerate() {
            let along = if farthest > 0.0 { map.distances.get(row, column) / farthest } else { 0.0 };
            let cells = &mut shades[(along * SHADES as f64).round() as usize];
            match cells.last_mut() {
                Some(last) if last[1] == top + y && (last[0] + last[2] - left - x).abs() < 1e-9 => last[2] += cell,
                _ => cells.push([left + x, top + y, cell, cell]),
            }
        }
    }
    for (shade, cells) in shades.into_iter().enumerate() {
        scene.cells(cells, Paint::wash(Ink::Ramp, opacity(shade as f64 / SHADES as f64)));
    }
}

/// The nearest is not the surface itself, so that the matrix has an edge.
fn opacity(along: f64) -> f64 {
    0.05 + 0.95 * along
}

fn edges(scene: &mut Scene, optimizers: &[&str], stretches: &[Stretch<'_>], (left, top): (f64, f64)) {
    for Stretch { run, from, to } in stretches {
        let arm = optimizers.iter().position(|name| *name == run.optimizer).unwrap_or_default();
        let stroke = Stroke::new(Ink::Arm(arm), 2.5);
        scene.line((left - 5.0, top + from), (left - 5.0, top + to), stroke);
        scene.line((left + from, top - 5.0), (left + to, top - 5.0), stroke);
        if to - from >= LINE - 3.0 {
            let name = Text::new(left - 11.0, top + 0.5 * (from + to), &*run.optimizer);
            scene.text(name.ink(Ink::Arm(arm)).end().centred());
        }
    }
    let mut free = f64::NEG_INFINITY;
    for of_size in stretches.chunk_by(|a, b| a.run.batch_size == b.run.batch_size) {
        let (from, to) = (of_size[0].from, of_size[of_size.len() - 1].to);
        let size = of_size[0].run.batch_size.to_string();
        scene.text(Text::new(8.0, top + 0.5 * (from + to), size.clone()).bold().centred());
        let wordings = vec![format!("batch size {size}"), size];
        let heading = Text::new(left + from, top - 11.0, crate::panels::fitting(wordings, 0.9 * (to - from))).bold();
        if heading.start() > free {
            free = heading.bounds()[2] + 3.0;
            scene.text(heading);
        }
    }
}

/// What the shades mean.
fn bar(scene: &mut Scene, (x, top): (f64, f64), farthest: f64) {
    let height = 3.0 * SHADES as f64;
    let step = height / SHADES as f64;
    for shade in 0..SHADES {
        let along = (shade as f64 + 0.5) / SHADES as f64;
        let y = top + height - (shade + 1) as f64 * step;
        scene.rectangle((x, y), (11.0, step), Paint::wash(Ink::Ramp, opacity(along)));
    }
    let scale = Scale::linear(0.0, farthest).onto(top + height, top);
    let farthest = three_digits(farthest);
    for (y, label) in [(top, farthest.as_str()), (top + height, "0")] {
        scene.text(Text::new(x + 17.0, y, label).small().centred());
    }
    let room = typeface::width(&farthest, SMALL, false);
    for tick in scale.ticks(3) {
        let y = scale.at(tick.value);
        if y > top + LINE && y < top + height - LINE && room > 0.0 {
            scene.text(Text::new(x + 17.0, y, tick.label).small().centred());
        }
    }
    scene.text(Text::new(x, top + height + 22.0, "distance").small());
}
