//! Change of shape.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// The same elements in another shape.
    ///
    /// # Panics
    /// When the numbers of elements differ.
    #[track_caller]
    pub fn reshape(&mut self, x: Var, shape: &[usize]) -> Var {
        self.push(self.value(x).reshape(shape), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.reshape(context.input(0).shape()))]
    }

    fn is_reshape(&self) -> bool {
        true
    }
}

/// A reduction's result with the reduced `axes` of `shape` back, of size one, so that it broadcasts against the input.
pub(super) fn with_axes_of_one(reduced: &Tensor, shape: &[usize], axes: &[usize]) -> Tensor {
    let shape: Vec<usize> =
        shape.iter().enumerate().map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size }).collect();
    reduced.reshape(&shape)
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, tensor};
    operation(tensor(), |x| {
        let len = x.len();
        let expect = move |x: &[ndarray::ArrayD<f64>]| x[0].to_shape(ndarray::IxDyn(&[1, len])).unwrap().into_owned();
        Case::new(vec![x], move |g, x| g.reshape(x[0], &[1, len]), expect)
    });
}
