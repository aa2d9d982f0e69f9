//! How training went: the losses and the accuracy after each epoch.

use crate::Material;
use crate::axis::Scale;
use crate::figure::Figure;
use crate::multiples::{Layout, Row, bands, draw};
use crate::words;
use seismograd_analysis::Run;
use seismograd_trace::EpochRow;

type Field = fn(&EpochRow) -> f64;

const FIELDS: [(&str, &str, Field); 3] = [
    ("training loss", "mean over the epoch as it went", |row| f64::from(row.train_loss)),
    ("test loss", "after the epoch", |row| f64::from(row.test_loss)),
    ("test accuracy", "%, after the epoch", |row| 100.0 * f64::from(row.test_accuracy)),
];

pub(crate) fn figure(material: &Material<'_>) -> Option<Figure> {
    let sizes = material.batch_sizes();
    let epochs = material.runs.iter().map(|run| run.epochs.rows().len()).max().filter(|&epochs| epochs > 0)?;
    let row = |&(title, unit, field): &(&str, &str, Field)| {
        let x = |run: &Run| run.epochs.rows().iter().map(|row| f64::from(row.epoch)).collect();
        let curve = |run: &Run| {
            let values: Vec<f64> = run.epochs.rows().iter().map(field).collect();
            values.iter().all(|value| value.is_finite()).then_some(values)
        };
        let columns: Vec<_> = sizes.iter().map(|&size| bands(material, size, x, curve)).collect();
        let values: Vec<f64> = columns.iter().flatten().flat_map(|(_, band)| band.values()).collect();
        let scale = Scale::with_room(values.iter().copied());
        Row { title: title.to_owned(), unit: unit.to_owned(), columns, scale, levels: Vec::new() }
    };
    let rows: Vec<Row> =
        FIELDS.iter().map(row).filter(|row| row.columns.iter().any(|bands| !bands.is_empty())).collect();
    let across = if epochs == 1 { Scale::linear(0.5, 1.5) } else { Scale::linear(1.0, epochs as f64) }.counted();
    let notes =
        |material: &Material<'_>, size: i32, width: f64| words::diverged(material, size, width).into_iter().collect();
    let layout = Layout { across: "epoch", scales: vec![across; sizes.len()], height: 120.0, notes };
    (!rows.is_empty()).then(|| Figure {
        name: "training".to_owned(),
        title: "Loss and accuracy through training".to_owned(),
        caption: format!(
            "Evaluations of each epoch. {} Runs that diverged are not drawn.",
            words::line_and_band(material)
        ),
        scene: draw(material, &layout, &rows),
    })
}
