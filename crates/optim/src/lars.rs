//! LARS: You, Gitman and Ginsburg (2017), algorithm 1.
//!
//! ```text
//! lambda = trust_coefficient |p| / (|g| + weight_decay |p|)      1 where either norm is zero
//! v = momentum v + lr lambda (g + weight_decay p)
//! p = p - v
//! ```
//!
//! Norms are of the whole tensor. The paper divides by the sum of both norms; optax divides by the norm of `g + weight_decay p`.

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of LARS, not checked yet; the default is the paper's for ResNet-50, with the rate of a small batch.
    pub struct Lars => PerParameter<1>: "lars",
        "LARS (You et al. 2017): SGD whose step is a fixed share of each tensor's norm",
        "You, Gitman and Ginsburg, Large batch training of convolutional networks, arXiv:1708.03888, algorithm 1",
        Some(0), Rotations;
    /// Learning rate: 0 or more.
    lr: f64 = 1.0, not_negative;
    /// Decay rate of the buffer of steps.
    momentum: f64 = 0.9, not_negative;
    /// The share of a tensor's norm that a step of rate 1 has.
    trust_coefficient: f64 = 1e-3, not_negative;
    /// The penalty's factor (L2), coupled: it is added to the gradient.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<1> for Checked<Lars> {
    const SLOTS: [&'static str; 1] = ["momentum_buffer"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [buffer]: &mut [Tensor; 1]) {
        let (p_norm, g_norm) = (parameter.norm(), gradient.norm());
        let trust = self.trust_coefficient * p_norm / (g_norm + self.weight_decay * p_norm);
        let trust = if p_norm > 0.0 && g_norm > 0.0 { trust } else { 1.0 };
        // A denormal gradient's share must stay a number.
        let lr = (step.lr * trust).min(f64::from(f32::MAX)) as f32;
        let (momentum, decay) = (self.momentum as f32, self.weight_decay as f32);
        parameter.update(gradient, [buffer], |p, g, [buffer]| {
            let buffer = momentum * buffer + lr * (g + decay * p);
            (p - buffer, [buffer])
        });
    }
}
