//! Rectifier.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `max(x, 0)`; the gradient at zero is zero. A NaN stays one.
    pub fn relu(&mut self, x: Var) -> Var {
        self.push(self.value(x).map(|x| if x < 0.0 { 0.0 } else { x }), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_zip(context.input(0), |u, x| if x > 0.0 { u } else { 0.0 }))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, kinked, operation};
    operation(kinked(), |x| Case::new(vec![x], |g, x| g.relu(x[0]), |x| x[0].mapv(|x| x.max(0.0))));
}
