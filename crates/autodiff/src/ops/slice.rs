//! A range of positions along an axis.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;
use std::ops::Range;

struct Rule {
    axis: usize,
    range: Range<usize>,
}

impl Graph {
    /// The positions in `range` along an axis.
    ///
    /// # Panics
    /// When the axis or the range does not exist.
    #[track_caller]
    pub fn slice(&mut self, x: Var, axis: usize, range: Range<usize>) -> Var {
        self.push(self.value(x).slice(axis, range.clone()), &[x], Rule { axis, range })
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let shape = context.input(0).shape();
        let zeros = |size| {
            let mut shape = shape.to_vec();
            shape[self.axis] = size;
            Tensor::zeros(&shape)
        };
        let (before, after) = (zeros(self.range.start), zeros(shape[self.axis] - self.range.end));
        vec![Some(Tensor::concatenate(&[&before, &upstream, &after], self.axis))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, values};
    use ndarray::{Axis, Slice};
    use proptest::prelude::*;
    operation((0..3usize, 0..4usize, 0..5usize, any::<u32>()), |(axis, start, length, seed)| {
        let mut shape = [2, 3, 2];
        shape[axis] = 5;
        let range = start..5.min(start + length);
        let same = range.clone();
        Case::new(
            vec![values(&shape, seed)],
            move |g, x| g.slice(x[0], axis, range.clone()),
            move |x| x[0].slice_axis(Axis(axis), Slice::from(same.clone())).as_standard_layout().into_owned(),
        )
    });
}
