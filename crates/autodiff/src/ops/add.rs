//! Sum of two values.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `a + b`, with broadcasting.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        self.push(self.value(a) + self.value(b), &[a, b], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, _context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.clone()), Some(upstream)]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, broadcast_pair, operation};
    operation(broadcast_pair(), |(a, b)| Case::new(vec![a, b], |g, x| g.add(x[0], x[1]), |x| &x[0] + &x[1]));
}
