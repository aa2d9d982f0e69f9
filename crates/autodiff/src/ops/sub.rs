//! Difference of two values.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `a - b`, with broadcasting.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn sub(&mut self, a: Var, b: Var) -> Var {
        self.push(self.value(a) - self.value(b), &[a, b], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let negated = context.when_needed(1, || -&upstream);
        vec![Some(upstream), negated]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, broadcast_pair, operation};
    operation(broadcast_pair(), |(a, b)| Case::new(vec![a, b], |g, x| g.sub(x[0], x[1]), |x| &x[0] - &x[1]));
}
