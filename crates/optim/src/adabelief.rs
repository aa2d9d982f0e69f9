//! AdaBelief: Zhuang et al. (2020), algorithm 2, with `eps` where the authors' code has it.
//!
//! ```text
//! m = beta1 m + (1 - beta1) g
//! s = beta2 s + (1 - beta2) (g - m)^2 + eps
//! p = p - lr m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)
//! ```
//!
//! The paper adds `eps` to the corrected average of the step only; the authors' code and optax leave it in the average.

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of AdaBelief, not checked yet; the default is the authors'.
    pub struct AdaBelief => PerParameter<2>: "adabelief",
        "AdaBelief (Zhuang et al. 2020): Adam over the variance of the gradient around its average",
        "Zhuang et al., AdaBelief optimizer: adapting stepsizes by the belief in observed gradients, NeurIPS 2020, algorithm 2",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its square distance.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the average at every step, and to its root.
    eps: f64 = 1e-16, not_negative;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<2> for Checked<AdaBelief> {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_avg_var"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, s]: &mut [Tensor; 2]) {
        let (beta1, beta2) = self.betas;
        let root = correction(beta2, step.number).sqrt();
        let alpha = (step.lr * root / correction(beta1, step.number)) as f32;
        let (eps, eps_root) = (self.eps as f32, (self.eps * root) as f32);
        let decay = (step.lr * self.weight_decay) as f32;
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(keep_take);
        parameter.update(gradient, [m, s], |p, g, [m, s]| {
            let m = keep1 * m + take1 * g;
            let surprise = g - m;
            let s = keep2 * s + take2 * (surprise * surprise) + eps;
            (p - (decay * p + alpha * (m / (s.sqrt() + eps_root))), [m, s])
        });
    }
}
