//! What an optimizer may ask about the current batch, beyond the gradients that it was handed.
//!
//! Most optimizers ask nothing. The few that do call back through this one trait; whoever runs the training step answers.
//! A question that a future optimizer brings becomes one more provided method that refuses, so neither the optimizers nor
//! the objectives that exist need to change.

use seismograd_tensor::Tensor;

/// The loss of a batch at some parameters, and its gradients there.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The loss, reduced over the batch as in training.
    pub loss: f64,
    /// The loss's gradient by each parameter, in the parameters' order and shapes.
    pub gradients: Vec<Tensor>,
    /// How many samples' losses were averaged: the batch size if the loss is a mean, 1 if it is a sum. Estimates of
    /// curvature from squared gradients scale with it.
    pub averaged_over: usize,
}

/// The current batch, as an optimizer sees it. Every method refuses unless it is implemented; `()` refuses everything,
/// which is all that the optimizers that ask nothing need.
///
/// Whatever is random in the model (a dropout mask) is drawn as for the gradients of this step, so that the answers belong
/// to one and the same function of the parameters.
///
/// ```
/// use seismograd_optim::{Evaluation, EvaluationError, Objective};
/// use seismograd_tensor::Tensor;
///
/// /// The loss `1/2 x^2` of one number.
/// struct Parabola;
///
/// impl Objective for Parabola {
///     fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
///         let x = f64::from(parameters[0].item());
///         Ok(Evaluation { loss: 0.5 * x * x, gradients: parameters.to_vec(), averaged_over: 1 })
///     }
/// }
///
/// assert_eq!(Parabola.evaluate(&[Tensor::scalar(4.0)])?.loss, 8.0);
/// assert!(Parabola.evaluate_sampled_labels(&[Tensor::scalar(4.0)]).is_err());
/// # Ok::<(), EvaluationError>(())
/// ```
pub trait Objective {
    /// The loss at the parameters where the step's gradients were taken (Polyak step sizes, line searches).
    ///
    /// # Errors
    /// [`EvaluationError`], if it is not known.
    fn loss(&self) -> Result<f64, EvaluationError> {
        Err(EvaluationError::Unsupported("the loss"))
    }

    /// The loss and gradients of the current batch at other `parameters` (SAM, L-BFGS).
    ///
    /// # Errors
    /// [`EvaluationError`], if that is not possible or fails.
    fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        let _ = parameters;
        Err(EvaluationError::Unsupported("an evaluation at other parameters"))
    }

    /// The loss and gradients of the current batch at `parameters`, against labels drawn from the model's own predictions
    /// (the Gauss-Newton-Bartlett estimate of Sophia, Liu et al. 2023, algorithm 2).
    ///
    /// # Errors
    /// [`EvaluationError`], if that is not possible or fails.
    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        let _ = parameters;
        Err(EvaluationError::Unsupported("gradients at sampled labels"))
    }
}

impl Objective for () {}

/// Why the batch gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The objective does not implement the question.
    #[error("the optimizer asks for {0}, which this objective cannot give; use another optimizer or another objective")]
    Unsupported(&'static str),
    /// The evaluation was tried and failed.
    #[error("evaluating the batch for the optimizer failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
