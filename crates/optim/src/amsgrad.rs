//! AMSGrad: Reddi, Kale and Kumar (2018), algorithm 2, as PyTorch's Adam and AdamW with `amsgrad=True`.
//!
//! ```text
//! m = beta1 m + (1 - beta1) g
//! v = beta2 v + (1 - beta2) g^2
//! h = max(h, v)
//! p = p - lr / (1 - beta1^t) m / (sqrt(h / (1 - beta2^t)) + eps)
//! ```
//!
//! The paper has no bias corrections; PyTorch takes the maximum of the average before its correction.

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of AMSGrad, not checked yet; the default is PyTorch's.
    pub struct AmsGrad => PerParameter<3>: "amsgrad",
        "AMSGrad (Reddi et al. 2018): Adam or AdamW over the greatest average square so far",
        "Reddi, Kale and Kumar, On the convergence of Adam and beyond, ICLR 2018, algorithm 2",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its square.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the root of the greatest average square.
    eps: f64 = 1e-8, not_negative;
    /// Weight decay, coupled unless `decoupled_weight_decay`.
    weight_decay: f64 = 0.0, not_negative;
    /// Whether weight decay shrinks the parameter, as in AdamW, rather than joining the gradient.
    decoupled_weight_decay: bool = false, flag;
}

impl Rule<3> for Checked<AmsGrad> {
    const SLOTS: [&'static str; 3] = ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, v, h]: &mut [Tensor; 3]) {
        let (beta1, beta2) = self.betas;
        let root = correction(beta2, step.number).sqrt();
        let alpha = (step.lr * root / correction(beta1, step.number)) as f32;
        let eps = (self.eps * root) as f32;
        let decay = self.weight_decay;
        let (coupled, decoupled) = if self.decoupled_weight_decay { (0.0, step.lr * decay) } else { (decay, 0.0) };
        let [coupled, decoupled] = [coupled, decoupled].map(|x| x as f32);
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(keep_take);
        parameter.update(gradient, [m, v, h], |p, g, [m, v, h]| {
            let g = g + coupled * p;
            let m = keep1 * m + take1 * g;
            let v = keep2 * v + take2 * (g * g);
            let h = if v > h { v } else { h };
            (p - (decoupled * p + alpha * m / (h.sqrt() + eps)), [m, v, h])
        });
    }
}
