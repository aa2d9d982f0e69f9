//! Sharpness-aware minimisation: Foret et al. (2021), equations 2 and 3; adaptive as in Kwon et al. (2021).
//!
//! ```text
//! e = rho g / |g|                                   adaptive: rho p^2 g / |p g|
//! the base steps from p by the gradient at p + e
//! ```
//!
//! The norm is that of all parameters together.

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Objective, Optimizer, StepError, Wrapper};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of SAM, not checked yet; the default is the paper's.
    pub struct Sam around "sgd" => 0: "sam",
        "SAM (Foret et al. 2021): steps by the gradient a distance uphill; two evaluations a step",
        "Foret et al., Sharpness-aware minimization, ICLR 2021, equations 2 and 3; Kwon et al., ASAM, ICML 2021",
        Some(1), Rotations;
    /// How far uphill the gradient is taken.
    rho: f64 = 0.05, not_negative;
    /// Whether each element's distance is in proportion to itself (ASAM).
    adaptive: bool = false, flag;
}

impl Wrapper<0> for Checked<Sam> {
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
        let pairs = || parameters.iter().zip(gradients);
        let square: f64 = if self.adaptive {
            pairs().map(|(p, g)| p.zip(g, |p, g| p * g).norm()).map(|norm| norm * norm).sum()
        } else {
            gradients.iter().map(|g| g.dot(g)).sum()
        };
        let scale = (self.rho / (square.sqrt() + 1e-12)) as f32;
        let adaptive = self.adaptive;
        let uphill = |p: f32, g: f32| p + scale * if adaptive { p * p * g } else { g };
        let uphill: Vec<_> = pairs().map(|(p, g)| p.zip(g, uphill)).collect();
        let there = batch.evaluate(&uphill)?;
        base.step(parameters, &there.gradients, batch)
    }
}
