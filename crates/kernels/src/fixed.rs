//! Products of matrices in fixed point: more accurate than with factors rounded to bfloat16, and at twice the speed of `f32` where the processor multiplies
//! pairs of 16-bit integers and adds them in one instruction.
//!
//! A product of matrices is made of scalar products of vectors, the rows of the left factor and the columns of the right one. A vector is cut into runs of
//! [`RUN`] terms. Each run is scaled to a Euclidean norm of 32,700 and rounded to integers, which then have 16 bits. By Cauchy and Schwarz the products
//! of two runs, or of any part of them, sum to less than 2^30: their sums in 32 bits are exact, in whatever order a level's instructions add.
//!
//! ```text
//! for each 3 groups of 16 columns, for each run:       24 kB, which stay in a first-level cache
//!     for each tile of R rows:
//!         R x 3 vectors of integers, in registers, start at zero
//!         for each pair of the run's terms: sum[r] += a[r, both] * b[both, columns]
//!         product = sum * (row's unit * column's unit) + product so far
//! ```
//!
//! An element of a vector is off by half a unit of its run at most, 1 / 65,400 of the run's norm. So the scalar product of two runs of `n` terms is off by
//! `sqrt(n) / 32,700` of the product of their norms at most, 4.9e-4 for 256 terms, and what `f32` adds when it puts runs together.

mod pack;
mod product;

use crate::buffer::Buffer;
use crate::vector::LANES;
pub use pack::{Square, copy_to_panel};
pub use product::{Place, multiply_add};
use std::ops::Range;

/// Terms whose products are added as integers.
pub const RUN: usize = 256;

/// Vectors that lie together.
pub const TOGETHER: usize = LANES;

/// The Euclidean norm of a run in its units. With rounding a run is no longer than 32,708, so no element leaves 16 bits.
const NORM: f32 = 32_700.0;

/// Vectors in fixed point, ready to be either factor of a product.
///
/// Of sixteen vectors each pair of terms lies together, one vector a lane: a tile of columns loads them and a tile of rows broadcasts from among them.
pub struct Factor {
    /// Two 16-bit integers in the bits of each: for each run, for each group of vectors.
    pairs: Buffer,
    /// What a unit is worth, in the same order.
    units: Buffer,
    vectors: usize,
    terms: usize,
}

impl Factor {
    /// A factor that holds anything, for those who pack all of its cells.
    pub fn stale(vectors: usize, terms: usize) -> Factor {
        let groups = vectors.div_ceil(TOGETHER);
        let pairs = Buffer::stale(groups * terms.div_ceil(2) * LANES);
        Factor { pairs, units: Buffer::stale(groups * terms.div_ceil(RUN) * LANES), vectors, terms }
    }

    /// How many vectors there are, and of how many terms.
    pub fn sizes(&self) -> [usize; 2] {
        [self.vectors, self.terms]
    }

    /// The runs of each group of sixteen vectors, to be packed one by one: the first runs of all groups first.
    pub fn cells(&mut self) -> Vec<Cell<'_>> {
        let (vectors, terms, groups) = (self.vectors, self.terms, self.groups());
        let mut cells = Vec::with_capacity(self.units.len() / LANES);
        let runs = self.pairs.chunks_mut((groups * RUN / 2 * LANES).max(1));
        for (run, (pairs, units)) in runs.zip(self.units.chunks_exact_mut((groups * LANES).max(1))).enumerate() {
            let terms = run * RUN..terms.min((run + 1) * RUN);
            let pairs = pairs.chunks_exact_mut(terms.len().div_ceil(2) * LANES);
            cells.extend(pairs.zip(units.as_chunks_mut().0).enumerate().map(|(group, (pairs, units))| {
                let vectors = group * TOGETHER..vectors.min((group + 1) * TOGETHER);
                Cell { pairs, units, vectors, terms: terms.clone() }
            }));
        }
        cells
    }

    fn groups(&self) -> usize {
        self.vectors.div_ceil(TOGETHER)
    }
}

/// A run of sixteen vectors of a [`Factor`], or of what is left of them.
pub struct Cell<'a> {
    pairs: &'a mut [f32],
    units: &'a mut [f32; LANES],
    vectors: Range<usize>,
    terms: Range<usize>,
}

impl Cell<'_> {
    /// Which of the vectors they are.
    pub fn vectors(&self) -> Range<usize> {
        self.vectors.clone()
    }

    /// Which of their terms.
    pub fn terms(&self) -> Range<usize> {
        self.terms.clone()
    }
}

#[cfg(test)]
mod tests;
