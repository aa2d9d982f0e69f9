//! The loop of forward and input gradient: a tile of output pixels in registers.

use super::image::Image;
use super::look::Look;
use crate::level::Kernel;
use crate::vector::{LANES, Vector};

/// Elements that are looked at together: they leave room in a first cache.
const PIECE: usize = 4096;

/// One padded sample under a packed weight.
pub(super) struct Correlate<'a, 'l> {
    pub image: &'a Image,
    /// The zero-bordered sample, [`Image::blank`] in size.
    pub padded: &'a [f32],
    /// [`super::Packed`] lanes of the image's taps and channels.
    pub weight: &'a [f32],
    /// The bias in whole vectors.
    pub bias: &'a [f32],
    /// Whether negative outputs become zero.
    pub relu: bool,
    /// `[oh, ow, channels_out]`.
    pub output: &'a mut [f32],
    /// Looks at rows as they are finished, and the sample's number.
    pub look: Option<(&'a mut Look<'l>, usize)>,
}

impl Kernel for Correlate<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let blocks = self.bias.len() / LANES;
        let width = self.image.output[1];
        let mut block = 0;
        while block < blocks {
            let pair = V::BLOCKS > 1 && blocks - block > 1;
            for oh in 0..self.image.output[0] {
                // SAFETY: the caller vouches for the level, and the blocks exist.
                unsafe {
                    if pair {
                        self.row_of::<V, 2>(block, oh, width);
                    } else {
                        self.row_of::<V, 1>(block, oh, width);
                    }
                    if block + 1 + usize::from(pair) == blocks {
                        self.look_at::<V>(oh);
                    }
                }
            }
            block += 1 + usize::from(pair);
        }
    }
}

impl Correlate<'_, '_> {
    /// Looks at the rows up to this one, if they are enough for a piece, while they are in the first cache.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn look_at<V: Vector>(&mut self, oh: usize) {
        let Some((look, sample)) = &mut self.look else { return };
        let (row, end) = (self.image.output[1] * self.image.channels_out, oh + 1);
        let rows = (PIECE / row).max(1);
        if end.is_multiple_of(rows) || end == self.image.output[0] {
            let piece = oh / rows * rows * row..end * row;
            // SAFETY: the level is the caller's.
            unsafe { look.piece::<V>(&mut self.output[piece.clone()], *sample * look.sample_len + piece.start) };
        }
    }

    /// One output row of `B` blocks, by the widest tile that fits it.
    ///
    /// # Safety
    /// The level's instructions must be available and `block + B` blocks exist.
    #[inline(always)]
    unsafe fn row_of<V: Vector, const B: usize>(&mut self, block: usize, oh: usize, width: usize) {
        // SAFETY: the caller's promises are passed on; every tile is at most as wide as the row.
        unsafe {
            match V::ROWS.min(width) {
                8.. => self.row::<V, 8, B>(block, oh),
                4.. => self.row::<V, 4, B>(block, oh),
                3 => self.row::<V, 3, B>(block, oh),
                2 => self.row::<V, 2, B>(block, oh),
                _ => self.row::<V, 1, B>(block, oh),
            }
        }
    }

    /// One output row of `B` blocks in tiles of `P` pixels. The last tile overlaps the one before rather than run past the
    /// row: the pixels computed twice come out the same.
    ///
    /// # Safety
    /// The level's instructions must be available, `block + B` blocks exist, and the row hold at least `P` pixels.
    #[inline(always)]
    unsafe fn row<V: Vector, const P: usize, const B: usize>(&mut self, block: usize, oh: usize) {
        let width = self.image.output[1];
        let mut ow = 0;
        loop {
            let at = ow.min(width - P);
            // SAFETY: the tile lies in the row by the line above.
            unsafe {
                let tile = self.tile::<V, P, B>(block, oh, at);
                self.store(tile, block, oh, at);
            }
            ow += P;
            if ow >= width {
                return;
            }
        }
    }

    /// # Safety
    /// As for [`Self::row`], with pixels `ow..ow + P` in the row.
    #[inline(always)]
    unsafe fn tile<V: Vector, const P: usize, const B: usize>(
        &self,
        block: usize,
        oh: usize,
        ow: usize,
    ) -> [[V; B]; P] {
        let (row, span, step) = (self.image.row(), self.image.span(), self.image.step());
        let block_len = self.image.taps() * LANES;
        let start = oh * self.image.stride[0] * row + ow * step;
        assert!(start + (self.image.kernel[0] - 1) * row + (P - 1) * step + span <= self.padded.len());
        assert!((block + B) * block_len <= self.weight.len());
        // SAFETY: the last element read of the image is the one under the kernel's last tap at the tile's last pixel, and of the
        // weight the last tap of the last block: both asserted above, and implied by the geometry's output size.
        unsafe {
            let image = self.padded.as_ptr().add(start);
            let weight = self.weight.as_ptr().add(block * block_len);
            let mut acc = [[V::zero(); B]; P];
            for b in 0..B {
                let bias = V::load(self.bias.as_ptr().add((block + b) * LANES));
                for pixel in &mut acc {
                    pixel[b] = bias;
                }
            }
            for kernel_row in 0..self.image.kernel[0] {
                let image = image.add(kernel_row * row);
                let weight = weight.add(kernel_row * span * LANES);
                for r in 0..span {
                    let mut w = [V::zero(); B];
                    for b in 0..B {
                        w[b] = V::load(weight.add(b * block_len + r * LANES));
                    }
                    for p in 0..P {
                        let x = V::splat(*image.add(p * step + r));
                        for b in 0..B {
                            acc[p][b] = x.mul_add(w[b], acc[p][b]);
                        }
                    }
                }
            }
            acc
        }
    }

    /// Writes a tile, without the lanes that are no channels.
    ///
    /// # Safety
    /// As for [`Self::tile`].
    #[inline(always)]
    unsafe fn store<V: Vector, const P: usize, const B: usize>(
        &mut self,
        tile: [[V; B]; P],
        block: usize,
        oh: usize,
        ow: usize,
    ) {
        let channels = self.image.channels_out;
        for p in 0..P {
            let pixel = (oh * self.image.output[1] + ow + p) * channels;
            for b in 0..B {
                let first = (block + b) * LANES;
                let to = &mut self.output[pixel + first..][..LANES.min(channels - first)];
                // SAFETY: sixteen floats are writable behind `to` in the first case, and in `lanes` in the second.
                unsafe {
                    let pixel = if self.relu { tile[p][b].relu() } else { tile[p][b] };
                    if to.len() == LANES {
                        pixel.store(to.as_mut_ptr());
                    } else {
                        let mut lanes = [0.0; LANES];
                        pixel.store(lanes.as_mut_ptr());
                        to.copy_from_slice(&lanes[..to.len()]);
                    }
                }
            }
        }
    }
}
