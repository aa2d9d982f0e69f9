//! Mean over axes.

use crate::graph::{Backward, Context, Graph, Var};
use crate::ops::reshape::with_axes_of_one;
use seismograd_tensor::Tensor;

struct Rule {
    axes: Vec<usize>,
}

impl Graph {
    /// The mean over `axes`, which vanish from the shape.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice.
    #[track_caller]
    pub fn mean(&mut self, x: Var, axes: &[usize]) -> Var {
        self.push(self.value(x).mean(axes), &[x], Rule { axes: axes.to_vec() })
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let x = context.input(0);
        let share = context.output().len() as f32 / x.len() as f32;
        let upstream = with_axes_of_one(&upstream.into_map(|u| u * share), x.shape(), &self.axes);
        vec![Some(upstream.broadcast_to(x.shape()))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    crate::check::reduction(Graph::mean, |x, axis| x.mean_axis(axis).expect("no empty axis"));
}
