//! A matrix for each axis of a tensor: what Shampoo and SOAP are made of.
//!
//! A tensor is seen as a matrix of its first axis by the rest. A product from the right of its transpose moves that axis to the end, so
//! after as many products as there are axes, every axis has had its matrix and all stand where they stood.

use seismograd_tensor::{Side, Tensor, gram, matmul};

/// How many axes of a parameter can have matrices; further ones join the last.
pub(crate) const AXES: usize = 4;

/// The sizes of a parameter's axes.
pub(crate) fn sizes(parameter: &Tensor) -> Vec<usize> {
    let shape = parameter.shape();
    match shape.len() {
        0 => vec![1],
        1..=AXES => shape.to_vec(),
        _ => [&shape[..AXES - 1], &[shape[AXES - 1..].iter().product()]].concat(),
    }
}

/// The tensor as a matrix of an axis of this size, now its first, by the rest.
fn first_by_rest(tensor: &Tensor, size: usize) -> Tensor {
    tensor.reshape(&[size, tensor.len() / size.max(1)])
}

/// Every axis with its matrix: `y_j = sum_i x_i m[i, j]` (`Plain`) or `m[j, i]` (`Transposed`). Empty tensors stand for the identity.
pub(crate) fn turn(tensor: &Tensor, matrices: &[Tensor], side: Side) -> Tensor {
    let mut turned = tensor.clone();
    for (&size, matrix) in sizes(tensor).iter().zip(matrices) {
        let x = first_by_rest(&turned, size);
        turned = if matrix.is_empty() { x.transpose(&[1, 0]) } else { matmul(&x, Side::Transposed, matrix, side) };
    }
    turned.reshape(tensor.shape())
}

/// Moves the average of each axis' Gram matrix by the gradient's. An empty one stays empty.
pub(crate) fn average_grams(gradient: &Tensor, beta: f64, grams: &mut [Tensor]) {
    let ((keep, take), mut rest) = (crate::rates::keep_take(beta), gradient.clone());
    let sizes = sizes(gradient);
    for (axis, (&size, average)) in sizes.iter().zip(grams).enumerate() {
        // The last axis is last already: that matrix' other axes come first in the order in which turning would leave them.
        let is_last = axis > 0 && axis + 1 == sizes.len();
        let (x, side) = match is_last {
            true => (gradient.reshape(&[gradient.len() / size.max(1), size]), Side::Transposed),
            false => (first_by_rest(&rest, size), Side::Plain),
        };
        if !average.is_empty() {
            average.update(&gram(&x, side), [], |average, new, []| (keep * average + take * new, []));
        }
        if axis + 2 < sizes.len() {
            rest = x.transpose(&[1, 0]);
        }
    }
}

/// A square matrix of zeros for axis `axis`, unless the parameter has none or it is too long.
pub(crate) fn square(parameter: &Tensor, axis: usize, longest: u64) -> Tensor {
    match sizes(parameter).get(axis) {
        Some(&size) if size as u64 <= longest => Tensor::zeros(&[size, size]),
        _ => Tensor::zeros(&[0]),
    }
}

/// The axis that a slot's name ends with.
pub(crate) fn axis_of(slot: &str) -> usize {
    slot.bytes().next_back().map_or(0, |digit| usize::from(digit - b'0'))
}

/// The elements in `f64`.
pub(crate) fn widened(tensor: &Tensor) -> Vec<f64> {
    tensor.as_slice().iter().map(|&x| f64::from(x)).collect()
}

/// A square matrix, rounded.
pub(crate) fn narrowed(n: usize, elements: &[f64]) -> Tensor {
    Tensor::new(&[n, n], elements.iter().map(|&x| x as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_axis_meets_its_matrix() {
        let x = Tensor::new(&[2, 3, 2], (0..12).map(|at| at as f32).collect());
        let swap = Tensor::new(&[2, 2], vec![0.0, 1.0, 1.0, 0.0]);
        let shift = Tensor::new(&[3, 3], vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        let found = turn(&x, &[swap, shift.clone(), Tensor::zeros(&[0])], Side::Plain);
        // Element (i, j, k) comes from (1 - i, j - 1, k).
        assert_eq!(found.as_slice(), [10.0, 11.0, 6.0, 7.0, 8.0, 9.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0]);
        let none = || Tensor::zeros(&[0]);
        let there = turn(&x, &[none(), shift.clone(), none()], Side::Plain);
        assert_eq!(turn(&there, &[none(), shift, none()], Side::Transposed), x);
    }

    #[test]
    fn grams_are_of_each_axis() {
        let x = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let mut grams = [Tensor::zeros(&[2, 2]), Tensor::zeros(&[3, 3])];
        average_grams(&x, 0.5, &mut grams);
        assert_eq!(grams[0].as_slice(), [7.0, 16.0, 16.0, 38.5]);
        assert_eq!(grams[1].as_slice()[..3], [8.5, 11.0, 13.5]);
        assert_eq!(sizes(&Tensor::zeros(&[2, 3, 4, 5, 6])), [2, 3, 4, 30]);
    }
}
