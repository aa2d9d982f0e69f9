//! How the elements of a signal are spread, early and late in training: the recorded quantiles as box-like glyphs.

use crate::Material;
use crate::axis::Scale;
use crate::figure::Figure;
use crate::palette::Ink;
use crate::panels::{Grid, Panel, WIDTH, key};
use crate::scene::{Paint, Scene, Stroke, Text};
use crate::words;
use seismograd_analysis::Run;
use seismograd_trace::{Signal, Statistic};

/// The quantiles 5, 25, 50, 75 and 95 %.
type Quantiles = [f64; 5];

const QUANTILES: [Statistic; 5] = [Statistic::Q05, Statistic::Q25, Statistic::Q50, Statistic::Q75, Statistic::Q95];

/// One glyph: whose it is, whether it is of the late steps.
struct Glyph {
    arm: usize,
    late: bool,
    quantiles: Quantiles,
}

pub(crate) fn figure(material: &Material<'_>) -> Option<Figure> {
    let (optimizers, sizes) = (material.optimizers(), material.batch_sizes());
    let signals = &material.findings.plan.primary;
    let columns = |signal: &Signal| sizes.iter().map(|&size| glyphs(material, signal, size)).collect();
    let rows: Vec<(&Signal, Vec<Vec<Glyph>>)> = signals.iter().map(|signal| (signal, columns(signal))).collect();
    let rows: Vec<_> =
        rows.into_iter().filter(|(_, columns)| columns.iter().any(|glyphs| !glyphs.is_empty())).collect();
    if rows.is_empty() {
        return None;
    }
    let grid = Grid::between(52.0, 14.0, sizes.len(), 14.0, 300.0).stacked(rows.len(), 74.0, 112.0, 32.0);
    let mut scene = Scene::new((grid.right() + 14.0).min(WIDTH), grid.bottom() + 24.0);
    key(&mut scene, &optimizers, grid.left, 14.0);
    for (column, size) in sizes.iter().enumerate() {
        grid.panel(0, column).heading(&mut scene, &format!("batch size {size}"), &[]);
    }
    for (at, (signal, columns)) in rows.iter().enumerate() {
        let first = grid.panel(at, 0);
        scene.text(Text::new(first.x, first.y - 9.0, words::signal(signal)));
        let values = columns.iter().flatten().flat_map(|glyph| glyph.quantiles);
        let scale = Scale::with_room(values);
        for (column, glyphs) in columns.iter().enumerate() {
            let panel = grid.panel(at, column);
            panel.levels(&mut scene, &panel.up(scale), column == 0);
            draw(&mut scene, &panel, &panel.up(scale), glyphs, optimizers.len());
        }
    }
    for column in 0..sizes.len() {
        labels(&mut scene, &grid.panel(rows.len() - 1, column));
    }
    Some(Figure {
        name: "distributions".to_owned(),
        title: "Distribution of the signal's elements, early and late".to_owned(),
        caption: format!(
            "Thin line: 5 % to 95 % of a batch's elements; thick line: 25 % to 75 %; point: median. Averaged over the first and over the last \
             quarter of the steps, and over the {} of each optimizer.",
            words::runs(material)
        ),
        scene,
    })
}

fn glyphs(material: &Material<'_>, signal: &Signal, size: i32) -> Vec<Glyph> {
    let mut glyphs = Vec::new();
    for late in [false, true] {
        for (arm, optimizer) in material.optimizers().into_iter().enumerate() {
            let runs = material.runs_of(optimizer, size);
            glyphs.extend(quantiles(&runs, signal, late).map(|quantiles| Glyph { arm, late, quantiles }));
        }
    }
    glyphs
}

/// Averaged over a quarter of the steps and over the runs; none if a run lacks them.
fn quantiles(runs: &[&Run], signal: &Signal, late: bool) -> Option<Quantiles> {
    let mean = |statistic: Statistic| -> Option<f64> {
        let of_run = |run: &&Run| {
            let series = run.trace.series(signal, statistic)?;
            let quarter = (series.len() / 4).max(1).min(series.len());
            let part = if late { &series[series.len() - quarter..] } else { &series[..quarter] };
            Some(part.iter().map(|&value| f64::from(value)).sum::<f64>() / part.len() as f64)
        };
        let means = runs.iter().map(of_run).collect::<Option<Vec<f64>>>()?;
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        mean.is_finite().then_some(mean)
    };
    let found: Option<Vec<f64>> = QUANTILES.into_iter().map(mean).collect();
    found?.try_into().ok()
}

/// Where the early and the late group stand: each in its half of the panel.
fn centre(panel: &Panel, late: bool) -> f64 {
    panel.x + panel.width * if late { 0.74 } else { 0.26 }
}

fn draw(scene: &mut Scene, panel: &Panel, scale: &Scale, glyphs: &[Glyph], arms: usize) {
    let step = (0.42 * panel.width / arms as f64).min(20.0);
    if scale.low() < 0.0 && scale.high() > 0.0 {
        panel.mark_level(scene, scale, 0.0, None);
    }
    for Glyph { arm, late, quantiles } in glyphs {
        let x = centre(panel, *late) + step * (*arm as f64 - 0.5 * (arms as f64 - 1.0));
        let [low, lower, median, upper, high] = quantiles.map(|quantile| scale.within(quantile));
        let ink = Ink::Arm(*arm);
        scene.line((x, low), (x, high), Stroke::new(ink, 1.2));
        let box_width = (0.45 * step).clamp(3.0, 7.0);
        scene.rectangle((x - 0.5 * box_width, upper), (box_width, (lower - upper).max(0.5)), Paint::fill(ink));
        let edge = Stroke::new(ink, 1.2);
        scene.circle((x, median), (0.42 * box_width).clamp(1.8, 2.8), Paint::fill(Ink::Surface).edged(edge));
    }
}

fn labels(scene: &mut Scene, panel: &Panel) {
    for (late, name) in [(false, "early"), (true, "late")] {
        scene.text(Text::new(centre(panel, late), panel.bottom() + 16.0, name).small().middle());
    }
}
