//! Neither the number of threads nor the instruction-set level changes a bit, whatever the optimizer.
//!
//! A process runs at one level, so the test of levels starts itself again under `SEISMOGRAD_LEVEL`.

use seismograd_kernels::level::{Level, VARIABLE};
use seismograd_optim::registry::{self, ENTRIES};
use seismograd_optim::{Evaluation, EvaluationError, Objective, Tensor};

/// Tensors of more than one piece of work, and a vector.
const SHAPES: [&[usize]; 3] = [&[24, 1500], &[150, 20, 3, 3], &[70_000]];

fn tensors(step: usize) -> Vec<Tensor> {
    let element = |at: usize| (((at * 7919 + step * 104_729) % 2003) as f32 / 1001.0 - 1.0) * 1e-2;
    SHAPES.iter().map(|shape| Tensor::new(shape, (0..shape.iter().product()).map(element).collect())).collect()
}

struct Batch(usize);

impl Objective for Batch {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(1.0)
    }

    fn evaluate(&mut self, _: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Ok(Evaluation { loss: 0.9, gradients: tensors(self.0 + 5), averaged_over: 10 })
    }

    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        self.evaluate(parameters)
    }
}

/// Optimizers and one of their options that is set: all at their defaults, and what computes in another way if it is told to.
fn cases() -> impl Iterator<Item = Case> {
    let others = [("muon", Some(("fixed_point_from", "0"))), ("muon", Some(("fixed_point_from", "1000")))];
    ENTRIES.iter().map(|entry| (entry.name, None)).chain(others)
}

/// An optimizer, and an option with its value.
type Case = (&'static str, Option<(&'static str, &'static str)>);

/// The parameters' bits after three steps.
fn run((name, option): Case, threads: usize) -> Vec<u32> {
    let short = |option: &'static str, value: &str| -> Option<(String, String)> {
        let has = registry::find(name).unwrap().options.iter().any(|spec| spec.name == option);
        has.then(|| (option.to_owned(), value.to_owned()))
    };
    // Long axes would only take long.
    let options = [
        short("precondition_frequency", "2"),
        short("max_precond_dim", "200"),
        short("max_preconditioner_dim", "200"),
        short("max_size_triangular", "200"),
        option.and_then(|(option, value)| short(option, value)),
    ];
    let options: Vec<_> = options.into_iter().flatten().collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut optimizer = registry::build(name, None, &options).unwrap();
        let mut parameters = tensors(100);
        for step in 0..3 {
            optimizer.step(&mut parameters, &tensors(step), &mut Batch(step)).unwrap();
        }
        parameters.iter().flat_map(|parameter| parameter.as_slice()).map(|x| x.to_bits()).collect()
    })
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for case in cases() {
        let expect = run(case, 1);
        for threads in [2, 5] {
            assert!(run(case, threads) == expect, "{case:?} on {threads} threads");
        }
    }
}

#[test]
fn every_optimizer_at_the_level_of_this_process() {
    for case in cases() {
        // FNV-1a.
        let bits = run(case, 1).into_iter();
        let hash =
            bits.fold(0xcbf2_9ce4_8422_2325u64, |hash, bits| (hash ^ u64::from(bits)).wrapping_mul(0x0100_0000_01b3));
        println!("bits of {case:?}: {hash:016x}");
    }
    println!("level {}", Level::current());
}

/// The lines that the test above prints in a process of its own.
fn lines_of(level: Level) -> Vec<String> {
    let arguments = ["--exact", "every_optimizer_at_the_level_of_this_process", "--nocapture"];
    let mut test = std::process::Command::new(std::env::current_exe().unwrap());
    let run = test.args(arguments).env(VARIABLE, level.to_string()).output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{level}: {text}{}", String::from_utf8_lossy(&run.stderr));
    assert!(text.contains(&format!("level {level}")), "the forced level did not run: {text}");
    text.lines().filter(|line| line.starts_with("bits of ")).map(str::to_owned).collect()
}

#[test]
fn the_level_changes_no_bit() {
    let portable = lines_of(Level::Portable);
    assert_eq!(portable.len(), cases().count());
    for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
        assert_eq!(lines_of(level), portable, "{level}");
    }
}
