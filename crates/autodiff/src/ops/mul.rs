//! Product of two values.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `a * b`, elementwise with broadcasting.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn mul(&mut self, a: Var, b: Var) -> Var {
        self.push(self.value(a) * self.value(b), &[a, b], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let a = context.when_needed(0, || &upstream * context.input(1));
        let b = context.when_needed(1, || &upstream * context.input(0));
        vec![a, b]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, broadcast_pair, operation};
    operation(broadcast_pair(), |(a, b)| Case::new(vec![a, b], |g, x| g.mul(x[0], x[1]), |x| &x[0] * &x[1]));
}
