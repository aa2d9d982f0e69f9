//! AdamW: Adam whose weight decay leaves the averages alone. The loop is Adam's.

use crate::adam::AdamRule;
use crate::hyperparameters::hyperparameters;
use crate::{Checked, ConfigError, PerParameter};

hyperparameters! {
    /// Hyper-parameters of AdamW (Loshchilov and Hutter 2019), not checked yet; the default is PyTorch's.
    ///
    /// Each step first multiplies the parameter by `1 - lr * weight_decay`, then updates it as [`Adam`](crate::Adam) without decay.
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
    pub struct AdamW: "adamw",
        "AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay",
        "Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2",
        Some(0), Elements;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its square: each in `[0, 1)`.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the root of the average square: 0 or more, as in [`Adam`](crate::Adam).
    eps: f64 = 1e-8, not_negative;
    /// Decoupled weight decay, times the learning rate: 0 or more.
    weight_decay: f64 = 0.01, not_negative;
}

impl AdamW {
    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<PerParameter<AdamRule, 2>, ConfigError> {
        let Checked(AdamW { lr, betas, eps, weight_decay }) = self.checked()?;
        let rule = AdamRule { name: ENTRY.name, betas, eps, coupled: 0.0, decoupled: weight_decay, epsilon_hat: false };
        Ok(PerParameter::new(rule, lr))
    }
}
