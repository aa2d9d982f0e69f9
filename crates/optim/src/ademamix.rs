//! AdEMAMix: Pagliardini, Ablin and Grangier (2024), algorithm 1.
//!
//! ```text
//! m1 = beta1 m1 + (1 - beta1) g
//! m2 = beta3_t m2 + (1 - beta3_t) g
//! v  = beta2 v + (1 - beta2) g^2
//! p  = p - lr [(m1 / (1 - beta1^t) + alpha_t m2) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay p]
//! ```
//!
//! Over the first `warmup` steps `alpha_t` grows linearly, and the half-life of `beta3_t` grows from that of `beta1` (section 3, appendix A.1).

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of AdEMAMix, not checked yet; the default is the authors'.
    pub struct AdEmaMix => PerParameter<3>: "ademamix",
        "AdEMAMix (Pagliardini et al. 2024): Adam with a second, slow average of the gradient",
        "Pagliardini, Ablin and Grangier, The AdEMAMix optimizer: better, faster, older, arXiv:2409.03137, algorithm 1",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the fast average, of the average square, and of the slow average.
    betas: (f64, f64, f64) = (0.9, 0.999, 0.9999), three_betas;
    /// The weight of the slow average.
    alpha: f64 = 5.0, not_negative;
    /// Added to the root of the average square.
    eps: f64 = 1e-8, not_negative;
    /// Steps over which `alpha` and the slow decay rate grow to their values.
    warmup: u64 = 0, count;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
}

impl Checked<AdEmaMix> {
    /// `alpha` and the slow decay rate at a step.
    fn scheduled(&self, step: u64) -> (f64, f64) {
        if step >= self.warmup {
            return (self.alpha, self.betas.2);
        }
        let share = step as f64 / self.warmup as f64;
        let [fast, slow] = [self.betas.0, self.betas.2].map(libm::log);
        let beta = libm::exp(fast * slow / ((1.0 - share) * slow + share * fast));
        (share * self.alpha, beta.min(self.betas.2))
    }
}

impl Rule<3> for Checked<AdEmaMix> {
    const SLOTS: [&'static str; 3] = ["exp_avg", "exp_avg_slow", "exp_avg_sq"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor; 3]) {
        let [fast, slow, v] = slots;
        let (beta1, beta2, _) = self.betas;
        let (alpha, beta3) = self.scheduled(step.number);
        let root = correction(beta2, step.number).sqrt();
        let lr = step.lr * root;
        let [lr_fast, lr_slow, eps] =
            [lr / correction(beta1, step.number), lr * alpha, self.eps * root].map(|x| x as f32);
        let decay = (step.lr * self.weight_decay) as f32;
        let [(keep1, take1), (keep2, take2), (keep3, take3)] = [beta1, beta2, beta3].map(keep_take);
        parameter.update(gradient, [fast, slow, v], |p, g, [fast, slow, v]| {
            let fast = keep1 * fast + take1 * g;
            let slow = keep3 * slow + take3 * g;
            let v = keep2 * v + take2 * (g * g);
            (p - (decay * p + (lr_fast * fast + lr_slow * slow) / (v.sqrt() + eps)), [fast, slow, v])
        });
    }
}
