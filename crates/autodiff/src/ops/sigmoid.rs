//! Logistic function.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `1 / (1 + e^-x)`.
    pub fn sigmoid(&mut self, x: Var) -> Var {
        self.push(self.value(x).map(|x| 1.0 / (1.0 + libm::expf(-x))), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_zip(context.output(), |u, y| u * y * (1.0 - y)))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, tensor, operation};
    operation(tensor(), |x| Case::new(vec![x], |g, x| g.sigmoid(x[0]), |x| x[0].mapv(|x| 1.0 / (1.0 + (-x).exp()))));
}
