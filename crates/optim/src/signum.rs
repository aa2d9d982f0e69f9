//! Signum: Bernstein et al. (2018), algorithm 2; with `momentum` 0 it is their signSGD (algorithm 1).
//!
//! ```text
//! m = momentum m + (1 - momentum) g
//! p = p - lr (sign(m) + weight_decay p)
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::{keep_take, sign};
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Signum, not checked yet; the default is the paper's.
    pub struct Signum => PerParameter<1>: "signum",
        "Signum (Bernstein et al. 2018): steps by the sign of the average gradient; signSGD at momentum=0",
        "Bernstein et al., signSGD: compressed optimisation for non-convex problems, ICML 2018, algorithms 1 and 2",
        Some(0), Elements;
    /// Learning rate: how far every element goes.
    lr: f64 = 1e-4, not_negative;
    /// Decay rate of the average; 0 keeps none.
    momentum: f64 = 0.9, unit;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
}

impl Rule<1> for Checked<Signum> {
    const SLOTS: [&'static str; 1] = ["exp_avg"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, _: &'static str, parameter: &Tensor) -> Tensor {
        Tensor::zeros(if self.momentum == 0.0 { &[0] } else { parameter.shape() })
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m]: &mut [Tensor; 1]) {
        let (lr, decay) = (step.lr as f32, (step.lr * self.weight_decay) as f32);
        if self.momentum == 0.0 {
            return parameter.update(gradient, [], |p, g, []| (p - (decay * p + lr * sign(g)), []));
        }
        let (keep, take) = keep_take(self.momentum);
        parameter.update(gradient, [m], |p, g, [m]| {
            let m = keep * m + take * g;
            (p - (decay * p + lr * sign(m)), [m])
        });
    }
}
