//! Forward pass and input gradient.

use super::transform::{Input, Output};
use super::{IN, OUT, Place, Square, TOGETHER, Tiles, Transformed, product};
use crate::buffer::Buffer;
use crate::conv::Finish;
use crate::conv::look::Look;
use crate::level::Kernel;
use crate::vector::{LANES, Vector};

/// Some samples under a transformed weight.
pub(in crate::conv) struct Correlate<'a, 'l> {
    pub tiles: &'a Tiles,
    /// `[n, height, width, channels_in]`.
    pub source: &'a [f32],
    /// From [`super::pack`].
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    /// Done to an output before it is written.
    pub finish: Finish<'a>,
    /// `[n, height, width, channels_out]`.
    pub output: &'a mut [f32],
    /// Looks at rows of tiles as they are finished.
    pub look: Option<&'a mut Look<'l>>,
}

impl Kernel for Correlate<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let tiles = *self.tiles;
        let samples = self.output.len() / (tiles.height * tiles.width * tiles.channels_out);
        let zeros_in = Buffer::zeros(tiles.width * tiles.channels_in);
        let mut transformed = Transformed::new(tiles.channels_in);
        let mut product = Transformed::new(tiles.channels_out);
        for places in tiles.places(samples).chunks(TOGETHER) {
            // SAFETY: the caller vouches for the level.
            unsafe {
                for (tile, &place) in places.iter().enumerate() {
                    self.ask_for::<V>(place);
                    for block in 0..tiles.channels_in / LANES {
                        let square =
                            Square::<IN>::new(self.source, &zeros_in, &tiles, tiles.channels_in, place, 1, block);
                        transformed.write(block, tile, square.under::<V, Input, IN>());
                    }
                }
                product::multiply::<V>(&transformed, self.weight, &mut product, places.len());
                for (tile, &place) in places.iter().enumerate() {
                    for block in 0..tiles.channels_out / LANES {
                        self.write(product.under::<V, Output, OUT>(block, tile), place, block);
                    }
                    if place.x + OUT >= tiles.width {
                        self.look_at::<V>(place);
                    }
                }
            }
        }
    }
}

impl Correlate<'_, '_> {
    /// Asks for a tile of the output long before it is written: whoever wrote or read that memory last did so a step ago.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn ask_for<V: Vector>(&self, place: Place) {
        let Tiles { height, width, channels_out: channels, .. } = *self.tiles;
        let [height_left, width_left] = [height - place.y, width - place.x].map(|left| left.min(OUT));
        for y in place.y..place.y + height_left {
            let row = self.output[((place.sample * height + y) * width + place.x) * channels..].as_ptr();
            for line in (0..width_left * channels).step_by(LANES) {
                // SAFETY: the level is the caller's.
                unsafe { V::prefetch_far(row.wrapping_add(line)) };
            }
        }
    }

    /// Looks at a row of tiles, of which this is the last one, while it is in the first cache.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn look_at<V: Vector>(&mut self, place: Place) {
        let Some(look) = &mut self.look else { return };
        let Tiles { height, width, channels_out, .. } = *self.tiles;
        let [first, end] =
            [place.y, height.min(place.y + OUT)].map(|y| (place.sample * height + y) * width * channels_out);
        // SAFETY: the level is the caller's.
        unsafe { look.piece::<V>(&mut self.output[first..end], first) };
    }

    /// Sixteen channels of a tile of the output.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn write<V: Vector>(&mut self, pixels: [[V; OUT]; OUT], place: Place, block: usize) {
        let Tiles { height, width, channels_out: channels, .. } = *self.tiles;
        let bias = &self.bias[block * LANES..][..LANES];
        let len = height * width * channels;
        let sample = place.sample * len;
        let output = &mut self.output[sample..][..len];
        let [height, width] = [height - place.y, width - place.x].map(|left| left.min(OUT));
        let row = self.tiles.width * channels;
        let first = place.y * row + place.x * channels + block * LANES;
        let relu = matches!(self.finish, Finish::Relu);
        let rectified = match self.finish {
            Finish::Through(rectified) => Some(rectified[sample..][..len][first..].as_ptr()),
            _ => None,
        };
        // SAFETY: the bias has sixteen floats here, and a pixel is read or written only where it lies in the image.
        unsafe {
            let bias = V::load(bias.as_ptr());
            let to = output.as_mut_ptr().add(first);
            if height == OUT && width == OUT {
                for i in 0..OUT {
                    for j in 0..OUT {
                        finish(pixels[i][j].add(bias), relu, rectified, i * row + j * channels, to);
                    }
                }
            } else {
                for i in 0..height {
                    for j in 0..width {
                        finish(pixels[i][j].add(bias), relu, rectified, i * row + j * channels, to);
                    }
                }
            }
        }
    }
}

/// Writes a pixel `at` elements behind `to`, after what is done to it. No closure: the compiler may leave one a function of its own, outside the level.
///
/// # Safety
/// The level's instructions must be available, and sixteen elements be there.
#[inline(always)]
unsafe fn finish<V: Vector>(pixel: V, relu: bool, rectified: Option<*const f32>, at: usize, to: *mut f32) {
    // SAFETY: the caller's.
    unsafe {
        let pixel = match rectified {
            Some(rectified) => pixel.where_positive(V::load(rectified.add(at))),
            None if relu => pixel.relu(),
            None => pixel,
        };
        pixel.store(to.add(at));
    }
}
