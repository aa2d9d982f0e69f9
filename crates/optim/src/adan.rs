//! Adan: Xie et al. (2022), algorithm 1, in the form of the authors' code: `betas` are the paper's `1 - beta`.
//!
//! ```text
//! d = g - g'                                        zero at the first step
//! m = beta1 m + (1 - beta1) g                       line 3
//! v = beta2 v + (1 - beta2) d                       line 4
//! n = beta3 n + (1 - beta3) (g + beta2 d)^2         line 5
//! p = [p - lr (m / c1 + beta2 v / c2) / (sqrt(n / c3) + eps)] / (1 + lr weight_decay)
//! ```
//!
//! with `c = 1 - beta^t`, which the paper leaves out.

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Adan, not checked yet; the default is the authors'.
    pub struct Adan => PerParameter<4>: "adan",
        "Adan (Xie et al. 2022): Nesterov's momentum from differences of gradients, in Adam's scale",
        "Xie et al., Adan: adaptive Nesterov momentum algorithm, arXiv:2208.06677, algorithm 1",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of gradient, difference and square.
    betas: (f64, f64, f64) = (0.98, 0.92, 0.99), three_betas;
    /// Added to the root of the average square.
    eps: f64 = 1e-8, not_negative;
    /// Weight decay, proximal: the parameter is divided by one plus it, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<4> for Checked<Adan> {
    const SLOTS: [&'static str; 4] = ["exp_avg", "exp_avg_diff", "exp_avg_sq", "previous_grad"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor; 4]) {
        let [m, v, n, previous] = slots;
        if step.number == 1 {
            *previous = gradient.clone();
        }
        let (b1, b2, b3) = self.betas;
        let [c1, c2, c3] = [b1, b2, b3].map(|beta| correction(beta, step.number));
        let [(keep1, take1), (keep2, take2), (keep3, take3)] = [b1, b2, b3].map(keep_take);
        let root = c3.sqrt();
        let [alpha, alpha_diff, eps] =
            [step.lr * root / c1, step.lr * root * b2 / c2, self.eps * root].map(|x| x as f32);
        // Dividing by 1 + d is taking the share d / (1 + d) away.
        let decay = step.lr * self.weight_decay;
        let share = (decay / (1.0 + decay)) as f32;
        parameter.update(gradient, [m, v, n, previous], |p, g, [m, v, n, previous]| {
            let d = g - previous;
            let ahead = g + keep2 * d;
            let m = keep1 * m + take1 * g;
            let v = keep2 * v + take2 * d;
            let n = keep3 * n + take3 * (ahead * ahead);
            let p = p - (alpha * m + alpha_diff * v) / (n.sqrt() + eps);
            (p - share * p, [m, v, n, g])
        });
    }
}
