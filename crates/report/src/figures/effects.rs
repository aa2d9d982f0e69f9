//! The effect on each headline at each batch size, beside the verdict: a forest plot.

use crate::Material;
use crate::axis::p_value;
use crate::figure::Figure;
use crate::forest;
use crate::palette::Ink;
use crate::panels::{Grid, LINE};
use crate::scene::{Scene, Stroke, Text};
use crate::words;
use seismograd_analysis::{Answer, Contrast, Verdict};

const ROW: f64 = 24.0;
/// Between two pairs of optimizers: numbers, directions, the next pair's name.
const BETWEEN: f64 = 76.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 128.0;

pub(crate) fn figure(material: &Material<'_>) -> Option<Figure> {
    let headlines = &material.findings.plan.headlines;
    let blocks: Vec<Vec<&Verdict>> = words::pairs(material).iter().map(|pair| verdicts(material, pair)).collect();
    let blocks: Vec<_> = blocks.into_iter().filter(|verdicts| !verdicts.is_empty()).collect();
    if blocks.is_empty() || headlines.is_empty() {
        return None;
    }
    let columns = headlines.len().min(6);
    let grid = Grid::between(LEFT, RIGHT, columns, 20.0, 260.0);
    let several = if blocks.len() > 1 { 22.0 } else { 0.0 };
    let mut top = 40.0 + several;
    let rows: usize = blocks.iter().map(Vec::len).sum();
    let height = top + rows as f64 * ROW + (blocks.len() - 1) as f64 * BETWEEN + 40.0;
    let mut scene = Scene::new(grid.right() + RIGHT, height);
    for (column, headline) in headlines.iter().take(columns).enumerate() {
        let x = grid.panel(0, column).x;
        scene.text(Text::new(x, 12.0, words::signal(&headline.signal)));
        let (feature, _) = headline.feature.description();
        scene.text(Text::new(x, 12.0 + LINE, format!("{feature}, {}", words::statistic(headline.statistic))).small());
    }
    scene.text(Text::new(LEFT - 12.0, 12.0 + LINE, "batch size").small().end());
    scene.text(Text::new(grid.right() + 18.0, 12.0 + LINE, "verdict, corrected").small());
    for verdicts in &blocks {
        let grid = grid.stacked(1, top, verdicts.len() as f64 * ROW, 0.0);
        if several > 0.0 {
            let [first, second] = &verdicts[0].optimizers;
            scene.text(Text::new(4.0, top - 10.0, format!("{first} against {second}")).bold());
        }
        block(&mut scene, material, &grid, verdicts);
        top += grid.height + BETWEEN;
    }
    let confidence = 100.0 * material.findings.plan.confidence;
    Some(Figure {
        name: "effects".to_owned(),
        title: "How much the optimizers differ, headline by headline".to_owned(),
        caption: format!(
            "Cliff's delta with its {confidence:.0} % interval: the probability that a run of one optimizer is above a run of the other, minus \
             the reverse ({} an arm). Coloured: the interval is clear of zero. Full points: the p of that effect, \
             corrected over these effects and all comparisons, passes as well. The p at the right is the verdict's.",
            words::runs(material)
        ),
        scene,
    })
}

fn verdicts<'a>(material: &Material<'a>, pair: &[String; 2]) -> Vec<&'a Verdict> {
    material.findings.verdicts.iter().filter(|verdict| verdict.optimizers == *pair).collect()
}

fn block(scene: &mut Scene, material: &Material<'_>, grid: &Grid, verdicts: &[&Verdict]) {
    let arms = words::arms_of(material, &verdicts[0].optimizers);
    for column in 0..grid.columns {
        let panel = grid.panel(0, column);
        forest::frame(scene, &panel);
        forest::directions(scene, &panel, &verdicts[0].optimizers, arms);
    }
    for (row, verdict) in verdicts.iter().enumerate() {
        let y = grid.top + (row as f64 + 0.5) * ROW;
        if row > 0 {
            let line = y - 0.5 * ROW;
            scene.line((LEFT - 46.0, line), (grid.right() + RIGHT - 6.0, line), Stroke::new(Ink::Grid, 0.5));
        }
        scene.text(Text::new(LEFT - 12.0, y, verdict.batch_size.to_string()).end().centred());
        for (column, headline) in material.findings.plan.headlines.iter().take(grid.columns).enumerate() {
            let found = verdict.headlines.iter().find(|found| found.effect.measure == *headline);
            if let Some(Contrast { effect, corrected_p }) = found {
                let passes = *corrected_p <= material.findings.plan.alpha;
                forest::effect(scene, &grid.panel(0, column), y, &effect.delta, arms, passes);
            }
        }
        beside(scene, verdict, grid.right() + 18.0, y);
    }
}

/// The verdict at the right: its p, and what that means.
fn beside(scene: &mut Scene, verdict: &Verdict, x: f64, y: f64) {
    let (answer, ink) = match verdict.answer {
        Answer::Differ => ("differ", Ink::Plain),
        Answer::NotFound => ("none found", Ink::Muted),
        Answer::TooFewRuns => ("too few", Ink::Muted),
    };
    let p = verdict.corrected_p.map(p_value).unwrap_or_default();
    let text = Text::new(x, y, p).small().ink(ink).centred();
    let after = if text.content.is_empty() { x } else { text.after(6.0) };
    scene.text(text);
    scene.text(Text::new(after, y, answer).small().ink(ink).centred());
}
