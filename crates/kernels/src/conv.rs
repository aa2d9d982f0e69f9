//! Two-dimensional convolution and its two gradients, directly on padded images.
//!
//! A sample is copied once into a zero-bordered image. There the `kw x channels` elements under one row of the
//! kernel are contiguous, so every kernel size, stride and channel count runs through one loop:
//!
//! ```text
//! for each 32 output channels, output row, tile of P output pixels:
//!     P x 2 vectors of accumulators, in registers, start at the bias
//!     for each kernel row, for each of its kw * channels_in elements r:
//!         accumulator[p] += image[row, stride * p + r] * weight[r]
//! ```
//!
//! The input gradient is the same loop over the upstream gradient, spread out by the stride, with the kernel
//! turned round. An output's products are added in the order (kernel row, kernel column, channel) at every level.

mod correlate;
mod image;
mod pack;
mod weight;

use crate::geometry::Conv2d;
use crate::level::{self, Level};
use correlate::Correlate;
use image::Image;
pub use pack::{Packed, pack_forward, pack_input_gradient};
use weight::WeightGradient;

/// `output[n, oh, ow, co] = bias[co] + sum input[n, ih, iw, ci] weight[co, ci, kh, kw]`.
///
/// `weight` comes from [`pack_forward`]; the number of samples is read off `input`.
///
/// # Panics
/// When a length does not fit the geometry.
pub fn forward(g: &Conv2d, input: &[f32], weight: &Packed, bias: Option<&[f32]>, output: &mut [f32]) {
    check_lengths(g, input.len(), output.len());
    correlate_samples(&Image::of_input(g), Level::current(), input, weight, bias, output);
}

/// The gradient with respect to the input, from the upstream gradient of the output.
///
/// `weight` comes from [`pack_input_gradient`].
///
/// # Panics
/// When a length does not fit the geometry.
pub fn input_gradient(g: &Conv2d, upstream: &[f32], weight: &Packed, gradient: &mut [f32]) {
    check_lengths(g, gradient.len(), upstream.len());
    correlate_samples(&Image::of_upstream(g), Level::current(), upstream, weight, None, gradient);
}

/// The gradient with respect to the weight, `(out, in, kh, kw)`, summed over the samples in their order.
///
/// # Panics
/// When a length does not fit the geometry.
pub fn weight_gradient(g: &Conv2d, input: &[f32], upstream: &[f32], gradient: &mut [f32]) {
    weight_gradient_at(g, Level::current(), input, upstream, gradient);
}

fn weight_gradient_at(g: &Conv2d, level: Level, input: &[f32], upstream: &[f32], gradient: &mut [f32]) {
    check_lengths(g, input.len(), upstream.len());
    assert_eq!(gradient.len(), g.weight_len(), "conv2d weight gradient: length for {g:?}");
    let image = Image::of_input(g);
    let mut padded = image.blank();
    let mut lanes = pack::blank_gradient(g);
    let mut aligned = Vec::new();
    for (sample, upstream) in input.chunks_exact(g.input_len()).zip(upstream.chunks_exact(g.output_len())) {
        image.fill(sample, &mut padded);
        let upstream = pack::whole_vectors(upstream, g.channels_out, &mut aligned);
        level::run_at(level, WeightGradient { image: &image, padded: &padded, upstream, gradient: &mut lanes });
    }
    pack::unpack_gradient(g, &lanes, gradient);
}

fn correlate_samples(
    image: &Image,
    level: Level,
    input: &[f32],
    weight: &Packed,
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    weight.assert_fits(image);
    let bias = pack::pad_bias(bias, image.channels_out);
    let mut padded = image.blank();
    for (sample, output) in input.chunks_exact(image.source_len()).zip(output.chunks_exact_mut(image.output_len())) {
        image.fill(sample, &mut padded);
        level::run_at(level, Correlate { image, padded: &padded, weight: weight.lanes(), bias: &bias, output });
    }
}

fn check_lengths(g: &Conv2d, input: usize, output: usize) {
    if let Some(problem) = g.window.problem() {
        panic!("conv2d: {problem}");
    }
    let n = input / g.input_len().max(1);
    let fits = n * g.input_len() == input && n * g.output_len() == output;
    assert!(fits, "conv2d: {input} input and {output} output elements are no whole samples of {g:?}");
}

#[cfg(test)]
mod tests;
