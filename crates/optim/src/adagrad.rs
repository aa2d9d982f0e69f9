//! Adagrad, as PyTorch defines it: the sum of squares of Duchi, Hazan and Singer (2011), section 1.1 with diagonal matrices.
//!
//! With `g` the gradient (plus `weight_decay` times the parameter):
//!
//! ```text
//! sum += g^2
//! p   -= lr / (1 + (t - 1) lr_decay) * g / (sqrt(sum) + eps)
//! ```

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Adagrad, not checked yet; the default is PyTorch's.
    pub struct Adagrad => PerParameter<1>: "adagrad",
        "Adagrad (Duchi et al. 2011): steps divided by the root of the sum of squares",
        "Duchi, Hazan and Singer, Adaptive subgradient methods, JMLR 2011, section 1.1",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-2, not_negative;
    /// How fast the learning rate falls: it is divided by `1 + (t - 1) lr_decay`.
    lr_decay: f64 = 0.0, not_negative;
    /// The penalty's factor (L2), coupled: it is added to the gradient.
    weight_decay: f64 = 0.0, not_negative;
    /// What the sum of squares begins at.
    initial_accumulator_value: f64 = 0.0, not_negative;
    /// Added to the root of the sum.
    eps: f64 = 1e-10, not_negative;
}

impl Rule<1> for Checked<Adagrad> {
    const SLOTS: [&'static str; 1] = ["sum"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, _: &'static str, parameter: &Tensor) -> Tensor {
        Tensor::full(parameter.shape(), self.initial_accumulator_value as f32)
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [sum]: &mut [Tensor; 1]) {
        let lr = (step.lr / (1.0 + (step.number - 1) as f64 * self.lr_decay)) as f32;
        let (decay, eps) = (self.weight_decay as f32, self.eps as f32);
        parameter.update(gradient, [sum], |p, g, [sum]| {
            let g = g + decay * p;
            let sum = sum + g * g;
            (p - lr * (g / (sum.sqrt() + eps)), [sum])
        });
    }
}
