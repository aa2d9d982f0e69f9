//! NAdam: Dozat (2016), algorithm 2, as PyTorch defines it.
//!
//! ```text
//! mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2),   M_t = mu_1 ... mu_t
//! m = beta1 m + (1 - beta1) g
//! v = beta2 v + (1 - beta2) g^2
//! p = p - lr [(1 - mu_t) / (1 - M_t) g + mu_(t+1) / (1 - M_(t+1)) m] / (sqrt(v / (1 - beta2^t)) + eps)
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, JointRule, Objective, Shared, Step, StepError};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of NAdam, not checked yet; the default is PyTorch's.
    pub struct NAdam => Joint<2, 1>: "nadam",
        "NAdam (Dozat 2016): Adam with Nesterov's momentum",
        "Dozat, Incorporating Nesterov momentum into Adam, ICLR workshop 2016, algorithm 2",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 2e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its square.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the root of the average square.
    eps: f64 = 1e-8, not_negative;
    /// Weight decay, coupled unless `decoupled_weight_decay`.
    weight_decay: f64 = 0.0, not_negative;
    /// How fast the momentum grows to `beta1`.
    momentum_decay: f64 = 4e-3, not_negative;
    /// Whether weight decay shrinks the parameter, as in AdamW, rather than joining the gradient.
    decoupled_weight_decay: bool = false, flag;
}

impl Checked<NAdam> {
    fn mu(&self, step: u64) -> f64 {
        self.betas.0 * (1.0 - 0.5 * libm::pow(0.96, step as f64 * self.momentum_decay))
    }
}

impl JointRule<2, 1> for Checked<NAdam> {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];
    const SCALARS: [&'static str; 1] = ["mu_product"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start_scalars(&self) -> [f64; 1] {
        [1.0]
    }

    fn update(
        &self,
        step: Step,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        Shared { slots, scalars: [product] }: Shared<'_, 2, 1>,
        _: &mut dyn Objective,
    ) -> Result<(), StepError> {
        let (mu, next) = (self.mu(step.number), self.mu(step.number + 1));
        *product *= mu;
        let root = correction(self.betas.1, step.number).sqrt();
        let direct = (step.lr * root * (1.0 - mu) / (1.0 - *product)) as f32;
        let averaged = (step.lr * root * next / (1.0 - *product * next)) as f32;
        let eps = (self.eps * root) as f32;
        let decay = self.weight_decay;
        let (coupled, decoupled) = if self.decoupled_weight_decay { (0.0, step.lr * decay) } else { (decay, 0.0) };
        let [coupled, decoupled] = [coupled, decoupled].map(|x| x as f32);
        let [(keep1, take1), (keep2, take2)] = [self.betas.0, self.betas.1].map(keep_take);
        for ((parameter, gradient), [m, v]) in parameters.iter_mut().zip(gradients).zip(slots) {
            parameter.update(gradient, [m, v], |p, g, [m, v]| {
                let g = g + coupled * p;
                let m = keep1 * m + take1 * g;
                let v = keep2 * v + take2 * (g * g);
                (p - (decoupled * p + (direct * g + averaged * m) / (v.sqrt() + eps)), [m, v])
            });
        }
        Ok(())
    }
}
