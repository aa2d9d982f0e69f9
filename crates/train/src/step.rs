//! One training step: shards, reduction, the check for divergence, the update, the row of the trace.

use crate::batch::{Batch, BatchResult, Labels, Pass, Shards};
use crate::config::RunConfig;
use crate::error::TrainError;
use crate::weights::read_weights;
use seismograd_nn::{Model, Reduction, State};
use seismograd_optim::{Evaluation, EvaluationError, Objective, Optimizer};
use seismograd_record::{ParameterGradients, Recorder, Snapshot, Watch, Wiring};
use seismograd_tensor::Tensor;
use std::path::Path;
use std::sync::Arc;

/// A model in training.
pub struct Trainer {
    /// The architecture.
    pub model: Model,
    /// Its numbers.
    pub state: State,
    /// The rule that updates them.
    pub optimizer: Box<dyn Optimizer>,
    /// What is recorded.
    pub recorder: Arc<Recorder>,
    /// Whether gradients are those of the losses' mean or sum.
    pub reduction: Reduction,
}

/// What a step gives.
pub struct StepResult {
    /// The mean of the samples' losses before the update.
    pub loss: f64,
    /// How many samples were classified rightly before the update.
    pub correct: usize,
    /// The signals' values, in the order of the trace's columns.
    pub row: Vec<f32>,
}

/// Why a run cannot go on: something was not finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The step at which it was found, from 1.
    pub step: u64,
    /// What was not finite, such as `the gradient of conv1.weight`.
    pub what: String,
}

impl Trainer {
    /// A model that has not been trained yet, with random initial weights or those of a file.
    ///
    /// # Errors
    /// A setting that no run can have, or a file that does not hold the model's weights.
    pub fn new(config: &RunConfig, init: Option<&Path>) -> Result<Trainer, TrainError> {
        let model = config.model()?;
        let state = match init {
            Some(path) => read_weights(path, &model)?,
            None => model.initialise(config.seed),
        };
        let wiring =
            Wiring { output_layer: model.output_layer(), scopes: model.scopes(), parameters: model.parameter_names() };
        let recorder = Arc::new(Recorder::new(&config.selection()?, &wiring)?);
        Ok(Trainer { recorder, state, optimizer: config.optimizer()?, reduction: config.reduction()?, model })
    }

    /// Trains on one batch. On divergence at the loss or a gradient nothing has been updated.
    ///
    /// # Errors
    /// When an optimizer's question to the batch fails.
    pub fn step(&mut self, batch: &Batch<'_>, shards: Shards) -> Result<Result<StepResult, Divergence>, TrainError> {
        let (recorder, State { parameters, buffers }) = (Arc::clone(&self.recorder), &self.state);
        let (model, reduction) = (&self.model, self.reduction);
        let pass = Pass { model, parameters, buffers, batch, shards, labels: Labels::True, reduction };
        let mut result = pass.run(|samples| recorder.watch(samples, batch.len()));
        let observers = std::mem::take(&mut result.observers);
        // What was seen of the activations waits for nothing: beside an update that leaves processors idle it costs less, and so does its end.
        let digested = || {
            let activations = recorder.activations(&observers);
            drop(observers);
            activations
        };
        let (updated, activations) = rayon::join(|| self.update(batch, shards, &mut result), digested);
        let (snapshot, gradients) = match updated? {
            Ok(updated) => updated,
            Err(what) => return Ok(Err(Divergence { step: shards.step, what })),
        };
        let row = recorder.row(activations?, gradients, &snapshot, &self.state.parameters);
        Ok(Ok(StepResult { loss: result.loss / batch.len() as f64, correct: result.correct, row }))
    }

    /// Updates the parameters and buffers by what a batch gave; the recorded parameters as they were and the columns of the gradients, or what is not
    /// finite.
    fn update(
        &mut self,
        batch: &Batch<'_>,
        shards: Shards,
        result: &mut BatchResult<Watch>,
    ) -> Result<Result<(Snapshot, ParameterGradients), String>, TrainError> {
        if let Some(what) = self.not_finite(result) {
            return Ok(Err(what));
        }
        let snapshot = self.recorder.snapshot(&self.state.parameters);
        let (model, buffers, reduction) = (&self.model, &self.state.buffers[..], self.reduction);
        let pass = Pass { model, parameters: &[], buffers, batch, shards, labels: Labels::True, reduction };
        let mut objective = BatchObjective { pass, loss: result.loss };
        let (stepped, columns) = rayon::join(
            || self.optimizer.step(&mut self.state.parameters, &result.gradients, &mut objective),
            || self.recorder.gradients(&result.gradients),
        );
        stepped?;
        self.state.apply(std::mem::take(&mut result.buffer_updates));
        Ok(match self.not_finite_after() {
            Some(name) => Err(format!("{name} after the update")),
            None => Ok((snapshot, columns)),
        })
    }

    fn not_finite(&self, result: &BatchResult<Watch>) -> Option<String> {
        if !result.loss.is_finite() {
            return Some("the loss".to_owned());
        }
        result.not_finite.map(|at| format!("the gradient of {}", self.model.parameter_names()[at]))
    }

    /// The first number of the model or the optimizer that is not finite: running statistics and second moments can overflow while
    /// loss and gradients do not.
    fn not_finite_after(&self) -> Option<String> {
        let State { parameters, buffers } = &self.state;
        let names = self.model.parameter_names().iter().chain(self.model.buffer_names());
        let mut numbers = names.zip(parameters.iter().chain(buffers));
        if let Some((name, _)) = numbers.find(|(_, tensor)| !tensor.is_finite()) {
            return Some(name.clone());
        }
        let state = self.optimizer.state();
        let tensor = state.tensors.iter().find(|(_, tensor)| !tensor.is_finite());
        tensor.map(|(name, _)| format!("the optimizer's {name}"))
    }
}

/// The current batch, as an optimizer may ask it.
struct BatchObjective<'a> {
    /// The step's own without its parameters: each question brings its own.
    pass: Pass<'a>,
    /// The sum of the losses at the step's own parameters.
    loss: f64,
}

impl BatchObjective<'_> {
    fn reduced(&self, loss: f64) -> f64 {
        loss / self.pass.averaged_over() as f64
    }

    fn at(&self, parameters: &[Tensor], labels: Labels) -> Evaluation {
        let result = Pass { parameters, labels, ..self.pass }.run(|_| ());
        let averaged_over = self.pass.averaged_over();
        Evaluation { loss: self.reduced(result.loss), gradients: result.gradients, averaged_over }
    }
}

impl Objective for BatchObjective<'_> {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(self.reduced(self.loss))
    }

    fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Ok(self.at(parameters, Labels::True))
    }

    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Ok(self.at(parameters, Labels::Sampled))
    }
}
