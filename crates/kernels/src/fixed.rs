//! Products of matrices in fixed point: more accurate than with factors rounded to bfloat16, and at twice the speed of `f32` or more where the processor
//! multiplies pairs of 16-bit integers, or tiles of bytes, and adds them in one instruction.
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
//! Where the processor multiplies tiles of bytes (`fixed/tiles.rs`), the integers are cut into bytes, and exact sums of three kinds put together: the bits are
//! the same.
//!
//! An element of a vector is off by half a unit of its run at most, 1 / 65,400 of the run's norm. So the scalar product of two runs of `n` terms is off by
//! `sqrt(n) / 32,700` of the product of their norms at most, 4.9e-4 for 256 terms, and what `f32` adds when it puts runs together.

mod pack;
mod product;
mod tiles;

use crate::buffer::Buffer;
use crate::level::multiplies_tiles;
use crate::vector::{LANES, Step, TERMS};
pub use pack::{Square, copy_to_panel};
pub use product::{Place, multiply_add};
use std::ops::Range;

/// Terms whose products are added as integers.
pub const RUN: usize = 256;

/// Vectors that lie together.
pub const TOGETHER: usize = LANES;

/// The Euclidean norm of a run in its units. With rounding a run is no longer than 32,708, so no element leaves 16 bits.
const NORM: f32 = 32_700.0;

/// Elements of a step's tiles.
const STEP: usize = size_of::<Step>() / size_of::<f32>();

/// How integers lie in memory: as what multiplies them takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Of sixteen vectors each pair of terms together, one vector a lane: a tile of columns loads them and a tile of rows broadcasts from among them.
    Pairs,
    /// High and low bytes, each of 64 terms of sixteen vectors together, as a left factor.
    Tiles,
}

impl Form {
    /// What is fastest here.
    fn best() -> Form {
        if multiplies_tiles() { Form::Tiles } else { Form::Pairs }
    }

    /// Elements of so many terms of sixteen vectors.
    fn elements(self, terms: usize) -> usize {
        match self {
            Form::Pairs => terms.div_ceil(2) * LANES,
            Form::Tiles => terms.div_ceil(TERMS) * STEP,
        }
    }
}

/// Vectors in fixed point, ready to be either factor of a product.
pub struct Factor {
    form: Form,
    /// For each run, for each group of sixteen vectors, the integers in the bits of floats.
    integers: Buffer,
    /// What a unit is worth, in the same order.
    units: Buffer,
    vectors: usize,
    terms: usize,
}

impl Factor {
    /// A factor that holds anything, for those who pack all of its cells.
    pub fn stale(vectors: usize, terms: usize) -> Factor {
        Factor::stale_as(Form::best(), vectors, terms)
    }

    fn stale_as(form: Form, vectors: usize, terms: usize) -> Factor {
        let groups = vectors.div_ceil(TOGETHER);
        let integers = Buffer::stale(groups * form.elements(terms));
        Factor { form, integers, units: Buffer::stale(groups * terms.div_ceil(RUN) * LANES), vectors, terms }
    }

    /// How many vectors there are, and of how many terms.
    pub fn sizes(&self) -> [usize; 2] {
        [self.vectors, self.terms]
    }

    /// The runs of each group of sixteen vectors, to be packed one by one: the first runs of all groups first.
    pub fn cells(&mut self) -> Vec<Cell<'_>> {
        let (form, vectors, terms, groups) = (self.form, self.vectors, self.terms, self.groups());
        let mut cells = Vec::with_capacity(self.units.len() / LANES);
        let runs = self.integers.chunks_mut((groups * form.elements(RUN)).max(1));
        for (run, (integers, units)) in runs.zip(self.units.chunks_exact_mut((groups * LANES).max(1))).enumerate() {
            let terms = run * RUN..terms.min((run + 1) * RUN);
            let integers = integers.chunks_exact_mut(form.elements(terms.len()));
            cells.extend(integers.zip(units.as_chunks_mut().0).enumerate().map(|(group, (integers, units))| {
                let vectors = group * TOGETHER..vectors.min((group + 1) * TOGETHER);
                Cell { form, integers, units, vectors, terms: terms.clone() }
            }));
        }
        cells
    }

    /// A run of the group that begins with a vector.
    fn run(&self, vector: usize, run: usize) -> Run<'_> {
        let (group, groups) = (vector / TOGETHER, self.groups());
        let own = self.form.elements((self.terms - run * RUN).min(RUN));
        // The runs before are whole.
        let first = run * groups * self.form.elements(RUN) + group * own;
        Run { integers: &self.integers[first..][..own], units: &self.units.as_chunks().0[run * groups + group] }
    }

    fn groups(&self) -> usize {
        self.vectors.div_ceil(TOGETHER)
    }
}

/// Part of a factor's runs.
#[derive(Clone, Copy)]
struct Run<'a> {
    integers: &'a [f32],
    units: &'a [f32; LANES],
}

/// A run of sixteen vectors of a [`Factor`], or of what is left of them.
pub struct Cell<'a> {
    form: Form,
    integers: &'a mut [f32],
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
