//! MARS-AdamW: Yuan et al. (2024), algorithm 2, in its approximate form (the previous gradient stands for the previous parameters' gradient
//! on this batch), as in the authors' code.
//!
//! ```text
//! c = g + gamma beta1 / (1 - beta1) (g - g')                equation 7; g' is zero at the first step
//! c = c / max(1, |c|)                                       equation 8, the norm of the tensor
//! m = beta1 m + (1 - beta1) c,   v = beta2 v + (1 - beta2) c^2
//! p = p - lr [m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay p]
//! ```
//!
//! Parameters of fewer than two axes take AdamW's step with options of their own, unless `optimize_1d`.

use crate::adam::AdamRule;
use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of MARS-AdamW, not checked yet; the default is the authors'.
    pub struct Mars => PerParameter<3>: "mars_adamw",
        "MARS-AdamW (Yuan et al. 2024): AdamW over gradients with their variance reduced",
        "Yuan et al., MARS: unleashing the power of variance reduction for training large models, arXiv:2411.10438, algorithm 2",
        None, Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 3e-3, not_negative;
    /// Decay rates of the averages of the corrected gradient and of its square.
    betas: (f64, f64) = (0.95, 0.99), betas;
    /// The weight of the correction.
    gamma: f64 = 0.025, finite;
    /// Added to the root of the average square.
    eps: f64 = 1e-8, not_negative;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
    /// Whether parameters of fewer than two axes are updated as the others.
    optimize_1d: bool = false, flag;
    /// The learning rate of parameters of fewer than two axes.
    lr_1d: f64 = 3e-3, not_negative;
    /// AdamW's decay rates for parameters of fewer than two axes.
    betas_1d: (f64, f64) = (0.9, 0.95), betas;
    /// AdamW's weight decay for parameters of fewer than two axes.
    weight_decay_1d: f64 = 0.1, not_negative;
}

impl Checked<Mars> {
    fn corrects(&self, parameter: &Tensor) -> bool {
        self.optimize_1d || parameter.rank() >= 2
    }

    /// AdamW for parameters of fewer than two axes.
    fn adamw(&self) -> AdamRule {
        let (betas, decoupled) = (self.betas_1d, self.weight_decay_1d);
        AdamRule { name: ENTRY.name, betas, eps: self.eps, coupled: 0.0, decoupled, epsilon_hat: false }
    }
}

impl Rule<3> for Checked<Mars> {
    const SLOTS: [&'static str; 3] = ["exp_avg", "exp_avg_sq", "last_grad"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        Tensor::zeros(if slot == "last_grad" && !self.corrects(parameter) { &[0] } else { parameter.shape() })
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, v, last]: &mut [Tensor; 3]) {
        if !self.corrects(parameter) {
            let ratio = if self.lr > 0.0 { self.lr_1d / self.lr } else { 0.0 };
            return self.adamw().apply(Step { lr: step.lr * ratio, ..step }, parameter, gradient, m, v);
        }
        let (beta1, beta2) = self.betas;
        let weight = (self.gamma * beta1 / (1.0 - beta1)) as f32;
        let corrected = gradient.zip(last, |g, last| g + weight * (g - last));
        let scale = (1.0 / corrected.norm().max(1.0)) as f32;
        *last = gradient.clone();
        let root = correction(beta2, step.number).sqrt();
        let alpha = (step.lr * root / correction(beta1, step.number)) as f32;
        let (eps, decay) = ((self.eps * root) as f32, (step.lr * self.weight_decay) as f32);
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(keep_take);
        parameter.update(&corrected, [m, v], |p, c, [m, v]| {
            let c = scale * c;
            let m = keep1 * m + take1 * c;
            let v = keep2 * v + take2 * (c * c);
            (p - (decay * p + alpha * (m / (v.sqrt() + eps))), [m, v])
        });
    }
}
