//! How often each test rejects where there is nothing to find.

use crate::axis::Scale;
use crate::figure::Figure;
use crate::palette::Ink;
use crate::panels::{Panel, widest};
use crate::scene::{Paint, Scene, Stroke, Text};
use crate::words;
use seismograd_analysis::{Calibration, Rate};

const ROW: f64 = 26.0;
const TOP: f64 = 30.0;
const RIGHT: f64 = 96.0;

pub(crate) fn figure(calibration: &Calibration) -> Option<Figure> {
    let (test, steps) = (&calibration.test, &calibration.steps);
    if test.tests == 0 {
        return None;
    }
    let ours = ("runs as replicates: energy distance, permuted labels".to_owned(), test);
    let theirs = steps
        .iter()
        .map(|(signal, rate)| (format!("steps as replicates: Kolmogorov-Smirnov, {}", words::signal(signal)), rate));
    let rows: Vec<(String, &Rate)> = std::iter::once(ours).chain(theirs).filter(|(_, rate)| rate.tests > 0).collect();
    let left = widest(rows.iter().map(|(label, _)| label.as_str())) + 24.0;
    let panel = Panel { x: left, y: TOP, width: 400.0, height: ROW * rows.len() as f64 };
    let mut scene = Scene::new(panel.right() + RIGHT, panel.bottom() + 40.0);
    let x = panel.across(Scale::linear(0.0, 1.0));
    for tick in x.ticks(5) {
        scene.line((x.at(tick.value), panel.y), (x.at(tick.value), panel.bottom()), Stroke::new(Ink::Grid, 0.8));
    }
    panel.base(&mut scene, &x, true);
    let alpha = x.at(calibration.alpha);
    scene.line((alpha, panel.y - 4.0), (alpha, panel.bottom()), Stroke::new(Ink::Plain, 0.9).dashed(Some("3 2")));
    scene.text(Text::new(alpha - 2.0, panel.y - 9.0, format!("aimed at: {}", calibration.alpha)).small());
    scene.text(Text::new(panel.right() + 14.0, panel.y - 9.0, "rejected").small());
    for (row, (label, rate)) in rows.iter().enumerate() {
        let y = panel.y + (row as f64 + 0.5) * ROW;
        draw(&mut scene, &x, y, rate, row == 0);
        scene.text(Text::new(left - 14.0, y, label.clone()).end().centred());
        scene.text(
            Text::new(panel.right() + 14.0, y, format!("{} of {}", rate.rejections, rate.tests)).small().centred(),
        );
    }
    scene.text(
        Text::new(panel.middle(), panel.bottom() + 31.0, "rate of rejections, where there is nothing to find")
            .small()
            .middle(),
    );
    Some(Figure {
        name: "calibration".to_owned(),
        title: "False verdicts between groups of one and the same optimizer".to_owned(),
        caption: format!(
            "{} trials, each of {} fresh runs of {} at batch size {}, half against half. Whiskers: {:.0} % intervals of Clopper and Pearson.",
            calibration.trials.len(),
            calibration.runs_per_trial,
            calibration.optimizer,
            calibration.batch_size,
            100.0 * calibration.confidence
        ),
        scene,
    })
}

fn draw(scene: &mut Scene, x: &Scale, y: f64, rate: &Rate, ours: bool) {
    let ink = if ours { Ink::Plain } else { Ink::Muted };
    let (low, high) = rate.interval;
    scene.line((x.within(low), y), (x.within(high), y), Stroke::new(ink, 1.6));
    let fill = if ours { ink } else { Ink::Surface };
    scene.circle((x.within(rate.rate()), y), 3.8, Paint::fill(fill).edged(Stroke::new(ink, 1.5)));
}
