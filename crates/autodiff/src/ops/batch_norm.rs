//! Batch normalisation by the batch's own statistics (Ioffe and Szegedy 2015, algorithm 1).

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

/// What [`Graph::batch_norm`] gives.
pub struct BatchNorm {
    /// The normalised, scaled and shifted values.
    pub output: Var,
    /// The batch's mean, one a channel.
    pub mean: Tensor,
    /// The batch's variance, one a channel, divided by the number of elements (biased).
    pub variance: Tensor,
}

struct Rule {
    /// `(x - mean) / deviation`, in the shape of `x`.
    normalised: Tensor,
    /// `1 / deviation`, one a channel.
    inverse: Tensor,
}

impl Graph {
    /// Normalises `x` `[.., c]` over all axes but the last, then scales by `gamma` `[c]` and shifts by `beta` `[c]`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn batch_norm(&mut self, x: Var, gamma: Var, beta: Var, eps: f32) -> BatchNorm {
        let value = self.value(x);
        let channels = value.shape().last().copied().into_iter().collect::<Vec<_>>();
        for (name, parameter) in [("gamma", gamma), ("beta", beta)] {
            assert_eq!(self.value(parameter).shape(), channels, "batch_norm: {name} for x {:?}", value.shape());
        }
        let axes = batch_axes(value);
        let mean = value.mean(&axes);
        let centred = value - &mean;
        let variance = centred.map(|x| x * x).mean(&axes);
        let inverse = variance.map(|variance| 1.0 / (variance + eps).sqrt());
        let normalised = &centred * &inverse;
        let output = &(&normalised * self.value(gamma)) + self.value(beta);
        let output = self.push(output, &[x, gamma, beta], Rule { normalised, inverse });
        BatchNorm { output, mean, variance }
    }
}

impl Backward for Rule {
    // With z = (x - mean) / deviation and u the upstream gradient times gamma:
    // dx = (u - mean(u) - z mean(u z)) / deviation.
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let axes = batch_axes(&upstream);
        let weighted = &upstream * &self.normalised;
        let x = context.when_needed(0, || {
            let gamma = context.input(1);
            let slope = &weighted.mean(&axes) * gamma;
            let scaled = &upstream * gamma;
            let centred = &scaled - &(&upstream.mean(&axes) * gamma);
            &(&centred - &(&self.normalised * &slope)) * &self.inverse
        });
        // Gamma and beta were broadcast: the graph sums.
        vec![x, Some(weighted), Some(upstream)]
    }
}

/// All axes but the last.
fn batch_axes(x: &Tensor) -> Vec<usize> {
    (0..x.rank().saturating_sub(1)).collect()
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, values};
    use ndarray::{ArrayD, Axis};
    use proptest::prelude::*;

    /// The definition, in `f64`, with a large epsilon so that central differences stay exact.
    fn reference(x: &[ArrayD<f64>]) -> ArrayD<f64> {
        let mean_over_batch = |x: &ArrayD<f64>| {
            (0..x.ndim() - 1).fold(x.clone(), |x, _| x.mean_axis(Axis(0)).expect("no empty axis"))
        };
        let centred = &x[0] - &mean_over_batch(&x[0]);
        let variance = mean_over_batch(&centred.mapv(|x| x * x));
        centred / variance.mapv(|variance| (variance + 0.1).sqrt()) * &x[1] + &x[2]
    }

    operation(([1..4usize, 1..4, 1..4], any::<u32>()), |(shape, seed)| {
        let channels = shape[2];
        let inputs = vec![values(&shape, seed), values(&[channels], seed ^ 1), values(&[channels], seed ^ 2)];
        Case::new(inputs, |g, x| g.batch_norm(x[0], x[1], x[2], 0.1).output, reference)
    });
}
