//! The figure: how large each primary signal is through training, under each optimizer, at each batch size.

use crate::Material;
use crate::axis::Scale;
use crate::figure::Figure;
use crate::multiples::{Layout, Row, bands, draw, verdict_notes};
use crate::series::{block_epochs, block_means, block_size};
use crate::words;
use seismograd_analysis::Run;
use seismograd_trace::{Signal, Statistic};

/// Points of a line: more would be narrower than the line is wide.
const BLOCKS: usize = 80;

pub(crate) fn figure(material: &Material<'_>) -> Option<Figure> {
    let sizes = material.batch_sizes();
    let rows: Vec<Row> =
        material.findings.plan.primary.iter().filter_map(|signal| row(material, &sizes, signal)).collect();
    if rows.is_empty() {
        return None;
    }
    let epochs = material.runs.iter().filter_map(|run| run.trace.epochs().last()).max();
    let across = Scale::linear(0.0, epochs.map_or(1.0, |&epoch| f64::from(epoch))).counted();
    let layout = Layout { across: "epoch", scales: vec![across; sizes.len()], height: 112.0, notes: verdict_notes };
    let scene = draw(material, &layout, &rows);
    Some(Figure {
        name: "signals".to_owned(),
        title: "The signal at the output layer through training".to_owned(),
        caption: format!(
            "Mean absolute value of each signal over the elements of a batch, against the epoch. {} Each point is the mean over a block \
             of consecutive steps, at most {BLOCKS} blocks a run. p: permutation test over runs, corrected over all comparisons.",
            words::line_and_band(material)
        ),
        scene,
    })
}

fn row(material: &Material<'_>, sizes: &[i32], signal: &Signal) -> Option<Row> {
    let size = |run: &Run| block_size(run.trace.len(), BLOCKS);
    let x = |run: &Run| block_epochs(run, size(run));
    let curve = |run: &Run| {
        let series: Vec<f64> =
            run.trace.series(signal, Statistic::MeanAbs)?.iter().map(|&value| f64::from(value)).collect();
        Some(block_means(&series, size(run)))
    };
    let columns: Vec<_> = sizes.iter().map(|&size| bands(material, size, x, curve)).collect();
    let values: Vec<f64> = columns.iter().flatten().flat_map(|(_, band)| band.values()).collect();
    let scale = Scale::of_magnitudes(values.iter().copied());
    let unit = if scale.is_log() { "mean absolute value, logarithmic" } else { "mean absolute value" };
    let row = Row { title: words::signal(signal), unit: unit.to_owned(), columns, scale, levels: Vec::new() };
    (!values.is_empty()).then_some(row)
}
