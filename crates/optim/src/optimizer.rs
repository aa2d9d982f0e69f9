//! The contract of every optimizer, and the checks that all of them make of their inputs.

use crate::{EvaluationError, Objective, State, StateError};
use seismograd_tensor::Tensor;

/// Changes an ordered list of parameters, step by step, from their gradients.
///
/// The list has the same length, order and shapes at every step; the first one fixes them.
pub trait Optimizer: Send {
    /// The name in the [registry](crate::registry) and in saved states.
    fn name(&self) -> &str;

    /// One update of `parameters` from `gradients`, the loss's gradients at those parameters.
    ///
    /// Gradients are taken as they are: whoever runs the training step refuses non-finite ones before they get here.
    ///
    /// # Errors
    /// [`StepError`], only from optimizers that ask `batch` something. Parameters and state may then be half updated: the
    /// run ends, or goes back to a checkpoint.
    ///
    /// # Panics
    /// When there are not as many gradients as parameters, a gradient's shape is not its parameter's, or the parameters
    /// are not those of the first step.
    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError>;

    /// The learning rate of the next step.
    fn lr(&self) -> f64;

    /// Sets the learning rate of the steps to come. It is a hyper-parameter and no part of the state: a schedule sets it
    /// before each step, after a resume as before.
    ///
    /// # Panics
    /// When it is negative or not finite in `f32`.
    fn set_lr(&mut self, lr: f64);

    /// The parameters to evaluate the model with, where they are not the ones that are trained (Schedule-Free, averages,
    /// Lookahead). `parameters` are those after the last step.
    fn evaluation_parameters(&self, parameters: &[Tensor]) -> Option<Vec<Tensor>> {
        let _ = parameters;
        None
    }

    /// Everything that the steps so far have left behind, to be saved in a checkpoint.
    fn state(&self) -> State;

    /// Takes up a saved state: the steps after it have the same bits as if the run had never stopped. `parameters` are
    /// those that the state belongs to.
    ///
    /// # Errors
    /// [`StateError`], if another optimizer wrote it or it does not fit the parameters and the options. Nothing has changed
    /// then.
    fn load_state(&mut self, state: State, parameters: &[Tensor]) -> Result<(), StateError>;
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The optimizer asked the batch, and got no answer.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
}

/// Checks that there is one gradient for each parameter, of its shape.
///
/// # Panics
/// When that is not so.
#[track_caller]
pub fn check_tensors(optimizer: &str, parameters: &[Tensor], gradients: &[Tensor]) {
    let (expected, found) = (parameters.len(), gradients.len());
    assert_eq!(expected, found, "{optimizer} step: {expected} parameters, but {found} gradients");
    for (at, (parameter, gradient)) in parameters.iter().zip(gradients).enumerate() {
        let (expected, found) = (parameter.shape(), gradient.shape());
        assert!(expected == found, "{optimizer} step: parameter {at} has shape {expected:?}, its gradient {found:?}");
    }
}

/// Returns a learning rate that an optimizer can step with.
///
/// # Panics
/// When it is negative or not finite in `f32`.
#[track_caller]
pub fn check_lr(optimizer: &str, lr: f64) -> f64 {
    let holds = (lr as f32).is_finite() && lr >= 0.0;
    assert!(holds, "{optimizer}: {lr} is not a learning rate of 0 or more, finite in f32");
    lr
}
