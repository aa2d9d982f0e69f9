//! RMSprop, as PyTorch defines it: Tieleman and Hinton (2012), lecture 6.5; centered as in Graves (2013), equations 38 to 45.
//!
//! With `g` the gradient (plus `weight_decay` times the parameter):
//!
//! ```text
//! v = alpha v + (1 - alpha) g^2
//! m = alpha m + (1 - alpha) g                       centered: v - m^2 takes the place of v below
//! b = momentum b + g / (sqrt(v) + eps)
//! p = p - lr b
//! ```
//!
//! Rounding can leave `v - m^2` below zero where all gradients are equal. PyTorch takes the root of that and has NaN; here it counts as zero.

use crate::hyperparameters::hyperparameters;
use crate::rates::keep_take;
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of RMSprop, not checked yet; the default is PyTorch's.
    pub struct RmsProp => PerParameter<3>: "rmsprop",
        "RMSprop (Tieleman and Hinton 2012): steps divided by the root of the average square; centered, momentum",
        "Tieleman and Hinton, Coursera lecture 6.5, 2012; Graves, Generating sequences, 2013, equations 38 to 45",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-2, not_negative;
    /// Decay rate of the averages.
    alpha: f64 = 0.99, unit;
    /// Added to the root of the average square.
    eps: f64 = 1e-8, not_negative;
    /// The penalty's factor (L2), coupled: it is added to the gradient.
    weight_decay: f64 = 0.0, not_negative;
    /// Decay rate of the buffer of steps; 0 keeps none.
    momentum: f64 = 0.0, not_negative;
    /// Whether to divide by the root of the variance rather than of the average square.
    centered: bool = false, flag;
}

impl Rule<3> for Checked<RmsProp> {
    const SLOTS: [&'static str; 3] = ["square_avg", "grad_avg", "momentum_buffer"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        let needed = match slot {
            "grad_avg" => self.centered,
            "momentum_buffer" => self.momentum > 0.0,
            _ => true,
        };
        Tensor::zeros(if needed { parameter.shape() } else { &[0] })
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [v, m, b]: &mut [Tensor; 3]) {
        let ((keep, take), lr) = (keep_take(self.alpha), step.lr as f32);
        let [decay, eps, momentum] = [self.weight_decay, self.eps, self.momentum].map(|x| x as f32);
        match (self.centered, self.momentum > 0.0) {
            (false, false) => parameter.update(gradient, [v], |p, g, [v]| {
                let g = g + decay * p;
                let v = keep * v + take * (g * g);
                (p - lr * (g / (v.sqrt() + eps)), [v])
            }),
            (false, true) => parameter.update(gradient, [v, b], |p, g, [v, b]| {
                let g = g + decay * p;
                let v = keep * v + take * (g * g);
                let b = momentum * b + g / (v.sqrt() + eps);
                (p - lr * b, [v, b])
            }),
            (true, false) => parameter.update(gradient, [v, m], |p, g, [v, m]| {
                let g = g + decay * p;
                let v = keep * v + take * (g * g);
                let m = keep * m + take * g;
                (p - lr * (g / ((v - m * m).max(0.0).sqrt() + eps)), [v, m])
            }),
            (true, true) => parameter.update(gradient, [v, m, b], |p, g, [v, m, b]| {
                let g = g + decay * p;
                let v = keep * v + take * (g * g);
                let m = keep * m + take * g;
                let b = momentum * b + g / ((v - m * m).max(0.0).sqrt() + eps);
                (p - lr * b, [v, m, b])
            }),
        }
    }
}
