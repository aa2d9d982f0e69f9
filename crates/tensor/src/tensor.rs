//! The tensor itself: a shape and its elements.

use ndarray::{ArcArray, ArrayD, ArrayViewD, IxDyn};

/// A dense `f32` tensor of any rank, contiguous in row-major order, cheaply cloned.
///
/// ```
/// use seismograd_tensor::Tensor;
///
/// let mut x = Tensor::zeros(&[2, 2]);
/// let before = x.clone();
/// x.as_mut_slice()[3] = 1.0;
/// assert_eq!(x.as_slice(), [0.0, 0.0, 0.0, 1.0]);
/// assert_eq!(before.as_slice(), [0.0; 4]);
/// ```
#[derive(Clone, PartialEq)]
pub struct Tensor(ArcArray<f32, IxDyn>);

impl Tensor {
    /// A tensor of this shape with these elements, in row-major order.
    ///
    /// # Panics
    /// When their number is not the shape's.
    #[track_caller]
    pub fn new(shape: &[usize], elements: Vec<f32>) -> Tensor {
        let len = elements.len();
        match ArcArray::from_shape_vec(IxDyn(shape), elements) {
            Ok(array) => Tensor(array),
            Err(_) => panic!("tensor of shape {shape:?}: {len} elements given"),
        }
    }

    /// A tensor of one value throughout.
    pub fn full(shape: &[usize], value: f32) -> Tensor {
        Tensor(ArcArray::from_elem(IxDyn(shape), value))
    }

    /// A tensor of zeros.
    pub fn zeros(shape: &[usize]) -> Tensor {
        Tensor::full(shape, 0.0)
    }

    /// A tensor of rank 0.
    pub fn scalar(value: f32) -> Tensor {
        Tensor::full(&[], value)
    }

    /// The size along each axis; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.ndim()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The elements in row-major order.
    pub fn as_slice(&self) -> &[f32] {
        self.0.as_slice().expect("a tensor is contiguous")
    }

    /// The elements in row-major order, to write to. Elements shared with a clone are copied first.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        self.0.as_slice_mut().expect("a tensor is contiguous")
    }

    /// The only element.
    ///
    /// # Panics
    /// When there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> f32 {
        match self.as_slice() {
            [value] => *value,
            _ => panic!("item: shape {:?} has not exactly one element", self.shape()),
        }
    }

    /// The elements at the given positions of the first axis.
    pub(crate) fn samples(&self, range: std::ops::Range<usize>) -> &[f32] {
        let sample: usize = self.shape()[1..].iter().product();
        &self.as_slice()[range.start * sample..range.end * sample]
    }

    pub(crate) fn shared(&self) -> ArcArray<f32, IxDyn> {
        self.0.clone()
    }

    pub(crate) fn from_shared(array: ArcArray<f32, IxDyn>) -> Tensor {
        Tensor(array)
    }

    /// A view of the elements as an ndarray.
    pub fn view(&self) -> ArrayViewD<'_, f32> {
        self.0.view()
    }
}

impl From<ArrayD<f32>> for Tensor {
    /// Takes the array's elements, copied only if they are not in row-major order.
    fn from(array: ArrayD<f32>) -> Tensor {
        let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
        Tensor(array.into_shared())
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor{:?} {}", self.shape(), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "tensor of shape [2, 2]: 3 elements given")]
    fn a_wrong_number_of_elements_is_named() {
        Tensor::new(&[2, 2], vec![0.0; 3]);
    }

    #[test]
    fn a_transposed_array_is_taken_in_row_major_order() {
        let array = ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]).reversed_axes().into_dyn();
        assert_eq!(Tensor::from(array).as_slice(), [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    fn empty_and_scalar_tensors_exist() {
        assert!(Tensor::zeros(&[0, 3]).is_empty());
        assert_eq!(Tensor::scalar(2.0).item(), 2.0);
    }
}
