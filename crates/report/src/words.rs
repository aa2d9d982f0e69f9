//! The words of figures: names of signals and statistics as a reader says them, counts of runs, answers in a line.

use crate::Material;
use crate::axis::p_value;
use crate::panels::fitting;
use seismograd_analysis::{Answer, Verdict};
use seismograd_trace::{Signal, Statistic};

/// A signal as a reader says it: `output.logits gradient`.
pub(crate) fn signal(signal: &Signal) -> String {
    format!("{} {}", signal.site(), signal.quantity().name())
}

/// A statistic as a reader says it.
pub(crate) fn statistic(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Mean => "mean",
        Statistic::Std => "standard deviation",
        Statistic::L2Norm => "L2 norm",
        Statistic::MeanAbs => "mean absolute value",
        Statistic::Min => "least element",
        Statistic::Max => "greatest element",
        Statistic::Q05 => "5 % quantile",
        Statistic::Q25 => "25 % quantile",
        Statistic::Q50 => "median",
        Statistic::Q75 => "75 % quantile",
        Statistic::Q95 => "95 % quantile",
        Statistic::Skewness => "skewness",
        Statistic::Kurtosis => "kurtosis",
        Statistic::ZeroFraction => "fraction of zeros",
    }
}

/// How many completed runs an arm has: `5 runs`, or `3 to 5 runs` where arms differ.
pub(crate) fn runs(material: &Material<'_>) -> String {
    let counts = material.findings.arms.iter().map(|arm| arm.seeds().count()).filter(|&count| count > 0);
    let (least, most) = counts.fold((usize::MAX, 0), |(least, most), count| (least.min(count), most.max(count)));
    match (least, most) {
        (_, 0) => "no run".to_owned(),
        (1, 1) => "1 run".to_owned(),
        (least, most) if least == most => format!("{most} runs"),
        (least, most) => format!("{least} to {most} runs"),
    }
}

/// What a line and a band are.
pub(crate) fn line_and_band(material: &Material<'_>) -> String {
    match runs(material).as_str() {
        "1 run" => "Each line is one run.".to_owned(),
        runs => format!("Line: median over the {runs} of each optimizer; band: their least and greatest."),
    }
}

/// The answers at one batch size in a line no wider than this; nothing where no batch size was compared.
pub(crate) fn answers(verdicts: &[Verdict], batch_size: i32, width: f64) -> Option<String> {
    let there: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.batch_size == batch_size).collect();
    match there[..] {
        [] if verdicts.is_empty() => None,
        [] => Some("not compared".to_owned()),
        [only] => Some(answer(only, width)),
        _ => {
            let differ = there.iter().filter(|verdict| verdict.answer == Answer::Differ).count();
            let counts = format!("{differ} of {}", there.len());
            Some(fitting(vec![format!("{counts} pairs differ"), format!("{counts} differ")], width))
        }
    }
}

fn answer(verdict: &Verdict, width: f64) -> String {
    let wordings: &[&str] = match verdict.answer {
        Answer::Differ => &["differ"],
        Answer::NotFound => &["no difference found", "none found"],
        Answer::TooFewRuns => &["too few runs to tell", "too few runs"],
    };
    match verdict.corrected_p.map(p_value) {
        None => fitting(wordings.iter().map(|&words| words.to_owned()).collect(), width),
        Some(p) => {
            let with_p = wordings.iter().map(|words| format!("{words}, {p}"));
            fitting(with_p.chain([p.clone()]).collect(), width)
        }
    }
}

/// Which runs of a batch size diverged, in a line no wider than this; nothing if none did.
pub(crate) fn diverged(material: &Material<'_>, batch_size: i32, width: f64) -> Option<String> {
    let arms = material.findings.arms.iter().filter(|arm| arm.batch_size == batch_size && arm.diverged() > 0);
    let parts: Vec<String> =
        arms.map(|arm| format!("{} {} of {}", arm.optimizer, arm.diverged(), arm.runs.len())).collect();
    let runs: usize =
        material.findings.arms.iter().filter(|arm| arm.batch_size == batch_size).map(|arm| arm.diverged()).sum();
    (runs > 0).then(|| fitting(vec![format!("diverged: {}", parts.join(", ")), format!("{runs} diverged")], width))
}

/// Every pair of optimizers that was compared, in the order of the analysis.
pub(crate) fn pairs(material: &Material<'_>) -> Vec<[String; 2]> {
    let mut pairs: Vec<[String; 2]> = Vec::new();
    for verdict in &material.findings.verdicts {
        if !pairs.contains(&verdict.optimizers) {
            pairs.push(verdict.optimizers.clone());
        }
    }
    pairs
}

/// The numbers of a pair's colours.
pub(crate) fn arms_of(material: &Material<'_>, pair: &[String; 2]) -> [usize; 2] {
    let optimizers = material.optimizers();
    pair.each_ref().map(|name| optimizers.iter().position(|optimizer| optimizer == name).unwrap_or_default())
}
