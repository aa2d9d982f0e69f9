//! Runs that were never trained, for tests: series from a formula and a generator of its own, analysed as real ones are.

use crate::Material;
use seismograd_analysis::{
    Calibration, CalibrationTrial, Choice, Collection, Findings, Plan, Rate, Run, Search, Trial, analyse,
};
use seismograd_trace::{EpochRow, Epochs, Row, RunKey, RunRow, RunStatus, Schema, Signal, Statistic, Trace};
use std::collections::BTreeMap;

/// Everything that a report is made of.
pub(crate) struct Laboratory {
    pub(crate) collection: Collection,
    pub(crate) findings: Findings,
    pub(crate) search: Search,
    pub(crate) calibration: Calibration,
}

impl Laboratory {
    pub(crate) fn material(&self) -> Material<'_> {
        Material {
            findings: &self.findings,
            runs: &self.collection.runs,
            search: Some(&self.search),
            calibration: Some(&self.calibration),
        }
    }
}

/// How much there is of everything.
#[derive(Clone)]
pub(crate) struct Size {
    pub(crate) optimizers: Vec<&'static str>,
    pub(crate) batch_sizes: Vec<i32>,
    pub(crate) seeds: i64,
    pub(crate) epochs: i32,
    /// Groups that are not there at all, by optimizer and batch size.
    pub(crate) missing: Vec<(&'static str, i32)>,
    /// Groups whose runs all diverged, and those of which the first run did.
    pub(crate) diverged: Vec<(&'static str, i32)>,
    pub(crate) shaken: Vec<(&'static str, i32)>,
}

impl Default for Size {
    fn default() -> Size {
        let (missing, diverged, shaken) = Default::default();
        Size {
            optimizers: vec!["sgd", "adam"],
            batch_sizes: vec![50, 100, 150, 200],
            seeds: 5,
            epochs: 3,
            missing,
            diverged,
            shaken,
        }
    }
}

/// A laboratory of two optimizers at four batch sizes.
pub(crate) fn usual() -> Laboratory {
    laboratory(&Size::default())
}

pub(crate) fn laboratory(size: &Size) -> Laboratory {
    let mut plan = Plan::default();
    plan.permutations.limit = 300;
    plan.permutations.draws = 200;
    let collection = collection(&plan, size);
    let findings = analyse(&plan, &collection).expect("runs that can be compared");
    let search = search(&collection.optimizers);
    let calibration = calibration(&plan);
    Laboratory { collection, findings, search, calibration }
}

fn collection(plan: &Plan, size: &Size) -> Collection {
    let mut collection = Collection {
        runs: vec![],
        diverged: vec![],
        set_aside: vec![],
        shared: BTreeMap::new(),
        optimizers: size.optimizers.iter().map(|name| (*name).to_owned()).collect(),
    };
    for &batch_size in &size.batch_sizes {
        for (place, &optimizer) in size.optimizers.iter().enumerate() {
            let group = (optimizer, batch_size);
            let seeds = if size.missing.contains(&group) { 0..0 } else { 0..size.seeds };
            for seed in seeds {
                let run = run(plan, place, optimizer, batch_size, size.seeds * place as i64 + seed, size.epochs);
                let fell = size.diverged.contains(&group) || (seed == 0 && size.shaken.contains(&group));
                if fell {
                    let (status, diverged_at_step) = (RunStatus::Diverged, Some(7));
                    collection.diverged.push(RunRow { status, diverged_at_step, test_loss: None, ..run.row });
                } else {
                    collection.runs.push(run);
                }
            }
        }
    }
    collection.shared.insert("model".to_owned(), "paper_cnn".to_owned());
    collection
}

/// A linear congruential generator (Knuth's MMIX), for numbers about zero.
struct Noise(u64);

impl Noise {
    /// The sum of four uniform numbers, of variance 1/3.
    fn next(&mut self) -> f64 {
        let uniform = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        (0..4).map(|_| uniform(&mut self.0)).sum()
    }
}

fn run(plan: &Plan, place: usize, optimizer: &str, batch_size: i32, seed: i64, epochs: i32) -> Run {
    let signals: Vec<Signal> = plan.primary.iter().chain(&plan.secondary).cloned().collect();
    let schema = Schema::new(signals.iter().map(|signal| (signal.clone(), vec![]))).expect("signals of a plan");
    let mut trace = Trace::new(schema.clone());
    let mut noise = Noise(977 * seed as u64 + batch_size as u64);
    let steps_per_epoch = i64::from(2000 / batch_size);
    let steps = steps_per_epoch * i64::from(epochs);
    let mut memory = 0.0;
    for step in 1..=steps {
        memory = 0.6 * memory + noise.next();
        let time = step as f64 / steps as f64;
        let course =
            |at: usize| (0.4 + at as f64) * (1.0 + (1.0 + 0.7 * place as f64) * time / (0.2 + time)) + 0.04 * memory;
        let row: Vec<f32> = (0..signals.len()).flat_map(|at| statistics(course(at).abs() + 0.01, time)).collect();
        trace.push(Row {
            step,
            epoch: ((step - 1) / steps_per_epoch) as i32 + 1,
            loss: (2.3 - time) as f32,
            accuracy: (0.1 + 0.4 * time) as f32,
            learning_rate: 0.01,
            signals: &row,
        });
    }
    let key = RunKey { optimizer: optimizer.to_owned(), batch_size, lr: 0.01, seed, config: "0123abcd".to_owned() };
    let epochs_table = evaluations(schema, epochs, steps_per_epoch, place, &mut noise);
    Run {
        row: summary(key, epochs, steps),
        settings: BTreeMap::new(),
        trace,
        epochs: epochs_table,
        known: Default::default(),
    }
}

/// One step's statistics of a signal of about this size.
fn statistics(size: f64, time: f64) -> impl Iterator<Item = f32> {
    let value = move |statistic: Statistic| match statistic.probability() {
        Some(probability) => size * (3.0 * probability - 1.4),
        None if statistic == Statistic::Kurtosis => 3.0 + time + 0.2 * size,
        None => size,
    };
    Statistic::ALL.into_iter().map(move |statistic| value(statistic) as f32)
}

fn evaluations(schema: Schema, epochs: i32, steps_per_epoch: i64, place: usize, noise: &mut Noise) -> Epochs {
    let columns = schema.len();
    let mut table = Epochs::new(schema);
    for epoch in 1..=epochs {
        let gone = f64::from(epoch) / f64::from(epoch + 2) + 0.02 * noise.next() + 0.05 * place as f64;
        table.push(EpochRow {
            epoch,
            steps: steps_per_epoch * i64::from(epoch),
            train_loss: (2.3 - gone) as f32,
            train_accuracy: (0.1 + 0.5 * gone) as f32,
            test_loss: (2.35 - gone) as f32,
            test_accuracy: (0.1 + 0.45 * gone) as f32,
            seconds: 1.0,
            learning_rate: 0.01,
            signals: vec![0.0; 2 * columns],
        });
    }
    table
}

fn summary(key: RunKey, epochs: i32, steps: i64) -> RunRow {
    RunRow {
        key,
        protocol: "standard".to_owned(),
        epochs,
        steps,
        status: RunStatus::Completed,
        diverged_at_step: None,
        train_loss: Some(1.1),
        train_accuracy: Some(0.6),
        test_loss: Some(1.2),
        test_accuracy: Some(0.55),
        parameters: 314_922,
        seconds: 12.25,
    }
}

fn search(optimizers: &[String]) -> Search {
    let choice = |(place, optimizer): (usize, &String)| {
        let trial = |at: i32, batch_size: usize| {
            let lr = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1][at as usize] * if place == 0 { 10.0 } else { 1.0 };
            let away = f64::from(at - 3 + place as i32 % 2);
            let loss = 1.5 + 0.05 * away * away + batch_size as f64 / 2000.0;
            Trial { lr, batch_size, test_loss: (at < 6).then_some(loss) }
        };
        let trials = (0..7).flat_map(|at| [trial(at, 50), trial(at, 200)]).collect();
        Choice::among(optimizer, trials).expect("one rate did not diverge")
    };
    Search {
        epochs: 1,
        batch_sizes: vec![50, 200],
        seed: 1000,
        rule: "The rate with the least mean test loss".to_owned(),
        choices: optimizers.iter().enumerate().map(choice).collect(),
    }
}

fn calibration(plan: &Plan) -> Calibration {
    let trial =
        |at: i64| CalibrationTrial { seeds: [vec![at], vec![at + 1]], p: 0.4, steps_p: vec![1e-9; plan.primary.len()] };
    let rate = |rejections, interval| Rate { rejections, tests: 40, interval };
    Calibration {
        plan: plan.clone(),
        shared: BTreeMap::new(),
        left_out: 0,
        optimizer: "adam".to_owned(),
        lr: 1e-3,
        batch_size: 100,
        epochs: 1,
        runs_per_trial: 6,
        alpha: plan.alpha,
        confidence: plan.confidence,
        trials: (0..40).map(trial).collect(),
        test: rate(2, (0.006, 0.169)),
        steps: plan
            .primary
            .iter()
            .zip([40, 39, 37, 40])
            .map(|(signal, n)| (signal.clone(), rate(n, (0.8 * n as f64 / 40.0, 1.0))))
            .collect(),
    }
}
