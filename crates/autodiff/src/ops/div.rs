//! Quotient of two values.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `a / b`, elementwise with broadcasting.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn div(&mut self, a: Var, b: Var) -> Var {
        self.push(self.value(a) / self.value(b), &[a, b], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let a = &upstream / context.input(1);
        let b = context.when_needed(1, || -&(&(&a * context.input(0)) / context.input(1)));
        vec![Some(a), b]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, broadcast_pair, operation, positive};
    operation(broadcast_pair(), |(a, b)| Case::new(vec![a, positive(&b)], |g, x| g.div(x[0], x[1]), |x| &x[0] / &x[1]));
}
