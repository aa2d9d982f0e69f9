//! The figures, one module each. A module takes the material and gives a figure, or none where there is nothing to show.

mod calibration;
mod distances;
mod distributions;
mod effects;
mod map;
mod memory;
mod search;
mod signals;
mod standing_out;
mod training;

use crate::Material;
use crate::figure::Figure;

/// Every figure that the material has something to show in.
pub(crate) fn all(material: &Material<'_>) -> Vec<Figure> {
    let mut figures = Vec::new();
    figures.extend(signals::figure(material));
    figures.extend(distributions::figure(material));
    figures.extend(memory::autocorrelation(material));
    figures.extend(memory::spectrum(material));
    figures.extend(effects::figure(material));
    figures.extend(standing_out::figures(material));
    figures.extend(distances::figure(material));
    figures.extend(map::figure(material));
    figures.extend(training::figure(material));
    figures.extend(material.search.and_then(|search| search::figure(material, search)));
    figures.extend(material.calibration.and_then(calibration::figure));
    figures
}
