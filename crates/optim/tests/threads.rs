//! The number of threads changes no bit, whatever the optimizer.

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

/// The parameters' bits after three steps.
fn run(name: &str, threads: usize) -> Vec<u32> {
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
    for entry in ENTRIES {
        let expect = run(entry.name, 1);
        for threads in [2, 5] {
            assert!(run(entry.name, threads) == expect, "{} on {threads} threads", entry.name);
        }
    }
}
