//! AdamW: Adam whose weight decay leaves the averages alone. The loop is Adam's.

use crate::adam::{Adam, AdamRule, BETAS, EPS, LR};
use crate::registry::{Entry, OptionSpec, Value};
use crate::{ConfigError, PerParameter};

/// Hyper-parameters of AdamW (Loshchilov and Hutter 2019), not checked yet; the default is PyTorch's.
///
/// Each step first multiplies the parameter by `1 - lr * weight_decay`, then updates it as [`Adam`] without decay.
///
/// ```
/// use seismograd_optim::{AdamW, Optimizer};
/// use seismograd_tensor::Tensor;
///
/// let mut parameters = [Tensor::scalar(2.0)];
/// let mut adamw = AdamW { lr: 0.5, weight_decay: 0.5, ..AdamW::default() }.build()?;
/// adamw.step(&mut parameters, &[Tensor::scalar(0.0)], &mut ())?;
/// assert_eq!(parameters[0].item(), 1.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate: 0 or more.
    pub lr: f64,
    /// Decay rates of the averages of the gradient and of its square: each in `[0, 1)`.
    pub betas: (f64, f64),
    /// Added to the root of the average square: 0 or more, as in [`Adam`].
    pub eps: f64,
    /// Decoupled weight decay, times the learning rate: 0 or more.
    pub weight_decay: f64,
}

impl AdamW {
    const DEFAULT: AdamW =
        AdamW { lr: Adam::DEFAULT.lr, betas: Adam::DEFAULT.betas, eps: Adam::DEFAULT.eps, weight_decay: 0.01 };

    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<PerParameter<AdamRule, 2>, ConfigError> {
        let [coupled, decoupled] = [0.0, self.weight_decay];
        AdamRule { name: ENTRY.name, betas: self.betas, eps: self.eps, coupled, decoupled, epsilon_hat: false }
            .checked(self.lr)
    }
}

impl Default for AdamW {
    fn default() -> AdamW {
        AdamW::DEFAULT
    }
}

/// The registry's line.
pub(crate) const ENTRY: Entry = Entry {
    name: "adamw",
    summary: "AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay",
    options: &[
        LR,
        BETAS,
        EPS,
        OptionSpec {
            name: "weight_decay",
            default: Value::Number(AdamW::DEFAULT.weight_decay),
            meaning: "how much of the parameter each step takes away, times lr",
        },
    ],
    build: |chosen| {
        let adamw = AdamW {
            lr: chosen.number("lr"),
            betas: chosen.pair("betas"),
            eps: chosen.number("eps"),
            weight_decay: chosen.number("weight_decay"),
        };
        Ok(Box::new(adamw.build()?))
    },
};
