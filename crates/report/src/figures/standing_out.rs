//! The measures in which two optimizers stand out most, at every batch size beside each other.

use crate::Material;
use crate::figure::Figure;
use crate::forest;
use crate::palette::Ink;
use crate::panels::{Grid, LINE};
use crate::scene::{Scene, Stroke, Text};
use crate::words;
use seismograd_analysis::{Contrast, Measure, Verdict};
use seismograd_trace::Statistic;

/// So many of each batch size's first measures are taken.
const EACH: usize = 6;
/// So many measures are shown.
const MOST: usize = 14;
const ROW: f64 = 19.0;

/// A figure for each pair of optimizers.
pub(crate) fn figures(material: &Material<'_>) -> Vec<Figure> {
    let pairs = words::pairs(material);
    let name = |[first, second]: &[String; 2]| match pairs.len() {
        1 => "standing_out".to_owned(),
        _ => format!("standing_out_{first}_{second}"),
    };
    pairs.iter().filter_map(|pair| figure(material, pair, name(pair))).collect()
}

fn figure(material: &Material<'_>, pair: &[String; 2], name: String) -> Option<Figure> {
    let all = material.findings.verdicts.iter();
    let verdicts: Vec<&Verdict> =
        all.filter(|verdict| verdict.optimizers == *pair && !verdict.contrasts.is_empty()).collect();
    let measures = chosen(&verdicts);
    if measures.is_empty() {
        return None;
    }
    let labels: Vec<String> = measures.iter().map(|measure| label(measure)).collect();
    let left = crate::panels::widest(labels.iter().map(String::as_str)) + 16.0;
    let height = measures.len() as f64 * ROW;
    let grid = Grid::between(left, 14.0, verdicts.len(), 16.0, 260.0).stacked(1, 22.0, height, 0.0);
    let mut scene = Scene::new(grid.right() + 14.0, grid.bottom() + 36.0);
    let arms = words::arms_of(material, pair);
    for (row, words) in labels.into_iter().enumerate() {
        let y = place(&grid, row);
        scene.text(Text::new(left - 12.0, y, words).end().centred());
        scene.line((4.0, y + 0.5 * ROW), (grid.right(), y + 0.5 * ROW), Stroke::new(Ink::Grid, 0.5));
    }
    for (column, verdict) in verdicts.iter().enumerate() {
        draw_column(&mut scene, &grid, column, verdict, &measures, arms, material.findings.plan.alpha);
    }
    let [first, second] = pair;
    Some(Figure {
        name,
        title: format!("What stands out between {first} and {second}"),
        caption: format!(
            "Cliff's delta with its {:.0} % interval for the measures with the least corrected p at any batch size ({} an arm). Full points: \
             corrected p at most {}, over all measures and all comparisons; the number at the right is that p.",
            100.0 * material.findings.plan.confidence,
            words::runs(material),
            material.findings.plan.alpha
        ),
        scene,
    })
}

/// The first measures of every batch size in turn, ordered by the least p and then the largest effect that they have anywhere.
fn chosen<'a>(verdicts: &[&'a Verdict]) -> Vec<&'a Measure> {
    let mut measures: Vec<&Measure> = Vec::new();
    for rank in 0..EACH {
        for verdict in verdicts {
            if let Some(contrast) =
                verdict.contrasts.get(rank).filter(|contrast| !measures.contains(&&contrast.effect.measure))
            {
                measures.push(&contrast.effect.measure);
            }
        }
    }
    measures.truncate(MOST);
    measures.sort_by(|a, b| {
        rank(verdicts, a).partial_cmp(&rank(verdicts, b)).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(b))
    });
    measures
}

/// Lower for what stands out more: the least p, then the mean size of the effect.
fn rank(verdicts: &[&Verdict], measure: &Measure) -> (f64, f64) {
    let found: Vec<&Contrast> = verdicts.iter().filter_map(|verdict| of(verdict, measure)).collect();
    let least = found.iter().map(|contrast| contrast.corrected_p).fold(1.0, f64::min);
    (least, -found.iter().map(|contrast| contrast.effect.delta.value.abs()).sum::<f64>())
}

fn of<'a>(verdict: &'a Verdict, measure: &Measure) -> Option<&'a Contrast> {
    verdict.contrasts.iter().find(|contrast| contrast.effect.measure == *measure)
}

fn label(measure: &Measure) -> String {
    let (feature, _) = measure.feature.description();
    let statistic = match measure.statistic {
        Statistic::MeanAbs => "mean |x|",
        other => words::statistic(other),
    };
    format!("{}, {statistic}: {feature}", words::signal(&measure.signal))
}

fn place(grid: &Grid, row: usize) -> f64 {
    grid.top + (row as f64 + 0.5) * ROW
}

fn draw_column(
    scene: &mut Scene,
    grid: &Grid,
    column: usize,
    verdict: &Verdict,
    measures: &[&Measure],
    arms: [usize; 2],
    alpha: f64,
) {
    let whole = grid.panel(0, column);
    let roomy = whole.width >= 125.0;
    let panel = crate::panels::Panel { width: whole.width - if roomy { 38.0 } else { 0.0 }, ..whole };
    let heading = crate::panels::fitting(
        vec![format!("batch size {}", verdict.batch_size), verdict.batch_size.to_string()],
        whole.width,
    );
    scene.text(Text::new(whole.x, whole.y - LINE + 4.0, heading).bold());
    forest::frame(scene, &panel);
    if forest::has_room(&panel, &verdict.optimizers) {
        forest::directions(scene, &panel, &verdict.optimizers, arms);
    } else if column == 0 {
        forest::directions_once(scene, panel.x, panel.bottom() + 14.0 + LINE, &verdict.optimizers, arms);
    }
    for (row, measure) in measures.iter().enumerate() {
        let Some(contrast) = of(verdict, measure) else { continue };
        let y = place(grid, row);
        forest::effect(scene, &panel, y, &contrast.effect.delta, arms, contrast.corrected_p <= alpha);
        if roomy {
            let p = format!("{:.3}", contrast.corrected_p);
            scene.text(Text::new(whole.right(), y, p).small().end().centred());
        }
    }
}
