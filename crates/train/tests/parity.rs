//! The training step against PyTorch: logits, gradients and losses of the paper's CNN and of its smooth sibling.
//!
//! Everything goes through the code that trains: [`Pass`] with its shards, and [`Trainer`]. Max-pooling and ReLU switch
//! when rounding decides a near-tie, and PyTorch's own two memory layouts then disagree, so the paper's CNN is held to what
//! PyTorch achieves itself, and the formulas are held to sharp bounds on the smooth sibling, which has nothing to switch.

mod fixture;

use fixture::{Fixture, distance, largest_gap};
use safetensors::SafeTensors;
use seismograd_autodiff::{Observer, Port, Site};
use seismograd_cifar10::{Normalization, Split};
use seismograd_nn::{Reduction, State};
use seismograd_tensor::Tensor;
use seismograd_train::{
    Batch, DataSource, Labels, Pass, Protocol, RunConfig, Shards, Trainer, read_weights, write_weights,
};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Samples in the batch of the fixtures' gradients.
const GRADIENT_BATCH: u32 = 64;
/// Steps of a free run, and samples of each.
const STEPS: u32 = 30;
const BATCH: u32 = 50;
const SHARDS: Shards = Shards { size: 13, seed: 0, step: 1 };

fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).expect("stderr is open");
}

fn sample() -> Split {
    DataSource::Sample.load().unwrap().train
}

/// Keeps the logits that a shard's graph shows.
#[derive(Default)]
struct Logits(Vec<f32>);

impl Observer for Logits {
    fn value(&mut self, site: Site<'_>, value: &Tensor) {
        if site.scope == "fc2" && site.port == Port::Output {
            self.0.extend_from_slice(value.as_slice());
        }
    }
}

/// What the training step computes on records 0..64.
struct Computed {
    logits: Vec<f32>,
    /// The mean of the samples' losses.
    loss: f64,
    /// Its gradients, in the parameters' order.
    gradients: Vec<Vec<f32>>,
}

fn compute(fixture: &Fixture, state: &State) -> Computed {
    let (split, indices) = (sample(), (0..GRADIENT_BATCH).collect::<Vec<_>>());
    let batch = Batch::Split { split: &split, indices: &indices, normalization: Normalization::Unit };
    let State { parameters, buffers } = state;
    let pass = Pass {
        model: &fixture.model,
        parameters,
        buffers,
        batch: &batch,
        shards: SHARDS,
        labels: Labels::True,
        reduction: Reduction::Mean,
    };
    let result = pass.run(|_| Logits::default());
    Computed {
        logits: result.observers.into_iter().flatten().flat_map(|logits| logits.0).collect(),
        loss: result.loss / f64::from(GRADIENT_BATCH),
        gradients: result.gradients.iter().map(|gradient| gradient.as_slice().to_vec()).collect(),
    }
}

/// Checks logits and loss against PyTorch's in f64 and f32. Eight layers, none of whose sums has more than 512 products, leave
/// errors of about 1e-6 in either implementation.
fn check_outputs(fixture: &Fixture) {
    let computed = compute(fixture, &fixture.state());
    for of in ["", "_f64"] {
        let (logits, loss) = (format!("logits{of}"), format!("loss{of}"));
        let error = distance(&computed.logits, &fixture.numbers(&logits));
        assert!(error < 5e-6, "{logits}: {error:e}");
        let error = largest_gap(&[computed.loss], &fixture.numbers(&loss));
        assert!(error < 1e-6, "{loss}: {error:e}");
    }
}

#[test]
fn logits_of_the_paper_cnn_are_pytorchs() {
    check_outputs(&Fixture::paper());
}

#[test]
fn logits_of_the_smooth_cnn_are_pytorchs() {
    check_outputs(&Fixture::smooth());
}

/// Checks each gradient against PyTorch's in f64, within a bound that depends on the parameter.
fn check_gradients(fixture: &Fixture, bound: impl Fn(&str) -> f64) {
    let computed = compute(fixture, &fixture.state());
    let mut wrong = Vec::new();
    for (gradient, name) in computed.gradients.iter().zip(fixture.model.parameter_names()) {
        let error = distance(gradient, &fixture.numbers(&format!("gradient.{name}")));
        let line = format!("{name}: {error:.2e}, PyTorch {:.2e}, bound {:.2e}", fixture.torch_error(name), bound(name));
        say(&line);
        if error.is_nan() || error > bound(name) {
            wrong.push(line);
        }
    }
    assert_eq!(computed.gradients.len(), 16);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn gradients_of_the_paper_cnn_are_as_near_as_pytorchs() {
    let fixture = Fixture::paper();
    check_gradients(&fixture, |name| (3.0 * fixture.torch_error(name)).min(2e-3));
}

#[test]
fn gradients_of_the_smooth_cnn_are_pytorchs() {
    check_gradients(&Fixture::smooth(), |_| 1e-5);
}

/// The mean losses of 30 steps from the fixture's weights; step k, from 0, trains on records 50k to 50k + 49.
fn free_run(fixture: &Fixture, model: &str, optimizer: &str, lr: f64, options: &[(&str, &str)]) -> Vec<f64> {
    let options: Vec<_> = options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut config = RunConfig::new(Protocol::Standard, optimizer, Some(lr), &options).unwrap();
    config.model = model.to_owned();
    config.dropout = 0.0;
    config.record = "off".to_owned();
    let mut trainer = Trainer::new(&config, None).unwrap();
    trainer.state = fixture.state();
    let split = sample();
    let step = |step: u32| {
        let indices: Vec<u32> = (BATCH * step..BATCH * (step + 1)).map(|at| at % split.len() as u32).collect();
        let batch = Batch::Split { split: &split, indices: &indices, normalization: config.normalization() };
        let shards = Shards { size: config.shard_size, seed: 0, step: u64::from(step) + 1 };
        trainer.step(&batch, shards).unwrap().unwrap().loss
    };
    (0..STEPS).map(step).collect()
}

/// Checks every loss of a free run of the smooth sibling against PyTorch's in f32 and f64.
fn check_run(recorded: &str, optimizer: &str, lr: f64, options: &[(&str, &str)]) {
    let fixture = Fixture::smooth();
    let losses = free_run(&fixture, "smooth_cnn", optimizer, lr, options);
    for precision in ["f64", "f32", "f32_nhwc"] {
        let gap = largest_gap(&losses, &fixture.numbers(&format!("losses.{recorded}.{precision}")));
        say(&format!("smooth, {recorded}: largest gap of a loss to PyTorch {precision} {gap:.1e}"));
        assert!(gap < 1e-5, "{recorded} {precision}: {gap:e}");
    }
}

#[test]
fn sgd_follows_pytorch() {
    check_run("sgd", "sgd", 0.05, &[]);
}

#[test]
fn sgd_with_nesterov_momentum_follows_pytorch() {
    check_run("sgd_nesterov", "sgd", 0.01, &[("momentum", "0.9"), ("nesterov", "true")]);
}

#[test]
fn adam_follows_pytorch() {
    check_run("adam", "adam", 1e-3, &[]);
}

#[test]
fn adamw_follows_pytorch() {
    check_run("adamw", "adamw", 1e-3, &[]);
}

/// Reports how far free runs of the paper's CNN part. Only the first loss is bounded: afterwards even PyTorch's two layouts part by 2e-2.
fn report_run(optimizer: &str, lr: f64) {
    let fixture = Fixture::paper();
    let losses = free_run(&fixture, "paper_cnn", optimizer, lr, &[]);
    let of = |precision: &str| fixture.numbers(&format!("losses.{optimizer}.{precision}"));
    let (nchw, nhwc) = (of("f32"), of("f32_nhwc"));
    let (ours, theirs) = (largest_gap(&losses, &nchw), largest_gap(&nchw, &nhwc));
    say(&format!(
        "paper, {optimizer}: largest gap of a loss over 30 free steps: ours to PyTorch NCHW {ours:.1e}, \
         NCHW to NHWC {theirs:.1e}"
    ));
    let first = largest_gap(&losses[..1], &of("f64")[..1]).max(largest_gap(&losses[..1], &nchw[..1]));
    assert!(first < 1e-6, "{optimizer}: {first:e}");
}

#[test]
fn free_runs_of_the_paper_cnn_begin_where_pytorchs_do() {
    report_run("adam", 1e-3);
    report_run("sgd", 1e-2);
}

/// Saves a fixture's weights, and checks names, types, shapes and bits.
fn check_saved(fixture: &Fixture) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.safetensors");
    let state = fixture.state();
    write_weights(&path, &fixture.model, &state).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut saved: Vec<_> = header.tensors().iter().map(|(name, info)| (name.clone(), info.shape.clone())).collect();
    assert!(header.tensors().values().all(|info| info.dtype == safetensors::Dtype::F32));
    let mut expect = fixture.weights();
    saved.sort();
    expect.sort();
    assert_eq!(saved, expect);
    let read = read_weights(&path, &fixture.model).unwrap();
    let bits = |state: &State| -> Vec<Vec<u32>> {
        state.parameters.iter().map(|tensor| tensor.as_slice().iter().map(|x| x.to_bits()).collect()).collect()
    };
    assert!(bits(&read) == bits(&state), "weights change on their way through a file");
}

#[test]
fn saved_weights_have_pytorchs_names_and_shapes_and_the_same_bits() {
    check_saved(&Fixture::paper());
    check_saved(&Fixture::smooth());
}

fn python() -> OsString {
    std::env::var_os("SEISMOGRAD_PYTHON").unwrap_or_else(|| "python3".into())
}

/// Whether there is a PyTorch to ask; says so on stderr if not.
fn has_pytorch() -> bool {
    let import = ["-c", "import numpy, torch, safetensors.torch"];
    let has = Command::new(python()).args(import).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !has {
        let python = python().to_string_lossy().into_owned();
        say(&format!(
            "skipped: {python} cannot import numpy, torch and safetensors; install xtask/oracle/requirements.txt, or set \
             SEISMOGRAD_PYTHON to an interpreter that has them"
        ));
    }
    has
}

/// Lets PyTorch load the weights that we save, and compares logits.
fn check_loaded(fixture: &Fixture, network: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (weights, logits) = (directory.path().join("weights.safetensors"), directory.path().join("logits.safetensors"));
    let state = fixture.model.initialise(7);
    write_weights(&weights, &fixture.model, &state).unwrap();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = package.join("tests/python/load_weights.py");
    let arguments = [script, package.join("../../xtask/oracle"), network.into(), weights, logits.clone()];
    let output = Command::new(python()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::read(logits).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let expect = file.tensor("logits").unwrap();
    let expect = expect.data().as_chunks().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes)));
    let error = distance(&compute(fixture, &state).logits, &expect.collect::<Vec<_>>());
    say(&format!("{network}: PyTorch loads our weights, logits differ by {error:.1e}"));
    assert!(error < 5e-6, "{network}: {error:e}");
}

#[test]
fn pytorch_loads_saved_weights() {
    if has_pytorch() {
        check_loaded(&Fixture::paper(), "PaperCnn");
        check_loaded(&Fixture::smooth(), "SmoothCnn");
    }
}
