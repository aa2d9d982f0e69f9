//! Square root.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `sqrt x`.
    pub fn sqrt(&mut self, x: Var) -> Var {
        self.push(self.value(x).map(f32::sqrt), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_zip(context.output(), |u, y| 0.5 * u / y))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use proptest::strategy::Strategy;

    use crate::check::{Case, positive, tensor, operation};
    operation(tensor().prop_map(|x| positive(&x)), |x| Case::new(vec![x], |g, x| g.sqrt(x[0]), |x| x[0].mapv(f64::sqrt)));
}
