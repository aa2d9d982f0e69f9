//! The colours: what a mark means, and what that looks like in light, in dark, and in a page that has its own.
//!
//! Six colours for optimizers that stay apart for people who see red and green alike (after Okabe and Ito, darkened until text in them is
//! readable on white and lightened until it is on black). No mark says with colour alone what no label, shape or dash says too.

/// Where a figure's colours come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white, and text as outlines: for files.
    Light,
    /// Light on near-black, and text as outlines: for files.
    Dark,
    /// `var(--ink)`, `var(--muted)`, `var(--grid)`, `var(--surface)`, `var(--ramp)`, `var(--arm-0)` to `var(--arm-5)`, and text as text:
    /// for a page that defines them.
    Css,
}

/// The number of optimizers that have a colour of their own.
pub(crate) const ARMS: usize = 6;

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Text, and what is measured.
    Plain,
    /// Text that steps back: ticks, notes.
    Muted,
    /// Lines that the eye may use and need not see.
    Grid,
    /// What everything is drawn on.
    Surface,
    /// The far end of the one sequential scale; its near end is the surface.
    Ramp,
    /// An optimizer, by its place in the analysis.
    Arm(usize),
}

const LIGHT_ARMS: [&str; ARMS] = ["#0a66b0", "#c4480c", "#0b7d62", "#8b4aa0", "#8c6a00", "#4c5866"];
const DARK_ARMS: [&str; ARMS] = ["#5eb1f2", "#f48a52", "#3fc8a2", "#cf94e0", "#d9b53e", "#aeb9c6"];

impl Ink {
    /// The colour as an SVG attribute's value.
    pub(crate) fn value(self, theme: Theme) -> String {
        match theme {
            Theme::Light => self.of(["#1b1f24", "#5c6570", "#e2e5e9", "#ffffff", "#0b3d6b"], &LIGHT_ARMS).to_owned(),
            Theme::Dark => self.of(["#e8ebef", "#a0a9b4", "#2c333c", "#0d1117", "#8fcbff"], &DARK_ARMS).to_owned(),
            Theme::Css => match self {
                Ink::Arm(arm) => format!("var(--arm-{})", arm % ARMS),
                other => format!("var(--{})", other.of(NAMES, &LIGHT_ARMS)),
            },
        }
    }

    fn of(self, colours: [&'static str; 5], arms: &[&'static str; ARMS]) -> &'static str {
        let [ink, muted, grid, surface, ramp] = colours;
        match self {
            Ink::Plain => ink,
            Ink::Muted => muted,
            Ink::Grid => grid,
            Ink::Surface => surface,
            Ink::Ramp => ramp,
            Ink::Arm(arm) => arms[arm % ARMS],
        }
    }
}

const NAMES: [&str; 5] = ["ink", "muted", "grid", "surface", "ramp"];

/// The declarations that a page needs for figures of [`Theme::Css`], with the colours of `theme`.
pub(crate) fn declarations(theme: Theme) -> String {
    let inks = [Ink::Plain, Ink::Muted, Ink::Grid, Ink::Surface, Ink::Ramp].into_iter().chain((0..ARMS).map(Ink::Arm));
    inks.map(|ink| {
        let name = ink.value(Theme::Css);
        let name = name.trim_start_matches("var(").trim_end_matches(')');
        format!("{name}:{};", ink.value(theme))
    })
    .collect()
}

/// The dashes of an optimizer's line: none for the first three, which colour alone tells apart.
pub(crate) fn dash(arm: usize) -> Option<&'static str> {
    [None, None, None, Some("6 2"), Some("2.5 2"), Some("7 2 2 2")][arm % ARMS]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of a colour, WCAG 2.2, with the platform's `powf`: for a bound, not for bytes.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(channel(1)) + 0.7152 * linear(channel(3)) + 0.0722 * linear(channel(5))
    }

    #[test]
    fn text_is_readable_on_its_surface() {
        for theme in [Theme::Light, Theme::Dark] {
            let surface = luminance(&Ink::Surface.value(theme));
            for ink in [Ink::Plain, Ink::Muted].into_iter().chain((0..ARMS).map(Ink::Arm)) {
                let text = luminance(&ink.value(theme));
                let contrast = (text.max(surface) + 0.05) / (text.min(surface) + 0.05);
                assert!(contrast >= 4.5, "{ink:?} in {theme:?}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn a_page_is_told_every_colour() {
        let css = declarations(Theme::Dark);
        assert!(css.starts_with("--ink:#e8ebef;--muted:#a0a9b4;"), "{css}");
        assert_eq!(css.matches("--").count(), 5 + ARMS);
    }
}
