//! The gradient of the weight, and that of the bias, whose pixels are in registers then anyway.

use super::transform::{Input, Transform, Upstream, WeightGradient};
use super::{IN, OUT, Square, TOGETHER, Tiles, Transformed, product};
use crate::buffer::Buffer;
use crate::level::{self, Kernel, Level};
use crate::vector::{Aligned, LANES, Vector, load_rows};

/// Samples and their upstream gradient.
pub(in crate::conv) struct GradientBlock<'a> {
    pub tiles: &'a Tiles,
    /// `[n, height, width, channels_in]`.
    pub source: &'a [f32],
    /// `[n, height, width, channels_out]`.
    pub upstream: &'a [f32],
    /// `[position, channel in, channel out]`, of which nothing is read: the samples' sum replaces it.
    pub sum: &'a mut [f32],
    /// The sum of the upstream gradient by channel.
    pub bias: &'a mut [f64],
}

impl Kernel for GradientBlock<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let tiles = *self.tiles;
        let samples = self.upstream.len() / (tiles.height * tiles.width * tiles.channels_out);
        let zeros_in = Buffer::zeros(tiles.width * tiles.channels_in);
        let mut transformed = Transformed::new(tiles.channels_in);
        let zeros_out = Buffer::zeros(tiles.width * tiles.channels_out);
        let mut upstream = Transformed::new(tiles.channels_out);
        // Sums over the tiles of a block; over the blocks they are added in f64.
        let mut bias = vec![0.0f32; tiles.channels_out];
        for (at, places) in tiles.places(samples).chunks(TOGETHER).enumerate() {
            // SAFETY: the caller vouches for the level.
            unsafe {
                for (tile, &place) in places.iter().enumerate() {
                    for block in 0..tiles.channels_in / LANES {
                        let square =
                            Square::<IN>::new(self.source, &zeros_in, &tiles, tiles.channels_in, place, 1, block);
                        transformed.write(block, tile, square.under::<V, Input, IN>());
                    }
                    for block in 0..tiles.channels_out / LANES {
                        let square =
                            Square::<OUT>::new(self.upstream, &zeros_out, &tiles, tiles.channels_out, place, 0, block);
                        upstream.write(block, tile, square.under::<V, Upstream, IN>());
                        add_pixels::<V>(&square, &mut bias[block * LANES..][..LANES]);
                    }
                }
                product::multiply_transposed::<V>(&transformed, &upstream, self.sum, places.len(), at == 0);
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
unsafe fn add_pixels<V: Vector>(square: &Square<OUT>, sums: &mut [f32]) {
    assert_eq!(sums.len(), LANES);
    // SAFETY: sixteen sums are asserted to exist.
    unsafe {
        let mut sum = V::load(sums.as_ptr());
        for i in 0..OUT {
            let [a, b, c, d]: [V; OUT] = std::array::from_fn(|j| square.at::<V>(i, j));
            sum = sum.add(a.add(b).add(c.add(d)));
        }
        sum.store(sums.as_mut_ptr());
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
        // The nine taps of sixteen channels in, each with its lanes: rows that follow each other as the gradient's elements do.
        let mut rows = Aligned([[0.0f32; LANES]; 9 * LANES]);
        for block in 0..channels_out / LANES {
            for group in 0..channels_in / LANES {
                for (k, rows) in rows.0.chunks_exact_mut(9).enumerate() {
                    let first = (group * LANES + k) * channels_out + block * LANES;
                    // SAFETY: the sum's length, asserted by the caller, holds all positions of this vector.
                    unsafe {
                        let position = |i, j| self.sum.as_ptr().add((i * IN + j) * channels_in * channels_out + first);
                        let taps = WeightGradient::square(|i, j| V::load(position(i, j)));
                        for (tap, row) in taps.as_flattened().iter().zip(rows) {
                            tap.store(row.as_mut_ptr());
                        }
                    }
                }
                for (at, square) in rows.0.as_chunks::<LANES>().0.iter().enumerate() {
                    // SAFETY: the level is the caller's.
                    let lanes = unsafe { V::exchange(load_rows(square)) };
                    for (lane, elements) in lanes.into_iter().enumerate() {
                        let channel = (block * LANES + lane) * channels_in + group * LANES;
                        let to = &mut self.gradient[channel * 9 + at * LANES..][..LANES];
                        // SAFETY: sixteen elements are left.
                        unsafe { elements.store(to.as_mut_ptr()) };
                    }
                }
            }
        }
    }
}
