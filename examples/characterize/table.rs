//! The findings as a table for a person.

use examples::{say, say_long};
use seismograd_analysis::{Answer, Arm, Contrast, Effect, Findings, Plan, SetAside, Verdict, larger, p_value};

/// Prints a table for each comparison, the answer in words, and what to know before quoting it.
pub fn print(findings: &Findings) {
    for verdict in &findings.verdicts {
        print_verdict(findings, verdict);
    }
    say("");
    say_long(
        "level: median over steps of a step's mean |x|, then over runs; delta: Cliff's, each interval by itself",
        0,
    );
    say_long("p: over labelings of runs, corrected over all comparisons", 0);
    say_long("separation: 0 on average where nothing differs, 1 between two points", 0);
    print_secondary(findings);
    section("answer", &findings.summary);
    section("before you quote it", &findings.cautions);
    let aside = findings.set_aside.iter().map(|SetAside { run, reason }| format!("{run}: {reason}"));
    section("set aside", &aside.collect::<Vec<_>>());
}

fn section(heading: &str, sentences: &[String]) {
    if !sentences.is_empty() {
        say(&format!("\n{heading}"));
        sentences.iter().for_each(|sentence| say_long(&format!("  - {sentence}"), 4));
    }
}

fn print_verdict(findings: &Findings, verdict: &Verdict) {
    let [first, second] = &verdict.optimizers;
    say("");
    say_long(&format!("batch size {}: {}", verdict.batch_size, answer(verdict)), 2);
    let confidence = 100.0 * findings.plan.confidence;
    say_long(&format!("  {:<32}{first:>10} {second:>10}   delta, {confidence:.0} % interval", ""), 4);
    for found in &verdict.headlines {
        say_long(&headline(found, verdict, &findings.plan), 4);
    }
    let arms = [first, second].map(|name| arm(findings, verdict.batch_size, name));
    let row = |what: &str, of: fn(&Arm) -> String| {
        let [first, second] = arms.map(|arm| arm.map_or_else(|| "-".to_owned(), of));
        say(&format!("  {what:<32}{first:>10} {second:>10}"));
    };
    row("learning rate", |arm| arm.lr.to_string());
    row("test accuracy", accuracy);
    if let Some(contrast) = verdict.contrasts.first() {
        say_long(&format!("  most apart: {}", most_apart(contrast)), 4);
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
    let runs = match verdict.diverged {
        [0, 0] => format!("{m} against {n} runs"),
        [a, b] => format!("{m} against {n} runs, {a} and {b} diverged"),
    };
    match (verdict.corrected_p, verdict.separation) {
        (Some(p), Some(separation)) => {
            let error = verdict.test.as_ref().and_then(|test| test.standard_error);
            let error = error.map_or_else(String::new, |error| format!(" ± {error:.1e} before correction"));
            format!("{words} (corrected p {}{error}, separation {separation:.2}, {runs})", p_value(p))
        }
        _ => format!("{words} ({runs})"),
    }
}

fn headline(found: &Contrast, verdict: &Verdict, plan: &Plan) -> String {
    let Effect { measure, medians, delta, .. } = &found.effect;
    let name = format!("{} of {} {}", measure.feature.name(), measure.signal.site(), measure.signal.quantity().name());
    let [first, second] = medians.map(|median| format!("{median:.4}"));
    let interval = format!("{:+.2} ({:+.2} to {:+.2})", delta.value, delta.lower, delta.upper);
    let larger = match larger(found, verdict, plan) {
        Some(optimizer) => format!("larger under {optimizer}, p {}", p_value(found.corrected_p)),
        None => format!("direction open, p {}", p_value(found.corrected_p)),
    };
    format!("  {name:<32}{first:>10} {second:>10}   {interval:<24} {larger}")
}

fn most_apart(contrast: &Contrast) -> String {
    let Effect { measure, medians, delta, .. } = &contrast.effect;
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
        let of_one_pair = findings.secondary.iter().all(|other| other.optimizers == findings.secondary[0].optimizers);
        let pair = |verdict: &Verdict| match of_one_pair {
            true => String::new(),
            false => format!(", {}", verdict.optimizers.join(" and ")),
        };
        findings.secondary.iter().for_each(|verdict| {
            say_long(&format!("  batch size {}{}: {}", verdict.batch_size, pair(verdict), answer(verdict)), 4)
        });
    }
}

fn arm<'a>(findings: &'a Findings, batch_size: i32, optimizer: &str) -> Option<&'a Arm> {
    findings.arms.iter().find(|arm| arm.batch_size == batch_size && arm.optimizer == optimizer)
}

fn accuracy(arm: &Arm) -> String {
    arm.test_accuracy.map_or_else(|| "-".to_owned(), |accuracy| format!("{:.1} %", 100.0 * accuracy.mean))
}
