//! Copies of factors, in the order in which a product reads them.

use super::Matrix;
use crate::vector::{LANES, Vector};

/// Elements behind a copy that writing it may touch, if its rows are shorter than a vector.
pub(crate) const SLACK: usize = LANES;

/// Rows ahead of the copied one that are asked for: rows that are far apart are not foreseen by the processor.
const AHEAD: usize = 16;

/// The elements in row-major order, in rows of `width`, with zeros behind the last column. The width must be below [`LANES`] or in whole vectors.
///
/// Rows shorter than a vector are written with what is behind them, and the next row over that.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
pub(crate) unsafe fn pack<V: Vector>(matrix: Matrix<'_>, width: usize, to: &mut [f32]) {
    let Matrix { elements, sizes: [rows, columns], strides: [down, across] } = matrix;
    assert!((width < LANES || width.is_multiple_of(LANES)) && columns <= width && (down == 1 || across == 1));
    let slack = if width < LANES { SLACK } else { 0 };
    let room =
        rows.checked_mul(width).is_some_and(|count| to.len().checked_sub(slack).is_some_and(|room| count <= room));
    assert!(room, "pack: {} elements for {rows} x {width}", to.len());
    let to = to.as_mut_ptr();
    for first in (0..width).step_by(LANES) {
        let count = columns.saturating_sub(first).min(LANES);
        let needs_zeros = count < LANES.min(width - first);
        // SAFETY: every vector begins in the rows, so it ends in them or in the slack; the level is the caller's.
        unsafe {
            if across == 1 {
                for i in 0..rows {
                    V::prefetch(elements.as_ptr().wrapping_add((i + AHEAD) * down + first));
                    let row = elements.get(i * down + first..).unwrap_or_default();
                    let row = match row.len() >= LANES && !needs_zeros {
                        true => V::load(row.as_ptr()),
                        false => V::load(padded(row, count).as_ptr()),
                    };
                    row.store(to.add(i * width + first));
                }
                continue;
            }
            for top in (0..rows).step_by(LANES) {
                let lines = elements.get(first * across + top..).unwrap_or_default();
                let square = match !needs_zeros && lines.len() >= (count - 1) * across + LANES {
                    true => square::<V>(lines.as_ptr(), across, count - 1),
                    false => {
                        let line = |j| lines.get(j * across..).filter(|_| j < count).unwrap_or_default();
                        let copy: [[f32; LANES]; LANES] = std::array::from_fn(|j| padded(line(j), LANES));
                        square(copy.as_ptr().cast(), LANES, LANES - 1)
                    }
                };
                for i in 0..LANES {
                    if top + i < rows {
                        square[i].store(to.add((top + i) * width + first));
                    }
                }
            }
        }
    }
}

/// The first elements, at most `count`, and zeros behind them.
fn padded(elements: &[f32], count: usize) -> [f32; LANES] {
    let mut padded = [0.0; LANES];
    let count = count.min(elements.len());
    padded[..count].copy_from_slice(&elements[..count]);
    padded
}

/// Sixteen elements of each line as lanes of sixteen vectors; behind line `last` come copies of it.
///
/// # Safety
/// The level's instructions must be available, and the lines' elements readable.
#[inline(always)]
unsafe fn square<V: Vector>(lines: *const f32, apart: usize, last: usize) -> [V; LANES] {
    // SAFETY: the caller's.
    unsafe {
        let mut square = [V::zero(); LANES];
        for j in 0..LANES {
            let line = lines.add(j.min(last) * apart);
            V::prefetch(line.wrapping_add(2 * LANES));
            square[j] = V::load(line);
        }
        V::exchange(square)
    }
}
