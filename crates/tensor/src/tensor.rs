//! The tensor itself: a shape and its elements.

use ndarray::{ArrayD, ArrayViewD, Dimension, IxDyn};
use seismograd_kernels::buffer::Buffer;
use seismograd_kernels::conv::Packed;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

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
#[derive(Clone)]
pub struct Tensor {
    shape: IxDyn,
    storage: Arc<Storage>,
}

/// Elements, and what was derived from them and is thrown away when they are written to.
struct Storage {
    elements: Buffer,
    /// The elements as a convolution's weight, packed for the forward pass and for the input gradient: a training step packs a weight once, whatever
    /// number of shards uses it.
    packed: [OnceLock<Packed>; 2],
}

impl Storage {
    fn of(elements: Buffer) -> Arc<Storage> {
        Arc::new(Storage { elements, packed: Default::default() })
    }
}

/// The number of elements of a shape.
#[track_caller]
pub(crate) fn elements_of(shape: &[usize]) -> usize {
    let count = shape.iter().try_fold(1, |count: usize, &size| count.checked_mul(size));
    // Sizes behind a zero may be anything.
    let count = count.or(shape.contains(&0).then_some(0));
    count.unwrap_or_else(|| panic!("tensor of shape {shape:?}: too many elements"))
}

impl Tensor {
    /// A tensor of this shape with these elements, in row-major order.
    ///
    /// # Panics
    /// When their number is not the shape's.
    #[track_caller]
    pub fn new(shape: &[usize], elements: Vec<f32>) -> Tensor {
        let len = elements.len();
        assert_eq!(elements_of(shape), len, "tensor of shape {shape:?}: {len} elements given");
        Tensor::of(shape, Buffer::from(elements.as_slice()))
    }

    fn of(shape: &[usize], elements: Buffer) -> Tensor {
        Tensor { shape: IxDyn(shape), storage: Storage::of(elements) }
    }

    /// A tensor whose elements are whatever was in memory, for those who write all of them.
    #[track_caller]
    pub(crate) fn stale(shape: &[usize]) -> Tensor {
        Tensor::of(shape, Buffer::stale(elements_of(shape)))
    }

    /// A tensor of one value throughout.
    ///
    /// # Panics
    /// When the shape has more elements than can be counted.
    #[track_caller]
    pub fn full(shape: &[usize], value: f32) -> Tensor {
        let mut tensor = Tensor::stale(shape);
        tensor.as_mut_slice().fill(value);
        tensor
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
        self.shape.slice()
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.ndim()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.storage.elements.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in row-major order.
    pub fn as_slice(&self) -> &[f32] {
        &self.storage.elements
    }

    /// The elements in row-major order, to write to. Elements shared with a clone are copied first.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        match Arc::get_mut(&mut self.storage) {
            Some(storage) => storage.packed = Default::default(),
            None => self.storage = Storage::of(self.storage.elements.clone()),
        }
        &mut Arc::get_mut(&mut self.storage).expect("the storage has one owner").elements
    }

    /// Takes memory of its own for elements that are shared with a clone, to write all of them; what was shared.
    pub(crate) fn unshare(&mut self) -> Option<Tensor> {
        let is_shared = Arc::get_mut(&mut self.storage).is_none();
        is_shared.then(|| {
            let own = Tensor::stale(self.shape());
            std::mem::replace(self, own)
        })
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

    /// How many samples there are, where so many have this shape; `what` they are, and of which geometry, is told where they have another.
    #[track_caller]
    pub(crate) fn samples_of(&self, shape: impl Fn(usize) -> [usize; 4], what: &str, geometry: &dyn Debug) -> usize {
        let n = self.shape().first().copied().unwrap_or_default();
        assert_eq!(self.shape(), shape(n), "{what} for {geometry:?}");
        n
    }

    /// The same elements in another shape of as many.
    pub(crate) fn in_shape(&self, shape: &[usize]) -> Tensor {
        Tensor { shape: IxDyn(shape), storage: Arc::clone(&self.storage) }
    }

    /// One of the two packed forms of the elements.
    pub(crate) fn packed(&self, form: usize) -> &OnceLock<Packed> {
        &self.storage.packed[form]
    }

    /// A view of the elements as an ndarray.
    pub fn view(&self) -> ArrayViewD<'_, f32> {
        ArrayViewD::from_shape(self.shape.clone(), self.as_slice()).expect("the elements are as many as the shape's")
    }
}

impl From<ArrayD<f32>> for Tensor {
    /// Copies the array's elements into row-major order.
    fn from(array: ArrayD<f32>) -> Tensor {
        Tensor::from(array.view())
    }
}

impl From<ArrayViewD<'_, f32>> for Tensor {
    /// Copies the view's elements into row-major order.
    fn from(view: ArrayViewD<'_, f32>) -> Tensor {
        let mut tensor = Tensor::stale(view.shape());
        let elements = tensor.as_mut_slice();
        match view.as_slice() {
            Some(slice) => elements.copy_from_slice(slice),
            None => elements.iter_mut().zip(&view).for_each(|(to, &x)| *to = x),
        }
        tensor
    }
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Tensor) -> bool {
        self.shape == other.shape && self.as_slice() == other.as_slice()
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor{:?} {}", self.shape(), self.view())
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
