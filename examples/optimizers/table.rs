//! The table: what an optimizer keeps, what a step of it costs, what it does not see, and who defined it.

use examples::{say, say_long};
use seismograd_optim::registry::{self, ENTRIES, Entry, Symmetry};
use seismograd_optim::{Evaluation, EvaluationError, Objective, Tensor};
use std::time::{Duration, Instant};

/// The matrix that steps are timed on, and a bias beside it.
const SHAPES: [&[usize]; 2] = [&[256, 256], &[256]];

/// Steps timed; the quickest third tells what a step costs where others share the machine.
const STEPS: usize = 30;

/// A gradient that changes a little from step to step, and from element to element.
fn gradients(step: usize) -> Vec<Tensor> {
    let element = |at: usize| (((at * 7919 + step * 104_729) % 2003) as f32 / 1001.0 - 1.0) * 1e-2;
    SHAPES.iter().map(|shape| Tensor::new(shape, (0..shape.iter().product()).map(element).collect())).collect()
}

/// Answers with gradients at no cost, so that what is timed is the optimizer.
struct Free(Vec<Tensor>);

impl Objective for Free {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(1.0)
    }

    fn evaluate(&mut self, _: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Ok(Evaluation { loss: 1.0, gradients: self.0.clone(), averaged_over: 1 })
    }

    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        self.evaluate(parameters)
    }
}

/// Numbers of state for each of the parameters', and the time of a step.
fn measure(entry: &Entry) -> (f64, Duration) {
    let mut optimizer = registry::build(entry.name, None, &[]).expect("defaults are allowed");
    let mut parameters: Vec<Tensor> = SHAPES.iter().map(|shape| Tensor::full(shape, 0.1)).collect();
    let given: Vec<Vec<Tensor>> = (0..4).map(gradients).collect();
    let mut times: Vec<Duration> = (0..STEPS)
        .map(|step| {
            let gradients = &given[step % 4];
            let mut free = Free(gradients.clone());
            let started = Instant::now();
            optimizer.step(&mut parameters, gradients, &mut free).expect("the batch answers everything");
            started.elapsed()
        })
        .collect();
    times.sort();
    let state: usize = optimizer.state().tensors.iter().map(|(_, tensor)| tensor.len()).sum();
    let parameters: usize = parameters.iter().map(Tensor::len).sum();
    (state as f64 / parameters as f64, times[STEPS / 3])
}

fn symmetry(symmetry: Symmetry) -> &'static str {
    match symmetry {
        Symmetry::Rotations => "rotations",
        Symmetry::Matrices => "row, column rotations",
        Symmetry::Elements => "permutations, signs",
        Symmetry::Axes => "... along axes",
        Symmetry::Nothing => "none",
    }
}

/// Prints the table.
pub fn print() {
    say(&format!(
        "{:<20} {:>6} {:>10}  {:<6} {:<22} paper",
        "optimizer", "state", "µs a step", "degree", "does not see"
    ));
    for entry in ENTRIES {
        let (state, time) = measure(entry);
        let degree = entry.degree.map_or("-".to_owned(), |degree| degree.to_string());
        let (time, sees) = (time.as_secs_f64() * 1e6, symmetry(entry.symmetry));
        say_long(&format!("{:<20} {state:>6.2} {time:>10.0}  {degree:<6} {sees:<22} {}", entry.name, entry.paper), 21);
    }
    say("");
    say_long("state: numbers kept for each of a matrix of 256 x 256 and a bias", 0);
    say_long("µs a step: on these, the batch's answers free of charge", 0);
    say_long("degree: the power of c that updates grow by when the loss is multiplied by c, - where it is none", 0);
    say_long("degree and what it does not see: without weight decay", 0);
}
