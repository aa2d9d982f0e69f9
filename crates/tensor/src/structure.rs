//! Shapes changed, axes moved, tensors cut and joined: elements move, none is computed.

use crate::Tensor;
use crate::tensor::elements_of;
use std::ops::Range;

impl Tensor {
    /// The same elements in another shape.
    ///
    /// # Panics
    /// When the numbers of elements differ.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Tensor {
        assert_eq!(elements_of(shape), self.len(), "reshape: {:?} to {shape:?}", self.shape());
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
        let strides = self.strides();
        let pick = |from: &[usize]| axes.iter().map(|&axis| from[axis]).collect::<Vec<_>>();
        self.gather(&pick(self.shape()), &pick(&strides), 0)
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
        let new = shape.len().checked_sub(self.rank());
        let fits =
            new.is_some_and(|new| shape[new..].iter().zip(self.shape()).all(|(&to, &from)| from == to || from == 1));
        assert!(fits, "broadcast: {:?} to {shape:?}", self.shape());
        let repeat = |(&size, stride): (&usize, usize)| if size == 1 { 0 } else { stride };
        let own = self.shape().iter().zip(self.strides()).map(repeat);
        let strides: Vec<usize> = std::iter::repeat_n(0, shape.len() - self.rank()).chain(own).collect();
        self.gather(shape, &strides, 0)
    }

    /// The positions in `range` along an axis.
    ///
    /// # Panics
    /// When the axis or the range does not exist.
    #[track_caller]
    pub fn slice(&self, axis: usize, range: Range<usize>) -> Tensor {
        let exists = axis < self.rank() && range.start <= range.end && range.end <= self.shape()[axis];
        assert!(exists, "slice: {range:?} of axis {axis} of shape {:?}", self.shape());
        let (strides, mut shape) = (self.strides(), self.shape().to_vec());
        shape[axis] = range.len();
        self.gather(&shape, &strides, range.start * strides[axis])
    }

    /// Elements between two neighbours along each axis.
    fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.rank()];
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.shape()[axis];
        }
        strides
    }

    /// The elements that these strides reach from `first`, in row-major order of the shape.
    fn gather(&self, shape: &[usize], strides: &[usize], first: usize) -> Tensor {
        let mut result = Tensor::stale(shape);
        if result.is_empty() {
            return result;
        }
        let elements = self.as_slice();
        let (Some((&width, outer)), Some((&step, outer_strides))) = (shape.split_last(), strides.split_last()) else {
            return Tensor::scalar(elements[first]);
        };
        let (mut position, mut start) = (vec![0; outer.len()], first);
        for row in result.as_mut_slice().chunks_exact_mut(width) {
            match step {
                0 => row.fill(elements[start]),
                1 => row.copy_from_slice(&elements[start..][..width]),
                _ => row.iter_mut().zip(elements[start..].iter().step_by(step)).for_each(|(to, &x)| *to = x),
            }
            // The next position of the outer axes, as on an odometer.
            for axis in (0..outer.len()).rev() {
                position[axis] += 1;
                start += outer_strides[axis];
                if position[axis] < outer[axis] {
                    break;
                }
                start -= position[axis] * outer_strides[axis];
                position[axis] = 0;
            }
        }
        result
    }

    /// Tensors one after the other along an axis.
    ///
    /// # Panics
    /// When there are none, or they differ along another axis.
    #[track_caller]
    pub fn concatenate(tensors: &[&Tensor], axis: usize) -> Tensor {
        let others = |tensor: &Tensor| {
            let shape = tensor.shape();
            (axis < shape.len()).then(|| [&shape[..axis], &shape[axis + 1..]].concat())
        };
        let first = tensors.first().and_then(|first| others(first));
        if first.is_none() || tensors.iter().any(|tensor| others(tensor) != first) {
            let shapes: Vec<_> = tensors.iter().map(|tensor| tensor.shape()).collect();
            panic!("concatenate: shapes {shapes:?} along axis {axis}");
        }
        let mut shape = tensors[0].shape().to_vec();
        shape[axis] = tensors.iter().map(|tensor| tensor.shape()[axis]).sum();
        let (mut result, outer) = (Tensor::stale(&shape), shape[..axis].iter().product());
        let mut rest = result.as_mut_slice();
        for at in 0..outer {
            for tensor in tensors {
                let len = tensor.len() / outer;
                let (to, behind) = rest.split_at_mut(len);
                to.copy_from_slice(&tensor.as_slice()[at * len..][..len]);
                rest = behind;
            }
        }
        result
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
    #[should_panic(expected = "concatenate: shapes [[2, 3], [3, 2]] along axis 1")]
    fn shapes_that_do_not_concatenate_are_named() {
        Tensor::concatenate(&[&counting(&[2, 3]), &counting(&[3, 2])], 1);
    }

    #[test]
    #[should_panic(expected = "concatenate: shapes [] along axis 0")]
    fn nothing_does_not_concatenate() {
        Tensor::concatenate(&[], 0);
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
