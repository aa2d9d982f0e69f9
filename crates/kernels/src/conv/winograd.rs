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
//! An output's operations depend on the geometry alone, never on the level. Against exact arithmetic the error is two to three times that of the
//! direct loop: below 1e-6 of the outputs' root mean square, and below 3e-6 for the weight's gradient (see the tests).

mod correlate;
mod product;
mod transform;
mod weight;

use crate::buffer::Buffer;
use crate::geometry::Conv2d;
use crate::vector::{LANES, Vector};
use transform::Transform;

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

    /// The places of all tiles, in order.
    fn places(&self, samples: usize) -> Vec<Place> {
        let mut places = Vec::with_capacity(samples * self.rows * self.columns);
        for sample in 0..samples {
            for row in 0..self.rows {
                places.extend((0..self.columns).map(|column| Place { sample, y: row * OUT, x: column * OUT }));
            }
        }
        places
    }
}

/// Tiles that are transformed and multiplied together: at 32 channels about 220 kB of transformed tiles, beside 150 kB of weights.
const TOGETHER: usize = 24;

/// Elements between two positions: those of a pair of blocks and one cache line more, since a power of two would send all positions of a tile to
/// the same set of the first cache.
const STRIDE: usize = (2 * TOGETHER + 1) * LANES;

/// Transformed tiles `[pair of blocks of 16 channels, position, block of the pair, tile, lane]`: whatever the number of channels, positions and tiles
/// lie constants apart, by which the loops address them.
struct Transformed {
    buffer: Buffer,
    blocks: usize,
}

impl Transformed {
    fn new(channels: usize) -> Transformed {
        let blocks = channels / LANES;
        Transformed { buffer: Buffer::stale(blocks.div_ceil(2) * POSITIONS * STRIDE), blocks }
    }

    /// Where a tile's lanes of a block begin, at the first position.
    fn at(&self, block: usize, tile: usize) -> usize {
        assert!(block < self.blocks && tile < TOGETHER);
        block / 2 * POSITIONS * STRIDE + (block % 2 * TOGETHER + tile) * LANES
    }

    /// Writes sixteen channels of a transformed tile, and asks for the lines of the next one.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn write<V: Vector>(&mut self, block: usize, tile: usize, transformed: [[V; IN]; IN]) {
        let first = self.at(block, tile);
        // SAFETY: the block and the tile exist by the assertion in `at`, and the buffer holds all positions of every pair of blocks.
        unsafe {
            let first = self.buffer.as_mut_ptr().add(first);
            for i in 0..IN {
                for j in 0..IN {
                    transformed[i][j].store(first.add((i * IN + j) * STRIDE));
                    V::prefetch(first.wrapping_add((i * IN + j) * STRIDE + LANES));
                }
            }
        }
    }

    /// Sixteen channels of a transformed tile under a transform.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn under<V: Vector, T: Transform<IN, M>, const M: usize>(&self, block: usize, tile: usize) -> [[V; M]; M] {
        let first = self.at(block, tile);
        // SAFETY: as for `write`.
        unsafe {
            let first = self.buffer.as_ptr().add(first);
            T::square(|i, j| V::load(first.add((i * IN + j) * STRIDE)))
        }
    }
}

/// Sixteen channels of a square of pixels, some of which may lie outside of the image.
struct Square<const N: usize> {
    /// Where the image's rows begin, a row of zeros in the place of those outside.
    rows: [*const f32; N],
    /// Elements from there to each pixel, and whether it lies in the row.
    columns: [(usize, bool); N],
}

impl<const N: usize> Square<N> {
    /// The square of `image`, `[n, height, width, channels]`, that begins `before` pixels above and left of a place, in one block of channels.
    /// `zeros` is a row of them.
    #[inline(always)]
    fn new(
        image: &[f32],
        zeros: &[f32],
        tiles: &Tiles,
        channels: usize,
        place: Place,
        before: usize,
        block: usize,
    ) -> Square<N> {
        let Tiles { height, width, .. } = *tiles;
        let row = width * channels;
        let sample = &image[place.sample * height * row..][..height * row];
        assert!((block + 1) * LANES <= channels && zeros.len() == row);
        Square {
            rows: std::array::from_fn(|i| {
                let y = (place.y + i).wrapping_sub(before);
                let start = if y < height { sample[y * row..].as_ptr() } else { zeros.as_ptr() };
                start.wrapping_add(block * LANES)
            }),
            columns: std::array::from_fn(|j| {
                let x = (place.x + j).wrapping_sub(before);
                (x.wrapping_mul(channels), x < width)
            }),
        }
    }

    /// The pixel at a row and a column.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn at<V: Vector>(&self, i: usize, j: usize) -> V {
        let (column, inside) = self.columns[j];
        // SAFETY: a column inside of the image is one of every row, also of that of zeros.
        unsafe { if inside { V::load(self.rows[i].add(column)) } else { V::zero() } }
    }

    /// The square under a transform.
    ///
    /// # Safety
    /// The level's instructions must be available.
    #[inline(always)]
    unsafe fn under<V: Vector, T: Transform<N, M>, const M: usize>(&self) -> [[V; M]; M] {
        // SAFETY: the caller's promise is passed on.
        unsafe { T::square(|i, j| self.at::<V>(i, j)) }
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
