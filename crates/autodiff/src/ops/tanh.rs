//! Hyperbolic tangent.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `tanh x`.
    pub fn tanh(&mut self, x: Var) -> Var {
        self.push(self.value(x).map(libm::tanhf), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_zip(context.output(), |u, y| u * (1.0 - y * y)))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, tensor, operation};
    operation(tensor(), |x| Case::new(vec![x], |g, x| g.tanh(x[0]), |x| x[0].mapv(f64::tanh)));
}
