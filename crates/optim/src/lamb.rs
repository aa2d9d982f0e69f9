//! LAMB: You et al. (2020), algorithm 2 with the bias corrections of its first version, and no bounds on the norms.
//!
//! ```text
//! m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
//! r = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay p
//! p = p - lr |p| / |r| r                                    norms of the whole tensor; the ratio is 1 where either is zero
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of LAMB, not checked yet; the default is the authors'.
    pub struct Lamb => PerParameter<2>: "lamb",
        "LAMB (You et al. 2020): Adam whose step is a fixed share of each tensor's norm",
        "You et al., Large batch optimization for deep learning: training BERT in 76 minutes, ICLR 2020, algorithm 2",
        Some(0), Elements;
    /// Learning rate: the share of a tensor's norm that a step has.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its square.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the root of the average square.
    eps: f64 = 1e-6, not_negative;
    /// Weight decay, added to the scaled step before its norm is taken.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<2> for Checked<Lamb> {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, v]: &mut [Tensor; 2]) {
        let (beta1, beta2) = self.betas;
        let root = correction(beta2, step.number).sqrt();
        let alpha = (root / correction(beta1, step.number)) as f32;
        let (eps, decay) = ((self.eps * root) as f32, self.weight_decay as f32);
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(keep_take);
        // Starts as the parameter and becomes the step, whose norm decides how far it goes.
        let mut direction = parameter.clone();
        direction.update(gradient, [m, v], |p, g, [m, v]| {
            let m = keep1 * m + take1 * g;
            let v = keep2 * v + take2 * (g * g);
            (alpha * (m / (v.sqrt() + eps)) + decay * p, [m, v])
        });
        let (p_norm, r_norm) = (parameter.norm(), direction.norm());
        let trust = if p_norm > 0.0 && r_norm > 0.0 { p_norm / r_norm } else { 1.0 };
        // A denormal gradient's share must stay a number.
        let lr = (step.lr * trust).min(f64::from(f32::MAX)) as f32;
        parameter.update(&direction, [], |p, r, []| (p - lr * r, []));
    }
}
