//! Every optimizer against an independent implementation in `f64`; `fixtures/README.md` says how they were made.
//!
//! The measure is the largest difference over the largest total update of the same tensor, at worst over the tensors. It is at most four times
//! that of the oracle's own `f32` run, or 1e-6 if that is larger. A case may note that a rule takes signs: an element whose sign rounding decides
//! goes a whole step the other way. Such elements are counted and left out; there may be few.

mod quadratic;

use safetensors::{Dtype, SafeTensors};
use seismograd_optim::{Evaluation, EvaluationError, Objective, Optimizer, PsgdKron, Schedule, registry};
use seismograd_tensor::Tensor;
use serde_json::Value;
use std::collections::BTreeSet;

struct Fixtures {
    bytes: Vec<u8>,
    index: Value,
}

impl Fixtures {
    fn read() -> Fixtures {
        let path = |name: &str| format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path("optimizer_suite.safetensors")).unwrap();
        let index = std::fs::read(path("optimizer_suite.json")).unwrap();
        Fixtures { bytes, index: serde_json::from_slice(&index).unwrap() }
    }

    fn tensors(&self, name: &str) -> Option<Vec<f64>> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(name).ok()?;
        Some(match view.dtype() {
            Dtype::F32 => view.data().as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect(),
            Dtype::F64 => view.data().as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
            other => panic!("{name} is {other:?}"),
        })
    }

    fn shapes(&self, problem: &str) -> Vec<(String, Vec<usize>)> {
        let sizes = |shape: &Value| shape.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let shapes = self.index["shapes"][problem].as_object().unwrap();
        shapes.iter().map(|(name, shape)| (name.clone(), sizes(shape))).collect()
    }

    fn problem(&self, name: &str) -> Problem {
        let shapes = self.shapes(name);
        let rows = |prefix: &str, (of, shape): &(String, Vec<usize>)| -> Vec<Tensor> {
            let values = self.tensors(&format!("{prefix}.{of}")).unwrap();
            let tensor = |row: &[f64]| Tensor::new(shape, row.iter().map(|&x| x as f32).collect());
            values.chunks_exact(shape.iter().product()).map(tensor).collect()
        };
        let probes = shapes.iter().map(|of| rows(&format!("probes.{name}"), of)).collect();
        let start = shapes.iter().map(|of| rows(&format!("initial.{name}"), of).remove(0)).collect();
        let function = match name {
            "network" | "noisy" => {
                let by_tensor: Vec<Vec<Tensor>> =
                    shapes.iter().map(|of| rows(&format!("gradients.{name}"), of)).collect();
                let steps = by_tensor[0].len();
                let gradients =
                    (0..steps).map(|step| by_tensor.iter().map(|rows| rows[step].clone()).collect()).collect();
                let [shift, batch] = ["shift", "batch"].map(|key| self.index[key].as_u64().unwrap() as usize);
                Function::Recorded { gradients, shift, batch }
            }
            "quadratic" => Function::Quadratic,
            "rosenbrock" => Function::Rosenbrock,
            other => panic!("no problem {other}"),
        };
        let whole = |key: &str| self.index["steps"][name][key].clone();
        let kept = whole("kept").as_array().unwrap().iter().map(|step| step.as_u64().unwrap() as usize).collect();
        Problem { start, function, steps: whole("steps").as_u64().unwrap() as usize, kept, step: 0, loss: 0.0, probes }
    }
}

/// The problems of `xtask/oracle/suite_problems.py`.
struct Problem {
    start: Vec<Tensor>,
    function: Function,
    steps: usize,
    kept: Vec<usize>,
    step: usize,
    /// The loss at the step's own parameters.
    loss: f64,
    /// Each parameter's random probes, one a step.
    probes: Vec<Vec<Tensor>>,
}

enum Function {
    Recorded { gradients: Vec<Vec<Tensor>>, shift: usize, batch: usize },
    Quadratic,
    Rosenbrock,
}

const CURVATURES: [f32; 6] = [10.0, 4.0, 1.0, 0.5, 0.1, 0.01];
const TARGETS: [f32; 6] = [1.0, -2.0, 0.25, 3.0, -0.5, 1.0];

impl Problem {
    fn evaluation(&self, step: usize, parameters: &[Tensor]) -> Evaluation {
        match &self.function {
            Function::Recorded { gradients, .. } => {
                Evaluation { loss: 0.0, gradients: gradients[step % self.steps].clone(), averaged_over: 1 }
            }
            Function::Quadratic => {
                let quadratic = quadratic::Quadratic::new(&CURVATURES, &TARGETS);
                let (loss, gradients) = (quadratic.loss_at(parameters), quadratic.gradients(parameters));
                Evaluation { loss, gradients, averaged_over: 1 }
            }
            Function::Rosenbrock => {
                let [x, y] = *parameters[0].as_slice() else { panic!("two coordinates") };
                let rest = y - x * x;
                let gradient = vec![-2.0 * (1.0 - x) - 400.0 * x * rest, 200.0 * rest];
                let loss = f64::from((1.0 - x) * (1.0 - x) + 100.0 * rest * rest);
                Evaluation { loss, gradients: vec![Tensor::new(&[2], gradient)], averaged_over: 1 }
            }
        }
    }
}

impl Objective for Problem {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(self.loss)
    }

    fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        let shift = if let Function::Recorded { shift, .. } = self.function { shift } else { 0 };
        Ok(self.evaluation(self.step + shift, parameters))
    }

    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        let found = self.evaluate(parameters)?;
        Ok(match self.function {
            Function::Recorded { batch, .. } => Evaluation { averaged_over: batch, ..found },
            Function::Quadratic => {
                let gradients = vec![Tensor::new(&[6], CURVATURES.map(|c| (c / 4.0).sqrt()).to_vec())];
                Evaluation { gradients, averaged_over: 4, ..found }
            }
            Function::Rosenbrock => found,
        })
    }
}

fn optimizer(case: &Value) -> Box<dyn Optimizer> {
    let text = |value: &Value| match value {
        Value::Array(numbers) => numbers.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let options: Vec<_> =
        case["options"].as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect();
    registry::build(case["optimizer"].as_str().unwrap(), None, &options).unwrap()
}

/// The optimizer of a case; PSGD's probes are the stored ones.
fn optimizer_for(case: &Value, probes: &[Vec<Tensor>]) -> Box<dyn Optimizer> {
    if case["optimizer"] != "psgd_kron" {
        return optimizer(case);
    }
    let mut psgd = PsgdKron::default();
    for (key, value) in case["options"].as_object().unwrap() {
        let number = value.as_f64().unwrap();
        match key.as_str() {
            "lr" => psgd.lr = number,
            "momentum" => psgd.momentum = number,
            "weight_decay" => psgd.weight_decay = number,
            "precond_lr" => psgd.precond_lr = number,
            "precond_init_scale" => psgd.precond_init_scale = number,
            "max_size_triangular" => psgd.max_size_triangular = number as u64,
            other => panic!("no option {other}"),
        }
    }
    let probes = probes.to_vec();
    Box::new(psgd.build_with_probes(move |step, at, _| probes[at][step as usize - 1].clone()).unwrap())
}

/// The measure, and how many elements were left out because a sign went the other way.
fn measure(found: &Tensor, expect: &[f64], start: &Tensor, flip: Option<f64>) -> (f64, usize) {
    let update = expect.iter().zip(start.as_slice()).map(|(e, &s)| (e - f64::from(s)).abs()).fold(0.0, f64::max);
    let (mut worst, mut flips) = (0.0f64, 0);
    for (&f, e) in found.as_slice().iter().zip(expect) {
        let error = (f64::from(f) - e).abs();
        match flip {
            Some(step) if error > 0.5 * step => flips += 1,
            _ => worst = worst.max(error),
        }
        assert!(f.is_finite());
    }
    (if update > 0.0 { worst / update } else { worst }, flips)
}

/// What is wrong with a case on a problem, if anything is.
fn check(fixtures: &Fixtures, case: &Value, name: &str, problem: &mut Problem) -> Option<String> {
    let label = case["name"].as_str().unwrap();
    let names = fixtures.shapes(name);
    let flip = case["sign"].as_f64();
    let oracle = case["f32"][name].as_array().unwrap().iter().map(|e| e.as_f64().unwrap()).fold(0.0, f64::max);
    let bound = (4.0 * oracle).max(1e-6);
    let mut optimizer = optimizer_for(case, &problem.probes);
    let mut parameters = problem.start.clone();
    let mut worst = (0.0, 0, String::new());
    let mut compare = |at: &str, found: &[Tensor], row: usize, stored: &str| {
        for ((of, shape), (found, start)) in names.iter().zip(found.iter().zip(&problem.start)) {
            let len: usize = shape.iter().product();
            let expect = &fixtures.tensors(&format!("{label}.{name}{stored}.{of}")).unwrap()[row * len..][..len];
            let (error, flips) = measure(found, expect, start, flip);
            worst.1 += flips;
            if error >= worst.0 || error.is_nan() {
                (worst.0, worst.2) = (error, format!("{at}, {of}"));
            }
        }
    };
    let mut runner = Problem {
        start: problem.start.clone(),
        kept: problem.kept.clone(),
        probes: Vec::new(),
        function: std::mem::replace(&mut problem.function, Function::Quadratic),
        ..*problem
    };
    for step in 0..runner.steps {
        runner.step = step;
        let Evaluation { loss, gradients, .. } = runner.evaluation(step, &parameters);
        runner.loss = loss;
        optimizer.step(&mut parameters, &gradients, &mut runner).unwrap();
        if let Some(row) = runner.kept.iter().position(|&kept| kept == step + 1) {
            compare(&format!("step {}", step + 1), &parameters, row, "");
        }
    }
    if fixtures.tensors(&format!("{label}.{name}.evaluated.{}", names[0].0)).is_some() {
        compare("evaluation", &optimizer.evaluation_parameters(&parameters).unwrap(), 0, ".evaluated");
    }
    problem.function = runner.function;
    println!(
        "{label:<26} {name:<10} {:.1e} of {bound:.1e} ({oracle:.1e} in the oracle's f32), {} flips, {}",
        worst.0, worst.1, worst.2
    );
    let failed = worst.0.is_nan() || worst.0 > bound || worst.1 > 8;
    failed.then(|| format!("{label} on {name}: {:e} of {bound:e}, {} flips, at {}", worst.0, worst.1, worst.2))
}

#[test]
fn every_case_is_the_oracles() {
    let fixtures = Fixtures::read();
    let mut problems = ["network", "noisy", "quadratic", "rosenbrock"].map(|name| (name, fixtures.problem(name)));
    let mut failures = Vec::new();
    for case in fixtures.index["cases"].as_array().unwrap() {
        for (name, problem) in problems.iter_mut().filter(|(name, _)| case["f32"].get(name).is_some()) {
            failures.extend(check(&fixtures, case, name, problem));
        }
    }
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_optimizer_has_a_case() {
    let fixtures = Fixtures::read();
    let cases = fixtures.index["cases"].as_array().unwrap().iter();
    let tested: BTreeSet<&str> = cases.map(|case| case["optimizer"].as_str().unwrap()).collect();
    let missing: Vec<_> =
        registry::ENTRIES.iter().map(|entry| entry.name).filter(|name| !tested.contains(name)).collect();
    assert!(missing.is_empty(), "no oracle for {missing:?}");
}

#[test]
fn schedules_are_pytorchs() {
    let fixtures = Fixtures::read();
    for (text, rates) in fixtures.index["schedules"].as_object().unwrap() {
        let schedule: Schedule = text.parse().unwrap();
        for (at, rate) in rates.as_array().unwrap().iter().enumerate() {
            let (found, expect) = (schedule.factor(at as u64 + 1), rate.as_f64().unwrap());
            // PyTorch multiplies its way from step to step: sixty roundings.
            assert!((found - expect).abs() < 1e-13, "{text} at {}: {found} instead of {expect}", at + 1);
        }
    }
}
