//! Exchange of axes.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule {
    axes: Vec<usize>,
}

impl Graph {
    /// Axis `i` of the result is axis `axes[i]` of `x`.
    ///
    /// # Panics
    /// When `axes` is no permutation of the axes.
    #[track_caller]
    pub fn transpose(&mut self, x: Var, axes: &[usize]) -> Var {
        self.push(self.value(x).transpose(axes), &[x], Rule { axes: axes.to_vec() })
    }
}

impl Backward for Rule {
    fn backward(&self, _context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let mut inverse = vec![0; self.axes.len()];
        for (to, &from) in self.axes.iter().enumerate() {
            inverse[from] = to;
        }
        vec![Some(upstream.transpose(&inverse))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, values};
    use proptest::prelude::*;
    let axes = Just((0..4).collect::<Vec<usize>>()).prop_shuffle();
    operation((axes, any::<[u8; 4]>(), any::<u32>()), |(axes, sizes, seed)| {
        let shape = sizes.map(|size| usize::from(size % 3) + 1);
        let order = axes.clone();
        Case::new(
            vec![values(&shape, seed)],
            move |g, x| g.transpose(x[0], &axes),
            move |x| x[0].view().permuted_axes(order.clone()).as_standard_layout().into_owned(),
        )
    });
}
