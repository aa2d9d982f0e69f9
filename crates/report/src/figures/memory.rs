//! How a signal shakes about its course: its memory from step to step, and how its power is spread over frequencies.

use crate::Material;
use crate::axis::{Scale, range};
use crate::figure::Figure;
use crate::multiples::{Layout, Row, bands, draw};
use crate::words;
use seismograd_analysis::{LEAST_STEPS, Run, autocorrelation as at_lag, residuals, spectrum};
use seismograd_trace::{Signal, Statistic};

/// The longest lag that is shown.
const MOST_LAGS: usize = 40;

/// The signals of the site that the loss is taken of, values after gradients.
fn shown(material: &Material<'_>) -> Vec<Signal> {
    let mut signals = material.findings.plan.primary.clone();
    let last = signals.last().map(|signal| signal.site().to_owned());
    signals.retain(|signal| Some(signal.site()) == last.as_deref());
    signals.reverse();
    signals
}

fn tremor(run: &Run, signal: &Signal) -> Option<Vec<f64>> {
    let series: Vec<f64> =
        run.trace.series(signal, Statistic::MeanAbs)?.iter().map(|&value| f64::from(value)).collect();
    (series.len() >= LEAST_STEPS).then(|| residuals(&series))
}

pub(crate) fn autocorrelation(material: &Material<'_>) -> Option<Figure> {
    let sizes = material.batch_sizes();
    let steps =
        |size: i32| material.runs.iter().filter(|run| run.row.key.batch_size == size).map(|run| run.trace.len()).min();
    let lags: Vec<usize> =
        sizes.iter().map(|&size| steps(size).map_or(1, |steps| (steps / 3).clamp(1, MOST_LAGS))).collect();
    let row = |signal: &Signal| {
        let column = |(&size, &lags): (&i32, &usize)| {
            let x = |_: &Run| (0..=lags).map(|lag| lag as f64).collect();
            bands(material, size, x, |run| {
                let tremor = tremor(run, signal)?;
                Some((0..=lags).map(|lag| at_lag(&tremor, lag)).collect())
            })
        };
        let columns: Vec<_> = sizes.iter().zip(&lags).map(column).collect();
        Row {
            title: words::signal(signal),
            unit: "autocorrelation of the mean absolute value".to_owned(),
            scale: Scale::linear(-1.0, 1.0),
            levels: vec![0.0],
            columns,
        }
    };
    let mut rows = filled(shown(material).iter().map(row));
    let (low, _) = range(rows.iter().flat_map(|row| row.columns.iter().flatten()).flat_map(|(_, band)| band.values()));
    rows.iter_mut().for_each(|row| row.scale = Scale::linear(low.min(-0.1) - 0.03, 1.0));
    let scales = lags.iter().map(|&lags| Scale::linear(0.0, lags as f64).counted()).collect();
    let layout = Layout { across: "lag, steps", scales, height: 150.0, notes: |_, _, _| Vec::new() };
    (!rows.is_empty()).then(|| Figure {
        name: "autocorrelation".to_owned(),
        title: "Memory of the signal from step to step".to_owned(),
        caption: format!(
            "Autocorrelation of what a straight line leaves of each run's series. {} Dashed: zero, no memory.",
            words::line_and_band(material)
        ),
        scene: draw(material, &layout, &rows),
    })
}

pub(crate) fn spectrum(material: &Material<'_>) -> Option<Figure> {
    let sizes = material.batch_sizes();
    let row = |signal: &Signal| {
        // The lowest frequency is left out: the line that was taken out empties it.
        let points = |run: &Run| tremor(run, signal).map(|tremor| spectrum::welch(&tremor).split_off(1));
        let x = |run: &Run| points(run).unwrap_or_default().iter().map(|point| point.frequency).collect();
        let powers = |run: &Run| {
            let powers: Vec<f64> = points(run)?.iter().map(|point| point.power).collect();
            // A series without residuals has no power to put on a logarithmic scale.
            powers.iter().all(|&power| power > 0.0).then_some(powers)
        };
        let columns: Vec<_> = sizes.iter().map(|&size| bands(material, size, x, powers)).collect();
        let (_, high) = range(columns.iter().flatten().flat_map(|(_, band)| band.values()));
        // One run's empty frequency would squeeze all others: the scale is that of the medians, with a decade and more to spare.
        let (lowest, _) = range(columns.iter().flatten().flat_map(|(_, band)| band.median.iter().copied()));
        let low = lowest / 20.0;
        Row {
            title: words::signal(signal),
            unit: "power of the mean absolute value, logarithmic".to_owned(),
            scale: Scale::log(low.max(1e-300), high.max(1e-300) * 1.3),
            levels: Vec::new(),
            columns,
        }
    };
    let rows = filled(shown(material).iter().map(row));
    let (low, high) =
        range(rows.iter().flat_map(|row| row.columns.iter().flatten()).flat_map(|(_, band)| band.x.iter().copied()));
    let scales = vec![Scale::log(low.max(1e-9), high.max(1e-9)); sizes.len()];
    let layout =
        Layout { across: "frequency, cycles a step, logarithmic", scales, height: 150.0, notes: |_, _, _| Vec::new() };
    (!rows.is_empty()).then(|| Figure {
        name: "spectrum".to_owned(),
        title: "Power spectrum of the signal".to_owned(),
        caption: format!(
            "Welch's periodogram of what a straight line leaves of each run's series (segments of at most {} steps). {} Bands end \
             at the panel's edge.",
            spectrum::SEGMENT,
            words::line_and_band(material)
        ),
        scene: draw(material, &layout, &rows),
    })
}

fn filled(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    rows.filter(|row| row.columns.iter().any(|bands| !bands.is_empty())).collect()
}
