//! Values joined along an axis.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule {
    axis: usize,
}

impl Graph {
    /// The parts one after the other along an axis.
    ///
    /// # Panics
    /// When there are none, or they differ along another axis.
    #[track_caller]
    pub fn concatenate(&mut self, parts: &[Var], axis: usize) -> Var {
        let values: Vec<&Tensor> = parts.iter().map(|&part| self.value(part)).collect();
        self.push(Tensor::concatenate(&values, axis), parts, Rule { axis })
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let mut start = 0;
        let mut part = |at| {
            let end = start + context.input(at).shape()[self.axis];
            Some(upstream.slice(self.axis, std::mem::replace(&mut start, end)..end))
        };
        (0..context.len()).map(&mut part).collect()
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, values};
    use ndarray::Axis;
    use proptest::prelude::*;
    let parts = prop::collection::vec(1..4usize, 1..4);
    operation((parts, 0..3usize, any::<u32>()), |(sizes, axis, seed)| {
        let part = |(at, &size): (usize, &usize)| {
            let mut shape = [2, 3, 2];
            shape[axis] = size;
            values(&shape, seed ^ at as u32)
        };
        Case::new(
            sizes.iter().enumerate().map(part).collect(),
            move |g, x| g.concatenate(x, axis),
            move |x| {
                let views: Vec<_> = x.iter().map(|x| x.view()).collect();
                ndarray::concatenate(Axis(axis), &views).expect("parts of one shape").as_standard_layout().into_owned()
            },
        )
    });
}
