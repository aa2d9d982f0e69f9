//! Max and average pooling of batches of images, spread over rayon's threads by samples.

use crate::{Tensor, parallel};
pub use seismograd_kernels::geometry::Pool2d;
use seismograd_kernels::{geometry::Window, pool};

/// The geometry of a pooling of `input` `[n, h, w, c]`.
#[track_caller]
fn geometry(input: &[usize], kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Pool2d {
    let &[_, height, width, channels] = input else { panic!("pooling: input {input:?} is to be [n, h, w, c]") };
    let window = Window { input: [height, width], kernel, stride, padding };
    let g = Pool2d { window, channels };
    if let Some(problem) = g.problem() {
        panic!("pooling: {problem}");
    }
    g
}

/// The number of samples of an upstream gradient that fits the geometry.
#[track_caller]
fn samples_of(g: &Pool2d, upstream: &Tensor) -> usize {
    upstream.samples_of(|n| g.output_shape(n), "pooling: upstream gradient", g)
}

/// The number of samples of a max pooling's tensors, which fit the geometry.
#[track_caller]
fn samples_of_all(g: &Pool2d, input: &Tensor, output: &Tensor, upstream: &Tensor) -> usize {
    let n = samples_of(g, upstream);
    let fits = input.shape() == g.input_shape(n) && output.shape() == upstream.shape();
    assert!(fits, "pooling: input {:?} and output {:?} of {n} samples for {g:?}", input.shape(), output.shape());
    n
}

#[track_caller]
fn pool(
    input: &Tensor,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    forward: fn(&Pool2d, &[f32], &mut [f32]),
) -> (Tensor, Pool2d) {
    let g = geometry(input.shape(), kernel, stride, padding);
    let n = input.shape()[0];
    let mut output = Tensor::stale(&g.output_shape(n));
    parallel::samples(n, output.as_mut_slice(), |samples, output| forward(&g, input.samples(samples), output));
    (output, g)
}

/// Max pooling of `[n, h, w, c]`. Returns the result and the geometry, which the gradient takes.
///
/// # Panics
/// When the sizes do not fit.
#[track_caller]
pub fn max_pool2d(input: &Tensor, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> (Tensor, Pool2d) {
    pool(input, kernel, stride, padding, pool::max_forward)
}

/// Average pooling of `[n, h, w, c]`; padding counts as zeros. Returns the result and the geometry, which the gradient takes.
///
/// # Panics
/// When the sizes do not fit.
#[track_caller]
pub fn avg_pool2d(input: &Tensor, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> (Tensor, Pool2d) {
    pool(input, kernel, stride, padding, pool::avg_forward)
}

/// The gradient of [`max_pool2d`]: the first greatest element of a window takes it all. With `through_relu`, of an input that a ReLU has made, the gradient
/// is that with respect to what the ReLU was given.
///
/// # Panics
/// When the shapes do not fit the geometry.
#[track_caller]
pub fn max_pool2d_gradient(
    g: &Pool2d,
    input: &Tensor,
    output: &Tensor,
    upstream: &Tensor,
    through_relu: bool,
) -> Tensor {
    let n = samples_of_all(g, input, output, upstream);
    let mut gradient = Tensor::stale(input.shape());
    parallel::samples(n, gradient.as_mut_slice(), |samples, gradient| {
        let [input, output, upstream] = [input, output, upstream].map(|tensor| tensor.samples(samples.clone()));
        pool::max_gradient(g, input, output, upstream, through_relu, gradient);
    });
    gradient
}

/// [`max_pool2d_gradient`] through a ReLU, and the elements at some places, in ascending order, of what it is without one, where windows are next to each
/// other.
///
/// # Panics
/// When the shapes do not fit, a place does not exist, places do not ascend, or windows overlap.
pub fn max_pool2d_gradient_seen(
    g: &Pool2d,
    input: &Tensor,
    output: &Tensor,
    upstream: &Tensor,
    places: &[usize],
) -> (Tensor, Vec<f32>) {
    let n = samples_of_all(g, input, output, upstream);
    parallel::check_places(places, n * g.input_len());
    let mut gradient = Tensor::stale(input.shape());
    let seen = parallel::samples_with(n, gradient.as_mut_slice(), |samples, gradient| {
        let places = &parallel::places_among(places, g.input_len(), &samples);
        let [input, output, upstream] = [input, output, upstream].map(|tensor| tensor.samples(samples.clone()));
        pool::max_gradient_seen(g, input, output, upstream, places, gradient)
    });
    (gradient, seen.concat())
}

/// The gradient of [`avg_pool2d`].
///
/// # Panics
/// When the shapes do not fit the geometry.
#[track_caller]
pub fn avg_pool2d_gradient(g: &Pool2d, upstream: &Tensor) -> Tensor {
    let n = samples_of(g, upstream);
    let mut gradient = Tensor::stale(&g.input_shape(n));
    parallel::samples(n, gradient.as_mut_slice(), |samples, gradient| {
        pool::avg_gradient(g, upstream.samples(samples), gradient);
    });
    gradient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_batch_is_its_samples() {
        let x = Tensor::new(&[40, 4, 4, 2], (0..40 * 32).map(|at| (at * 31 % 17) as f32).collect());
        let (y, g) = max_pool2d(&x, [2, 2], [2, 2], [0, 0]);
        let whole = max_pool2d_gradient(&g, &x, &y, &y, false);
        for sample in [0, 15, 16, 39] {
            let part = |t: &Tensor| t.slice(0, sample..sample + 1);
            assert_eq!(max_pool2d(&part(&x), [2, 2], [2, 2], [0, 0]).0, part(&y));
            assert_eq!(max_pool2d_gradient(&g, &part(&x), &part(&y), &part(&y), false), part(&whole));
        }
    }

    #[test]
    fn an_element_of_a_gradient_is_that_of_the_whole() {
        for (kernel, size) in [([2, 2], [4, 6]), ([3, 2], [7, 5]), ([1, 1], [2, 2])] {
            let shape = [3, size[0], size[1], 2];
            let x =
                Tensor::new(&shape, (0..shape.iter().product()).map(|at: usize| (at * 31 % 5) as f32 - 2.0).collect());
            let (y, g) = max_pool2d(&x, kernel, kernel, [0, 0]);
            let upstream = Tensor::new(y.shape(), (0..y.len()).map(|at| at as f32 + 1.0).collect());
            let all: Vec<usize> = (0..x.len()).collect();
            let [whole, through] = [false, true].map(|through| max_pool2d_gradient(&g, &x, &y, &upstream, through));
            let (gradient, seen) = max_pool2d_gradient_seen(&g, &x, &y, &upstream, &all);
            assert_eq!((gradient, &seen[..]), (through, whole.as_slice()));
        }
    }

    #[test]
    fn an_average_and_its_gradient() {
        let (y, g) = avg_pool2d(&Tensor::new(&[1, 2, 2, 1], vec![1.0, 2.0, 3.0, 6.0]), [2, 2], [2, 2], [0, 0]);
        assert_eq!(y.as_slice(), [3.0]);
        assert_eq!(avg_pool2d_gradient(&g, &y).as_slice(), [0.75; 4]);
    }
}
