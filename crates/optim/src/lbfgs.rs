//! L-BFGS: Liu and Nocedal (1989), as PyTorch's `torch.optim.LBFGS`; the two-loop recursion is algorithm 7.4 of Nocedal and Wright (2006).
//!
//! A step makes up to `max_iter` iterations on the same batch, evaluating it anew after each:
//!
//! ```text
//! y = g - g_previous,  s = t d                      kept if y . s > 1e-10, at most history_size pairs
//! d = -H g                                          by the two loops, H_0 = (y . s) / (y . y)
//! t = lr                                            the first of all: lr min(1, 1 / |g|_1)
//! p = p + t d                                       strong_wolfe: t by a line search from there
//! ```

mod line_search;

use crate::hyperparameters::hyperparameters;
use crate::{
    Checked, ConfigError, Evaluation, Objective, Optimizer, State, StateError, StepError, check_lr, check_tensors,
};
use line_search::Search;
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of L-BFGS, not checked yet; the default is PyTorch's.
    pub struct Lbfgs: "lbfgs",
        "L-BFGS (Liu and Nocedal 1989): quasi-Newton steps, several evaluations each; for full or large batches",
        "Liu and Nocedal, On the limited memory BFGS method for large scale optimization, Mathematical Programming 1989",
        None, Rotations;
    /// Learning rate: the step along each direction, or where the line search begins.
    lr: f64 = 1.0, not_negative;
    /// Iterations a step.
    max_iter: u64 = 20, at_least_one;
    /// Evaluations a step; 0 is 5/4 of the iterations.
    max_eval: u64 = 0, count;
    /// The largest element of a gradient that is converged.
    tolerance_grad: f64 = 1e-7, not_negative;
    /// The change of loss or parameters that is none.
    tolerance_change: f64 = 1e-9, not_negative;
    /// How many pairs of changes are kept.
    history_size: u64 = 100, at_least_one;
    /// Whether to search along each direction for a step that meets the strong Wolfe conditions.
    strong_wolfe: bool = false, flag;
}

impl Lbfgs {
    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<LbfgsOptimizer, ConfigError> {
        let options = self.checked()?;
        Ok(LbfgsOptimizer { options, lr: self.lr, step: 0, memory: Memory::default() })
    }
}

/// The optimizer of [`Lbfgs`].
#[derive(Clone, Debug)]
pub struct LbfgsOptimizer {
    options: Checked<Lbfgs>,
    lr: f64,
    step: u64,
    memory: Memory,
}

/// What is known of the function, over all steps.
#[derive(Clone, Debug, Default)]
struct Memory {
    iterations: u64,
    /// The last step length, and the scale of the first estimate of the inverse Hessian.
    t: f64,
    scale: f64,
    /// The direction and the gradient of the last iteration; empty before the first.
    direction: Vec<Tensor>,
    gradient: Vec<Tensor>,
    /// Changes of the gradient and of the parameters, the oldest first.
    pairs: Vec<[Vec<Tensor>; 2]>,
}

/// Vectors are lists of tensors, in the parameters' shapes.
fn dot(a: &[Tensor], b: &[Tensor]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.dot(b)).sum()
}

/// `a + factor b`.
fn add_scaled(a: &[Tensor], factor: f64, b: &[Tensor]) -> Vec<Tensor> {
    let factor = factor as f32;
    a.iter().zip(b).map(|(a, b)| a.zip(b, |a, b| a + factor * b)).collect()
}

fn scaled(a: &[Tensor], factor: f64) -> Vec<Tensor> {
    a.iter().map(|a| a * factor as f32).collect()
}

fn largest(a: &[Tensor]) -> f64 {
    a.iter().flat_map(|a| a.as_slice()).fold(0.0, |largest, x| f64::from(x.abs()).max(largest))
}

impl Memory {
    /// Takes in the change that the last iteration made, unless the curvature along it is not positive.
    fn learn(&mut self, gradient: &[Tensor], history: usize) {
        let y = add_scaled(gradient, -1.0, &self.gradient);
        let s = scaled(&self.direction, self.t);
        let ys = dot(&y, &s);
        if ys > 1e-10 {
            if self.pairs.len() == history {
                self.pairs.remove(0);
            }
            self.scale = ys / dot(&y, &y);
            self.pairs.push([y, s]);
        }
    }

    /// `-H g`, by the two loops.
    fn newton(&self, gradient: &[Tensor]) -> Vec<Tensor> {
        let mut q = scaled(gradient, -1.0);
        let mut weights = Vec::with_capacity(self.pairs.len());
        for [y, s] in self.pairs.iter().rev() {
            let weight = dot(s, &q) / dot(y, s);
            q = add_scaled(&q, -weight, y);
            weights.push(weight);
        }
        let mut r = scaled(&q, self.scale);
        for ([y, s], weight) in self.pairs.iter().zip(weights.into_iter().rev()) {
            r = add_scaled(&r, weight - dot(y, &r) / dot(y, s), s);
        }
        r
    }
}

/// What is known at the current parameters.
#[derive(Clone)]
struct Point {
    loss: f64,
    gradient: Vec<Tensor>,
}

impl LbfgsOptimizer {
    fn max_eval(&self) -> u64 {
        if self.options.max_eval == 0 { self.options.max_iter * 5 / 4 } else { self.options.max_eval }
    }

    /// The next direction and where to begin along it.
    fn aim(&mut self, gradient: &[Tensor]) {
        let Checked(options) = self.options;
        self.memory.iterations += 1;
        if self.memory.iterations == 1 {
            self.memory.direction = scaled(gradient, -1.0);
            self.memory.scale = 1.0;
            let length: f64 = gradient.iter().map(Tensor::sum_abs).sum();
            self.memory.t = (1.0f64).min(1.0 / length) * self.lr;
        } else {
            self.memory.learn(gradient, options.history_size as usize);
            self.memory.direction = self.memory.newton(gradient);
            self.memory.t = self.lr;
        }
        self.memory.gradient = gradient.to_vec();
    }

    /// Iterates on one batch until there is a reason to stop.
    fn iterate(
        &mut self,
        parameters: &mut [Tensor],
        mut at: Point,
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        let Checked(options) = self.options;
        let mut evaluations = 1;
        if largest(&at.gradient) <= options.tolerance_grad {
            return Ok(());
        }
        for iteration in 1..=options.max_iter {
            self.aim(&at.gradient);
            let slope = dot(&at.gradient, &self.memory.direction);
            if slope > -options.tolerance_change {
                break;
            }
            let before = at.loss;
            let start = parameters.to_vec();
            let direction = self.memory.direction.clone();
            if options.strong_wolfe {
                let mut along = |t: f64| -> Result<Point, StepError> {
                    let Evaluation { loss, gradients, .. } = batch.evaluate(&add_scaled(&start, t, &direction))?;
                    Ok(Point { loss, gradient: gradients })
                };
                let search =
                    Search { slope, loss: at.loss, size: largest(&direction), tolerance: options.tolerance_change };
                let most = self.max_eval() - evaluations;
                let found = search.strong_wolfe(&mut along, self.memory.t, at, &direction, most)?;
                (at, self.memory.t) = (found.0.at, found.0.t);
                evaluations += found.1;
            }
            parameters.clone_from_slice(&add_scaled(&start, self.memory.t, &direction));
            if !options.strong_wolfe && iteration != options.max_iter {
                let Evaluation { loss, gradients, .. } = batch.evaluate(parameters)?;
                at = Point { loss, gradient: gradients };
                evaluations += 1;
            }
            let converged = largest(&at.gradient) <= options.tolerance_grad
                || largest(&direction) * self.memory.t <= options.tolerance_change
                || (iteration != options.max_iter && (at.loss - before).abs() < options.tolerance_change);
            if evaluations >= self.max_eval() || converged {
                break;
            }
        }
        Ok(())
    }
}

impl Optimizer for LbfgsOptimizer {
    fn name(&self) -> &str {
        ENTRY.name
    }

    #[track_caller]
    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        check_tensors(ENTRY.name, parameters, gradients);
        let known = &self.memory.gradient;
        assert!(
            known.is_empty() || known.iter().map(Tensor::shape).eq(parameters.iter().map(Tensor::shape)),
            "optimizer step: the parameters' shapes are not those of the first step"
        );
        self.step += 1;
        let loss = batch.loss().unwrap_or(f64::NAN);
        self.iterate(parameters, Point { loss, gradient: gradients.to_vec() }, batch)
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    #[track_caller]
    fn set_lr(&mut self, lr: f64) {
        self.lr = check_lr(ENTRY.name, lr);
    }

    fn state(&self) -> State {
        let mut state = State::new(ENTRY.name, self.step);
        let Memory { iterations, t, scale, direction, gradient, pairs } = &self.memory;
        let count = pairs.len() as f64;
        let numbers = [("iterations", *iterations as f64), ("t", *t), ("scale", *scale), ("pairs", count)];
        state.scalars.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        let mut put = |name: &str, tensors: &[Tensor]| {
            let named = tensors.iter().enumerate().map(|(at, tensor)| (format!("{name}.{at}"), tensor.clone()));
            state.tensors.extend(named);
        };
        put("direction", direction);
        put("prev_grad", gradient);
        for (at, [y, s]) in pairs.iter().enumerate() {
            put(&format!("y{at}"), y);
            put(&format!("s{at}"), s);
        }
        state
    }

    fn load_state(&mut self, mut state: State, parameters: &[Tensor]) -> Result<(), StateError> {
        state.check_optimizer(ENTRY.name)?;
        let mut number = |name: &str| state.take_scalar(name);
        let [iterations, t, scale, pairs] = [number("iterations")?, number("t")?, number("scale")?, number("pairs")?];
        let mut take = |name: &str| -> Result<Vec<Tensor>, StateError> {
            let shapes = parameters.iter().enumerate();
            shapes.map(|(at, parameter)| state.take_tensor(&format!("{name}.{at}"), parameter.shape())).collect()
        };
        let mut memory = Memory { iterations: iterations as u64, t, scale, ..Memory::default() };
        if memory.iterations > 0 {
            (memory.direction, memory.gradient) = (take("direction")?, take("prev_grad")?);
        }
        for at in 0..pairs as u64 {
            memory.pairs.push([take(&format!("y{at}"))?, take(&format!("s{at}"))?]);
        }
        let step = state.step;
        state.finish()?;
        (self.step, self.memory) = (step, memory);
        Ok(())
    }
}
