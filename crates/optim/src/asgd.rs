//! Averaged stochastic gradient descent: Polyak and Juditsky (1992), with the step sizes of Xu (2011) and Bottou, as PyTorch defines it.
//!
//! With `g` the gradient (plus `weight_decay` times the parameter):
//!
//! ```text
//! eta_t = lr / (1 + lambd lr (t - 1))^alpha
//! p = p - eta_t (lambd p + g)
//! a = a + mu_t (p - a),   mu_t = 1 / max(1, t - 1 - t0)
//! ```
//!
//! The model is evaluated with the average `a`, which follows `p` until step `t0`.

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of averaged SGD, not checked yet; the default is PyTorch's.
    pub struct Asgd => PerParameter<1>: "asgd",
        "averaged SGD (Polyak and Juditsky 1992): evaluated with the mean of the parameters since step t0",
        "Polyak and Juditsky, Acceleration of stochastic approximation by averaging, SIAM 1992; Xu, arXiv:1107.2490",
        None, Rotations;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-2, not_negative;
    /// A decay of the parameters, which also decides how fast the rate falls.
    lambd: f64 = 1e-4, not_negative;
    /// The power by which the rate falls.
    alpha: f64 = 0.75, not_negative;
    /// The step at which averaging begins.
    t0: f64 = 1e6, not_negative;
    /// The penalty's factor (L2), coupled: it is added to the gradient.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<1> for Checked<Asgd> {
    const SLOTS: [&'static str; 1] = ["ax"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, _: &'static str, parameter: &Tensor) -> Tensor {
        parameter.clone()
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [average]: &mut [Tensor; 1]) {
        let past = (step.number - 1) as f64;
        let eta = step.lr / libm::pow(1.0 + self.lambd * step.lr * past, self.alpha);
        let mu = (1.0 / (past - self.t0).max(1.0)) as f32;
        let (shrink, eta) = ((eta * self.lambd) as f32, eta as f32);
        let decay = self.weight_decay as f32;
        parameter.update(gradient, [average], |p, g, [a]| {
            let p = p - (shrink * p + eta * (g + decay * p));
            (p, [if mu == 1.0 { p } else { a + mu * (p - a) }])
        });
    }

    fn evaluation_parameter(&self, _: &Tensor, [average]: &[Tensor; 1]) -> Option<Tensor> {
        Some(average.clone())
    }
}
