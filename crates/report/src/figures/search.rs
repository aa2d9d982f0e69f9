//! The search for learning rates: what each rate gave, which was chosen, which diverged.

use crate::Material;
use crate::axis::{Scale, range, shortest};
use crate::figure::Figure;
use crate::palette::Ink;
use crate::panels::{Grid, Panel};
use crate::scene::{Paint, Scene, Stroke, Text};
use seismograd_analysis::{Choice, Search};

/// Above the losses: where rates stand that have none.
const DIVERGED: f64 = 20.0;

pub(crate) fn figure(material: &Material<'_>, search: &Search) -> Option<Figure> {
    let optimizers = material.optimizers();
    let choices: Vec<&Choice> = search.choices.iter().filter(|choice| !choice.trials.is_empty()).collect();
    let losses = choices.iter().flat_map(|choice| choice.trials.iter().filter_map(|trial| trial.test_loss));
    let scale = Scale::with_room(losses.filter(|loss| loss.is_finite()));
    if choices.is_empty() {
        return None;
    }
    let grid = Grid::between(52.0, 14.0, choices.len(), 18.0, 420.0).stacked(1, 48.0 + DIVERGED, 190.0, 0.0);
    let mut scene = Scene::new(grid.right() + 14.0, grid.bottom() + 38.0);
    for (column, choice) in choices.iter().enumerate() {
        let panel = grid.panel(0, column);
        let y = panel.up(scale);
        panel.levels(&mut scene, &y, column == 0);
        // An optimizer that was searched for and not compared takes a colour after the others'.
        let arm = optimizers.iter().position(|name| *name == choice.optimizer).unwrap_or(optimizers.len() + column);
        draw(&mut scene, &panel, choice, arm, &y);
    }
    scene.text(Text::new(grid.left, 12.0, "test loss").small());
    let middle = 0.5 * (grid.left + grid.right());
    scene.text(Text::new(middle, grid.bottom() + 31.0, "learning rate, logarithmic").small().middle());
    let (epochs, sizes) = (search.epochs, search.batch_sizes.len());
    Some(Figure {
        name: "search".to_owned(),
        title: "The search for learning rates".to_owned(),
        caption: format!(
            "Loss on the test set after {epochs} {} against the learning rate. Line: mean over {sizes} {}; small points: each of them, one run; ring: \
             the rate that was chosen; crosses: rates at which a run diverged. {}",
            if epochs == 1 { "epoch" } else { "epochs" },
            if sizes == 1 { "batch size" } else { "batch sizes" },
            sentence(&search.rule)
        ),
        scene,
    })
}

fn sentence(rule: &str) -> String {
    if rule.is_empty() || rule.ends_with('.') { rule.to_owned() } else { format!("{rule}.") }
}

fn draw(scene: &mut Scene, panel: &Panel, choice: &Choice, arm: usize, y: &Scale) {
    let (low, high) = range(choice.trials.iter().map(|trial| trial.lr).filter(|&rate| rate > 0.0));
    let x = panel.across(Scale::log(low.max(1e-12) / 1.4, high.max(1e-12) * 1.4));
    panel.base(scene, &x, true);
    let ink = Ink::Arm(arm);
    let name = Text::new(panel.x, 30.0, &*choice.optimizer).bold().ink(ink);
    let edge = if choice.at_edge { " (at the edge of what was tried)" } else { "" };
    let chosen = crate::panels::fitting(
        vec![
            format!("chose {}{edge}", shortest(choice.lr)),
            format!("chose {}", shortest(choice.lr)),
            shortest(choice.lr),
        ],
        panel.width - name.width() - 10.0,
    );
    scene.text(Text::new(name.after(8.0), 30.0, chosen).small());
    scene.text(name);
    for trial in &choice.trials {
        if let Some(loss) = trial.test_loss.filter(|loss| loss.is_finite()) {
            scene.circle((x.within(trial.lr), y.within(loss)), 1.8, Paint::wash(ink, 0.45));
        }
    }
    curve(scene, panel, choice, ink, &x, y);
}

fn curve(scene: &mut Scene, panel: &Panel, choice: &Choice, ink: Ink, x: &Scale, y: &Scale) {
    let curve = choice.curve();
    // The line breaks where a rate diverged.
    for piece in curve.split(|(_, loss)| loss.is_none()) {
        let points = piece.iter().filter_map(|&(rate, loss)| Some((x.within(rate), y.within(loss?))));
        scene.polyline(points.collect(), Stroke::new(ink, 1.6));
    }
    let above = panel.y - 0.5 * DIVERGED;
    let mut any = false;
    for &(rate, loss) in &curve {
        match loss {
            Some(loss) => {
                let chosen = rate == choice.lr;
                let place = (x.within(rate), y.within(loss));
                scene.circle(place, 2.6, Paint::fill(ink));
                if chosen {
                    scene.circle(place, 6.5, Stroke::new(ink, 1.5).into());
                }
            }
            None => {
                cross(scene, (x.within(rate), above), ink);
                any = true;
            }
        }
    }
    if any {
        let leftmost = curve
            .iter()
            .filter(|(_, loss)| loss.is_none())
            .map(|&(rate, _)| x.within(rate))
            .fold(panel.right(), f64::min);
        let label = Text::new(leftmost - 9.0, above, "diverged").small().end().centred();
        if label.start() >= panel.x {
            scene.text(label);
        }
    }
}

fn cross(scene: &mut Scene, (x, y): (f64, f64), ink: Ink) {
    for sign in [-1.0, 1.0] {
        scene.line((x - 3.5, y - sign * 3.5), (x + 3.5, y + sign * 3.5), Stroke::new(ink, 1.5));
    }
}
