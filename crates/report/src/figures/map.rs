//! All runs in the plane, so that near runs have near points.

use crate::Material;
use crate::axis::{Scale, range};
use crate::figure::Figure;
use crate::palette::Ink;
use crate::panels::{LINE, Panel, widest};
use crate::scene::{Paint, Scene, Shape, Stroke, Text};
use crate::words;

const WIDEST: f64 = 560.0;
const HIGHEST: f64 = 400.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 16.0;

pub(crate) fn figure(material: &Material<'_>) -> Option<Figure> {
    let map = material.findings.map.as_ref().filter(|map| map.points.len() > 1)?;
    let (optimizers, sizes) = (material.optimizers(), material.batch_sizes());
    let [across, up] = [0, 1].map(|axis| extent(map.points.iter().map(|point| point[axis])));
    // One unit is as long across as up: distances can be read in every direction.
    let lengths = [across.1 - across.0, up.1 - up.0];
    let unit = (WIDEST / lengths[0]).min(HIGHEST / lengths[1]);
    let panel = Panel { x: LEFT, y: TOP, width: unit * lengths[0], height: (unit * lengths[1]).max(1.0) };
    let [x, y] = [panel.across(Scale::linear(across.0, across.1)), panel.up(Scale::linear(up.0, up.1))];
    let key_height = LINE * 1.3 * (optimizers.len() + sizes.len() + 3) as f64;
    let key_width = 20.0 + widest(optimizers.iter().copied().chain(["batch size 0000"]));
    let mut scene = Scene::new(panel.right() + 34.0 + key_width + 12.0, panel.bottom().max(TOP + key_height) + 26.0);
    for tick in x.ticks(6) {
        scene.line((x.at(tick.value), panel.y), (x.at(tick.value), panel.bottom()), Stroke::new(Ink::Grid, 0.8));
    }
    panel.levels(&mut scene, &y, true);
    panel.base(&mut scene, &x, true);
    for (run, point) in map.runs.iter().zip(&map.points) {
        let arm = optimizers.iter().position(|name| *name == run.optimizer).unwrap_or_default();
        let size = sizes.iter().position(|size| *size == run.batch_size).unwrap_or_default();
        let paint = Paint::wash(Ink::Arm(arm), 0.75).edged(Stroke::new(Ink::Surface, 0.8));
        scene.point(shape(size), (x.at(point[0]), y.at(point[1])), 5.0, paint);
    }
    draw_key(&mut scene, &optimizers, &sizes, panel.right() + 34.0);
    Some(Figure {
        name: "map".to_owned(),
        title: "The runs in the plane".to_owned(),
        caption: format!(
            "Runs that are near each other behave alike ({} an arm; classical scaling, squared distances in the plane stand for the distances of \
             the matrix). The plane shows {:.0} % of the distances.",
            words::runs(material),
            100.0 * map.explained
        ),
        scene,
    })
}

fn shape(size: usize) -> Shape {
    Shape::ALL[size % Shape::ALL.len()]
}

/// The ends of an axis with room; never a stretch of nothing.
fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = range(values);
    let pad = (0.07 * (high - low)).max(1e-3 * high.abs().max(low.abs())).max(1e-6);
    (low - pad, high + pad)
}

fn draw_key(scene: &mut Scene, optimizers: &[&str], sizes: &[i32], x: f64) {
    let mut y = TOP + 10.0;
    let entry = |scene: &mut Scene, y: &mut f64, shape: Shape, inks: [Ink; 2], name: &str| {
        scene.point(shape, (x + 6.0, *y), 5.0, Paint::fill(inks[0]));
        scene.text(Text::new(x + 20.0, *y, name).ink(inks[1]).centred());
        *y += LINE * 1.3;
    };
    for (arm, name) in optimizers.iter().enumerate() {
        entry(scene, &mut y, Shape::Circle, [Ink::Arm(arm); 2], name);
    }
    y += 0.7 * LINE;
    if let [_, _, ..] = sizes {
        for (at, size) in sizes.iter().enumerate() {
            entry(scene, &mut y, shape(at), [Ink::Muted, Ink::Plain], &format!("batch size {size}"));
        }
    }
}
