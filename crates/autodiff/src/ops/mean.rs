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
    use crate::check::{Case, values, operation, shape};
    use ndarray::Axis;
    use proptest::prelude::*;
    operation((shape(), any::<u8>(), any::<u32>()), |(shape, mask, seed)| {
        let axes: Vec<usize> = (0..shape.len()).filter(|axis| mask >> axis & 1 == 1).collect();
        let descending: Vec<usize> = axes.iter().rev().copied().collect();
        Case::new(
            vec![values(&shape, seed)],
            move |g, x| g.mean(x[0], &axes),
            move |x| descending.iter().fold(x[0].clone(), |x, &axis| x.mean_axis(Axis(axis)).expect("no empty axis")),
        )
    });
}
