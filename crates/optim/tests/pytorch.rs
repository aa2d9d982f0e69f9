//! Trajectories on stored gradients against `torch.optim` in `f64`; `fixtures/README.md` says how they were made.
//!
//! The tolerance, for each parameter tensor after 1, 2, 10 and 50 steps: the largest error against `f64` is at most three
//! times the largest error of PyTorch's own `f32` run, plus two units in the last place of the largest parameter. The
//! factor allows for roundings that fall otherwise in another order of operations, the units for steps at which PyTorch
//! happens to be exact.
//!
//! PyTorch has no epsilon-hat, so no `f32` run of it. There the largest error is at most two units after one step and grows
//! with the root of their number, as independent roundings do.

use safetensors::{Dtype, SafeTensors};
use seismograd_optim::{Optimizer, registry};
use seismograd_tensor::Tensor;
use serde_json::Value;

struct Fixtures {
    bytes: Vec<u8>,
    index: Value,
}

impl Fixtures {
    fn read() -> Fixtures {
        let path = |name: &str| format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path("optimizers.safetensors")).unwrap();
        let index = std::fs::read(path("optimizers.json")).unwrap();
        Fixtures { bytes, index: serde_json::from_slice(&index).unwrap() }
    }

    fn tensor(&self, name: &str) -> Option<Vec<f64>> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(name).ok()?;
        let (data, dtype) = (view.data(), view.dtype());
        Some(match dtype {
            Dtype::F32 => data.as_chunks().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect(),
            Dtype::F64 => data.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect(),
            _ => panic!("{name} is {dtype:?}"),
        })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.list("parameters").map(|parameter| parameter["name"].as_str().unwrap())
    }

    fn list(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.index[key].as_array().unwrap().iter()
    }

    /// One tensor for each parameter: row `row` of the stored ones.
    fn parameters(&self, prefix: &str, row: usize) -> Vec<Tensor> {
        let shape = |parameter: &Value| -> Vec<usize> {
            parameter["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect()
        };
        let shapes = self.list("parameters").map(shape);
        self.names()
            .zip(shapes)
            .map(|(name, shape)| {
                let len: usize = shape.iter().product();
                let values = self.tensor(&format!("{prefix}.{name}")).unwrap();
                Tensor::new(&shape, values[row * len..][..len].iter().map(|&value| value as f32).collect())
            })
            .collect()
    }
}

/// A case's settings are the registry's options, except for the rule; epsilon-hat is an option here.
fn optimizer(case: &Value) -> Box<dyn Optimizer> {
    let text = |value: &Value| match value {
        Value::Array(pair) => format!("{},{}", pair[0], pair[1]),
        other => other.to_string(),
    };
    let settings = case.as_object().unwrap().iter().filter(|(key, _)| !["name", "rule"].contains(&key.as_str()));
    let mut options: Vec<_> = settings.map(|(key, value)| (key.clone(), text(value))).collect();
    let rule = case["rule"].as_str().unwrap();
    if rule == "adam_epsilon_hat" {
        options.push(("epsilon_hat".to_owned(), "true".to_owned()));
    }
    registry::build(rule.trim_end_matches("_epsilon_hat"), None, &options).unwrap()
}

fn largest_error(found: &[f64], expect: &[f64]) -> f64 {
    found.iter().zip(expect).map(|(found, expect)| (found - expect).abs()).fold(0.0, f64::max)
}

fn check(fixtures: &Fixtures, label: &str, row: usize, step: usize, parameters: &[Tensor]) {
    for (name, parameter) in fixtures.names().zip(parameters) {
        let kept = |kind: &str| {
            let values = fixtures.tensor(&format!("{label}.{kind}.{name}"))?;
            Some(values[row * parameter.len()..][..parameter.len()].to_vec())
        };
        let expect = kept("f64").unwrap();
        let unit = f64::from(f32::EPSILON) * expect.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let tolerance = match kept("f32") {
            Some(torch) => 3.0 * largest_error(&torch, &expect) + 2.0 * unit,
            None => 2.0 * unit * (step as f64).sqrt(),
        };
        let found: Vec<f64> = parameter.as_slice().iter().map(|&value| f64::from(value)).collect();
        let error = largest_error(&found, &expect);
        assert!(error <= tolerance, "{label}, step {step}, {name}: error {error:e}, tolerance {tolerance:e}");
    }
}

#[test]
fn trajectories_are_pytorchs() {
    let fixtures = Fixtures::read();
    let kept: Vec<usize> = fixtures.list("kept_steps").map(|step| step.as_u64().unwrap() as usize).collect();
    for case in fixtures.list("cases") {
        let label = case["name"].as_str().unwrap();
        let mut optimizer = optimizer(case);
        let mut parameters = fixtures.parameters("initial", 0);
        for step in 1..=fixtures.index["steps"].as_u64().unwrap() as usize {
            optimizer.step(&mut parameters, &fixtures.parameters("gradients", step - 1), &mut ()).unwrap();
            if let Some(row) = kept.iter().position(|&kept| kept == step) {
                check(&fixtures, label, row, step, &parameters);
            }
        }
    }
}
