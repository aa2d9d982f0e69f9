//! AdaMax: Kingma and Ba (2015), algorithm 2, as PyTorch defines it.
//!
//! With `g` the gradient (plus `weight_decay` times the parameter):
//!
//! ```text
//! m = beta1 m + (1 - beta1) g
//! u = max(beta2 u, |g| + eps)                       the paper has no eps
//! p = p - lr / (1 - beta1^t) m / u
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of AdaMax, not checked yet; the default is PyTorch's.
    pub struct Adamax => PerParameter<2>: "adamax",
        "AdaMax (Kingma and Ba 2015): Adam with the infinity norm in place of the average square",
        "Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 2",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 2e-3, not_negative;
    /// Decay rates of the average of the gradient and of the norm.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to each gradient's absolute value.
    eps: f64 = 1e-8, not_negative;
    /// The penalty's factor (L2), coupled: it is added to the gradient.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<2> for Checked<Adamax> {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_inf"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, u]: &mut [Tensor; 2]) {
        let (keep, take) = keep_take(self.betas.0);
        let alpha = (step.lr / correction(self.betas.0, step.number)) as f32;
        let [beta2, eps, decay] = [self.betas.1, self.eps, self.weight_decay].map(|x| x as f32);
        parameter.update(gradient, [m, u], |p, g, [m, u]| {
            let g = g + decay * p;
            let m = keep * m + take * g;
            let (old, new) = (beta2 * u, g.abs() + eps);
            let u = if old > new { old } else { new };
            (p - alpha * (m / u), [m, u])
        });
    }
}
