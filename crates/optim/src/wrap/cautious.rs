//! Cautious steps: Liang et al. (2024), algorithm 1.
//!
//! Of the base's step, only those elements are taken that go downhill by the current gradient; they are scaled by `n / (taken + 1)`, so that the
//! step keeps its size. A mask is of one tensor. What weight decay the base has is masked with its step; that of `cautious` itself is not.

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Objective, Optimizer, StepError, Wrapper};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of cautious steps, not checked yet.
    pub struct Cautious around "adam" => 0: "cautious",
        "cautious steps (Liang et al. 2024): of another optimizer's, only elements that agree with the gradient",
        "Liang et al., Cautious optimizers: improving training with one line of code, arXiv:2411.16085, algorithm 1",
        Some(0), Elements;
    /// Decoupled weight decay, times the learning rate, of every element.
    weight_decay: f64 = 0.0, not_negative;
}

impl Wrapper<0> for Checked<Cautious> {
    const SLOTS: [&'static str; 0] = [];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn step(
        &self,
        _: u64,
        base: &mut dyn Optimizer,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        _: &mut [[Tensor; 0]],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        let before = parameters.to_vec();
        let decay = (base.lr() * self.weight_decay) as f32;
        base.step(parameters, gradients, batch)?;
        for ((parameter, before), gradient) in parameters.iter_mut().zip(&before).zip(gradients) {
            // What is left of the step: its elements that the gradient agrees with.
            parameter.update(before, [&mut gradient.clone()], |p, old, [g]| {
                let step = p - old;
                (if (step < 0.0 && g > 0.0) || (step > 0.0 && g < 0.0) { step } else { 0.0 }, [g])
            });
            let taken = parameter.as_slice().iter().filter(|&&step| step != 0.0).count();
            let scale = (parameter.len() as f64 / (taken as f64 + 1.0)) as f32;
            parameter.update(before, [], |step, old, []| (old - decay * old + scale * step, []));
        }
        Ok(())
    }
}
