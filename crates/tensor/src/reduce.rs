//! Sums, means and maxima over axes.
//!
//! Sums are accumulated in `f64` in row-major order and rounded once: exact enough for any size, and the same
//! for any number of threads.

use crate::{Tensor, parallel};
use rayon::prelude::*;
use seismograd_kernels::sums;

impl Tensor {
    /// The scalar product with another tensor of as many elements, in `f64`.
    ///
    /// # Panics
    /// When the numbers of elements differ.
    #[track_caller]
    pub fn dot(&self, other: &Tensor) -> f64 {
        assert_eq!(self.len(), other.len(), "dot: {:?} with {:?}", self.shape(), other.shape());
        if self.len() <= parallel::UPDATES {
            return sums::dot(self.as_slice(), other.as_slice());
        }
        let pieces = self.as_slice().par_chunks(parallel::UPDATES).zip(other.as_slice().par_chunks(parallel::UPDATES));
        // Collected before they are added: the order of the sum is that of the pieces, whatever threads computed them.
        pieces.map(|(x, y)| sums::dot(x, y)).collect::<Vec<f64>>().into_iter().sum()
    }

    /// The Euclidean norm of all elements, in `f64`.
    pub fn norm(&self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The sum of the absolute values of all elements, in `f64`.
    pub fn sum_abs(&self) -> f64 {
        let pieces = self.as_slice().par_chunks(parallel::UPDATES).map(sums::sum_abs);
        pieces.collect::<Vec<f64>>().into_iter().sum()
    }

    /// The sum over the given axes, which vanish from the shape.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice.
    #[track_caller]
    pub fn sum(&self, axes: &[usize]) -> Tensor {
        self.sum_scaled(axes, 1.0)
    }

    /// The mean over the given axes, which vanish from the shape.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice.
    #[track_caller]
    pub fn mean(&self, axes: &[usize]) -> Tensor {
        let count: usize = axes.iter().filter_map(|&axis| self.shape().get(axis)).product();
        self.sum_scaled(axes, 1.0 / count as f64)
    }

    /// The greatest element over the given axes, which vanish from the shape; a NaN wins.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice.
    #[track_caller]
    pub fn max(&self, axes: &[usize]) -> Tensor {
        let (shape, result) = self.fold(axes, f32::NEG_INFINITY, |max, x| if x > max || x.is_nan() { x } else { max });
        Tensor::new(&shape, result)
    }

    /// The sum over the axes that broadcasting from `shape` to `self`'s shape has repeated: broadcasting's transpose.
    ///
    /// # Panics
    /// When `shape` does not broadcast to `self`'s shape.
    #[track_caller]
    pub fn sum_to(&self, shape: &[usize]) -> Tensor {
        if self.shape() == shape {
            return self.clone();
        }
        let lead = self.rank().checked_sub(shape.len());
        let lead = lead.unwrap_or_else(|| panic!("sum_to: {:?} to {shape:?}", self.shape()));
        let fits = shape.iter().zip(&self.shape()[lead..]).all(|(&size, &own)| size == own || size == 1);
        assert!(fits, "sum_to: {:?} to {shape:?}", self.shape());
        let repeated = |axis: &usize| *axis < lead || shape[axis - lead] == 1 && self.shape()[*axis] != 1;
        let axes: Vec<usize> = (0..self.rank()).filter(repeated).collect();
        self.sum(&axes).reshape(shape)
    }

    #[track_caller]
    fn sum_scaled(&self, axes: &[usize], scale: f64) -> Tensor {
        let (shape, sums) = self.fold(axes, 0.0f64, |sum, x| sum + f64::from(x));
        Tensor::new(&shape, sums.into_iter().map(|sum| (sum * scale) as f32).collect())
    }

    /// The kept axes' shape, and for each of its positions the fold over the others, in row-major order.
    #[track_caller]
    fn fold<A: Copy>(&self, axes: &[usize], start: A, f: impl Fn(A, f32) -> A) -> (Vec<usize>, Vec<A>) {
        let shape = self.shape();
        let distinct = axes.iter().enumerate().all(|(at, axis)| *axis < shape.len() && !axes[..at].contains(axis));
        assert!(distinct, "reduction over axes {axes:?} of shape {shape:?}");
        let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect();
        let mut result = vec![start; kept.iter().product()];
        let Some((&last, outer)) = shape.split_last() else {
            return (kept, self.as_slice().iter().map(|&x| f(start, x)).collect());
        };
        let last_is_kept = !axes.contains(&outer.len());
        for (row, at) in self.as_slice().chunks_exact(last.max(1)).zip(kept_rows(shape, axes)) {
            if last_is_kept {
                result[at..][..last].iter_mut().zip(row).for_each(|(acc, &x)| *acc = f(*acc, x));
            } else {
                result[at] = row.iter().fold(result[at], |acc, &x| f(acc, x));
            }
        }
        (kept, result)
    }
}

/// For every row along the last axis, in row-major order: where its result starts among those of the kept axes.
fn kept_rows(shape: &[usize], axes: &[usize]) -> impl Iterator<Item = usize> {
    let rank = shape.len();
    let mut strides = vec![0; rank];
    let mut stride = 1;
    for axis in (0..rank).rev().filter(|axis| !axes.contains(axis)) {
        strides[axis] = stride;
        stride *= shape[axis];
    }
    let outer = shape[..rank - 1].to_vec();
    let rows = outer.iter().product();
    let mut index = vec![0; rank - 1];
    let mut at = 0;
    (0..rows).map(move |_| {
        let here = at;
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < outer[axis] {
                break;
            }
            at -= strides[axis] * outer[axis];
            index[axis] = 0;
        }
        here
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;
    use proptest::prelude::*;

    #[test]
    #[should_panic(expected = "sum_to: [2, 3] to [3, 2]")]
    fn what_was_not_broadcast_is_not_summed() {
        Tensor::zeros(&[2, 3]).sum_to(&[3, 2]);
    }

    #[test]
    fn every_set_of_axes_sums_as_ndarray_does() {
        let x = Tensor::new(&[2, 3, 1, 4], (0..24).map(|at| (at * at % 17) as f32).collect());
        for mask in 0..16usize {
            let axes: Vec<usize> = (0..4).filter(|axis| mask >> axis & 1 == 1).collect();
            let expect = axes.iter().rev().fold(x.view().to_owned(), |x, &axis| x.sum_axis(Axis(axis)));
            assert_eq!(x.sum(&axes), Tensor::from(expect), "{axes:?}");
        }
    }

    #[test]
    fn products_and_norms_of_many_pieces() {
        let x = Tensor::full(&[3, 20_000], -2.0);
        assert_eq!((x.dot(&Tensor::full(&[60_000], 0.5)), x.norm(), x.sum_abs()), (-6e4, 24e4f64.sqrt(), 12e4));
    }

    #[test]
    fn maxima_and_means() {
        let x = Tensor::new(&[2, 2], vec![1.0, -3.0, 5.0, f32::NAN]);
        assert_eq!(x.slice(0, 0..1).max(&[0, 1]).item(), 1.0);
        assert!(x.max(&[0]).as_slice()[1].is_nan());
        assert_eq!(x.mean(&[1]).as_slice()[0], -1.0);
        assert_eq!(Tensor::scalar(3.0).mean(&[]).item(), 3.0);
    }

    #[test]
    #[should_panic(expected = "reduction over axes [2] of shape [2, 2]")]
    fn an_axis_that_does_not_exist_is_named() {
        Tensor::zeros(&[2, 2]).sum(&[2]);
    }

    proptest! {
        #[test]
        fn sum_to_is_the_transpose_of_broadcast_to(shape in prop::collection::vec(1..4usize, 0..4), ones in any::<u8>(), lead in 0..3usize) {
            let small: Vec<usize> = shape.iter().enumerate().map(|(axis, &size)| if ones >> axis & 1 == 1 { 1 } else { size }).collect();
            let large: Vec<usize> = std::iter::repeat_n(2, lead).chain(shape).collect();
            let x = Tensor::full(&small, 1.0);
            let repeats = large.iter().product::<usize>() / small.iter().product::<usize>();
            prop_assert_eq!(x.broadcast_to(&large).sum_to(&small), Tensor::full(&small, repeats as f32));
        }
    }
}
