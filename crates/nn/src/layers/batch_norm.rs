//! Batch normalisation.

use super::Layer;
use crate::builder::{BufferId, Builder, ParameterId};
use crate::forward::{Forward, Mode};
use seismograd_autodiff::Var;
use seismograd_tensor::Tensor;

/// Normalises every channel of `[n, h, w, c]`, by the batch's statistics in training and by running ones in evaluation
/// (PyTorch's `BatchNorm2d`: eps 1e-5, momentum 0.1, the running variance unbiased).
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm2d {
    weight: ParameterId,
    bias: ParameterId,
    running_mean: BufferId,
    running_var: BufferId,
    batches: BufferId,
}

const EPS: f32 = 1e-5;
const MOMENTUM: f32 = 0.1;

impl BatchNorm2d {
    /// A layer of `channels` channels.
    pub fn new(builder: &mut Builder, channels: usize) -> BatchNorm2d {
        BatchNorm2d {
            weight: builder.constant("weight", &[channels], 1.0),
            bias: builder.constant("bias", &[channels], 0.0),
            running_mean: builder.buffer("running_mean", &[channels], 0.0),
            running_var: builder.buffer("running_var", &[channels], 1.0),
            batches: builder.buffer("num_batches_tracked", &[], 0.0),
        }
    }

    fn train(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        let (weight, bias) = (forward.parameter(self.weight), forward.parameter(self.bias));
        let batch = forward.graph().batch_norm(x, weight, bias, EPS);
        let elements = (forward.graph().value(x).len() / batch.mean.len()) as f32;
        let unbiased = &batch.variance * (elements / (elements - 1.0).max(1.0));
        self.track(forward, self.running_mean, &batch.mean);
        self.track(forward, self.running_var, &unbiased);
        forward.update_buffer(self.batches, forward.buffer(self.batches).map(|batches| batches + 1.0));
        batch.output
    }

    fn track(&self, forward: &mut Forward<'_>, running: BufferId, batch: &Tensor) {
        let moved = forward.buffer(running).zip(batch, |running, batch| (1.0 - MOMENTUM) * running + MOMENTUM * batch);
        forward.update_buffer(running, moved);
    }

    fn evaluate(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        let (mean, variance) = (forward.buffer(self.running_mean), forward.buffer(self.running_var));
        let (weight, bias) = (forward.parameter(self.weight), forward.parameter(self.bias));
        let graph = forward.graph();
        let mean = graph.constant(mean.clone());
        let inverse = graph.constant(variance.map(|variance| 1.0 / (variance + EPS).sqrt()));
        let scale = graph.mul(weight, inverse);
        let centred = graph.sub(x, mean);
        let scaled = graph.mul(centred, scale);
        graph.add(scaled, bias)
    }
}

impl Layer for BatchNorm2d {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        match forward.mode() {
            Mode::Train(_) => self.train(forward, x),
            Mode::Evaluate => self.evaluate(forward, x),
        }
    }

    fn mixes_samples(&self) -> bool {
        true
    }
}
