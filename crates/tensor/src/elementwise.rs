//! Elementwise functions, alone and in broadcast pairs.

use crate::{Tensor, parallel};
use std::ops;

impl Tensor {
    /// `f` of every element.
    pub fn map(&self, f: impl Fn(f32) -> f32 + Sync) -> Tensor {
        let from = self.as_slice();
        let elements = parallel::generate(from.len(), |range| from[range].iter().map(|&x| f(x)));
        Tensor::new(self.shape(), elements)
    }

    /// `f` of every element, in place where the elements are shared with no clone.
    pub fn into_map(mut self, f: impl Fn(f32) -> f32 + Sync) -> Tensor {
        parallel::elements(self.as_mut_slice(), |_, piece| piece.iter_mut().for_each(|x| *x = f(*x)));
        self
    }

    /// `f` of every pair of elements, after both shapes are broadcast (NumPy's rule).
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn zip(&self, other: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Tensor {
        if self.shape() != other.shape() {
            let shape = broadcast_shape(self.shape(), other.shape());
            return self.broadcast_to(&shape).zip(&other.broadcast_to(&shape), f);
        }
        let (a, b) = (self.as_slice(), other.as_slice());
        let elements =
            parallel::generate(a.len(), |range| a[range.clone()].iter().zip(&b[range]).map(|(&x, &y)| f(x, y)));
        Tensor::new(self.shape(), elements)
    }

    /// `f` of every pair of elements of two tensors of one shape, in place where `self` is shared with no clone.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn into_zip(mut self, other: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Tensor {
        assert_eq!(self.shape(), other.shape(), "into_zip: shapes");
        let other = other.as_slice();
        parallel::elements(self.as_mut_slice(), |first, piece| {
            for (x, &y) in piece.iter_mut().zip(&other[first..]) {
                *x = f(*x, y);
            }
        });
        self
    }

    /// Adds `other`, of the same shape, to `self`.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn accumulate(&mut self, other: &Tensor) {
        let sum = std::mem::replace(self, Tensor::zeros(&[0])).into_zip(other, |x, y| x + y);
        *self = sum;
    }
}

/// The shape that both shapes broadcast to: axes are aligned at the last one, and an axis of size 1 is repeated.
///
/// # Panics
/// When there is none.
#[track_caller]
fn broadcast_shape(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (1, size) | (size, 1) => size,
            (x, y) if x == y => x,
            _ => panic!("broadcast: shapes {a:?} and {b:?} do not agree"),
        })
        .collect()
}

/// Implements an operator between references to tensors, with broadcasting.
macro_rules! operator {
    ($trait:ident, $method:ident, $symbol:tt) => {
        impl ops::$trait for &Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                self.zip(other, |x, y| x $symbol y)
            }
        }
    };
}

operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl ops::Neg for &Tensor {
    type Output = Tensor;

    fn neg(self) -> Tensor {
        self.map(|x| -x)
    }
}

impl ops::Mul<f32> for &Tensor {
    type Output = Tensor;

    fn mul(self, factor: f32) -> Tensor {
        self.map(|x| x * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_as_numpys() {
        for (a, b, expect) in [
            (&[2, 3][..], &[3][..], &[2, 3][..]),
            (&[2, 1], &[1, 3], &[2, 3]),
            (&[], &[4, 1], &[4, 1]),
            (&[0, 3], &[1], &[0, 3]),
        ] {
            assert_eq!(broadcast_shape(a, b), expect);
            assert_eq!(broadcast_shape(b, a), expect);
        }
    }

    #[test]
    #[should_panic(expected = "broadcast: shapes [2, 3] and [2] do not agree")]
    fn shapes_that_do_not_broadcast_are_named() {
        let _ = &Tensor::zeros(&[2, 3]) + &Tensor::zeros(&[2]);
    }

    #[test]
    fn pieces_of_a_large_tensor_line_up() {
        let x = Tensor::new(&[1_100_000], (0..1_100_000).map(|at| at as f32).collect());
        let sum = &x + &x;
        assert!(sum.as_slice().iter().enumerate().all(|(at, &sum)| sum == 2.0 * at as f32));
    }
}
