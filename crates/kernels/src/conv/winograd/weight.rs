//! The gradient of the weight, and that of the bias, whose pixels are in registers then anyway.

use super::transform::{Input, Transform, Upstream, WeightGradient};
use super::{IN, OUT, Tiles, Transformed, product, read};
use crate::level::{self, Kernel, Level};
use crate::vector::{LANES, Vector};

/// Samples and their upstream gradient, whose share is added.
pub(in crate::conv) struct GradientBlock<'a> {
    pub tiles: &'a Tiles,
    /// `[n, height, width, channels_in]`.
    pub source: &'a [f32],
    /// `[n, height, width, channels_out]`.
    pub upstream: &'a [f32],
    /// `[position, channel in, channel out]`.
    pub sum: &'a mut [f32],
    /// The sum of the upstream gradient by channel.
    pub bias: &'a mut [f64],
}

impl Kernel for GradientBlock<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let tiles = *self.tiles;
        let samples = self.upstream.len() / (tiles.height * tiles.width * tiles.channels_out);
        let all = tiles.count(samples);
        let together = tiles.together().min(all);
        let mut transformed = Transformed::new(together, tiles.channels_in);
        let mut upstream = Transformed::new(together, tiles.channels_out);
        // Sums over the tiles of a block; over the blocks they are added in f64.
        let mut bias = vec![0.0f32; tiles.channels_out];
        for first in (0..all).step_by(together.max(1)) {
            let count = together.min(all - first);
            // SAFETY: the caller vouches for the level.
            unsafe {
                for tile in 0..count {
                    let place = tiles.place(first + tile);
                    for block in 0..tiles.channels_in / LANES {
                        let pixels = read::<V, IN>(self.source, &tiles, tiles.channels_in, place, 1, block);
                        transformed.write(block, tile, Input::square(pixels));
                    }
                    for block in 0..tiles.channels_out / LANES {
                        let pixels = read::<V, OUT>(self.upstream, &tiles, tiles.channels_out, place, 0, block);
                        upstream.write(block, tile, Upstream::square(pixels));
                        add_pixels(pixels, &mut bias[block * LANES..][..LANES]);
                    }
                }
                product::multiply_transposed::<V>(&transformed, &upstream, self.sum, count);
            }
            for (sum, bias) in self.bias.iter_mut().zip(&mut bias) {
                *sum += f64::from(std::mem::take(bias));
            }
        }
    }
}

/// Adds the pixels of a tile to sixteen channels' sums, rows first.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn add_pixels<V: Vector>(pixels: [[V; OUT]; OUT], sums: &mut [f32]) {
    assert_eq!(sums.len(), LANES);
    // SAFETY: sixteen sums are asserted to exist.
    unsafe {
        let [a, b, c, d] = pixels.map(|[a, b, c, d]| a.add(b).add(c.add(d)));
        V::load(sums.as_ptr()).add(a.add(b).add(c.add(d))).store(sums.as_mut_ptr());
    }
}

/// The gradient `(out, in, 3, 3)` of a sum `[position, channel in, channel out]`.
pub(in crate::conv) fn unpack_gradient(tiles: &Tiles, level: Level, sum: &[f32], gradient: &mut [f32]) {
    assert_eq!(sum.len(), tiles.weight_len());
    assert_eq!(gradient.len(), 9 * tiles.channels_in * tiles.channels_out);
    level::run_at(level, Unpack { tiles, sum, gradient });
}

struct Unpack<'a> {
    tiles: &'a Tiles,
    sum: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for Unpack<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Tiles { channels_in, channels_out, .. } = *self.tiles;
        for ci in 0..channels_in {
            for block in 0..channels_out / LANES {
                let first = ci * channels_out + block * LANES;
                let mut lanes = [[0.0f32; LANES]; 9];
                // SAFETY: the sum's length, asserted by the caller, holds all positions of this vector.
                unsafe {
                    let mut positions = [[V::zero(); IN]; IN];
                    for (position, x) in positions.as_flattened_mut().iter_mut().enumerate() {
                        *x = V::load(self.sum.as_ptr().add(position * channels_in * channels_out + first));
                    }
                    let taps = WeightGradient::square(positions);
                    for (tap, lanes) in taps.as_flattened().iter().zip(&mut lanes) {
                        tap.store(lanes.as_mut_ptr());
                    }
                }
                for lane in 0..LANES {
                    let at = ((block * LANES + lane) * channels_in + ci) * 9;
                    for (tap, to) in self.gradient[at..][..9].iter_mut().enumerate() {
                        *to = lanes[tap][lane];
                    }
                }
            }
        }
    }
}
