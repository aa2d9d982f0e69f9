//! Steps of the optimizers beside a triad (`a = b + s a`) on the same memory, in bytes a second: an element-wise optimizer reads parameter, gradient
//! and state once and writes parameter and state, and nothing else.
//!
//! ```text
//! cargo bench -p benches --bench optimizers
//! ```

use divan::{Bencher, counter::BytesCount};
use seismograd_optim::{Evaluation, EvaluationError, Objective, registry};
use seismograd_tensor::Tensor;

/// Parameters of the paper's CNN, and as many as do not fit any cache.
const SIZES: [usize; 2] = [314_922, 25_000_000];

/// Optimizers that make one pass.
const ELEMENTWISE: [&str; 20] = [
    "sgd",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "amsgrad",
    "adamw",
    "adamax",
    "nadam",
    "radam",
    "rprop",
    "asgd",
    "signum",
    "lion",
    "yogi",
    "adabelief",
    "adan",
    "schedule_free_adamw",
    "adopt",
    "ademamix",
];

/// Optimizers of matrices, on one of 512 x 512.
const MATRICES: [&str; 4] = ["muon", "shampoo", "soap", "psgd_kron"];

fn main() {
    divan::main();
}

/// Numbers that are neither zero nor denormal.
fn filled(shape: &[usize], scale: f32) -> Tensor {
    let len = shape.iter().product();
    Tensor::new(shape, (0..len).map(|at: usize| ((at * 7919 % 2003) as f32 / 1001.0 - 1.0003) * scale).collect())
}

#[divan::bench(args = SIZES)]
fn triad(bencher: Bencher<'_, '_>, len: usize) {
    let (mut a, b) = (filled(&[len], 1.0), filled(&[len], 1.0));
    // Two are read, one is written.
    let bytes = BytesCount::new(3 * 4 * len);
    bencher.counter(bytes).bench_local(|| a.update(&b, [], |a, b, []| (b + 0.5 * a, [])));
}

fn step(bencher: Bencher<'_, '_>, name: &str, shape: &[usize]) {
    let mut optimizer = registry::build(name, None, &[]).expect("defaults are allowed");
    let (mut parameters, gradients) = (vec![filled(shape, 0.1)], vec![filled(shape, 0.01)]);
    // The first step makes the state.
    optimizer.step(&mut parameters, &gradients, &mut Free).expect("nothing is asked");
    let state: usize = optimizer.state().tensors.iter().map(|(_, tensor)| tensor.len()).sum();
    let bytes = BytesCount::new(4 * (3 * parameters[0].len() + 2 * state));
    bencher.counter(bytes).bench_local(|| optimizer.step(&mut parameters, &gradients, &mut Free).is_ok());
}

#[divan::bench(args = ELEMENTWISE)]
fn paper_cnn(bencher: Bencher<'_, '_>, name: &str) {
    step(bencher, name, &[SIZES[0]]);
}

#[divan::bench(args = ELEMENTWISE, sample_count = 10)]
fn beyond_caches(bencher: Bencher<'_, '_>, name: &str) {
    step(bencher, name, &[SIZES[1]]);
}

#[divan::bench(args = MATRICES, sample_count = 20)]
fn matrix_of_512(bencher: Bencher<'_, '_>, name: &str) {
    step(bencher, name, &[512, 512]);
}

/// A batch that answers nothing.
struct Free;

impl Objective for Free {
    fn evaluate(&mut self, _: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Err(EvaluationError::Unsupported("an evaluation while it is timed"))
    }
}
