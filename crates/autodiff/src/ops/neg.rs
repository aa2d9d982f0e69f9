//! Negation.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `-x`.
    pub fn neg(&mut self, x: Var) -> Var {
        self.push(-self.value(x), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, _context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_map(|u| -u))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, tensor};
    operation(tensor(), |x| Case::new(vec![x], |g, x| g.neg(x[0]), |x| -&x[0]));
}
