//! Figures and the HTML page of an analysis of training runs.
//!
//! [`figures`] turns [`Material`] (findings, runs, a search, a calibration) into figures, [`page`] into one self-contained page, [`write()`]
//! puts both into a directory. Nothing here computes a statistic that decides anything: what is drawn is what the analysis found, or a
//! median and a range over runs. A figure's bytes depend on the material alone: no clock, no font of the machine, no platform's libm.
//!
//! ```no_run
//! use seismograd_analysis::{Plan, Selection, analyse, load};
//! use seismograd_report::{Material, write};
//!
//! let plan = Plan::default();
//! let collection = load("out/characterize".as_ref(), &plan, &Selection::default())?;
//! let findings = analyse(&plan, &collection)?;
//! let material = Material { findings: &findings, runs: &collection.runs, search: None, calibration: None };
//! for path in write(&material, "out/characterize".as_ref())? {
//!     println!("{}", path.display());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod axis;
mod error;
mod figure;
mod figures;
#[cfg(test)]
mod fixture;
mod forest;
mod gallery;
mod multiples;
mod page;
mod palette;
mod panels;
mod scene;
mod series;
mod svg;
#[cfg(test)]
mod tests;
mod typeface;
mod words;

pub use error::ReportError;
pub use figure::Figure;
pub use gallery::{Card, Landscape, gallery};
pub use palette::Theme;

use seismograd_analysis::{Calibration, Findings, Run, Search};
use seismograd_trace::{create_directories, write_atomically};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// What the analysis found.
    pub findings: &'a Findings,
    /// The completed runs that it was made from.
    pub runs: &'a [Run],
    /// The search for learning rates, if there was one.
    pub search: Option<&'a Search>,
    /// The rate of false verdicts among runs of one optimizer, if it was measured.
    pub calibration: Option<&'a Calibration>,
}

impl<'a> Material<'a> {
    /// The optimizers in the order of the analysis; a place in it is the number of the colour (`--arm-0` and so on).
    pub(crate) fn optimizers(&self) -> Vec<&'a str> {
        let mut optimizers: Vec<&str> = Vec::new();
        for arm in &self.findings.arms {
            if !optimizers.contains(&arm.optimizer.as_str()) {
                optimizers.push(&arm.optimizer);
            }
        }
        optimizers
    }

    /// The completed runs of an optimizer at a batch size.
    pub(crate) fn runs_of(&self, optimizer: &str, batch_size: i32) -> Vec<&'a Run> {
        let is_of = |run: &&Run| run.row.key.optimizer == optimizer && run.row.key.batch_size == batch_size;
        self.runs.iter().filter(is_of).collect()
    }

    /// The batch sizes, rising.
    pub(crate) fn batch_sizes(&self) -> Vec<i32> {
        let mut sizes: Vec<i32> = self.findings.arms.iter().map(|arm| arm.batch_size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }
}

/// Every figure that the material has something to show in, in the order of a report.
pub fn figures(material: &Material<'_>) -> Vec<Figure> {
    figures::all(material)
}

/// The report: one HTML page that needs nothing else.
pub fn page(material: &Material<'_>, figures: &[Figure]) -> String {
    page::page(material, figures)
}

/// Writes `figures/*.svg`, `figures/*.png` and `report.html` below a directory, each atomically, and returns their paths.
///
/// # Errors
/// A file that cannot be written.
pub fn write(material: &Material<'_>, directory: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let figures = figures(material);
    let below = directory.join("figures");
    create_directories(&below)?;
    let mut written = Vec::new();
    for figure in &figures {
        written.push(put(below.join(format!("{}.svg", figure.name)), figure.svg(Theme::Light).as_bytes())?);
        written.push(put(below.join(format!("{}.png", figure.name)), &figure.png(PNG_SCALE)?)?);
    }
    written.push(put(directory.join("report.html"), page(material, &figures).as_bytes())?);
    Ok(written)
}

/// Pixels of a written PNG for each of the figure's own units.
const PNG_SCALE: f32 = 2.0;

fn put(path: PathBuf, bytes: &[u8]) -> Result<PathBuf, ReportError> {
    write_atomically(&path, |file| file.write_all(bytes))?;
    Ok(path)
}
