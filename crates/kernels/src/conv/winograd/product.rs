//! The 36 matrix products between the transforms. An element's sum runs over the inner index in order, one multiply-add at a time, whatever tile of
//! registers holds it: tiles of other sizes at other levels change no bit.

use super::{POSITIONS, STRIDE, TOGETHER, Transformed};
use crate::vector::{LANES, Vector};

/// `product[position] = tiles[position] x weight[position]` for the first `count` tiles.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
pub(super) unsafe fn multiply<V: Vector>(tiles: &Transformed, weight: &[f32], product: &mut Transformed, count: usize) {
    let inner = tiles.blocks * LANES;
    assert_eq!(weight.len(), POSITIONS * inner * product.blocks * LANES);
    assert!(count <= TOGETHER);
    for position in 0..POSITIONS {
        let mut block = 0;
        while block < product.blocks {
            let pair = V::BLOCKS > 1 && product.blocks - block > 1;
            let rows = Rows { count, blocks: tiles.blocks };
            // SAFETY: the first `count` tiles of each block and position, and the weight's blocks, exist by the assertions.
            unsafe {
                let from = tiles.buffer.as_ptr().add(position * STRIDE);
                let weight = weight.as_ptr().add((position * product.blocks + block) * inner * LANES);
                let to = product.buffer.as_mut_ptr().add(position * STRIDE + product.at(block, 0));
                if pair {
                    rows.multiply::<V, 2>(from, weight, to);
                } else {
                    rows.multiply::<V, 1>(from, weight, to);
                }
            }
            block += 1 + usize::from(pair);
        }
    }
}

/// The tiles of one position.
#[derive(Clone, Copy)]
struct Rows {
    count: usize,
    /// Blocks of channels in.
    blocks: usize,
}

impl Rows {
    /// All tiles under `B` blocks of the weight.
    ///
    /// # Safety
    /// The level's instructions must be available, and the tiles and blocks exist.
    #[inline(always)]
    unsafe fn multiply<V: Vector, const B: usize>(self, from: *const f32, weight: *const f32, to: *mut f32) {
        let mut row = 0;
        while row < self.count {
            // SAFETY: a register tile is no higher than what is left.
            unsafe {
                let (from, to) = (from.add(row * LANES), to.add(row * LANES));
                row += match V::ROWS.min(self.count - row) {
                    8.. if self.count - row >= 12 => self.tile::<V, 12, B>(from, weight, to),
                    8.. => self.tile::<V, 8, B>(from, weight, to),
                    4.. => self.tile::<V, 4, B>(from, weight, to),
                    2.. => self.tile::<V, 2, B>(from, weight, to),
                    _ => self.tile::<V, 1, B>(from, weight, to),
                };
            }
        }
    }

    /// # Safety
    /// As for [`Rows::multiply`], with `R` tiles.
    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize, const B: usize>(
        self,
        from: *const f32,
        weight: *const f32,
        to: *mut f32,
    ) -> usize {
        // SAFETY: the caller vouches for `R` tiles of all blocks, and for `B` blocks of the weight.
        unsafe {
            let mut acc = [[V::zero(); B]; R];
            for block in 0..self.blocks {
                let from = from.add(block / 2 * POSITIONS * STRIDE + block % 2 * TOGETHER * LANES);
                let weight = weight.add(block * LANES * LANES);
                for k in 0..LANES {
                    let mut w = [V::zero(); B];
                    for b in 0..B {
                        w[b] = V::load(weight.add((b * self.blocks * LANES + k) * LANES));
                    }
                    for r in 0..R {
                        let x = V::splat(*from.add(r * LANES + k));
                        for b in 0..B {
                            acc[r][b] = x.mul_add(w[b], acc[r][b]);
                        }
                    }
                }
            }
            for r in 0..R {
                for b in 0..B {
                    acc[r][b].store(to.add((b * TOGETHER + r) * LANES));
                }
            }
        }
        R
    }
}

/// `sum[position] += tiles[position]^T x upstream[position]` over the first `count` tiles, or `=` where the sum begins; `sum` is
/// `[position, channel in, channel out]`.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
pub(super) unsafe fn multiply_transposed<V: Vector>(
    tiles: &Transformed,
    upstream: &Transformed,
    sum: &mut [f32],
    count: usize,
    begins: bool,
) {
    let (rows, columns) = (tiles.blocks * LANES, upstream.blocks * LANES);
    assert_eq!(sum.len(), POSITIONS * rows * columns);
    assert!(count <= TOGETHER);
    for position in 0..POSITIONS {
        let mut block = 0;
        while block < upstream.blocks {
            let pair = V::BLOCKS > 1 && upstream.blocks - block > 1;
            for row in (0..rows).step_by(V::ROWS) {
                // SAFETY: the first `count` tiles of each block and position and all of `sum` exist by the assertions; channels come in
                // whole vectors, which register tiles of 8 or 4 rows divide.
                unsafe {
                    let left = tiles.at(row / LANES, 0) + row % LANES;
                    let left = tiles.buffer.as_ptr().add(position * STRIDE + left);
                    let right = upstream.buffer.as_ptr().add(position * STRIDE + upstream.at(block, 0));
                    let sum = sum.as_mut_ptr().add((position * rows + row) * columns + block * LANES);
                    let part = Part { count, columns, begins };
                    match (V::ROWS, pair) {
                        (8, true) => sum_tile::<V, 8, 2>(left, right, sum, part),
                        (8, false) => sum_tile::<V, 8, 1>(left, right, sum, part),
                        (_, true) => sum_tile::<V, 4, 2>(left, right, sum, part),
                        (_, false) => sum_tile::<V, 4, 1>(left, right, sum, part),
                    }
                }
            }
            block += 1 + usize::from(pair);
        }
    }
}

/// What a part of a sum is of.
#[derive(Clone, Copy)]
struct Part {
    /// Tiles that are added.
    count: usize,
    /// Elements from a row of the sum to the next.
    columns: usize,
    /// Whether the sum begins here, whatever its memory holds.
    begins: bool,
}

/// `R` rows and `B` blocks of a sum.
///
/// # Safety
/// The level's instructions must be available; the tiles of both sides and the part of the sum exist.
#[inline(always)]
unsafe fn sum_tile<V: Vector, const R: usize, const B: usize>(
    left: *const f32,
    right: *const f32,
    sum: *mut f32,
    Part { count, columns, begins }: Part,
) {
    // SAFETY: the caller vouches for both sides and the sum.
    unsafe {
        let mut acc = [[V::zero(); B]; R];
        if !begins {
            for r in 0..R {
                for b in 0..B {
                    acc[r][b] = V::load(sum.add(r * columns + b * LANES));
                }
            }
        }
        for tile in 0..count {
            let mut y = [V::zero(); B];
            for b in 0..B {
                y[b] = V::load(right.add((b * TOGETHER + tile) * LANES));
            }
            for r in 0..R {
                let x = V::splat(*left.add(tile * LANES + r));
                for b in 0..B {
                    acc[r][b] = x.mul_add(y[b], acc[r][b]);
                }
            }
        }
        for r in 0..R {
            for b in 0..B {
                acc[r][b].store(sum.add(r * columns + b * LANES));
            }
        }
    }
}
