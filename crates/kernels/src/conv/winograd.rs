//! Convolution of 3x3 kernels at stride 1 and padding 1 in a quarter of the multiplications: Winograd's F(4x4, 3x3) (Lavin and Gray 2015,
//! "Fast algorithms for convolutional neural networks", sections 4 and 5.1).
//!
//! The output is cut into tiles of 4 x 4 pixels, each of which depends on 6 x 6 pixels of the input. With the transforms `B`, `G` and `A` of
//! [`transform`]:
//!
//! ```text
//! for each block of tiles, small enough that everything below stays in the second cache:
//!     V[36, channel in, tile]  = B^T (tile of the input) B
//!     M[36, channel out, tile] = V[position] x U[position] at each of the 36 positions     U = G (weight) G^T
//!     tile of the output       = A^T M A + bias
//! ```
//!
//! The gradient of the weight is the same bilinear form, transposed: at each position `U += V^T D`, where `D = A (tile of the upstream
//! gradient) A^T`, and at the end `G^T U G`. The gradient of the input is a forward pass over the upstream gradient.
//!
//! An output's operations depend on the geometry alone, never on the level. Per layer the error against exact arithmetic is about
//! six times that of the direct loop (see the tests): what F(4x4, 3x3) costs.

mod correlate;
mod product;
mod transform;
mod weight;

use crate::buffer::Buffer;
use crate::geometry::Conv2d;
use crate::vector::{LANES, Vector};

pub(super) use correlate::Correlate;
pub(super) use weight::{GradientBlock, unpack_gradient};

/// Output pixels along a side of a tile.
const OUT: usize = 4;
/// Input pixels along a side of a tile.
const IN: usize = 6;
/// Positions of a transformed tile.
const POSITIONS: usize = IN * IN;

/// How images are cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    height: usize,
    width: usize,
    rows: usize,
    columns: usize,
    pub channels_in: usize,
    pub channels_out: usize,
}

/// Where a tile lies.
#[derive(Clone, Copy)]
struct Place {
    sample: usize,
    /// The first pixel of its output.
    y: usize,
    x: usize,
}

impl Tiles {
    /// The tiles of a forward pass, where this algorithm serves the geometry: whole vectors of channels, and tiles that do not hang far over
    /// the image's edge.
    pub(super) fn of(g: &Conv2d) -> Option<Tiles> {
        let window = &g.window;
        let [height, width] = window.input;
        let three = window.kernel == [3, 3] && window.stride == [1, 1] && window.padding == [1, 1];
        let whole = g.channels_in.is_multiple_of(LANES) && g.channels_out.is_multiple_of(LANES);
        let (rows, columns) = (height.div_ceil(OUT), width.div_ceil(OUT));
        let full = rows * columns * OUT * OUT * 2 <= height * width * 3;
        let tiles = Tiles { height, width, rows, columns, channels_in: g.channels_in, channels_out: g.channels_out };
        (three && whole && full && g.channels_in * g.channels_out > 0).then_some(tiles)
    }

    /// The same tiles with inputs and outputs exchanged: those of the input gradient.
    pub(super) fn turned(self) -> Tiles {
        Tiles { channels_in: self.channels_out, channels_out: self.channels_in, ..self }
    }

    /// Elements of a transformed weight.
    pub(super) fn weight_len(&self) -> usize {
        POSITIONS * self.channels_in * self.channels_out
    }

    /// Tiles in `samples` images.
    fn count(&self, samples: usize) -> usize {
        samples * self.rows * self.columns
    }

    fn place(&self, tile: usize) -> Place {
        let (sample, within) = (tile / (self.rows * self.columns), tile % (self.rows * self.columns));
        Place { sample, y: within / self.columns * OUT, x: within % self.columns * OUT }
    }

    /// Tiles that are transformed and multiplied together: at 32 channels about 300 kB of transformed tiles, beside 150 kB of weights.
    fn together(&self) -> usize {
        (2048 / (self.channels_in + self.channels_out)).next_multiple_of(8).max(32)
    }
}

/// Transformed tiles `[position, block of 16 channels, tile, lane]`: neighbouring tiles lie one cache line apart whatever the number of channels,
/// so that the products address them by constants. Between two positions lies one cache line more than their elements: a power of two would
/// send all positions of a tile to the same set of the first cache.
struct Transformed {
    buffer: Buffer,
    blocks: usize,
    tiles: usize,
}

impl Transformed {
    fn new(tiles: usize, channels: usize) -> Transformed {
        let blocks = channels / LANES;
        Transformed { buffer: Buffer::stale(POSITIONS * (blocks * tiles + 1) * LANES), blocks, tiles }
    }

    /// Elements between two positions.
    fn stride(&self) -> usize {
        (self.blocks * self.tiles + 1) * LANES
    }

    /// Where a tile's lanes of a block begin, at the first position.
    fn at(&self, block: usize, tile: usize) -> usize {
        assert!(block < self.blocks && tile < self.tiles);
        (block * self.tiles + tile) * LANES
    }

    /// Writes sixteen channels of a transformed tile.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn write<V: Vector>(&mut self, block: usize, tile: usize, transformed: [[V; IN]; IN]) {
        let (first, stride) = (self.at(block, tile), self.stride());
        for (position, x) in transformed.as_flattened().iter().enumerate() {
            // SAFETY: the block and the tile exist by the assertion in `at`, and each of the positions is a stride long.
            unsafe { x.store(self.buffer.as_mut_ptr().add(first + position * stride)) };
        }
    }

    /// Reads sixteen channels of a transformed tile.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn read<V: Vector>(&self, block: usize, tile: usize) -> [[V; IN]; IN] {
        let (first, stride) = (self.at(block, tile), self.stride());
        // SAFETY: as for `write`.
        unsafe {
            let mut transformed = [[V::zero(); IN]; IN];
            for (position, x) in transformed.as_flattened_mut().iter_mut().enumerate() {
                *x = V::load(self.buffer.as_ptr().add(first + position * stride));
            }
            transformed
        }
    }
}

/// Sixteen channels of the `N x N` pixels of `image`, `[n, height, width, channels]`, that begin `before` pixels above and left of a place; zeros
/// where they lie outside.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn read<V: Vector, const N: usize>(
    image: &[f32],
    tiles: &Tiles,
    channels: usize,
    place: Place,
    before: usize,
    block: usize,
) -> [[V; N]; N] {
    let Tiles { height, width, .. } = *tiles;
    let inside = place.y >= before
        && place.x >= before
        && place.y - before + N <= height
        && place.x - before + N <= width;
    let sample = &image[place.sample * height * width * channels..][..height * width * channels];
    let channel = block * LANES;
    assert!(channel + LANES <= channels);
    // SAFETY: a pixel is read only where it lies in the image: by `inside` for all of them, else by the comparison of each.
    unsafe {
        let mut pixels = [[V::zero(); N]; N];
        if inside {
            let first = sample.as_ptr().add(((place.y - before) * width + place.x - before) * channels + channel);
            for i in 0..N {
                for j in 0..N {
                    pixels[i][j] = V::load(first.add((i * width + j) * channels));
                }
            }
        } else {
            for i in 0..N {
                for j in 0..N {
                    let (y, x) = ((place.y + i).wrapping_sub(before), (place.x + j).wrapping_sub(before));
                    if y < height && x < width {
                        pixels[i][j] = V::load(sample.as_ptr().add((y * width + x) * channels + channel));
                    }
                }
            }
        }
        pixels
    }
}

/// A weight's transform `U = G w G^T`, `[position, block of 16 channels out, channel in, lane]`, of the weight that `weight(channel out, channel
/// in, tap)` tells.
pub(super) fn pack(tiles: &Tiles, weight: impl Fn(usize, usize, usize) -> f32) -> Buffer {
    let blocks = tiles.channels_out / LANES;
    let mut lanes = Buffer::stale(9 * tiles.channels_in * tiles.channels_out);
    for (row, lanes) in lanes.chunks_exact_mut(LANES).enumerate() {
        let (tap, ci, block) = (row % 9, row / 9 % tiles.channels_in, row / 9 / tiles.channels_in);
        for (lane, x) in lanes.iter_mut().enumerate() {
            *x = weight(block * LANES + lane, ci, tap);
        }
    }
    let mut packed = Buffer::stale(tiles.weight_len());
    let rows = blocks * tiles.channels_in;
    crate::level::run(transform::PackWeight { rows, lanes: &lanes, packed: &mut packed });
    packed
}
