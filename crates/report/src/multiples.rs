//! The common figure of this crate: a row for each quantity, a column for each batch size, a line with its band for each optimizer.

use crate::Material;
use crate::axis::Scale;
use crate::panels::{ACROSS, Grid, LINE, Panel, draw_band, end_labels, key, widest};
use crate::scene::{Scene, Text};
use crate::series::Band;
use crate::words;

/// One row of panels.
pub(crate) struct Row {
    /// What is shown, in bold.
    pub(crate) title: String,
    /// In which unit, or how.
    pub(crate) unit: String,
    /// For each batch size the bands, each with its optimizer's number.
    pub(crate) columns: Vec<Vec<(usize, Band)>>,
    /// The scale up its panels.
    pub(crate) scale: Scale,
    /// Numbers at which a line stands.
    pub(crate) levels: Vec<f64>,
}

/// What the panels have in common.
pub(crate) struct Layout {
    /// What goes across.
    pub(crate) across: &'static str,
    /// The scale across each column.
    pub(crate) scales: Vec<Scale>,
    /// The height of a panel.
    pub(crate) height: f64,
    /// What stands below each column's heading.
    pub(crate) notes: fn(&Material<'_>, i32, f64) -> Vec<String>,
}

/// The space between two rows: the title of the lower one.
const BETWEEN: f64 = 32.0;

pub(crate) fn draw(material: &Material<'_>, layout: &Layout, rows: &[Row]) -> Scene {
    let (optimizers, sizes) = (material.optimizers(), material.batch_sizes());
    let labelled = labelled(rows, sizes.len());
    let right = if labelled { widest(optimizers.iter().copied()) + 10.0 } else { 14.0 };
    let grid = Grid::between(52.0, right, sizes.len(), ACROSS, 420.0);
    let notes: Vec<Vec<String>> = sizes.iter().map(|&size| (layout.notes)(material, size, grid.width)).collect();
    let lines = notes.iter().map(Vec::len).max().unwrap_or(0);
    let over = if labelled { 0.0 } else { 24.0 };
    let grid = grid.stacked(rows.len(), over + 46.0 + LINE * lines as f64, layout.height, BETWEEN);
    let mut scene = Scene::new(grid.right() + right, grid.bottom() + 38.0);
    if !labelled {
        key(&mut scene, &optimizers, grid.left, 14.0);
    }
    for (column, &size) in sizes.iter().enumerate() {
        let mut lines_here = notes[column].clone();
        lines_here.resize(lines, String::new());
        grid.panel(0, column).heading(&mut scene, &format!("batch size {size}"), &lines_here);
    }
    for (at, row) in rows.iter().enumerate() {
        let first = grid.panel(at, 0);
        let title = Text::new(first.x, first.y - 9.0, row.title.clone());
        scene.text(Text::new(title.after(8.0), first.y - 9.0, row.unit.clone()).small());
        scene.text(title);
        for (column, bands) in row.columns.iter().enumerate() {
            let panel = grid.panel(at, column);
            let is_last = column + 1 == row.columns.len();
            let names = (labelled && is_last).then_some(&optimizers[..]);
            let edges = Edges { left: column == 0, below: at + 1 == rows.len(), names };
            draw_panel(&mut scene, &panel, row, bands, &layout.scales[column], &edges);
        }
    }
    scene.text(Text::new(0.5 * (grid.left + grid.right()), grid.bottom() + 31.0, layout.across).small().middle());
    scene
}

/// Which edges of a panel bear labels.
struct Edges<'a> {
    left: bool,
    below: bool,
    names: Option<&'a [&'a str]>,
}

fn draw_panel(scene: &mut Scene, panel: &Panel, row: &Row, bands: &[(usize, Band)], across: &Scale, edges: &Edges<'_>) {
    let (x, y) = (panel.across(*across), panel.up(row.scale));
    panel.levels(scene, &y, edges.left);
    for &level in &row.levels {
        panel.mark_level(scene, &y, level, Some("2 2"));
    }
    panel.base(scene, &x, edges.below);
    for (arm, band) in bands {
        draw_band(scene, band, *arm, &x, &y);
    }
    if bands.is_empty() {
        scene.text(
            Text::new(panel.middle(), panel.y + 0.5 * panel.height, "no completed run").small().middle().centred(),
        );
    }
    if let Some(names) = edges.names {
        let end = |(arm, band): &(usize, Band)| Some((*arm, names[*arm], y.within(*band.median.last()?)));
        end_labels(scene, panel, &bands.iter().filter_map(end).collect::<Vec<_>>());
    }
}

/// Whether names at the right of the last column name every line of the figure.
fn labelled(rows: &[Row], columns: usize) -> bool {
    rows.iter().all(|row| {
        let last: Vec<usize> = row.columns[columns - 1].iter().map(|(arm, _)| *arm).collect();
        row.columns.iter().flatten().all(|(arm, _)| last.contains(arm))
    })
}

/// The verdict of each column, in a line.
pub(crate) fn verdict_notes(material: &Material<'_>, size: i32, width: f64) -> Vec<String> {
    let answer = words::answers(&material.findings.verdicts, size, width);
    answer.into_iter().chain(words::diverged(material, size, width)).collect()
}

/// The bands of one batch size: `curve` gives a run's curve, or nothing where it has none.
pub(crate) fn bands(
    material: &Material<'_>,
    size: i32,
    x: impl Fn(&seismograd_analysis::Run) -> Vec<f64>,
    curve: impl Fn(&seismograd_analysis::Run) -> Option<Vec<f64>>,
) -> Vec<(usize, Band)> {
    let of = |(arm, optimizer): (usize, &str)| {
        let runs = material.runs_of(optimizer, size);
        let curves: Vec<Vec<f64>> = runs.iter().filter_map(|run| curve(run)).collect();
        Some((arm, Band::over(&x(runs.first()?), &curves)?))
    };
    material.optimizers().into_iter().enumerate().filter_map(of).collect()
}
