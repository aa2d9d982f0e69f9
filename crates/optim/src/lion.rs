//! Lion: Chen et al. (2023), algorithm 2.
//!
//! ```text
//! c = beta1 m + (1 - beta1) g
//! p = p - lr (sign(c) + weight_decay p)
//! m = beta2 m + (1 - beta2) g
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::{keep_take, sign};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Lion, not checked yet; the default is the authors'.
    pub struct Lion => PerParameter<1>: "lion",
        "Lion (Chen et al. 2023): steps by the sign of an interpolation of gradient and average",
        "Chen et al., Symbolic discovery of optimization algorithms, NeurIPS 2023, algorithm 2",
        Some(0), Elements;
    /// Learning rate: how far every element goes.
    lr: f64 = 1e-4, not_negative;
    /// How much of the average a step looks at, and the average's decay rate.
    betas: (f64, f64) = (0.9, 0.99), betas;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<1> for Checked<Lion> {
    const SLOTS: [&'static str; 1] = ["exp_avg"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m]: &mut [Tensor; 1]) {
        let [(keep1, take1), (keep2, take2)] = [self.betas.0, self.betas.1].map(keep_take);
        let (lr, decay) = (step.lr as f32, (step.lr * self.weight_decay) as f32);
        parameter.update(gradient, [m], |p, g, [m]| {
            let c = keep1 * m + take1 * g;
            (p - (decay * p + lr * sign(c)), [keep2 * m + take2 * g])
        });
    }
}
