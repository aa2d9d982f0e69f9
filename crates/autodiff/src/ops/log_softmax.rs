//! Logarithm of softmax over the last axis.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::{Tensor, softmax};

struct Rule;

impl Graph {
    /// `x - ln sum e^x` over the last axis, computed from differences to the greatest element, so that nothing overflows.
    ///
    /// # Panics
    /// When `x` is a scalar.
    #[track_caller]
    pub fn log_softmax(&mut self, x: Var) -> Var {
        self.push(log_softmax(self.value(x)), &[x], Rule)
    }
}

impl Backward for Rule {
    // dx = u - e^y sum u.
    fn backward(&self, context: &Context<'_>, mut upstream: Tensor) -> Vec<Option<Tensor>> {
        let y = context.output();
        let classes = y.shape().last().copied().unwrap_or(1);
        softmax::log_softmax_gradient(y.as_slice(), upstream.as_mut_slice(), classes);
        vec![Some(upstream)]
    }
}

/// Logarithm of softmax over the last axis.
#[track_caller]
pub(super) fn log_softmax(x: &Tensor) -> Tensor {
    let classes = *x.shape().last().expect("softmax: a scalar has no axis");
    let mut y = x.clone();
    softmax::log_softmax(y.as_mut_slice(), classes);
    y
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, rows};
    operation(rows(), |x| Case::new(vec![x], |g, x| g.log_softmax(x[0]), |x| tests::reference(&x[0])));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ndarray::{ArrayD, Axis};

    /// The definition, in `f64`.
    pub(in crate::ops) fn reference(x: &ArrayD<f64>) -> ArrayD<f64> {
        let last = Axis(x.ndim() - 1);
        let log_sum = x.mapv(f64::exp).sum_axis(last).mapv(f64::ln).insert_axis(last);
        x - &log_sum
    }

    #[test]
    fn large_values_do_not_overflow() {
        let y = log_softmax(&Tensor::new(&[1, 2], vec![1000.0, 0.0]));
        assert_eq!(y.as_slice(), [0.0, -1000.0]);
    }
}
