//! Stochastic gradient descent with momentum, as PyTorch defines it.

use crate::config::Check;
use crate::hyperparameters::hyperparameters;
use crate::registry::Value;
use crate::{Checked, ConfigError, PerParameter, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
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
    pub struct Sgd: "sgd",
        "stochastic gradient descent, with momentum, Nesterov's momentum and coupled weight decay",
        "Robbins and Monro 1951; Polyak 1964; Nesterov 1983; Sutskever et al. 2013",
        Some(1), Rotations;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rate of the buffer of gradients: 0 or more; 0 keeps no buffer.
    momentum: f64 = 0.0, not_negative;
    /// How much of each gradient after the first is kept out of the buffer.
    dampening: f64 = 0.0, finite;
    /// Whether to look ahead along the buffer; needs momentum and no dampening.
    nesterov: bool = false, flag;
    /// The penalty's factor (L2), coupled: it is added to the gradient. 0 or more.
    weight_decay: f64 = 0.0, not_negative;
}

impl Sgd {
    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<PerParameter<Checked<Sgd>, 1>, ConfigError> {
        let nesterov_fits = self.momentum > 0.0 && self.dampening == 0.0;
        let allowed = "true only with momentum > 0 and dampening 0";
        let checked = self.checked()?;
        Check(ENTRY.name).that(!self.nesterov || nesterov_fits, "nesterov", Value::Flag(self.nesterov), allowed)?;
        Ok(PerParameter::new(checked, self.lr))
    }
}

impl Rule<1> for Checked<Sgd> {
    const SLOTS: [&'static str; 1] = ["momentum_buffer"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, _: &'static str, parameter: &Tensor) -> Tensor {
        Tensor::zeros(if self.momentum == 0.0 { &[0] } else { parameter.shape() })
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [buffer]: &mut [Tensor; 1]) {
        let (lr, decay) = (step.lr as f32, self.weight_decay as f32);
        if self.momentum == 0.0 {
            return parameter.update(gradient, [], |p, g, []| (p - lr * (g + decay * p), []));
        }
        let momentum = self.momentum as f32;
        let (keep, take) = if step.number == 1 { (0.0, 1.0) } else { (momentum, (1.0 - self.dampening) as f32) };
        let (direct, buffered) = if self.nesterov { (1.0, momentum) } else { (0.0, 1.0) };
        parameter.update(gradient, [buffer], |p, g, [buffer]| {
            let g = g + decay * p;
            let buffer = keep * buffer + take * g;
            (p - lr * (direct * g + buffered * buffer), [buffer])
        });
    }
}

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
