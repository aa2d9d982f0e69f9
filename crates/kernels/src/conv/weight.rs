//! The loop of the weight gradient: a tile of weights in registers, over a block of output rows.

use super::image::Image;
use crate::level::Kernel;
use crate::vector::{LANES, Vector};

/// Pixels that are summed in registers before they are added to memory: enough to hide the addition, few enough that the
/// rows stay in the first cache and that rounding errors grow with the number of blocks, not of pixels.
const PIXELS_A_BLOCK: usize = 64;

/// One padded sample and its upstream gradient.
pub(super) struct WeightGradient<'a> {
    pub image: &'a Image,
    /// The zero-bordered sample, [`Image::blank`] in size.
    pub padded: &'a [f32],
    /// `[oh, ow, channels]`, channels padded to whole vectors.
    pub upstream: &'a [f32],
    /// The gradient in packed order; the sample's share is added.
    pub gradient: &'a mut [f32],
    /// The sum of the upstream gradient by channel; the sample's share is added.
    pub bias: &'a mut [f64],
}

impl Kernel for WeightGradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let [height, width] = self.image.output;
        let rows = (PIXELS_A_BLOCK / width).max(1);
        let blocks = self.image.channels_out.div_ceil(LANES);
        for first in (0..height).step_by(rows) {
            let rows = first..height.min(first + rows);
            let mut block = 0;
            while block < blocks {
                let pair = V::BLOCKS > 1 && blocks - block > 1;
                for kernel_row in 0..self.image.kernel[0] {
                    // SAFETY: the caller vouches for the level, and the blocks exist.
                    unsafe {
                        if pair {
                            self.span::<V, 2>(block, kernel_row, rows.clone());
                        } else {
                            self.span::<V, 1>(block, kernel_row, rows.clone());
                        }
                    }
                }
                block += 1 + usize::from(pair);
            }
            // SAFETY: the caller vouches for the level.
            unsafe { self.add_bias::<V>(rows) };
        }
    }
}

impl WeightGradient<'_> {
    /// The weights of one kernel row, in tiles of falling size.
    ///
    /// # Safety
    /// The level's instructions must be available and `block + B` blocks exist.
    #[inline(always)]
    unsafe fn span<V: Vector, const B: usize>(
        &mut self,
        block: usize,
        kernel_row: usize,
        rows: core::ops::Range<usize>,
    ) {
        let span = self.image.span();
        let mut r = 0;
        while r < span {
            // SAFETY: the tile ends at or before the span's end.
            r += unsafe {
                match V::ROWS.min(span - r) {
                    // Three columns of three channels, an image's first convolution: a tile of 8 would leave a slow one of 1.
                    8.. if span - r == 9 => self.tile::<V, 9, B>(block, kernel_row, r, rows.clone()),
                    8.. => self.tile::<V, 8, B>(block, kernel_row, r, rows.clone()),
                    4.. => self.tile::<V, 4, B>(block, kernel_row, r, rows.clone()),
                    3 => self.tile::<V, 3, B>(block, kernel_row, r, rows.clone()),
                    2 => self.tile::<V, 2, B>(block, kernel_row, r, rows.clone()),
                    _ => self.tile::<V, 1, B>(block, kernel_row, r, rows.clone()),
                }
            };
        }
    }

    /// Adds the gradient of weights `r..r + R` of one kernel row from the given output rows; returns `R`.
    ///
    /// # Safety
    /// As for [`Self::span`], with `r + R` within it.
    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize, const B: usize>(
        &mut self,
        block: usize,
        kernel_row: usize,
        r: usize,
        rows: core::ops::Range<usize>,
    ) -> usize {
        let (row, step, width) = (self.image.row(), self.image.step(), self.image.output[1]);
        let channels = self.image.channels_out.next_multiple_of(LANES);
        let last = ((rows.end - 1) * self.image.stride[0] + kernel_row) * row + (width - 1) * step + r + R;
        assert!(last <= self.padded.len());
        assert!((rows.end * width - 1) * channels + (block + B) * LANES <= self.upstream.len());
        // SAFETY: the last element read of the image and of the upstream gradient are asserted above, and implied by the geometry.
        unsafe {
            let mut acc = [[V::zero(); B]; R];
            for oh in rows {
                let image = self.padded.as_ptr().add((oh * self.image.stride[0] + kernel_row) * row + r);
                let upstream = self.upstream.as_ptr().add(oh * width * channels + block * LANES);
                for ow in 0..width {
                    let mut u = [V::zero(); B];
                    for b in 0..B {
                        u[b] = V::load(upstream.add(ow * channels + b * LANES));
                    }
                    for i in 0..R {
                        let x = V::splat(*image.add(ow * step + i));
                        for b in 0..B {
                            acc[i][b] = x.mul_add(u[b], acc[i][b]);
                        }
                    }
                }
            }
            self.add(acc, block, kernel_row * self.image.span() + r);
        }
        R
    }

    /// Adds the pixels of some output rows to the channels' sums, which are made in `f32` and added in `f64`.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn add_bias<V: Vector>(&mut self, rows: core::ops::Range<usize>) {
        let (width, channels) = (self.image.output[1], self.image.channels_out.next_multiple_of(LANES));
        let pixels = &self.upstream[rows.start * width * channels..rows.end * width * channels];
        for (block, sums) in self.bias.chunks_mut(LANES).enumerate() {
            let mut lanes = [0.0; LANES];
            // SAFETY: a pixel has a vector for each block of channels, and the level is the caller's.
            unsafe {
                let mut sum = V::zero();
                for pixel in pixels.chunks_exact(channels) {
                    sum = sum.add(V::load(pixel[block * LANES..][..LANES].as_ptr()));
                }
                sum.store(lanes.as_mut_ptr());
            }
            for (sum, lane) in sums.iter_mut().zip(lanes) {
                *sum += f64::from(lane);
            }
        }
    }

    /// Adds a tile to the gradient, from tap `tap` on.
    ///
    /// # Safety
    /// As for [`Self::tile`].
    #[inline(always)]
    unsafe fn add<V: Vector, const R: usize, const B: usize>(&mut self, acc: [[V; B]; R], block: usize, tap: usize) {
        let taps = self.image.taps();
        for (i, acc) in acc.iter().enumerate() {
            for (b, acc) in acc.iter().enumerate() {
                let to = &mut self.gradient[((block + b) * taps + tap + i) * LANES..][..LANES];
                // SAFETY: `to` holds sixteen floats.
                unsafe { acc.add(V::load(to.as_ptr())).store(to.as_mut_ptr()) };
            }
        }
    }
}
