//! Sum over axes.

use crate::graph::{Backward, Context, Graph, Var};
use crate::ops::reshape::with_axes_of_one;
use seismograd_tensor::Tensor;

struct Rule {
    axes: Vec<usize>,
}

impl Graph {
    /// The sum over `axes`, which vanish from the shape.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice.
    #[track_caller]
    pub fn sum(&mut self, x: Var, axes: &[usize]) -> Var {
        self.push(self.value(x).sum(axes), &[x], Rule { axes: axes.to_vec() })
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let x = context.input(0);
        vec![Some(with_axes_of_one(&upstream, x.shape(), &self.axes).broadcast_to(x.shape()))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    crate::check::reduction(Graph::sum, |x, axis| x.sum_axis(axis));
}
