//! Gaussian error linear unit, exact form (Hendrycks and Gimpel 2016).

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `x Phi(x)`, where `Phi` is the normal distribution function.
    pub fn gelu(&mut self, x: Var) -> Var {
        self.push(self.value(x).map(|x| x * distribution(x)), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_zip(context.input(0), |u, x| u * (distribution(x) + x * density(x))))]
    }
}

/// The standard normal distribution function.
fn distribution(x: f32) -> f32 {
    0.5 * libm::erfcf(-x * std::f32::consts::FRAC_1_SQRT_2)
}

/// The standard normal density.
fn density(x: f32) -> f32 {
    const SCALE: f32 = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2 * 0.5;
    SCALE * libm::expf(-0.5 * x * x)
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, tensor, operation};
    operation(tensor(), |x| Case::new(vec![x], |g, x| g.gelu(x[0]), |x| x[0].mapv(|x| 0.5 * x * (1.0 + libm::erf(x / std::f64::consts::SQRT_2)))));
}
