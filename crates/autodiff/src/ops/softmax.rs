//! Softmax over the last axis.

use crate::graph::{Backward, Context, Graph, Var};
use crate::ops::log_softmax::log_softmax;
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `e^x / sum e^x` over the last axis, computed from differences to the greatest element, so that nothing overflows.
    ///
    /// # Panics
    /// When `x` is a scalar.
    #[track_caller]
    pub fn softmax(&mut self, x: Var) -> Var {
        self.push(log_softmax(self.value(x)).into_map(libm::expf), &[x], Rule)
    }
}

impl Backward for Rule {
    // dx = y (u - sum u y).
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let y = context.output();
        let mut gradient = upstream.into_zip(y, |u, y| u * y);
        let classes = y.shape().last().copied().unwrap_or(1).max(1);
        for (gradient, y) in gradient.as_mut_slice().chunks_exact_mut(classes).zip(y.as_slice().chunks_exact(classes)) {
            let sum: f32 = gradient.iter().sum();
            gradient.iter_mut().zip(y).for_each(|(gradient, y)| *gradient -= y * sum);
        }
        vec![Some(gradient)]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, rows};
    use crate::ops::log_softmax::tests::reference;
    operation(rows(), |x| Case::new(vec![x], |g, x| g.softmax(x[0]), |x| reference(&x[0]).mapv(f64::exp)));
}
