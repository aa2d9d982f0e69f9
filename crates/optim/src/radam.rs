//! RAdam: Liu et al. (2020), algorithm 2, as PyTorch defines it.
//!
//! ```text
//! rho_inf = 2 / (1 - beta2) - 1,   rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)
//! m = beta1 m + (1 - beta1) g,     v = beta2 v + (1 - beta2) g^2
//! rho_t > 5:  r = sqrt[(rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t)]
//!             p = p - lr r / (1 - beta1^t) sqrt(1 - beta2^t) m / (sqrt(v) + eps)
//! else:       p = p - lr / (1 - beta1^t) m
//! ```
//!
//! The paper's algorithm rectifies from `rho_t > 4` on, its text and its code from 5 on.

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take, power};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of RAdam, not checked yet; the default is PyTorch's.
    pub struct RAdam => PerParameter<2>: "radam",
        "RAdam (Liu et al. 2020): Adam that first waits until the variance of its step can be known",
        "Liu et al., On the variance of the adaptive learning rate and beyond, ICLR 2020, algorithm 2",
        None, Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its square.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the root of the average square.
    eps: f64 = 1e-8, not_negative;
    /// Weight decay, coupled unless `decoupled_weight_decay`.
    weight_decay: f64 = 0.0, not_negative;
    /// Whether weight decay shrinks the parameter, as in AdamW, rather than joining the gradient.
    decoupled_weight_decay: bool = false, flag;
}

impl Checked<RAdam> {
    /// The rectification, where the approximated moving average is long enough.
    fn rectification(&self, step: u64) -> Option<f64> {
        let (beta2, t) = (self.betas.1, step as f64);
        let limit = 2.0 / (1.0 - beta2) - 1.0;
        let rho = limit - 2.0 * t * power(beta2, step) / correction(beta2, step);
        let r = (rho - 4.0) * (rho - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * rho);
        (rho > 5.0).then(|| r.sqrt())
    }
}

impl Rule<2> for Checked<RAdam> {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, v]: &mut [Tensor; 2]) {
        let (beta1, beta2) = self.betas;
        let lr = step.lr / correction(beta1, step.number);
        let decay = self.weight_decay;
        let (coupled, decoupled) = if self.decoupled_weight_decay { (0.0, step.lr * decay) } else { (decay, 0.0) };
        let [coupled, decoupled, eps] = [coupled, decoupled, self.eps].map(|x| x as f32);
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(keep_take);
        match self.rectification(step.number) {
            Some(r) => {
                let alpha = (lr * r * correction(beta2, step.number).sqrt()) as f32;
                parameter.update(gradient, [m, v], |p, g, [m, v]| {
                    let g = g + coupled * p;
                    let (m, v) = (keep1 * m + take1 * g, keep2 * v + take2 * (g * g));
                    (p - (decoupled * p + alpha * (m / (v.sqrt() + eps))), [m, v])
                });
            }
            None => {
                let alpha = lr as f32;
                parameter.update(gradient, [m, v], |p, g, [m, v]| {
                    let g = g + coupled * p;
                    let (m, v) = (keep1 * m + take1 * g, keep2 * v + take2 * (g * g));
                    (p - (decoupled * p + alpha * m), [m, v])
                });
            }
        }
    }
}
