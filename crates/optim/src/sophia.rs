//! Sophia with the Gauss-Newton-Bartlett estimate: Liu et al. (2023), algorithms 2 and 3.
//!
//! ```text
//! every k steps, from gradients g' at labels drawn from the model (a mean over B samples):
//!     h = beta2 h + (1 - beta2) B g'^2
//! m = beta1 m + (1 - beta1) g
//! p = p - lr [clip(m / max(rho h, eps), 1) + weight_decay p]
//! ```
//!
//! `rho` is the paper's gamma. The authors' code adds 1e-15 to `rho h` where the paper takes the maximum, which is what is done here.

use crate::hyperparameters::hyperparameters;
use crate::rates::keep_take;
use crate::{Checked, Evaluation, JointRule, Objective, Shared, Step, StepError};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Sophia-G, not checked yet; the default is the authors' code's, and the paper's `k` and `eps`.
    pub struct Sophia => Joint<2, 0>: "sophia",
        "Sophia-G (Liu et al. 2023): clipped steps over an estimate of the curvature's diagonal",
        "Liu et al., Sophia: a scalable stochastic second-order optimizer, ICLR 2024, algorithms 2 and 3",
        None, Elements;
    /// Learning rate: how far a clipped element goes.
    lr: f64 = 1e-4, not_negative;
    /// Decay rates of the averages of the gradient and of the curvature.
    betas: (f64, f64) = (0.965, 0.99), betas;
    /// What the curvature is multiplied by: the paper's gamma.
    rho: f64 = 0.04, not_negative;
    /// The least curvature.
    eps: f64 = 1e-12, positive;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.1, not_negative;
    /// Steps from one estimate of the curvature to the next.
    every: u64 = 10, at_least_one;
}

impl JointRule<2, 0> for Checked<Sophia> {
    const SLOTS: [&'static str; 2] = ["exp_avg", "hessian"];
    const SCALARS: [&'static str; 0] = [];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start_scalars(&self) -> [f64; 0] {
        []
    }

    fn update(
        &self,
        step: Step,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        Shared { slots, .. }: Shared<'_, 2, 0>,
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        let [(keep1, take1), (keep2, take2)] = [self.betas.0, self.betas.1].map(keep_take);
        if (step.number - 1).is_multiple_of(self.every) {
            let Evaluation { gradients, averaged_over, .. } = batch.evaluate_sampled_labels(parameters)?;
            let take = take2 * averaged_over as f32;
            for ([_, h], g) in slots.iter_mut().zip(&gradients) {
                h.update(g, [], |h, g, []| (keep2 * h + take * (g * g), []));
            }
        }
        let (lr, decay) = (step.lr as f32, (step.lr * self.weight_decay) as f32);
        let (rho, eps) = (self.rho as f32, self.eps as f32);
        for ((parameter, gradient), [m, h]) in parameters.iter_mut().zip(gradients).zip(slots) {
            parameter.update(gradient, [m, h], |p, g, [m, h]| {
                let m = keep1 * m + take1 * g;
                let curvature = rho * h;
                let ratio = m / if curvature > eps { curvature } else { eps };
                let ratio = if ratio > 1.0 { 1.0 } else { ratio };
                let ratio = if ratio < -1.0 { -1.0 } else { ratio };
                (p - (decay * p + lr * ratio), [m, h])
            });
        }
        Ok(())
    }
}
