//! Lookahead: Zhang et al. (2019), algorithm 1.
//!
//! Every `k` steps of the base, the slow weights go `alpha` of the way to the parameters, which go on from there. The model is evaluated with
//! the slow weights.

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Objective, Optimizer, StepError, Wrapper};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Lookahead, not checked yet; the default is the paper's.
    pub struct Lookahead around "sgd" => 1: "lookahead",
        "Lookahead (Zhang et al. 2019): slow weights that follow another optimizer's every k steps",
        "Zhang et al., Lookahead optimizer: k steps forward, 1 step back, NeurIPS 2019, algorithm 1",
        Some(1), Rotations;
    /// Steps of the base between two of the slow weights.
    k: u64 = 5, at_least_one;
    /// How far the slow weights go.
    alpha: f64 = 0.5, share;
}

impl Wrapper<1> for Checked<Lookahead> {
    const SLOTS: [&'static str; 1] = ["slow"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn step(
        &self,
        number: u64,
        base: &mut dyn Optimizer,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        slots: &mut [[Tensor; 1]],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        base.step(parameters, gradients, batch)?;
        if number.is_multiple_of(self.k) {
            let alpha = self.alpha as f32;
            for (parameter, [slow]) in parameters.iter_mut().zip(slots) {
                slow.update(parameter, [], |slow, fast, []| (slow + alpha * (fast - slow), []));
                *parameter = slow.clone();
            }
        }
        Ok(())
    }

    fn evaluation_parameter(&self, [slow]: &[Tensor; 1]) -> Option<Tensor> {
        Some(slow.clone())
    }
}
