//! Decoupled weight decay for any optimizer: Loshchilov and Hutter (2019), section 2.
//!
//! ```text
//! p = (1 - lr weight_decay) p, then the base's step
//! ```

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Objective, Optimizer, StepError, Wrapper};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of decoupled weight decay, not checked yet.
    pub struct WeightDecay around "sgd" => 0: "weight_decay",
        "decoupled weight decay before another optimizer's step: SGDW around sgd",
        "Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 1",
        Some(1), Rotations;
    /// How much of the parameter each step takes away, times the learning rate.
    weight_decay: f64 = 0.01, not_negative;
}

impl Wrapper<0> for Checked<WeightDecay> {
    const SLOTS: [&'static str; 0] = [];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn step(
        &self,
        _: u64,
        base: &mut dyn Optimizer,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        _: &mut [[Tensor; 0]],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        let decay = (base.lr() * self.weight_decay) as f32;
        for (parameter, gradient) in parameters.iter_mut().zip(gradients) {
            parameter.update(gradient, [], |p, _, []| (p - decay * p, []));
        }
        base.step(parameters, gradients, batch)
    }
}
