//! Natural logarithm.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `ln x`.
    pub fn log(&mut self, x: Var) -> Var {
        self.push(self.value(x).map(libm::logf), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_zip(context.input(0), |u, x| u / x))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use proptest::strategy::Strategy;

    use crate::check::{Case, positive, tensor, operation};
    operation(tensor().prop_map(|x| positive(&x)), |x| Case::new(vec![x], |g, x| g.log(x[0]), |x| x[0].mapv(f64::ln)));
}
