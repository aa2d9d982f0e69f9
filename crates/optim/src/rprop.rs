//! Rprop: Riedmiller and Braun (1993), in the variant without weight backtracking that PyTorch has.
//!
//! ```text
//! g g' > 0:  s = min(eta+ s, largest)
//! g g' < 0:  s = max(eta- s, least),  g = 0
//! p = p - s sign(g),  g' = g
//! ```
//!
//! Each element begins with a step `s` of the learning rate that the optimizer was built with. PyTorch looks at the rate only then; here a
//! schedule that changes it later changes every step in proportion.

use crate::hyperparameters::hyperparameters;
use crate::rates::sign;
use crate::{Checked, ConfigError, PerParameter, Rule, Step};
use crate::{config::Check, registry::Value};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Rprop, not checked yet; the default is PyTorch's.
    pub struct Rprop: "rprop",
        "Rprop (Riedmiller and Braun 1993): steps that grow while the gradient keeps its sign; for full batches",
        "Riedmiller and Braun, A direct adaptive method for faster backpropagation learning, ICNN 1993",
        Some(0), Elements;
    /// Learning rate: the first step of every element.
    lr: f64 = 1e-2, not_negative;
    /// What a step is multiplied by when the gradient changes its sign, and when it keeps it.
    etas: (f64, f64) = (0.5, 1.2), any_pair;
    /// The least and the largest step.
    step_sizes: (f64, f64) = (1e-6, 50.0), any_pair;
}

impl Rprop {
    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<PerParameter<Checked<Rprop>, 2>, ConfigError> {
        let (checked, check) = (self.checked()?, Check(ENTRY.name));
        let pair = |(a, b): (f64, f64)| Value::Pair(a, b);
        let (minus, plus) = self.etas;
        check.that(
            0.0 < minus && minus < 1.0 && 1.0 < plus,
            "etas",
            pair(self.etas),
            "one number between 0 and 1, one above 1",
        )?;
        let (least, largest) = self.step_sizes;
        check.that(
            0.0 < least && least <= largest,
            "step_sizes",
            pair(self.step_sizes),
            "two numbers above 0, the smaller first",
        )?;
        Ok(PerParameter::new(checked, self.lr))
    }
}

impl Rule<2> for Checked<Rprop> {
    const SLOTS: [&'static str; 2] = ["prev", "step_size"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        Tensor::full(parameter.shape(), if slot == "step_size" { self.lr as f32 } else { 0.0 })
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor; 2]) {
        let [previous, size] = slots;
        let ratio = if step.lr == self.lr { 1.0 } else { step.lr / self.lr } as f32;
        let [minus, plus] = [self.etas.0, self.etas.1].map(|x| x as f32);
        let [least, largest] = [self.step_sizes.0, self.step_sizes.1].map(|x| x as f32);
        parameter.update(gradient, [previous, size], |p, g, [previous, s]| {
            // Of the signs, because the product of two small gradients is zero in f32.
            let agreement = sign(g) * sign(previous);
            // As a sum of which all terms but one are exactly zero: branches would not be vectorised.
            let [keeps, turns] = [agreement > 0.0, agreement < 0.0].map(|holds| f32::from(u8::from(holds)));
            let s = (keeps * plus + turns * minus + (1.0 - keeps - turns)) * s;
            let s = s.max(least).min(largest);
            let g = (1.0 - turns) * g;
            (p - ratio * s * sign(g), [g, s])
        });
    }
}
