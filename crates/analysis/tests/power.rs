//! What the verdict finds in series of known laws: nothing where there is nothing, and more of what there is the larger it is.
//!
//! The figures of the crate's documentation are computed here, and must be those.

mod simulated;

use seismograd_analysis::{Answer, Plan, Verdict, analyse, calibrate, larger};
use seismograd_trace::Signal;
use simulated::{Law, Named, arms, collection, run};

/// Repetitions of each point: a rate of 50 % is known to 7 points (two standard errors).
const REPETITIONS: i64 = 200;

/// The default plan. Five against five are enumerated; the few labelings drawn are those of the partition, which nothing here looks at.
fn plan() -> Plan {
    let mut plan = Plan::default();
    plan.permutations.draws = 99;
    plan
}

fn verdict(law: Law, n: i64, repetition: i64) -> Verdict {
    let runs = arms(&[50], n, 1_000 * repetition, [Law::NULL, law]);
    let mut findings = analyse(&plan(), &collection(runs)).unwrap();
    findings.verdicts.remove(0)
}

/// The fraction of repetitions in which the two arms are said to differ.
fn power(law: Law, n: i64) -> f64 {
    let [alone, _] = powers(law, n);
    alone
}

/// The power at one batch size, and where three others are corrected for.
fn powers(law: Law, n: i64) -> [f64; 2] {
    let ps: Vec<f64> = (0..REPETITIONS).map(|repetition| verdict(law, n, repetition).test.unwrap().p).collect();
    [1.0, 4.0].map(|comparisons| ps.iter().filter(|&&p| comparisons * p <= 0.05).count() as f64 / REPETITIONS as f64)
}

/// A law that differs from the null's in one thing, by a multiple of what seeds do.
type Effect = (&'static str, fn(f64) -> Law);

const EFFECTS: [Effect; 4] = [
    ("level", |d| Law { level: Law::NULL.level + d * Law::NULL.seed_effect, ..Law::NULL }),
    ("trend", |d| Law { trend: Law::NULL.trend * (1.0 + d), ..Law::NULL }),
    ("spread", |d| Law { spread: Law::NULL.spread * (1.0 + 0.5 * d), ..Law::NULL }),
    ("memory", |d| Law { memory: Law::NULL.memory * (1.0 - d), ..Law::NULL }),
];

#[test]
fn the_power_curve_is_that_of_the_documentation() {
    let mut table = String::new();
    for (name, law) in EFFECTS {
        let at = |d: f64| {
            let [alone, four] = powers(law(d), 5).map(|power| format!("{:>3.0} %", 100.0 * power));
            format!("{alone}, {four}")
        };
        table += &format!("//! | {name:<6} | {} | {} | {} | {} |\n", at(0.0), at(0.5), at(1.0), at(2.0));
    }
    let documentation = include_str!("../src/lib.rs");
    assert!(documentation.contains(&table), "the documentation has another table than\n{table}");
}

#[test]
fn p_values_are_uniform_where_there_is_nothing() {
    let ps: Vec<f64> = (0..400).map(|repetition| verdict(Law::NULL, 5, repetition).test.unwrap().p).collect();
    for alpha in [0.05, 0.1, 0.25, 0.5, 0.75] {
        let rate = ps.iter().filter(|&&p| p <= alpha).count() as f64 / 400.0;
        let error = (alpha * (1.0 - alpha) / 400.0f64).sqrt();
        assert!((rate - alpha).abs() < 3.3 * error, "{rate} of the p-values are at most {alpha}");
    }
}

#[test]
fn more_runs_find_more() {
    let (_, law) = EFFECTS[0];
    assert!(power(law(1.0), 8) > power(law(1.0), 5) + 0.1);
}

#[test]
fn a_large_effect_is_named_where_it_is() {
    let (_, law) = EFFECTS[0];
    let verdict = verdict(law(10.0), 5, 0);
    assert_eq!(verdict.answer, Answer::Differ);
    assert!(verdict.separation.unwrap() > 0.1, "{:?}", verdict.separation);
    for found in &verdict.headlines {
        let delta = &found.effect.delta;
        assert_eq!((delta.value, delta.lower), (-1.0, -1.0));
        assert!(delta.upper < 0.0 && found.corrected_p <= 0.05);
    }
    assert!(verdict.words.contains("adam and sgd differ"), "{}", verdict.words);
    assert!(verdict.words.contains("is larger under sgd in 100 % of the pairs of runs"), "{}", verdict.words);
}

#[test]
fn four_batch_sizes_are_corrected_for() {
    let (_, law) = EFFECTS[0];
    let runs = arms(&[50, 100, 150, 200], 5, 0, [Law::NULL, law(10.0)]);
    let findings = analyse(&plan(), &collection(runs)).unwrap();
    for verdict in &findings.verdicts {
        assert_eq!(verdict.test.as_ref().unwrap().p, 2.0 / 252.0);
        assert_eq!(verdict.corrected_p, Some(8.0 / 252.0));
        assert_eq!(verdict.answer, Answer::Differ);
    }
    let runs = arms(&[50, 100, 150, 200], 4, 0, [Law::NULL, law(10.0)]);
    let findings = analyse(&plan(), &collection(runs)).unwrap();
    for verdict in &findings.verdicts {
        assert_eq!(verdict.answer, Answer::TooFewRuns, "four against four cannot pass over four batch sizes");
        assert!(verdict.words.contains("the least corrected p that they could reach is 0.114"), "{}", verdict.words);
    }
}

#[test]
fn an_interval_clear_of_zero_names_no_direction_by_itself() {
    let verdicts: Vec<Verdict> = (0..40).map(|repetition| verdict(Law::NULL, 5, repetition)).collect();
    let found = verdicts.iter().flat_map(|verdict| verdict.headlines.iter().map(move |found| (verdict, found)));
    let clear: Vec<_> =
        found.filter(|(_, found)| found.effect.delta.lower > 0.0 || found.effect.delta.upper < 0.0).collect();
    assert!(clear.len() > 2, "{} of 160 intervals are clear of zero by chance", clear.len());
    let named = clear.iter().filter(|(verdict, found)| larger(found, verdict, &plan()).is_some()).count();
    assert_eq!(named, 0);
}

#[test]
fn the_least_p_is_that_of_holms_correction() {
    let (_, law) = EFFECTS[0];
    let mut runs = arms(&[50, 100, 150], 5, 0, [Law::NULL, law(10.0)]);
    runs.extend(arms(&[200], 3, 30, [Law::NULL, law(10.0)]));
    let verdicts = analyse(&plan(), &collection(runs)).unwrap().verdicts;
    // Three against three can reach 2 of 20; where all the others pass it stands alone.
    let least: Vec<f64> = verdicts.iter().map(|verdict| verdict.least_corrected_p.unwrap()).collect();
    assert_eq!(least, [8.0 / 252.0, 8.0 / 252.0, 8.0 / 252.0, 0.1]);
    assert_eq!(verdicts[3].answer, Answer::TooFewRuns);
}

#[test]
fn steps_are_no_replicates() {
    // Seeds move a run's level, and a test of steps takes that for a difference.
    let null = |seed| run(&Named::new("adam", 200, seed), Law::NULL);
    let runs = collection((0..200).map(null).collect());
    let calibration = calibrate(&plan(), &runs, 10).unwrap();
    assert_eq!((calibration.test.tests, calibration.trials.len()), (20, 20));
    assert!(calibration.test.rejections <= 4, "{:?}", calibration.test);
    let steps: Vec<(&Signal, f64)> = calibration.steps.iter().map(|(signal, rate)| (signal, rate.rate())).collect();
    assert!(steps.iter().all(|(_, rate)| *rate > 0.5), "{steps:?}");
}
