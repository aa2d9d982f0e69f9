//! Adam, and the loop that it shares with AdamW.
//!
//! Kingma and Ba, "Adam: a method for stochastic optimization" (2015), end of section 2, put both bias corrections into
//! the step: `alpha_t = lr sqrt(1 - beta2^t) / (1 - beta1^t)`, then `theta -= alpha_t m / (sqrt(v) + epsilon_hat)`. Their
//! algorithm 1, which PyTorch implements, is the same with `epsilon_hat = eps sqrt(1 - beta2^t)`. So one loop does for both.

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, ConfigError, PerParameter, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Adam, not checked yet; the default is PyTorch's.
    ///
    /// ```
    /// use seismograd_optim::{Adam, Optimizer};
    /// use seismograd_tensor::Tensor;
    ///
    /// // The first step is lr long, however large the gradient.
    /// let mut parameters = [Tensor::new(&[2], vec![1.0, 1.0])];
    /// let mut adam = Adam { lr: 0.25, ..Adam::default() }.build()?;
    /// adam.step(&mut parameters, &[Tensor::new(&[2], vec![3e4, -2.0])], &mut ())?;
    /// assert!((parameters[0].as_slice()[0] - 0.75).abs() < 1e-6);
    /// assert!((parameters[0].as_slice()[1] - 1.25).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub struct Adam: "adam",
        "Adam (Kingma and Ba 2015), with coupled weight decay and, on request, the paper's epsilon-hat",
        "Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its square: each in `[0, 1)`.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the root of the average square: 0 or more.
    /// At 0, an element whose gradients were all exactly zero becomes NaN, as in PyTorch.
    eps: f64 = 1e-8, not_negative;
    /// The penalty's factor (L2), coupled: it is added to the gradient. 0 or more.
    weight_decay: f64 = 0.0, not_negative;
    /// Whether `eps` is the paper's epsilon-hat, added before the bias correction rather than after it.
    epsilon_hat: bool = false, flag;
}

impl Adam {
    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<PerParameter<AdamRule, 2>, ConfigError> {
        let Checked(Adam { lr, betas, eps, weight_decay, epsilon_hat }) = self.checked()?;
        let rule = AdamRule { name: ENTRY.name, betas, eps, coupled: weight_decay, decoupled: 0.0, epsilon_hat };
        Ok(PerParameter::new(rule, lr))
    }
}

/// The update of [`Adam`] and [`AdamW`](crate::AdamW), with checked hyper-parameters.
#[derive(Clone, Copy, Debug)]
pub struct AdamRule {
    pub(crate) name: &'static str,
    pub(crate) betas: (f64, f64),
    pub(crate) eps: f64,
    /// Weight decay that is added to the gradient.
    pub(crate) coupled: f64,
    /// Weight decay that shrinks the parameter, and leaves the averages alone.
    pub(crate) decoupled: f64,
    pub(crate) epsilon_hat: bool,
}

impl Rule<2> for AdamRule {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];

    fn name(&self) -> &'static str {
        self.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, v]: &mut [Tensor; 2]) {
        self.apply(step, parameter, gradient, m, v);
    }
}

impl AdamRule {
    /// The update, for rules that keep the two averages among slots of their own.
    pub(crate) fn apply(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, m: &mut Tensor, v: &mut Tensor) {
        let (beta1, beta2) = self.betas;
        let correction2 = correction(beta2, step.number).sqrt();
        let alpha = (step.lr * correction2 / correction(beta1, step.number)) as f32;
        let eps = if self.epsilon_hat { self.eps } else { self.eps * correction2 } as f32;
        // What decay takes away is rounded as a number of its own: 1 - lr * decay would lose most of its digits in f32.
        let (coupled, decoupled) = (self.coupled as f32, (step.lr * self.decoupled) as f32);
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(keep_take);
        parameter.update(gradient, [m, v], |p, g, [m, v]| {
            let g = g + coupled * p;
            let m = keep1 * m + take1 * g;
            let v = keep2 * v + take2 * (g * g);
            (p - (decoupled * p + alpha * m / (v.sqrt() + eps)), [m, v])
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdamW, Optimizer};

    /// The parameter after two steps on the gradients 3 and 1, from 1, to within two roundings.
    fn check(mut optimizer: impl Optimizer, expect: [f64; 2]) {
        let mut parameters = [Tensor::scalar(1.0)];
        for (gradient, expect) in [3.0, 1.0].into_iter().zip(expect) {
            optimizer.step(&mut parameters, &[Tensor::scalar(gradient)], &mut ()).unwrap();
            let found = f64::from(parameters[0].item());
            assert!((found - expect).abs() < 1.2e-7, "{}: {found} instead of {expect}", optimizer.name());
        }
    }

    #[test]
    fn two_steps_by_hand() {
        // betas 1/2 and 3/4. m: 3/2, 5/4; v: 9/4, 31/16; corrected m: 3, 5/3; corrected v: 9, 31/7. eps 1.
        let adam = Adam { lr: 0.5, betas: (0.5, 0.75), eps: 1.0, ..Adam::default() };
        let first = 1.0 - 0.5 * 3.0 / (3.0 + 1.0);
        let second = 0.5 * (5.0 / 3.0) / ((31.0 / 7.0f64).sqrt() + 1.0);
        check(adam.build().unwrap(), [first, first - second]);
        // Epsilon-hat joins the uncorrected roots 3/2 and sqrt(31)/4; alpha_t is 1/2, then 1/2 sqrt(7)/4 / (3/4).
        let first = 1.0 - 0.5 * 1.5 / (1.5 + 1.0);
        let second = 0.5 * 7f64.sqrt() / 3.0 * 1.25 / (31f64.sqrt() / 4.0 + 1.0);
        check(Adam { epsilon_hat: true, ..adam }.build().unwrap(), [first, first - second]);
        // Decoupled decay: each step begins with p (1 - 1/2 * 1/2).
        let first = 0.75 - 0.5 * 3.0 / (3.0 + 1.0);
        let second = 0.5 * (5.0 / 3.0) / ((31.0 / 7.0f64).sqrt() + 1.0);
        let adamw = AdamW { lr: 0.5, betas: (0.5, 0.75), eps: 1.0, weight_decay: 0.5 };
        check(adamw.build().unwrap(), [first, 0.75 * first - second]);
        // Coupled decay: the gradients are 3 + 1/2 and 1 + p/2.
        let first = 1.0 - 0.5 * 3.5 / (3.5 + 1.0);
        let g = 1.0 + 0.5 * first;
        let (m, v) = ((1.75 + g) / 1.5, (0.75 * 3.5 * 3.5 + g * g) / 1.75);
        let second = 0.5 * m / (f64::sqrt(v) + 1.0);
        check(Adam { weight_decay: 0.5, ..adam }.build().unwrap(), [first, first - second]);
    }
}
