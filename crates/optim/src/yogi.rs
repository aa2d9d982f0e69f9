//! Yogi: Zaheer et al. (2018), algorithm 2, with the bias corrections of the authors' code.
//!
//! ```text
//! m = beta1 m + (1 - beta1) g
//! v = v - (1 - beta2) sign(v - g^2) g^2
//! p = p - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
//! ```
//!
//! Both averages begin at `initial_accumulator`, as in the authors' code (and optax); the paper begins them at zero and has no corrections.

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take, sign};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Yogi, not checked yet; the default is the authors'.
    pub struct Yogi => PerParameter<2>: "yogi",
        "Yogi (Zaheer et al. 2018): Adam whose average square changes by steps of bounded size",
        "Zaheer et al., Adaptive methods for nonconvex optimization, NeurIPS 2018, algorithm 2",
        None, Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-2, not_negative;
    /// Decay rates of the averages of the gradient and of its square.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the root of the average square.
    eps: f64 = 1e-3, not_negative;
    /// What both averages begin at.
    initial_accumulator: f64 = 1e-6, not_negative;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<2> for Checked<Yogi> {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, _: &'static str, parameter: &Tensor) -> Tensor {
        Tensor::full(parameter.shape(), self.initial_accumulator as f32)
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, v]: &mut [Tensor; 2]) {
        let (beta1, beta2) = self.betas;
        let root = correction(beta2, step.number).sqrt();
        let alpha = (step.lr * root / correction(beta1, step.number)) as f32;
        let (eps, decay) = ((self.eps * root) as f32, (step.lr * self.weight_decay) as f32);
        let ((keep1, take1), (_, take2)) = (keep_take(beta1), keep_take(beta2));
        parameter.update(gradient, [m, v], |p, g, [m, v]| {
            let m = keep1 * m + take1 * g;
            let v = v - take2 * sign(v - g * g) * (g * g);
            (p - (decay * p + alpha * (m / (v.sqrt() + eps))), [m, v])
        });
    }
}
