//! Elementwise functions, alone and in broadcast pairs.

use crate::{Tensor, parallel};
use std::ops;

impl Tensor {
    /// `f` of every element.
    pub fn map(&self, f: impl Fn(f32) -> f32 + Sync) -> Tensor {
        let mut result = self.clone();
        result.map_in_place(f);
        result
    }

    /// Replaces every element by `f` of it.
    pub fn map_in_place(&mut self, f: impl Fn(f32) -> f32 + Sync) {
        parallel::elements(self.as_mut_slice(), |_, piece| piece.iter_mut().for_each(|x| *x = f(*x)));
    }

    /// `f` of every pair of elements, after both shapes are broadcast (NumPy's rule).
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn zip(&self, other: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Tensor {
        if self.shape() == other.shape() {
            return self.zip_same(other, f);
        }
        let shape = broadcast_shape(self.shape(), other.shape());
        self.broadcast_to(&shape).zip_same(&other.broadcast_to(&shape), f)
    }

    fn zip_same(&self, other: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Tensor {
        let mut result = self.clone();
        let other = other.as_slice();
        parallel::elements(result.as_mut_slice(), |first, piece| {
            for (x, &y) in piece.iter_mut().zip(&other[first..]) {
                *x = f(*x, y);
            }
        });
        result
    }

    /// Adds `other`, of the same shape, to `self`.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn accumulate(&mut self, other: &Tensor) {
        assert_eq!(self.shape(), other.shape(), "accumulate: shapes");
        let other = other.as_slice();
        parallel::elements(self.as_mut_slice(), |first, piece| {
            for (x, &y) in piece.iter_mut().zip(&other[first..]) {
                *x += y;
            }
        });
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
