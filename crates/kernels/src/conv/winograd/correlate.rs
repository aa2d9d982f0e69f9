//! Forward pass and input gradient.

use super::transform::{Input, Output, Transform};
use super::{IN, OUT, Place, Tiles, Transformed, product, read};
use crate::level::Kernel;
use crate::vector::{LANES, Vector};

/// Some samples under a transformed weight.
pub(in crate::conv) struct Correlate<'a> {
    pub tiles: &'a Tiles,
    /// `[n, height, width, channels_in]`.
    pub source: &'a [f32],
    /// From [`super::pack`].
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    /// Whether negative outputs become zero.
    pub relu: bool,
    /// `[n, height, width, channels_out]`.
    pub output: &'a mut [f32],
}

impl Kernel for Correlate<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let tiles = *self.tiles;
        let samples = self.output.len() / (tiles.height * tiles.width * tiles.channels_out);
        let all = tiles.count(samples);
        let together = tiles.together().min(all);
        let mut transformed = Transformed::new(together, tiles.channels_in);
        let mut product = Transformed::new(together, tiles.channels_out);
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
                }
                product::multiply::<V>(&transformed, self.weight, &mut product, count);
                for tile in 0..count {
                    for block in 0..tiles.channels_out / LANES {
                        let positions = product.read::<V>(block, tile);
                        self.write(Output::square(positions), tiles.place(first + tile), block);
                    }
                }
            }
        }
    }
}

impl Correlate<'_> {
    /// Sixteen channels of a tile of the output.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn write<V: Vector>(&mut self, pixels: [[V; OUT]; OUT], place: Place, block: usize) {
        let Tiles { height, width, channels_out: channels, .. } = *self.tiles;
        let bias = &self.bias[block * LANES..][..LANES];
        let output = &mut self.output[place.sample * height * width * channels..][..height * width * channels];
        // SAFETY: the bias has sixteen floats here, and a pixel is written only where it lies in the image.
        unsafe {
            let bias = V::load(bias.as_ptr());
            for i in 0..OUT.min(height - place.y) {
                for j in 0..OUT.min(width - place.x) {
                    let pixel = pixels[i][j].add(bias);
                    let pixel = if self.relu { pixel.relu() } else { pixel };
                    let at = ((place.y + i) * width + place.x + j) * channels + block * LANES;
                    pixel.store(output.as_mut_ptr().add(at));
                }
            }
        }
    }
}
