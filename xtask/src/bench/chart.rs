//! A chart of the steps' times: bars by batch size, as SVG.

use super::{Row, known};
use std::fmt::Write;

/// Pixels of the whole, and of the part with bars.
const SIZE: [f64; 2] = [640.0, 260.0];
const FLOOR: f64 = 206.0;
const HEIGHT: f64 = 160.0;
const BAR: f64 = 36.0;

/// The bars' names and colours, which are told apart without colour vision too.
const SERIES: [(&str, &str); 3] =
    [("Seismograd", "#0b7285"), ("PyTorch, tuned", "#e8890c"), ("PyTorch, as installed", "#adb5bd")];

/// The chart.
pub(super) fn chart(rows: &[Row]) -> String {
    let bars = |row: &Row| [Some(row.ours[1]), known(row.tuned), known(row.default)];
    let highest = rows.iter().flat_map(bars).flatten().fold(1.0, f64::max);
    let [width, height] = SIZE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (at, (name, colour)) in SERIES.iter().enumerate() {
        let x = 24.0 + 160.0 * at as f64;
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"12\" width=\"12\" height=\"12\" fill=\"{colour}\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"22\" fill=\"#212529\">{name}</text>", x + 18.0);
    }
    for (group, row) in rows.iter().enumerate() {
        let left = 36.0 + 152.0 * group as f64;
        for (at, (ms, (_, colour))) in bars(row).into_iter().zip(SERIES).enumerate() {
            let Some(ms) = ms else { continue };
            let (x, tall) = (left + (BAR + 4.0) * at as f64, ms / highest * HEIGHT);
            let top = FLOOR - tall;
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{BAR}\" height=\"{tall:.1}\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#212529\">{ms:.0}</text>",
                x + BAR / 2.0,
                top - 4.0
            );
        }
        let middle = left + 1.5 * BAR + 4.0;
        let _ = writeln!(
            svg,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#495057\">batch {}</text>",
            FLOOR + 18.0,
            row.batch_size
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"24\" y=\"{}\" fill=\"#495057\">milliseconds a training step of the paper's CNN; lower is better</text>\n</svg>",
        FLOOR + 44.0
    );
    svg
}
