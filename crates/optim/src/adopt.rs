//! ADOPT: Taniguchi et al. (2024), algorithm 2 (with clipping), as in the authors' code.
//!
//! ```text
//! step 1:  v = g^2, and no update
//! step t:  m = beta1 m + (1 - beta1) clip(g / max(sqrt(v), eps), (t - 1)^clip_exponent)
//!          p = p - lr m
//!          v = beta2 v + (1 - beta2) g^2
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::keep_take;
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of ADOPT, not checked yet; the default is the authors'.
    pub struct Adopt => PerParameter<2>: "adopt",
        "ADOPT (Taniguchi et al. 2024): Adam that divides by the average square of the steps before",
        "Taniguchi et al., ADOPT: modified Adam can converge with any beta2, NeurIPS 2024, algorithm 2",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of the scaled gradient and of the gradient's square.
    betas: (f64, f64) = (0.9, 0.9999), betas;
    /// The least root of the average square.
    eps: f64 = 1e-6, positive;
    /// The power of the step's number that scaled gradients are clipped to.
    clip_exponent: f64 = 0.25, not_negative;
    /// Weight decay, coupled unless `decoupled_weight_decay`.
    weight_decay: f64 = 0.0, not_negative;
    /// Whether weight decay shrinks the parameter, as in AdamW, rather than joining the gradient.
    decoupled_weight_decay: bool = false, flag;
}

impl Rule<2> for Checked<Adopt> {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, v]: &mut [Tensor; 2]) {
        let decay = self.weight_decay;
        let (coupled, decoupled) = if self.decoupled_weight_decay { (0.0, step.lr * decay) } else { (decay, 0.0) };
        let [coupled, decoupled, eps, lr] = [coupled, decoupled, self.eps, step.lr].map(|x| x as f32);
        if step.number == 1 {
            return parameter.update(gradient, [v], |p, g, [_]| (p, [(g + coupled * p) * (g + coupled * p)]));
        }
        let clip = libm::pow((step.number - 1) as f64, self.clip_exponent) as f32;
        let [(keep1, take1), (keep2, take2)] = [self.betas.0, self.betas.1].map(keep_take);
        parameter.update(gradient, [m, v], |p, g, [m, v]| {
            let g = g + coupled * p;
            let root = v.sqrt();
            let scaled = g / if root > eps { root } else { eps };
            let scaled = if scaled > clip { clip } else { scaled };
            let scaled = if scaled < -clip { -clip } else { scaled };
            let m = keep1 * m + take1 * scaled;
            (p - (decoupled * p + lr * m), [m, keep2 * v + take2 * (g * g)])
        });
    }
}
