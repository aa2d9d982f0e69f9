//! Tiles of bytes whose products are added up in one instruction, or with arrays.

use super::{ArrayPairs, LANES, Pairs};

/// Sixteen rows of 64 bytes, held in the bits of floats.
///
/// As a left factor, a row has 64 terms of one vector. As a right one, it has four terms of each of sixteen vectors: the same, transposed.
pub type Tile = [[f32; LANES]; LANES];

/// Terms of a tile.
pub const TERMS: usize = 64;

/// The high bytes, which have the sign, of 64 terms of sixteen vectors of 16-bit integers, and the low bytes.
pub type Step = [Tile; 2];

/// Sums of products of sixteen rows by sixteen columns: of high with high bytes, of high with low and low with high ones, of low with low ones.
pub type Sums = [[[i32; LANES]; LANES]; 3];

/// Registers for the sums of products of bytes. As for [`Pairs`], every method's contract is that the processor has the instructions.
pub trait Tiles {
    /// Vectors on the same processor.
    type Pairs: Pairs;

    /// Registers that hold anything.
    ///
    /// # Safety
    /// The processor must have the instructions, and the process be allowed to use them.
    unsafe fn begin() -> Self;

    /// All sums zero.
    ///
    /// # Safety
    /// As for [`Tiles::begin`].
    unsafe fn clear(&mut self);

    /// The sums, and the products of 64 terms.
    ///
    /// # Safety
    /// As for [`Tiles::begin`].
    unsafe fn add_products(&mut self, left: &Step, right: &Step);

    /// Writes the sums.
    ///
    /// # Safety
    /// As for [`Tiles::begin`].
    unsafe fn store(&self, sums: &mut Sums);

    /// The high and the low bytes of two pairs, the first's before the second's.
    ///
    /// # Safety
    /// As for [`Tiles::begin`].
    unsafe fn cut(first: Self::Pairs, second: Self::Pairs) -> [Self::Pairs; 2];

    /// The sums of products of 16-bit integers, from those of their bytes.
    ///
    /// # Safety
    /// As for [`Tiles::begin`].
    unsafe fn join(high: Self::Pairs, middle: Self::Pairs, low: Self::Pairs) -> Self::Pairs;
}

/// Sums in arrays, for tests on every processor.
pub struct ArrayTiles(Sums);

// The methods are unsafe by the trait's contract alone.
impl Tiles for ArrayTiles {
    type Pairs = ArrayPairs;

    unsafe fn begin() -> Self {
        ArrayTiles([[[0; LANES]; LANES]; 3])
    }

    unsafe fn clear(&mut self) {
        self.0 = [[[0; LANES]; LANES]; 3];
    }

    unsafe fn add_products(&mut self, [a_high, a_low]: &Step, [b_high, b_low]: &Step) {
        let signed = |x: f32| x.to_bits().to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
        let unsigned = |x: f32| x.to_bits().to_le_bytes().map(i32::from);
        let dot = |x: [i32; 4], y: [i32; 4]| x.into_iter().zip(y).map(|(x, y)| x * y).sum::<i32>();
        let [high, middle, low] = &mut self.0;
        for row in 0..LANES {
            for column in 0..LANES {
                for at in 0..LANES {
                    let (ah, al) = (signed(a_high[row][at]), unsigned(a_low[row][at]));
                    let (bh, bl) = (signed(b_high[at][column]), unsigned(b_low[at][column]));
                    high[row][column] += dot(ah, bh);
                    middle[row][column] += dot(ah, bl) + dot(al, bh);
                    low[row][column] += dot(al, bl);
                }
            }
        }
    }

    unsafe fn store(&self, sums: &mut Sums) {
        *sums = self.0;
    }

    unsafe fn cut(ArrayPairs(first): ArrayPairs, ArrayPairs(second): ArrayPairs) -> [ArrayPairs; 2] {
        let bytes = |which: [usize; 2], lane: usize| {
            let (x, y) = (first[lane].to_le_bytes(), second[lane].to_le_bytes());
            i32::from_le_bytes([x[which[0]], x[which[1]], y[which[0]], y[which[1]]])
        };
        [[1, 3], [0, 2]].map(|which| ArrayPairs(std::array::from_fn(|lane| bytes(which, lane))))
    }

    unsafe fn join(ArrayPairs(high): ArrayPairs, ArrayPairs(middle): ArrayPairs, low: ArrayPairs) -> ArrayPairs {
        // What the parts have beyond 32 bits does not matter, since the sum has fewer.
        let sum = |lane: usize| (high[lane] << 16).wrapping_add(middle[lane] << 8).wrapping_add(low.0[lane]);
        ArrayPairs(std::array::from_fn(sum))
    }
}
