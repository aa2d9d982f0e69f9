//! One figure: what it is called, what it says, and its marks.

use crate::error::ReportError;
use crate::palette::Theme;
use crate::scene::Scene;
use crate::svg;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The stem of its files' names.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What its lines, bands and whiskers are, and of how many runs.
    pub caption: String,
    pub(crate) scene: Scene,
}

impl Figure {
    /// The figure as SVG text.
    pub fn svg(&self, theme: Theme) -> String {
        svg::document(&self.scene, &self.title, &self.caption, theme)
    }

    /// The light figure as the bytes of a PNG, `scale` pixels for each of its units.
    ///
    /// # Errors
    /// A scale that leaves no pixel, or too many.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, ReportError> {
        self.pixels(Theme::Light, scale)
    }

    pub(crate) fn pixels(&self, theme: Theme, scale: f32) -> Result<Vec<u8>, ReportError> {
        let refuse = |problem: String| ReportError::Pixels { figure: self.name.clone(), scale, problem };
        let tree = Tree::from_str(&self.svg(theme), &Options::default()).map_err(|error| refuse(error.to_string()))?;
        let [width, height] = [self.scene.width, self.scene.height].map(|side| pixels(side, scale));
        let (Some(width), Some(height)) = (width, height) else {
            return Err(refuse(format!("a side must have 1 to {MOST_PIXELS} pixels")));
        };
        let pixmap = Pixmap::new(width, height);
        let mut pixmap = pixmap.ok_or_else(|| refuse("no memory for so many pixels".to_owned()))?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
        pixmap.encode_png().map_err(|error| refuse(error.to_string()))
    }
}

/// The longest side of a picture.
const MOST_PIXELS: u32 = 20_000;

fn pixels(side: f64, scale: f32) -> Option<u32> {
    let pixels = (side * f64::from(scale)).ceil();
    (pixels >= 1.0 && pixels <= f64::from(MOST_PIXELS)).then_some(pixels as u32)
}
