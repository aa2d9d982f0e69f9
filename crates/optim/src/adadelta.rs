//! Adadelta: Zeiler (2012), algorithm 1, as PyTorch defines it, with a learning rate before its step.
//!
//! With `g` the gradient (plus `weight_decay` times the parameter):
//!
//! ```text
//! v = rho v + (1 - rho) g^2                         line 4
//! d = sqrt(u + eps) / sqrt(v + eps) g               line 5
//! u = rho u + (1 - rho) d^2                         line 6
//! p = p - lr d                                      line 7
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::keep_take;
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Adadelta, not checked yet; the default is PyTorch's.
    pub struct Adadelta => PerParameter<2>: "adadelta",
        "Adadelta (Zeiler 2012): steps in the parameter's own units, by the ratio of two average squares",
        "Zeiler, ADADELTA: an adaptive learning rate method, arXiv:1212.5701, algorithm 1",
        None, Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1.0, not_negative;
    /// Decay rate of both averages.
    rho: f64 = 0.9, unit;
    /// Added to both averages under their roots: it decides how long the first step is.
    eps: f64 = 1e-6, not_negative;
    /// The penalty's factor (L2), coupled: it is added to the gradient.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<2> for Checked<Adadelta> {
    const SLOTS: [&'static str; 2] = ["square_avg", "acc_delta"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [v, u]: &mut [Tensor; 2]) {
        let ((keep, take), lr) = (keep_take(self.rho), step.lr as f32);
        let (decay, eps) = (self.weight_decay as f32, self.eps as f32);
        parameter.update(gradient, [v, u], |p, g, [v, u]| {
            let g = g + decay * p;
            let v = keep * v + take * (g * g);
            let d = (u + eps).sqrt() / (v + eps).sqrt() * g;
            let u = keep * u + take * (d * d);
            (p - lr * d, [v, u])
        });
    }
}
