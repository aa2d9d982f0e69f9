//! Shapes changed, axes moved, tensors cut and joined: elements move, none is computed.

use crate::Tensor;
use ndarray::{Axis, IxDyn, Slice};
use std::ops::Range;

impl Tensor {
    /// The same elements in another shape.
    ///
    /// # Panics
    /// When the numbers of elements differ.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Tensor {
        let len: usize = shape.iter().product();
        assert_eq!(len, self.len(), "reshape: {:?} to {shape:?}", self.shape());
        self.in_shape(shape)
    }

    /// Axis `i` of the result is axis `axes[i]` of `self`.
    ///
    /// # Panics
    /// When `axes` is no permutation of the axes.
    #[track_caller]
    pub fn transpose(&self, axes: &[usize]) -> Tensor {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..self.rank()), "transpose: axes {axes:?} of shape {:?}", self.shape());
        Tensor::from(self.view().permuted_axes(IxDyn(axes)))
    }

    /// Repeated along new axes and axes of size 1 (NumPy's rule).
    ///
    /// # Panics
    /// When `shape` cannot be reached.
    #[track_caller]
    pub fn broadcast_to(&self, shape: &[usize]) -> Tensor {
        if self.shape() == shape {
            return self.clone();
        }
        match self.view().broadcast(IxDyn(shape)) {
            Some(view) => Tensor::from(view),
            None => panic!("broadcast: {:?} to {shape:?}", self.shape()),
        }
    }

    /// The positions in `range` along an axis.
    ///
    /// # Panics
    /// When the axis or the range does not exist.
    #[track_caller]
    pub fn slice(&self, axis: usize, range: Range<usize>) -> Tensor {
        let exists = axis < self.rank() && range.start <= range.end && range.end <= self.shape()[axis];
        assert!(exists, "slice: {range:?} of axis {axis} of shape {:?}", self.shape());
        Tensor::from(self.view().slice_axis(Axis(axis), Slice::from(range)))
    }

    /// Tensors one after the other along an axis.
    ///
    /// # Panics
    /// When there are none, or they differ along another axis.
    #[track_caller]
    pub fn concatenate(tensors: &[&Tensor], axis: usize) -> Tensor {
        let views: Vec<_> = tensors.iter().map(|tensor| tensor.view()).collect();
        match ndarray::concatenate(Axis(axis), &views) {
            Ok(array) => Tensor::from(array),
            Err(_) => {
                let shapes: Vec<_> = tensors.iter().map(|tensor| tensor.shape()).collect();
                panic!("concatenate: shapes {shapes:?} along axis {axis}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(shape: &[usize]) -> Tensor {
        Tensor::new(shape, (0..shape.iter().product()).map(|at: usize| at as f32).collect())
    }

    #[test]
    fn transpose_moves_axes() {
        let x = counting(&[2, 3, 1]).transpose(&[1, 2, 0]);
        assert_eq!(x.shape(), [3, 1, 2]);
        assert_eq!(x.as_slice(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }

    #[test]
    fn slices_concatenate_to_the_whole() {
        let x = counting(&[2, 5, 2]);
        let parts = [x.slice(1, 0..2), x.slice(1, 2..2), x.slice(1, 2..5)];
        assert_eq!(Tensor::concatenate(&parts.each_ref(), 1), x);
    }

    #[test]
    fn broadcast_repeats() {
        let x = Tensor::new(&[2, 1], vec![1.0, 2.0]).broadcast_to(&[2, 2, 2]);
        assert_eq!(x.as_slice(), [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    #[should_panic(expected = "reshape: [2, 3] to [4]")]
    fn a_reshape_that_loses_elements_is_named() {
        counting(&[2, 3]).reshape(&[4]);
    }
}
