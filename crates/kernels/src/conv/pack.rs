//! Weights, biases and gradients in the order the loops read them: sixteen output channels side by side.

use super::winograd::{self, Tiles};
use crate::buffer::Buffer;
use crate::geometry::Conv2d;
use crate::vector::LANES;

/// A weight laid out for the algorithm that serves its geometry.
#[derive(Clone)]
pub struct Packed {
    geometry: Conv2d,
    turned: bool,
    lanes: Lanes,
}

#[derive(Clone)]
pub(super) enum Lanes {
    /// `[block of 16 channels, kernel row, kernel column, channel in, lane]`, where lanes beyond the last channel are zero.
    Direct(Buffer),
    /// See [`winograd::pack`].
    Winograd(Tiles, Buffer),
}

impl Packed {
    /// The geometry that the weight was packed for.
    pub fn geometry(&self) -> &Conv2d {
        &self.geometry
    }

    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    pub(super) fn assert_fits(&self, g: &Conv2d, turned: bool) {
        let what = if self.turned { "the input gradient" } else { "the forward pass" };
        assert!(
            self.geometry == *g && self.turned == turned,
            "conv2d: a weight packed for {what} of {:?}",
            self.geometry
        );
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed").field("geometry", &self.geometry).field("turned", &self.turned).finish_non_exhaustive()
    }
}

/// Packs a weight `(out, in, kh, kw)` for [`super::forward`].
pub fn pack_forward(g: &Conv2d, weight: &[f32]) -> Packed {
    assert_eq!(weight.len(), g.weight_len(), "conv2d: elements of the weight of {g:?}");
    let lanes = match Tiles::of(g) {
        Some(tiles) => {
            let lanes = winograd::pack(&tiles, |co, ci, tap| weight[(co * g.channels_in + ci) * 9 + tap]);
            Lanes::Winograd(tiles, lanes)
        }
        None => {
            let mut lanes = blank_gradient(g);
            each_weight(g, |plain, packed| lanes[packed] = weight[plain]);
            Lanes::Direct(lanes)
        }
    };
    Packed { geometry: *g, turned: false, lanes }
}

/// Packs a weight `(out, in, kh, kw)` for [`super::input_gradient`]: inputs and outputs change places, the kernel is turned round.
pub fn pack_input_gradient(g: &Conv2d, weight: &[f32]) -> Packed {
    assert_eq!(weight.len(), g.weight_len(), "conv2d: elements of the weight of {g:?}");
    let taps = g.window.kernel[0] * g.window.kernel[1];
    let turned = |co: usize, ci: usize, tap: usize| weight[(ci * g.channels_in + co) * taps + (taps - 1 - tap)];
    let lanes = match Tiles::of(g) {
        Some(tiles) => {
            let tiles = tiles.turned();
            Lanes::Winograd(tiles, winograd::pack(&tiles, turned))
        }
        None => {
            let geometry = Conv2d { channels_in: g.channels_out, channels_out: g.channels_in, ..*g };
            let mut lanes = blank_gradient(&geometry);
            each_weight(&geometry, |plain, packed| {
                lanes[packed] = turned(plain / taps / g.channels_out, plain / taps % g.channels_out, plain % taps);
            });
            Lanes::Direct(lanes)
        }
    };
    Packed { geometry: *g, turned: true, lanes }
}

/// A gradient of zeros in packed order.
pub(super) fn blank_gradient(g: &Conv2d) -> Buffer {
    Buffer::zeros(g.channels_out.next_multiple_of(LANES) * g.weight_len() / g.channels_out)
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
