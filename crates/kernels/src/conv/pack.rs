//! Weights, biases and gradients in the order the loops read them: sixteen output channels side by side.

use super::image::Image;
use crate::geometry::Conv2d;
use crate::vector::LANES;

/// A weight laid out for the loops: `[block of 16 channels, kernel row, kernel column, channel in, lane]`, where lanes beyond the last
/// channel are zero.
#[derive(Clone, Debug)]
pub struct Packed {
    lanes: Vec<f32>,
    taps: usize,
    channels_out: usize,
}

impl Packed {
    pub(super) fn lanes(&self) -> &[f32] {
        &self.lanes
    }

    pub(super) fn assert_fits(&self, image: &Image) {
        let fits = self.taps == image.taps() && self.channels_out == image.channels_out;
        assert!(fits, "conv2d: a weight of {} taps and {} channels under {image:?}", self.taps, self.channels_out);
    }
}

/// Packs a weight `(out, in, kh, kw)` for [`super::forward`].
pub fn pack_forward(g: &Conv2d, weight: &[f32]) -> Packed {
    assert_eq!(weight.len(), g.weight_len(), "conv2d: elements of the weight of {g:?}");
    let mut lanes = blank_gradient(g);
    each_weight(g, |plain, packed| lanes[packed] = weight[plain]);
    Packed { lanes, taps: Image::of_input(g).taps(), channels_out: g.channels_out }
}

/// Packs a weight `(out, in, kh, kw)` for [`super::input_gradient`]: inputs and outputs change places, the kernel is turned round.
pub fn pack_input_gradient(g: &Conv2d, weight: &[f32]) -> Packed {
    assert_eq!(weight.len(), g.weight_len(), "conv2d: elements of the weight of {g:?}");
    let turned = Conv2d { channels_in: g.channels_out, channels_out: g.channels_in, ..*g };
    let mut lanes = blank_gradient(&turned);
    let taps = g.window.kernel[0] * g.window.kernel[1];
    each_weight(&turned, |plain, packed| {
        let (ci, co, tap) = (plain / taps / g.channels_out, plain / taps % g.channels_out, plain % taps);
        lanes[packed] = weight[(co * g.channels_in + ci) * taps + (taps - 1 - tap)];
    });
    Packed { lanes, taps: Image::of_upstream(g).taps(), channels_out: g.channels_in }
}

/// A gradient of zeros in packed order.
pub(super) fn blank_gradient(g: &Conv2d) -> Vec<f32> {
    vec![0.0; g.channels_out.next_multiple_of(LANES) * g.weight_len() / g.channels_out]
}

/// Reads a gradient `(out, in, kh, kw)` out of the packed order.
pub(super) fn unpack_gradient(g: &Conv2d, lanes: &[f32], gradient: &mut [f32]) {
    each_weight(g, |plain, packed| gradient[plain] = lanes[packed]);
}

/// The bias, zero where there is none, padded to whole vectors.
pub(super) fn pad_bias(bias: Option<&[f32]>, channels: usize) -> Vec<f32> {
    let mut padded = bias.map_or_else(|| vec![0.0; channels], <[f32]>::to_vec);
    assert_eq!(padded.len(), channels, "conv2d: elements of the bias");
    padded.resize(channels.next_multiple_of(LANES), 0.0);
    padded
}

/// The pixels of `upstream` with their channels padded to whole vectors; in place where they are already.
pub(super) fn whole_vectors<'a>(upstream: &'a [f32], channels: usize, aligned: &'a mut Vec<f32>) -> &'a [f32] {
    let width = channels.next_multiple_of(LANES);
    if width == channels {
        return upstream;
    }
    aligned.resize(upstream.len() / channels * width, 0.0);
    for (to, from) in aligned.chunks_exact_mut(width).zip(upstream.chunks_exact(channels)) {
        to[..channels].copy_from_slice(from);
    }
    aligned
}

/// Calls `visit(index in (out, in, kh, kw), index in packed order)` for every weight.
fn each_weight(g: &Conv2d, mut visit: impl FnMut(usize, usize)) {
    let taps = g.window.kernel[0] * g.window.kernel[1];
    for co in 0..g.channels_out {
        for ci in 0..g.channels_in {
            for tap in 0..taps {
                let row = (co / LANES * taps + tap) * g.channels_in + ci;
                visit((co * g.channels_in + ci) * taps + tap, row * LANES + co % LANES);
            }
        }
    }
}
