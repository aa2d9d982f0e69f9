//! The findings as a table for a person.

use examples::say;
use seismograd_analysis::{Answer, Arm, Contrast, Effect, Findings, SetAside, Verdict, p_value};

/// Prints a table for each comparison, the answer in words, and what to know before quoting it.
pub fn print(findings: &Findings) {
    for verdict in &findings.verdicts {
        print_verdict(findings, verdict);
    }
    say(
        "\nlevel: median over steps of the mean |x| of a step, then over runs; delta: Cliff's, with its 95 % interval;",
    );
    say("p: exact test over labelings of runs, corrected over all comparisons; H: energy distance, 0 to 1");
    print_secondary(findings);
    section("answer", &findings.summary);
    section("before you quote it", &findings.cautions);
    let aside = findings.set_aside.iter().map(|SetAside { run, reason }| format!("{run}: {reason}"));
    section("set aside", &aside.collect::<Vec<_>>());
}

fn section(heading: &str, sentences: &[String]) {
    if !sentences.is_empty() {
        say(&format!("\n{heading}"));
        sentences.iter().for_each(|sentence| say(&format!("  - {sentence}")));
    }
}

fn print_verdict(findings: &Findings, verdict: &Verdict) {
    let [first, second] = &verdict.optimizers;
    say(&format!("\nbatch size {}: {}", verdict.batch_size, answer(verdict)));
    say(&format!("{:<28}{first:>11} {second:>11}   delta", "  level of"));
    for effect in &verdict.headlines {
        say(&headline(effect, verdict));
    }
    let arms = [first, second].map(|name| arm(findings, verdict.batch_size, name));
    let accuracies = arms.map(|arm| arm.map_or_else(|| "-".to_owned(), accuracy));
    say(&format!("  {:<26}{:>11} {:>11}", "test accuracy", accuracies[0], accuracies[1]));
    if let Some(contrast) = verdict.contrasts.first() {
        say(&format!("  most apart: {}", most_apart(contrast)));
    }
}

fn answer(verdict: &Verdict) -> String {
    let [first, second] = &verdict.optimizers;
    let words = match verdict.answer {
        Answer::Differ => format!("{first} and {second} differ"),
        Answer::NotFound => format!("no difference between {first} and {second} found"),
        Answer::TooFewRuns => "too few runs to tell".to_owned(),
    };
    let [m, n] = verdict.runs;
    let runs = format!("{m} against {n} runs");
    match (verdict.corrected_p, verdict.inhomogeneity) {
        (Some(p), Some(h)) => format!("{words} (corrected p {}, H {h:.2}, {runs})", p_value(p)),
        _ => format!("{words} ({runs})"),
    }
}

fn headline(effect: &Effect, verdict: &Verdict) -> String {
    let (signal, delta) = (&effect.measure.signal, &effect.delta);
    let name = format!("{:<15} {}", signal.site(), signal.quantity().name());
    let [first, second] = effect.medians.map(|median| format!("{median:.4}"));
    let larger = match (delta.lower > 0.0, delta.upper < 0.0) {
        (true, _) => format!("larger under {}", verdict.optimizers[0]),
        (_, true) => format!("larger under {}", verdict.optimizers[1]),
        _ => "either way".to_owned(),
    };
    let interval = format!("{:+.2} ({:+.2} to {:+.2})", delta.value, delta.lower, delta.upper);
    format!("  {name:<26}{first:>11} {second:>11}   {interval:<26} {larger}").trim_end().to_owned()
}

fn most_apart(contrast: &Contrast) -> String {
    let Effect { measure, medians, delta } = &contrast.effect;
    let (feature, _) = measure.feature.description();
    let p = p_value(contrast.corrected_p);
    format!(
        "{feature} of the {} of {} ({}): {:.3} and {:.3}, delta {:+.2}, p {p}",
        measure.signal.quantity().name(),
        measure.signal.site(),
        measure.statistic.name(),
        medians[0],
        medians[1],
        delta.value
    )
}

/// The updates' verdicts in a line each: they name a rule too easily to be the answer.
fn print_secondary(findings: &Findings) {
    if !findings.secondary.is_empty() {
        say("\nsecondary, from the updates of the output layer alone");
        findings
            .secondary
            .iter()
            .for_each(|verdict| say(&format!("  batch size {}: {}", verdict.batch_size, answer(verdict))));
    }
}

fn arm<'a>(findings: &'a Findings, batch_size: i32, optimizer: &str) -> Option<&'a Arm> {
    findings.arms.iter().find(|arm| arm.batch_size == batch_size && arm.optimizer == optimizer)
}

fn accuracy(arm: &Arm) -> String {
    arm.test_accuracy.map_or_else(|| "-".to_owned(), |accuracy| format!("{:.1} %", 100.0 * accuracy.mean))
}
