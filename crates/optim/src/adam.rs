//! Adam, and the loop that it shares with AdamW.
//!
//! Kingma and Ba, "Adam: a method for stochastic optimization" (2015), end of section 2, put both bias corrections into
//! the step: `alpha_t = lr sqrt(1 - beta2^t) / (1 - beta1^t)`, then `theta -= alpha_t m / (sqrt(v) + epsilon_hat)`. Their
//! algorithm 1, which PyTorch implements, is the same with `epsilon_hat = eps sqrt(1 - beta2^t)`. So one loop does for both.

use crate::config::Check;
use crate::registry::{Entry, OptionSpec, Value};
use crate::{ConfigError, PerParameter, Rule, Step};
use seismograd_tensor::Tensor;

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate: 0 or more.
    pub lr: f64,
    /// Decay rates of the averages of the gradient and of its square: each in `[0, 1)`.
    pub betas: (f64, f64),
    /// Added to the root of the average square: 0 or more. At 0, an element whose gradients were all exactly zero becomes
    /// NaN, as in PyTorch.
    pub eps: f64,
    /// The penalty's factor (L2), coupled: it is added to the gradient. 0 or more.
    pub weight_decay: f64,
    /// Whether `eps` is the paper's epsilon-hat, added before the bias correction rather than after it.
    pub epsilon_hat: bool,
}

impl Adam {
    pub(crate) const DEFAULT: Adam =
        Adam { lr: 1e-3, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, epsilon_hat: false };

    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<PerParameter<AdamRule, 2>, ConfigError> {
        let [coupled, decoupled] = [self.weight_decay, 0.0];
        AdamRule {
            name: ENTRY.name,
            betas: self.betas,
            eps: self.eps,
            coupled,
            decoupled,
            epsilon_hat: self.epsilon_hat,
        }
        .checked(self.lr)
    }
}

impl Default for Adam {
    fn default() -> Adam {
        Adam::DEFAULT
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

impl AdamRule {
    pub(crate) fn checked(self, lr: f64) -> Result<PerParameter<AdamRule, 2>, ConfigError> {
        let check = Check(self.name);
        check.not_negative("lr", lr)?;
        check.betas(self.betas)?;
        check.not_negative("eps", self.eps)?;
        // One of the two is always zero.
        check.not_negative("weight_decay", self.coupled + self.decoupled)?;
        Ok(PerParameter::new(self, lr))
    }
}

impl Rule<2> for AdamRule {
    const SLOTS: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];

    fn name(&self) -> &'static str {
        self.name
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [m, v]: &mut [Tensor; 2]) {
        let (beta1, beta2) = self.betas;
        let correction2 = (1.0 - power(beta2, step.number)).sqrt();
        let alpha = (step.lr * correction2 / (1.0 - power(beta1, step.number))) as f32;
        let eps = if self.epsilon_hat { self.eps } else { self.eps * correction2 } as f32;
        // What decay takes away is rounded as a number of its own: 1 - lr * decay would lose most of its digits in f32.
        let (coupled, decoupled) = (self.coupled as f32, (step.lr * self.decoupled) as f32);
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(|beta| (beta as f32, (1.0 - beta) as f32));
        parameter.update(gradient, [m, v], |p, g, [m, v]| {
            let g = g + coupled * p;
            let m = keep1 * m + take1 * g;
            let v = keep2 * v + take2 * (g * g);
            (p - (decoupled * p + alpha * m / (v.sqrt() + eps)), [m, v])
        });
    }
}

/// `base` to a whole power, by squaring. `powi` may go through the platform's library, whose bits differ; a running
/// product would be one more number to save.
fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut rest) = (1.0, base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square *= square;
        rest >>= 1;
    }
    result
}

/// The registry's line.
pub(crate) const ENTRY: Entry = Entry {
    name: "adam",
    summary: "Adam (Kingma and Ba 2015), with coupled weight decay and, on request, the paper's epsilon-hat",
    options: &[
        LR,
        BETAS,
        EPS,
        OptionSpec {
            name: "weight_decay",
            default: Value::Number(Adam::DEFAULT.weight_decay),
            meaning: "factor of the parameter that is added to its gradient",
        },
        OptionSpec {
            name: "epsilon_hat",
            default: Value::Flag(Adam::DEFAULT.epsilon_hat),
            meaning: "add eps before the bias correction, as at the end of the paper's section 2",
        },
    ],
    build: |chosen| {
        let adam = Adam {
            lr: chosen.number("lr"),
            betas: chosen.pair("betas"),
            eps: chosen.number("eps"),
            weight_decay: chosen.number("weight_decay"),
            epsilon_hat: chosen.flag("epsilon_hat"),
        };
        Ok(Box::new(adam.build()?))
    },
};

// The options that Adam's relatives share.
pub(crate) const LR: OptionSpec =
    OptionSpec { name: "lr", default: Value::Number(Adam::DEFAULT.lr), meaning: "learning rate" };
pub(crate) const BETAS: OptionSpec = OptionSpec {
    name: "betas",
    default: Value::Pair(Adam::DEFAULT.betas.0, Adam::DEFAULT.betas.1),
    meaning: "decay rates of the averages of the gradient and of its square",
};
pub(crate) const EPS: OptionSpec = OptionSpec {
    name: "eps",
    default: Value::Number(Adam::DEFAULT.eps),
    meaning: "added to the root of the average square",
};

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

    #[test]
    fn powers_by_squaring() {
        assert_eq!([0, 1, 2, 3, 10].map(|exponent| power(2.0, exponent)), [1.0, 2.0, 4.0, 8.0, 1024.0]);
        assert_eq!([0, 1, 5].map(|exponent| power(0.0, exponent)), [1.0, 0.0, 0.0]);
        let product = (0..5000).fold(1.0, |product, _| product * 0.999);
        assert!((power(0.999, 5000) / product - 1.0f64).abs() < 1e-12);
        assert_eq!(power(0.999, u64::MAX), 0.0);
    }
}
