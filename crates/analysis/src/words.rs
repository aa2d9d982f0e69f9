//! Findings in plain words: sentences that a reader can quote, and cautions that belong beside them.
//!
//! Words follow from numbers alone; no number is made here.

use crate::findings::{Answer, Arm, Contrast, Effect, Findings, Verdict};
use crate::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};

/// A p-value in three digits, small ones with an exponent, those too small for a number as a bound.
pub fn p_value(p: f64) -> String {
    match p {
        0.001.. => format!("{p:.3}"),
        1e-300.. => format!("{p:.1e}"),
        _ => "below 1e-300".to_owned(),
    }
}

/// The verdict in a sentence or two.
pub(crate) fn verdict(verdict: &Verdict, plan: &Plan) -> String {
    let [first, second] = &verdict.optimizers;
    let [m, n] = verdict.runs;
    let place = format!("At batch size {}", verdict.batch_size);
    let (Some(p), Some(test)) = (verdict.corrected_p, &verdict.test) else {
        let lost = lost(verdict);
        return format!(
            "{place} {first} and {second} cannot be compared: {m} and {n} completed runs{lost}, two of each are the least."
        );
    };
    let (runs, p, lost) = (format!("{m} against {n} runs"), p_value(p), lost(verdict));
    match verdict.answer {
        Answer::Differ => {
            let least = if test.p <= test.least_p { ", the least that so many runs can give" } else { "" };
            let effects: Vec<String> =
                verdict.headlines.iter().filter_map(|headline| direction(headline, verdict, plan)).collect();
            let effects = match effects.as_slice() {
                [] => String::new(),
                found => format!(" {}.", capitalised(&found.join("; "))),
            };
            format!("{place} {first} and {second} differ (corrected p {p}{least}; {runs}{lost}).{effects}")
        }
        Answer::NotFound => format!(
            "{place} no difference between {first} and {second} was found (corrected p {p}; {runs}{lost}). That is not a proof that there is none."
        ),
        Answer::TooFewRuns => {
            let least = p_value(verdict.least_corrected_p.unwrap_or(1.0));
            format!(
                "{place} {runs} of {first} and {second} are too few: the least corrected p that they could reach is {least}, above {}.",
                plan.alpha
            )
        }
    }
}

/// The diverged runs of a comparison, if any.
fn lost(verdict: &Verdict) -> String {
    let lost = verdict.optimizers.iter().zip(verdict.diverged).filter(|(_, count)| *count > 0);
    lost.map(|(optimizer, count)| format!(", {count} more of {optimizer} diverged")).collect()
}

/// The direction of an effect in words, where its own corrected p-value passes as well.
fn direction(found: &Contrast, verdict: &Verdict, plan: &Plan) -> Option<String> {
    let Effect { measure, delta, .. } = &found.effect;
    let larger = larger(found, verdict, plan)?;
    let percent = 50.0 * (1.0 + delta.value.abs());
    let (feature, _) = measure.feature.description();
    Some(format!(
        "the {feature} of the {} of {} ({}) is larger under {larger} in {percent:.0} % of the pairs of runs (delta {:.2}, {:.2} to {:.2}; p {})",
        measure.signal.quantity().name(),
        measure.signal.site(),
        measure.statistic.name(),
        delta.value,
        delta.lower,
        delta.upper,
        p_value(found.corrected_p)
    ))
}

/// The optimizer under which a measure is larger; none where the verdict or the measure's own corrected p-value does not say so, or where the means, which
/// the test compares, and most of the pairs of runs disagree.
pub fn larger<'a>(found: &Contrast, verdict: &'a Verdict, plan: &Plan) -> Option<&'a str> {
    let Effect { means: [first, second], delta, .. } = &found.effect;
    let agree = (first - second) * delta.value > 0.0;
    let said = verdict.answer == Answer::Differ && found.corrected_p <= plan.alpha && agree;
    said.then(|| verdict.optimizers[usize::from(delta.value < 0.0)].as_str())
}

/// What the first factor of the partition is called: where optimizers have learning rates of their own, the two cannot be told apart.
pub(crate) fn optimizer_factor(arms: &[Arm]) -> &'static str {
    if own_rates(arms) { "optimizer with its learning rate" } else { "optimizer" }
}

fn own_rates(arms: &[Arm]) -> bool {
    arms.iter().any(|arm| arms.iter().any(|other| other.batch_size == arm.batch_size && other.lr != arm.lr))
}

/// What must be known before quoting the findings.
pub(crate) fn cautions(findings: &Findings, optimizers: &[String]) -> Vec<String> {
    let mut cautions: Vec<String> = findings.arms.iter().filter_map(divergence).collect();
    if own_rates(&findings.arms) {
        let mut rates: Vec<String> = Vec::new();
        for rate in findings.arms.iter().map(|arm| format!("{} {}", arm.optimizer, arm.lr)) {
            if !rates.contains(&rate) {
                rates.push(rate);
            }
        }
        let rates = rates.join(", ");
        cautions.push(format!(
            "Learning rates differ ({rates}): what differs may be the rate as much as the rule, and no figure here tells the two apart."
        ));
    }
    cautions.extend(optimizers.iter().filter_map(|optimizer| changing_rate(&findings.arms, optimizer)));
    if findings.shared.get("loss_reduction").is_some_and(|reduction| reduction == "sum") {
        cautions.push(
            "Gradients are summed over the batch: the effective step of SGD grows with the batch size and that of Adam does not, so batch \
             sizes cannot be compared with each other."
                .to_owned(),
        );
    }
    let sizes: BTreeSet<i32> = findings.arms.iter().map(|arm| arm.batch_size).collect();
    if sizes.len() > 1 {
        cautions.push(
            "Runs at different batch sizes have different numbers of steps; what the partition calls batch size includes that.".to_owned(),
        );
    }
    for size in sizes {
        let there: Vec<&str> =
            findings.arms.iter().filter(|arm| arm.batch_size == size).map(|arm| arm.optimizer.as_str()).collect();
        if let [only] = there[..] {
            cautions
                .push(format!("At batch size {size} there are runs of {only} alone, so nothing is compared there."));
        }
    }
    match findings.set_aside.len() {
        0 => {}
        1 => cautions.push("One run could not be analysed and is set aside.".to_owned()),
        count => cautions.push(format!("{count} runs could not be analysed and are set aside.")),
    }
    cautions
}

fn divergence(arm: &Arm) -> Option<String> {
    let Arm { optimizer, batch_size, runs, .. } = arm;
    let steps: Vec<String> = runs.iter().filter_map(|run| run.diverged_at_step).map(|step| step.to_string()).collect();
    let numbers = format!("{} of {} runs of {optimizer} at batch size {batch_size}", steps.len(), runs.len());
    (!steps.is_empty())
        .then(|| format!("{numbers} diverged (at step {}); the comparison is of those that did not.", steps.join(", ")))
}

fn changing_rate(arms: &[Arm], optimizer: &str) -> Option<String> {
    let mut rates: Vec<f64> = arms.iter().filter(|arm| arm.optimizer == optimizer).map(|arm| arm.lr).collect();
    rates.dedup();
    (rates.len() > 1).then(|| {
        format!("The learning rate of {optimizer} changes with the batch size; what the partition calls batch size includes that.")
    })
}

/// The answer, a sentence each.
pub(crate) fn summary(findings: &Findings) -> Vec<String> {
    let mut sentences = Vec::new();
    let pairs: Vec<&[String; 2]> = findings.verdicts.iter().map(|verdict| &verdict.optimizers).collect();
    let distinct: BTreeSet<&[String; 2]> = pairs.iter().copied().collect();
    for pair in distinct {
        let verdicts: Vec<&Verdict> = findings.verdicts.iter().filter(|verdict| verdict.optimizers == *pair).collect();
        sentences.extend(over_batch_sizes(pair, &verdicts));
    }
    sentences.extend(partition(findings));
    sentences.extend(fallacy(findings));
    sentences
}

/// A sentence for each answer that was given.
fn over_batch_sizes([first, second]: &[String; 2], verdicts: &[&Verdict]) -> Vec<String> {
    let of = |answer: Answer| verdicts.iter().filter(move |verdict| verdict.answer == answer);
    let sizes = |answer: Answer| -> Vec<String> { of(answer).map(|verdict| verdict.batch_size.to_string()).collect() };
    let sentence = |answer: Answer| {
        let sizes = sizes(answer);
        let place = format!("At {} of {} batch sizes ({})", sizes.len(), verdicts.len(), sizes.join(", "));
        let largest = p_value(of(answer).filter_map(|verdict| verdict.corrected_p).fold(0.0, f64::max));
        let words = match answer {
            Answer::Differ => {
                format!(
                    "{first} and {second} differ in the signals of the output layer (corrected p at most {largest})"
                )
            }
            Answer::NotFound => {
                format!("no difference between {first} and {second} was found, which is no proof that there is none")
            }
            Answer::TooFewRuns => format!("there are too few runs of {first} and {second} to tell"),
        };
        (!sizes.is_empty()).then(|| format!("{place} {words}."))
    };
    [Answer::Differ, Answer::NotFound, Answer::TooFewRuns].into_iter().filter_map(sentence).collect()
}

/// The shares of the variety that are more than chance: omega squared, which takes out what as many groups of anything would explain.
fn partition(findings: &Findings) -> Option<String> {
    let partition = findings.partition.as_ref()?;
    let [first, second] = &findings.factors;
    let optimizers: BTreeSet<&str> = findings.arms.iter().map(|arm| arm.optimizer.as_str()).collect();
    let sizes: BTreeSet<i32> = findings.arms.iter().map(|arm| arm.batch_size).collect();
    let varies = [optimizers.len() > 1, sizes.len() > 1];
    let terms = [
        (varies[0], format!("the {first}"), &partition.first),
        (varies[1], format!("the {second}"), &partition.second),
        (varies[0] && varies[1], "the interaction of the two".to_owned(), &partition.interaction),
    ];
    let (mut shown, mut unshown, mut unknown) = (Vec::new(), Vec::new(), BTreeMap::<&str, Vec<String>>::new());
    for (_, name, term) in terms.into_iter().filter(|(varies, ..)| *varies) {
        match (partition.omega_squared(term), term.p) {
            (Some(share), Some(p)) if p <= findings.plan.alpha => {
                shown.push(format!("{:.0} % with {name}", 100.0 * share));
            }
            (Some(_), Some(p)) => unshown.push(format!("{name} (p {})", p_value(p))),
            _ => unknown.entry(term.note.as_deref().unwrap_or("no figures")).or_default().push(name),
        }
    }
    let all = unshown.is_empty() && unknown.is_empty();
    let mut clauses = Vec::new();
    if !shown.is_empty() {
        clauses.push(format!("there goes, beyond chance, {}", shown.join(", ")));
    }
    if !unshown.is_empty() {
        clauses.push(format!("no part is shown to go with {}", unshown.join(", nor with ")));
    }
    let unknown = unknown.into_iter();
    clauses.extend(unknown.map(|(note, names)| format!("what goes with {} is unknown ({note})", names.join(" and "))));
    let order = partition.second.note.as_ref().filter(|_| partition.second.p.is_some());
    let order = order.map_or_else(String::new, |note| format!(" ({note})"));
    let rest = if all { "; the rest is the seed" } else { "" };
    (!clauses.is_empty()).then(|| format!("Of the variety among all runs {}{order}{rest}.", clauses.join("; ")))
}

/// What the mistaken test would have made of it.
fn fallacy(findings: &Findings) -> Option<String> {
    let ps = findings.verdicts.iter().flat_map(|verdict| &verdict.fallacy).map(|fallacy| fallacy.ks.p);
    let least = ps.reduce(f64::min)?;
    Some(format!(
        "A test that took steps for replicates would have reported p-values, the least of them {}: steps of one run are not independent, \
         and such a figure means nothing.",
        p_value(least)
    ))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
