//! Elementwise functions, alone and in broadcast pairs.

use crate::{Tensor, parallel};
use seismograd_kernels::elementwise;
use std::ops;
use std::sync::atomic::{AtomicBool, Ordering};

impl Tensor {
    /// `f` of every element.
    pub fn map(&self, f: impl Fn(f32) -> f32 + Sync) -> Tensor {
        let (mut result, x) = (Tensor::stale(self.shape()), self.as_slice());
        parallel::elements(result.as_mut_slice(), |first, piece| {
            elementwise::map(&x[first..][..piece.len()], piece, &f);
        });
        result
    }

    /// `f` of every element, in place where the elements are shared with no clone.
    pub fn into_map(mut self, f: impl Fn(f32) -> f32 + Sync) -> Tensor {
        parallel::elements(self.as_mut_slice(), |_, piece| elementwise::map_in_place(piece, &f));
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
        let (mut result, x, y) = (Tensor::stale(self.shape()), self.as_slice(), other.as_slice());
        parallel::elements(result.as_mut_slice(), |first, piece| {
            elementwise::zip(&x[first..][..piece.len()], &y[first..][..piece.len()], piece, &f);
        });
        result
    }

    /// `f` of every pair of elements of two tensors of one shape, in place where `self` is shared with no clone.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn into_zip(mut self, other: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Tensor {
        assert_eq!(self.shape(), other.shape(), "into_zip: shapes");
        let y = other.as_slice();
        parallel::elements(self.as_mut_slice(), |first, piece| {
            elementwise::zip_in_place(piece, &y[first..][..piece.len()], &f);
        });
        self
    }

    /// An optimizer's update of `self`: each of its elements, with the gradient's and the slots' at the same place, becomes what `f` returns, and so do the
    /// slots'.
    ///
    /// # Panics
    /// When the numbers of elements differ.
    #[track_caller]
    pub fn update<const N: usize>(
        &mut self,
        gradient: &Tensor,
        slots: [&mut Tensor; N],
        f: impl Fn(f32, f32, [f32; N]) -> (f32, [f32; N]) + Sync,
    ) {
        let len = self.len();
        let fit = gradient.len() == len && slots.iter().all(|slot| slot.len() == len);
        assert!(fit, "update: {:?} with gradient {:?} and {N} slots", self.shape(), gradient.shape());
        // What a clone shares is read there and written here.
        let shared = self.unshare();
        let mut before = shared.iter().flat_map(|tensor| tensor.as_slice().chunks(parallel::UPDATES));
        let mut slots = slots.map(|slot| slot.as_mut_slice().chunks_mut(parallel::UPDATES));
        let pieces =
            self.as_mut_slice().chunks_mut(parallel::UPDATES).zip(gradient.as_slice().chunks(parallel::UPDATES));
        let pieces = pieces.map(|(parameter, gradient)| {
            let slots = slots.each_mut().map(|slot| slot.next().expect("as many pieces"));
            (before.next(), parameter, gradient, slots)
        });
        parallel::each(pieces, |(before, parameter, gradient, slots)| {
            elementwise::update(parameter, before, gradient, slots, &f);
        });
    }

    /// Whether no element is infinite or a NaN.
    pub fn is_finite(&self) -> bool {
        let finite = AtomicBool::new(true);
        parallel::each(self.as_slice().chunks(parallel::UPDATES), |piece| clear_unless_finite(&finite, piece));
        finite.into_inner()
    }

    /// Adds `terms`, of the same shape, to `self`, element by element in their order, and multiplies the sums; whether these are finite.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn accumulate_all(&mut self, terms: &[&Tensor], factor: f32) -> bool {
        assert!(terms.iter().all(|term| term.shape() == self.shape()), "accumulate_all: shapes");
        let finite = AtomicBool::new(true);
        let pieces = self.as_mut_slice().chunks_mut(parallel::UPDATES).enumerate();
        parallel::each(pieces, |(piece, sum)| {
            for term in terms {
                let term = &term.as_slice()[piece * parallel::UPDATES..][..sum.len()];
                elementwise::zip_in_place(sum, term, |sum, x| sum + x);
            }
            elementwise::map_in_place(sum, move |sum| sum * factor);
            clear_unless_finite(&finite, sum);
        });
        finite.into_inner()
    }

    /// Adds `other`, of the same shape, to `self`.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn accumulate(&mut self, other: &Tensor) {
        assert_eq!(self.shape(), other.shape(), "accumulate: shapes");
        let sum = std::mem::replace(self, Tensor::zeros(&[0])).into_zip(other, |x, y| x + y);
        *self = sum;
    }
}

/// Clears `finite` where an element is not.
fn clear_unless_finite(finite: &AtomicBool, x: &[f32]) {
    if !elementwise::all_finite(x) {
        finite.store(false, Ordering::Relaxed);
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
        self.map(move |x| x * factor)
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
    fn an_update_leaves_what_is_shared() {
        let before: Vec<f32> = (0..parallel::UPDATES + 3).map(|at| at as f32).collect();
        let mut parameter = Tensor::new(&[before.len()], before.clone());
        let (shared, gradient) = (parameter.clone(), Tensor::full(&[before.len()], 0.5));
        parameter.update(&gradient, [], |p, g, []| (p - g, []));
        assert_eq!(shared.as_slice(), before);
        assert!(parameter.as_slice().iter().zip(&before).all(|(p, x)| *p == x - 0.5));
    }

    #[test]
    fn an_update_reaches_every_element_of_every_slot() {
        let len = 3 * parallel::UPDATES + 5;
        let counting = || Tensor::new(&[len], (0..len).map(|at| at as f32).collect());
        let (mut parameter, gradient, mut slot) = (counting(), counting(), counting());
        parameter.update(&gradient, [&mut slot], |p, g, [s]| (p + g + s, [s - 1.0]));
        assert_eq!(parameter, &counting() * 3.0);
        assert_eq!(slot, counting().map(|x| x - 1.0));
        assert!(parameter.accumulate_all(&[&gradient, &gradient], 0.5));
        assert_eq!(parameter, &counting() * 2.5);
        assert!(parameter.is_finite());
        for at in [0, len - 1] {
            let mut bad = parameter.clone();
            bad.as_mut_slice()[at] = f32::NAN;
            assert!(!bad.is_finite() && !bad.accumulate_all(&[], 1.0));
        }
    }

    #[test]
    fn pieces_of_a_large_tensor_line_up() {
        let x = Tensor::new(&[1_100_000], (0..1_100_000).map(|at| at as f32).collect());
        let sum = &x + &x;
        assert!(sum.as_slice().iter().enumerate().all(|(at, &sum)| sum == 2.0 * at as f32));
    }
}
