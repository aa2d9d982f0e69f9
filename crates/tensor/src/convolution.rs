//! Convolutions of batches of images, spread over rayon's threads by samples.

use crate::{Tensor, parallel};
pub use seismograd_kernels::geometry::Conv2d;
use seismograd_kernels::{conv, geometry::Window};

/// The geometry of a convolution of `input` `[n, h, w, c]` with `weight` `(out, in, kh, kw)`.
///
/// # Panics
/// When ranks, channels or sizes do not fit.
#[track_caller]
fn geometry(input: &[usize], weight: &[usize], stride: [usize; 2], padding: [usize; 2]) -> Conv2d {
    let (&[_, height, width, channels], &[channels_out, channels_in, kernel_height, kernel_width]) = (input, weight)
    else {
        panic!("conv2d: input {input:?} is to be [n, h, w, c], weight {weight:?} (out, in, kh, kw)");
    };
    assert_eq!(channels, channels_in, "conv2d: channels of input {input:?} and weight {weight:?}");
    let window = Window { input: [height, width], kernel: [kernel_height, kernel_width], stride, padding };
    if let Some(problem) = window.problem() {
        panic!("conv2d: {problem}");
    }
    Conv2d { window, channels_in, channels_out }
}

/// Convolution: input `[n, h, w, in]`, weight `(out, in, kh, kw)`, bias `[out]`, result `[n, oh, ow, out]`. Returns the result and
/// the geometry, which the gradients take.
///
/// # Panics
/// When the shapes do not fit.
#[track_caller]
pub fn conv2d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 2],
    padding: [usize; 2],
) -> (Tensor, Conv2d) {
    let g = geometry(input.shape(), weight.shape(), stride, padding);
    if let Some(bias) = bias {
        assert_eq!(bias.shape(), [g.channels_out], "conv2d: bias for weight {:?}", weight.shape());
    }
    let n = input.shape()[0];
    let [height, width] = g.window.output();
    let packed = conv::pack_forward(&g, weight.as_slice());
    let bias = bias.map(Tensor::as_slice);
    let mut output = Tensor::zeros(&[n, height, width, g.channels_out]);
    parallel::samples(n, output.as_mut_slice(), |samples, output| {
        conv::forward(&g, input.samples(samples), &packed, bias, output);
    });
    (output, g)
}

/// The gradient of [`conv2d`] with respect to its input.
///
/// # Panics
/// When the shapes do not fit the geometry.
#[track_caller]
pub fn conv2d_input_gradient(g: &Conv2d, upstream: &Tensor, weight: &Tensor) -> Tensor {
    let n = upstream.shape()[0];
    let packed = conv::pack_input_gradient(g, weight.as_slice());
    let [height, width] = g.window.input;
    let mut gradient = Tensor::zeros(&[n, height, width, g.channels_in]);
    parallel::samples(n, gradient.as_mut_slice(), |samples, gradient| {
        conv::input_gradient(g, upstream.samples(samples), &packed, gradient);
    });
    gradient
}

/// The gradient of [`conv2d`] with respect to its weight, `(out, in, kh, kw)`. Samples are added in pieces of a fixed number, and
/// the pieces in order.
///
/// # Panics
/// When the shapes do not fit the geometry.
#[track_caller]
pub fn conv2d_weight_gradient(g: &Conv2d, input: &Tensor, upstream: &Tensor) -> Tensor {
    let [kernel_height, kernel_width] = g.window.kernel;
    let shape = [g.channels_out, g.channels_in, kernel_height, kernel_width];
    let pieces = parallel::sample_ranges(input.shape()[0], |samples| {
        let mut gradient = Tensor::zeros(&shape);
        let (input, upstream) = (input.samples(samples.clone()), upstream.samples(samples));
        conv::weight_gradient(g, input, upstream, gradient.as_mut_slice());
        gradient
    });
    pieces
        .into_iter()
        .reduce(|mut sum, piece| {
            sum.accumulate(&piece);
            sum
        })
        .unwrap_or_else(|| Tensor::zeros(&shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(shape: &[usize]) -> Tensor {
        Tensor::new(
            shape,
            (0..shape.iter().product()).map(|at: usize| ((at * 7919) % 101) as f32 / 50.0 - 1.0).collect(),
        )
    }

    /// Everything a convolution gives, on a pool of `threads` threads.
    fn all(threads: usize) -> [Tensor; 3] {
        let (x, w) = (values(&[37, 6, 5, 3]), values(&[4, 3, 3, 3]));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let (y, g) = conv2d(&x, &w, Some(&values(&[4])), [2, 1], [1, 1]);
            let upstream = values(y.shape());
            [y, conv2d_input_gradient(&g, &upstream, &w), conv2d_weight_gradient(&g, &x, &upstream)]
        })
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        assert_eq!(all(1), all(2));
        assert_eq!(all(1), all(3));
    }

    #[test]
    fn a_batch_is_its_samples() {
        let (x, w) = (values(&[37, 6, 5, 3]), values(&[4, 3, 3, 3]));
        let (whole, _) = conv2d(&x, &w, None, [1, 1], [1, 1]);
        let (last, _) = conv2d(&x.slice(0, 36..37), &w, None, [1, 1], [1, 1]);
        assert_eq!(whole.slice(0, 36..37), last);
    }

    #[test]
    fn an_empty_batch_has_a_zero_weight_gradient() {
        let (x, w) = (values(&[0, 6, 5, 3]), values(&[4, 3, 3, 3]));
        let (y, g) = conv2d(&x, &w, None, [1, 1], [1, 1]);
        assert_eq!(conv2d_weight_gradient(&g, &x, &y), Tensor::zeros(&[4, 3, 3, 3]));
    }

    #[test]
    #[should_panic(expected = "conv2d: channels of input [1, 4, 4, 2] and weight [1, 3, 3, 3]")]
    fn channels_that_differ_are_named() {
        conv2d(&values(&[1, 4, 4, 2]), &values(&[1, 3, 3, 3]), None, [1, 1], [1, 1]);
    }
}
