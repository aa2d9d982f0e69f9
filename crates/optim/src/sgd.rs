//! Stochastic gradient descent with momentum, as PyTorch defines it.

use crate::config::Check;
use crate::registry::{Entry, OptionSpec, Value};
use crate::{ConfigError, PerParameter, Rule, Step};
use seismograd_tensor::Tensor;

/// Hyper-parameters of stochastic gradient descent, not checked yet; the default is PyTorch's.
///
/// With `g` the gradient plus `weight_decay * parameter`, step 1 sets the buffer to `g`, every later one to
/// `momentum * buffer + (1 - dampening) * g`. The parameter loses `lr` times the buffer (Nesterov: times
/// `g + momentum * buffer`; no momentum: times `g`).
///
/// ```
/// use seismograd_optim::{Optimizer, Sgd};
/// use seismograd_tensor::Tensor;
///
/// let mut parameters = [Tensor::scalar(1.0)];
/// let mut sgd = Sgd { lr: 0.25, momentum: 0.5, ..Sgd::default() }.build()?;
/// sgd.step(&mut parameters, &[Tensor::scalar(2.0)], &mut ())?;
/// assert_eq!(parameters[0].item(), 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate: 0 or more.
    pub lr: f64,
    /// Decay rate of the buffer of gradients: 0 or more; 0 keeps no buffer.
    pub momentum: f64,
    /// How much of each gradient after the first is kept out of the buffer.
    pub dampening: f64,
    /// Whether to look ahead along the buffer; needs momentum and no dampening.
    pub nesterov: bool,
    /// The penalty's factor (L2), coupled: it is added to the gradient. 0 or more.
    pub weight_decay: f64,
}

impl Sgd {
    const DEFAULT: Sgd = Sgd { lr: 1e-3, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0 };

    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<PerParameter<SgdRule, 1>, ConfigError> {
        let check = Check(ENTRY.name);
        check.not_negative("lr", self.lr)?;
        check.not_negative("momentum", self.momentum)?;
        check.finite("dampening", self.dampening)?;
        check.not_negative("weight_decay", self.weight_decay)?;
        let nesterov_fits = self.momentum > 0.0 && self.dampening == 0.0;
        let allowed = "true only with momentum > 0 and dampening 0";
        check.that(!self.nesterov || nesterov_fits, "nesterov", Value::Flag(self.nesterov), allowed)?;
        Ok(PerParameter::new(SgdRule(self), self.lr))
    }
}

impl Default for Sgd {
    fn default() -> Sgd {
        Sgd::DEFAULT
    }
}

/// The update of [`Sgd`], with checked hyper-parameters.
#[derive(Clone, Copy, Debug)]
pub struct SgdRule(Sgd);

impl Rule<1> for SgdRule {
    const SLOTS: [&'static str; 1] = ["momentum_buffer"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, _: &'static str, parameter: &Tensor) -> Tensor {
        Tensor::zeros(if self.0.momentum == 0.0 { &[0] } else { parameter.shape() })
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [buffer]: &mut [Tensor; 1]) {
        let (lr, decay) = (step.lr as f32, self.0.weight_decay as f32);
        if self.0.momentum == 0.0 {
            return parameter.update(gradient, [], |p, g, []| (p - lr * (g + decay * p), []));
        }
        let momentum = self.0.momentum as f32;
        let (keep, take) = if step.number == 1 { (0.0, 1.0) } else { (momentum, (1.0 - self.0.dampening) as f32) };
        let (direct, buffered) = if self.0.nesterov { (1.0, momentum) } else { (0.0, 1.0) };
        parameter.update(gradient, [buffer], |p, g, [buffer]| {
            let g = g + decay * p;
            let buffer = keep * buffer + take * g;
            (p - lr * (direct * g + buffered * buffer), [buffer])
        });
    }
}

/// The registry's line.
pub(crate) const ENTRY: Entry = Entry {
    name: "sgd",
    summary: "stochastic gradient descent, with momentum, Nesterov's momentum and coupled weight decay",
    options: &[
        OptionSpec { name: "lr", default: Value::Number(Sgd::DEFAULT.lr), meaning: "learning rate" },
        OptionSpec {
            name: "momentum",
            default: Value::Number(Sgd::DEFAULT.momentum),
            meaning: "decay rate of the buffer of gradients; 0 keeps none",
        },
        OptionSpec {
            name: "dampening",
            default: Value::Number(Sgd::DEFAULT.dampening),
            meaning: "how much of each gradient after the first is kept out of the buffer",
        },
        OptionSpec {
            name: "nesterov",
            default: Value::Flag(Sgd::DEFAULT.nesterov),
            meaning: "look ahead along the buffer; needs momentum and no dampening",
        },
        OptionSpec {
            name: "weight_decay",
            default: Value::Number(Sgd::DEFAULT.weight_decay),
            meaning: "factor of the parameter that is added to its gradient",
        },
    ],
    build: |chosen| {
        let sgd = Sgd {
            lr: chosen.number("lr"),
            momentum: chosen.number("momentum"),
            dampening: chosen.number("dampening"),
            nesterov: chosen.flag("nesterov"),
            weight_decay: chosen.number("weight_decay"),
        };
        Ok(Box::new(sgd.build()?))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Optimizer;

    /// The parameter after each of three steps on the gradients 1, 2 and -4, from 1.
    fn check(sgd: Sgd, expect: [f32; 3]) {
        let mut optimizer = sgd.build().unwrap();
        let mut parameters = [Tensor::scalar(1.0)];
        let found = [1.0, 2.0, -4.0].map(|gradient| {
            optimizer.step(&mut parameters, &[Tensor::scalar(gradient)], &mut ()).unwrap();
            parameters[0].item()
        });
        assert_eq!(found, expect, "{sgd:?}");
    }

    #[test]
    fn three_steps_by_hand() {
        let plain = Sgd { lr: 0.5, ..Sgd::default() };
        let momentum = Sgd { momentum: 0.5, ..plain };
        check(plain, [0.5, -0.5, 1.5]);
        // g = gradient + p / 2: 1.5, then 2 + 0.125, then -4 - 0.40625.
        check(Sgd { weight_decay: 0.5, ..plain }, [0.25, -0.8125, 1.390625]);
        // Buffers 1, 0.5 + 2, 1.25 - 4.
        check(momentum, [0.5, -0.75, 0.625]);
        // The first gradient enters the buffer whole, dampening or not: 1, 0.5 + 1, 0.75 - 2.
        check(Sgd { dampening: 0.5, ..momentum }, [0.5, -0.25, 0.375]);
        // Steps 1 + 0.5, 2 + 1.25, -4 - 1.375.
        check(Sgd { nesterov: true, ..momentum }, [0.25, -1.375, 1.3125]);
    }
}
