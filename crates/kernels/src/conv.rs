//! Two-dimensional convolution and its two gradients.
//!
//! Two algorithms, chosen by the geometry alone: Winograd's for 3x3 kernels at stride 1 over whole vectors of channels, and the direct loop below
//! for everything else.
//!
//! Directly, a sample is copied once into a zero-bordered image. There the `kw x channels` elements under one row of the
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
mod look;
mod pack;
mod weight;
mod winograd;

use crate::buffer::Buffer;
use crate::elementwise::zip_in_place;
use crate::geometry::Conv2d;
use crate::level::{self, Level};
use crate::moments::Moments;
use correlate::Correlate;
use image::Image;
pub use look::Glimpse;
use look::Look;
use pack::Lanes;
pub use pack::{Packed, pack_forward, pack_input_gradient};
use weight::WeightGradient;
use winograd::Tiles;

/// What is done to an output before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// `max(x, 0)`; a NaN stays one.
    Relu,
}

/// What the loops do to a result before it is stored.
#[derive(Clone, Copy)]
enum Finish<'a> {
    Nothing,
    Relu,
    /// The gradient through the ReLU whose value this is.
    Through(&'a [f32]),
}

/// `output[n, oh, ow, co] = activation(bias[co] + sum input[n, ih, iw, ci] weight[co, ci, kh, kw])`.
///
/// `weight` comes from [`pack_forward`]; the number of samples is read off `input`.
///
/// # Panics
/// When a length does not fit the geometry.
pub fn forward(
    g: &Conv2d,
    input: &[f32],
    weight: &Packed,
    bias: Option<&[f32]>,
    activation: Activation,
    output: &mut [f32],
) {
    forward_at(g, Level::current(), input, weight, bias, activation, output);
}

fn forward_at(
    g: &Conv2d,
    level: Level,
    input: &[f32],
    weight: &Packed,
    bias: Option<&[f32]>,
    activation: Activation,
    output: &mut [f32],
) {
    let finish = match activation {
        Activation::Identity => Finish::Nothing,
        Activation::Relu => Finish::Relu,
    };
    Correlation::forward(g, level, input, weight, bias, output.len()).run(finish, output);
}

/// [`forward`] with a ReLU, and what is seen of the output before it: moments, and the elements at some places of it, in ascending order.
///
/// # Panics
/// When a length does not fit the geometry, or a place does not exist.
pub fn forward_seen(
    g: &Conv2d,
    input: &[f32],
    weight: &Packed,
    bias: Option<&[f32]>,
    places: &[usize],
    output: &mut [f32],
) -> Glimpse {
    let correlation = Correlation::forward(g, Level::current(), input, weight, bias, output.len());
    correlation.run_seen(Look::new(places, None, g.output_len(), output.len()), output)
}

/// The gradient with respect to the input, from the upstream gradient of the output.
///
/// `weight` comes from [`pack_input_gradient`]. With `rectified`, the input as a ReLU has made it, the gradient is that with respect to what the ReLU
/// was given: zero where the input is not above zero.
///
/// # Panics
/// When a length does not fit the geometry.
pub fn input_gradient(g: &Conv2d, upstream: &[f32], weight: &Packed, rectified: Option<&[f32]>, gradient: &mut [f32]) {
    input_gradient_at(g, Level::current(), upstream, weight, rectified, gradient);
}

fn input_gradient_at(
    g: &Conv2d,
    level: Level,
    upstream: &[f32],
    weight: &Packed,
    rectified: Option<&[f32]>,
    gradient: &mut [f32],
) {
    let finish = rectified.map_or(Finish::Nothing, Finish::Through);
    Correlation::input_gradient(g, level, upstream, weight, gradient.len()).run(finish, gradient);
}

/// [`input_gradient`] through a ReLU, and what is seen of the gradient behind it: moments, and the elements at some places of it, in ascending order.
///
/// # Panics
/// When a length does not fit the geometry, or a place does not exist.
pub fn input_gradient_seen(
    g: &Conv2d,
    upstream: &[f32],
    weight: &Packed,
    rectified: &[f32],
    places: &[usize],
    gradient: &mut [f32],
) -> Glimpse {
    let correlation = Correlation::input_gradient(g, Level::current(), upstream, weight, gradient.len());
    correlation.run_seen(Look::new(places, Some(rectified), g.input_len(), gradient.len()), gradient)
}

/// The gradients with respect to the weight, `(out, in, kh, kw)`, and to the bias, summed over the samples in their order.
///
/// # Panics
/// When a length does not fit the geometry.
pub fn weight_gradient(g: &Conv2d, input: &[f32], upstream: &[f32], weight: &mut [f32], bias: &mut [f32]) {
    weight_gradient_at(g, Level::current(), input, upstream, weight, bias);
}

fn weight_gradient_at(g: &Conv2d, level: Level, input: &[f32], upstream: &[f32], weight: &mut [f32], bias: &mut [f32]) {
    g.check_lengths(input.len(), upstream.len());
    assert_eq!(weight.len(), g.weight_len(), "conv2d weight gradient: length for {g:?}");
    assert_eq!(bias.len(), g.channels_out, "conv2d bias gradient: length for {g:?}");
    if upstream.is_empty() {
        weight.fill(0.0);
        bias.fill(0.0);
        return;
    }
    let mut sums = vec![0.0f64; g.channels_out];
    if let Some(tiles) = Tiles::of(g) {
        let mut sum = Buffer::stale(tiles.weight_len());
        let block = winograd::GradientBlock { tiles: &tiles, source: input, upstream, sum: &mut sum, bias: &mut sums };
        level::run_at(level, block);
        winograd::unpack_gradient(&tiles, level, &sum, weight);
    } else {
        let image = &Image::of_input(g);
        let (mut padded, mut gradient, mut aligned) = (image.blank(), pack::blank_gradient(g), Vec::new());
        for (sample, upstream) in input.chunks_exact(g.input_len()).zip(upstream.chunks_exact(g.output_len())) {
            image.fill(sample, &mut padded);
            let upstream = pack::whole_vectors(upstream, g.channels_out, &mut aligned);
            let (gradient, bias) = (&mut gradient, &mut sums);
            level::run_at(level, WeightGradient { image, padded: &padded, upstream, gradient, bias });
        }
        pack::unpack_gradient(g, &gradient, weight);
    }
    bias.iter_mut().zip(sums).for_each(|(bias, sum)| *bias = sum as f32);
}

/// What forward pass and input gradient are: samples under a weight.
struct Correlation<'a> {
    image: Image,
    level: Level,
    source: &'a [f32],
    weight: &'a Packed,
    bias: Vec<f32>,
}

impl<'a> Correlation<'a> {
    fn forward(
        g: &Conv2d,
        level: Level,
        source: &'a [f32],
        weight: &'a Packed,
        bias: Option<&[f32]>,
        results: usize,
    ) -> Self {
        g.check_lengths(source.len(), results);
        weight.assert_fits(g, false);
        let image = Image::of_input(g);
        Correlation { level, source, weight, bias: pack::pad_bias(bias, image.channels_out), image }
    }

    fn input_gradient(g: &Conv2d, level: Level, source: &'a [f32], weight: &'a Packed, results: usize) -> Self {
        g.check_lengths(results, source.len());
        weight.assert_fits(g, true);
        let image = Image::of_upstream(g);
        Correlation { level, source, weight, bias: pack::pad_bias(None, image.channels_out), image }
    }

    /// The results, and what a look sees of them.
    fn run_seen(&self, mut look: Look<'_>, results: &mut [f32]) -> Glimpse {
        self.correlate(self.source, Finish::Nothing, results, Some(&mut look));
        let mut alone = Buffer::stale(if look.again.is_empty() { 0 } else { look.sample_len });
        for sample in look.again {
            let gate = look.gate.map(|gate| &gate[sample * look.sample_len..][..look.sample_len]);
            self.correlate(&self.source[sample * self.image.source_len()..], Finish::Nothing, &mut alone, None);
            look.seen.moments[sample] = match gate {
                Some(gate) => Moments::with_gated(&alone, gate),
                None => Moments::with_rectified(&alone),
            };
        }
        look.seen
    }

    fn run(&self, finish: Finish<'_>, results: &mut [f32]) {
        self.correlate(self.source, finish, results, None);
    }

    /// As many samples of a source as there are results for.
    fn correlate(&self, source: &[f32], finish: Finish<'_>, output: &mut [f32], mut look: Option<&mut Look<'_>>) {
        let Correlation { image, level, weight, bias, .. } = self;
        if let Finish::Through(rectified) = finish {
            assert_eq!(rectified.len(), output.len(), "conv2d: elements behind the ReLU and of the gradient");
        }
        match weight.lanes() {
            Lanes::Winograd(tiles, weight) => {
                level::run_at(*level, winograd::Correlate { tiles, source, weight, bias, finish, output, look });
            }
            Lanes::Direct(weight) => {
                let (mut padded, relu) = (image.blank(), matches!(finish, Finish::Relu));
                let samples =
                    source.chunks_exact(image.source_len().max(1)).take(output.len() / image.output_len().max(1));
                for (at, sample) in samples.enumerate() {
                    image.fill(sample, &mut padded);
                    let result = &mut output[at * image.output_len()..][..image.output_len()];
                    let (output, look) = (&mut *result, look.as_deref_mut().map(|look| (look, at)));
                    level::run_at(*level, Correlate { image, padded: &padded, weight, bias, relu, output, look });
                    if let Finish::Through(rectified) = finish {
                        let rectified = &rectified[at * image.output_len()..][..image.output_len()];
                        zip_in_place(result, rectified, |u, y| if y > 0.0 { u } else { 0.0 });
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
