//! An exponential moving average of the weights, to evaluate with: Polyak and Juditsky (1992) with decay, as PyTorch's
//! `torch.optim.swa_utils.get_ema_multi_avg_fn`. The first step's parameters begin the average.

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Objective, Optimizer, StepError, Wrapper};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of the average of weights, not checked yet; the default is PyTorch's.
    pub struct Ema around "sgd" => 1: "ema",
        "an exponential moving average of another optimizer's weights, to evaluate with",
        "Polyak and Juditsky, Acceleration of stochastic approximation by averaging, SIAM 1992; Morales-Brotons et al., 2024",
        Some(1), Rotations;
    /// Decay rate of the average.
    decay: f64 = 0.999, unit;
}

impl Wrapper<1> for Checked<Ema> {
    const SLOTS: [&'static str; 1] = ["average"];

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
        let take = if number == 1 { 1.0 } else { (1.0 - self.decay) as f32 };
        for (parameter, [average]) in parameters.iter().zip(slots) {
            average.update(parameter, [], |average, p, []| (average + take * (p - average), []));
        }
        Ok(())
    }

    fn evaluation_parameter(&self, [average]: &[Tensor; 1]) -> Option<Tensor> {
        Some(average.clone())
    }
}
