//! Rows of effect sizes: a point with its interval on a scale from -1 to 1, about a line at zero.

use crate::axis::Scale;
use crate::palette::Ink;
use crate::panels::{LINE, Panel};
use crate::scene::{Paint, SMALL, Scene, Stroke, Text};
use crate::typeface;
use seismograd_analysis::stats::cliff::Delta;

/// The scale of Cliff's delta, with room for a point at either end.
pub(crate) fn scale(panel: &Panel) -> Scale {
    Scale::linear(-1.0, 1.0).onto(panel.x + 5.0, panel.right() - 5.0)
}

/// The lines at zero and at the ends over the panel's height, the numbers below it.
pub(crate) fn frame(scene: &mut Scene, panel: &Panel) {
    let scale = scale(panel);
    for tick in [-1.0, -0.5, 0.5, 1.0] {
        let x = scale.at(tick);
        scene.line((x, panel.y), (x, panel.bottom()), Stroke::new(Ink::Grid, 0.8));
    }
    let zero = scale.at(0.0);
    scene.line((zero, panel.y), (zero, panel.bottom()), Stroke::new(Ink::Muted, 0.9));
    for (value, label) in [(-1.0, "−1"), (0.0, "0"), (1.0, "1")] {
        scene.text(Text::new(scale.at(value), panel.bottom() + 13.0, label).small().middle());
    }
}

/// Which side is whose, in words below the numbers of one panel. The second optimizer's side is the left one: there the first is smaller.
pub(crate) fn directions(scene: &mut Scene, panel: &Panel, optimizers: &[String; 2], arms: [usize; 2]) {
    let y = panel.bottom() + 14.0 + LINE;
    let wordings = ["larger under NAME", "NAME larger", "NAME"]
        .map(|words| optimizers.each_ref().map(|name| words.replace("NAME", name)));
    let both = wordings.iter().find(|both| fits(both, panel)).unwrap_or(optimizers);
    for (at, x) in [(1, panel.x), (0, panel.right())] {
        let text = Text::new(x, y, &*both[at]).small().ink(Ink::Arm(arms[at]));
        scene.text(if at == 0 { text.end() } else { text });
    }
}

/// Whether a panel has room for [`directions`].
pub(crate) fn has_room(panel: &Panel, optimizers: &[String; 2]) -> bool {
    fits(optimizers, panel)
}

/// Whether two wordings share a panel's width.
fn fits(both: &[String; 2], panel: &Panel) -> bool {
    both.iter().map(|words| typeface::width(words, SMALL, false)).sum::<f64>() <= panel.width - 8.0
}

/// Which side is whose, once for all panels.
pub(crate) fn directions_once(scene: &mut Scene, x: f64, y: f64, optimizers: &[String; 2], arms: [usize; 2]) {
    let mut at = x;
    for (side, which) in [("left of zero", 1), ("right of zero", 0)] {
        let words = format!("{side}: larger under {}", optimizers[which]);
        let text = Text::new(at, y, words).small().ink(Ink::Arm(arms[which]));
        at = text.after(16.0);
        scene.text(text);
    }
}

/// One effect. An interval that is clear of zero has the colour of the optimizer under which the measure is larger.
pub(crate) fn effect(scene: &mut Scene, panel: &Panel, y: f64, delta: &Delta, arms: [usize; 2], filled: bool) {
    let scale = scale(panel);
    let clear = delta.lower > 0.0 || delta.upper < 0.0;
    let ink = match clear {
        true => Ink::Arm(arms[usize::from(delta.value < 0.0)]),
        false => Ink::Muted,
    };
    let [low, value, high] = [delta.lower, delta.value, delta.upper].map(|value| scale.within(value));
    scene.line((low, y), (high, y), Stroke::new(ink, 1.6));
    let fill = if filled { ink } else { Ink::Surface };
    scene.circle((value, y), 3.6, Paint::fill(fill).edged(Stroke::new(ink, 1.4)));
}
