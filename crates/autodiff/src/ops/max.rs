//! Maximum over axes.

use crate::graph::{Backward, Context, Graph, Var};
use crate::ops::reshape::with_axes_of_one;
use seismograd_tensor::Tensor;

struct Rule {
    axes: Vec<usize>,
}

impl Graph {
    /// The greatest element over `axes`, which vanish from the shape. Equal greatest elements share the gradient evenly, as in
    /// PyTorch's `amax`.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice.
    #[track_caller]
    pub fn max(&mut self, x: Var, axes: &[usize]) -> Var {
        self.push(self.value(x).max(axes), &[x], Rule { axes: axes.to_vec() })
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let x = context.input(0);
        let output = with_axes_of_one(context.output(), x.shape(), &self.axes);
        let hits = x.zip(&output, |x, max| if x == max { 1.0 } else { 0.0 });
        let ties = hits.sum(&self.axes);
        let share = with_axes_of_one(&upstream.into_zip(&ties, |u, ties| u / ties), x.shape(), &self.axes);
        vec![Some(&hits * &share)]
    }
}

#[cfg(test)]
pub(super) fn check() {
    crate::check::reduction(Graph::max, |x, axis| x.fold_axis(axis, f64::NEG_INFINITY, |max, x| max.max(*x)));
}
