//! A convex quadratic to minimise, as an objective that counts what it is asked.

use seismograd_optim::{Evaluation, EvaluationError, Objective};
use seismograd_tensor::Tensor;

/// The loss `1/2 sum_i curvatures_i (x_i - targets_i)^2` of one parameter tensor.
pub struct Quadratic {
    pub curvatures: Tensor,
    pub targets: Tensor,
    /// How many times [`Objective::evaluate`] was called.
    pub evaluations: usize,
    /// How many times [`Objective::evaluate_sampled_labels`] was called.
    pub sampled: usize,
    /// The loss at the step's own parameters.
    pub loss: f64,
}

impl Quadratic {
    pub fn new(curvatures: &[f32], targets: &[f32]) -> Quadratic {
        let vector = |values: &[f32]| Tensor::new(&[values.len()], values.to_vec());
        Quadratic { curvatures: vector(curvatures), targets: vector(targets), evaluations: 0, sampled: 0, loss: 0.0 }
    }

    pub fn gradients(&self, parameters: &[Tensor]) -> Vec<Tensor> {
        vec![&self.curvatures * &(&parameters[0] - &self.targets)]
    }

    pub fn loss_at(&self, parameters: &[Tensor]) -> f64 {
        let error = &parameters[0] - &self.targets;
        0.5 * f64::from((&self.curvatures * &(&error * &error)).sum(&[0]).item())
    }
}

impl Objective for Quadratic {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(self.loss)
    }

    fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        self.evaluations += 1;
        let (loss, gradients) = (self.loss_at(parameters), self.gradients(parameters));
        Ok(Evaluation { loss, gradients, averaged_over: 1 })
    }

    /// Gradients whose squares are the curvatures, as they are in expectation for a likelihood's sampled labels.
    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        self.sampled += 1;
        let gradients = vec![self.curvatures.map(|curvature| (curvature / 4.0).sqrt())];
        Ok(Evaluation { loss: self.loss_at(parameters), gradients, averaged_over: 4 })
    }
}
