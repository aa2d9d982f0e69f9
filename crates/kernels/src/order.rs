//! Elements as integers of the same order, for order statistics.

use crate::buffer::Buffer;
use crate::elementwise::at_level;
use crate::level::{Kernel, run};
use crate::vector::{LANES, Vector};
use std::ops::{Deref, DerefMut};

/// The key of both zeros: those of negative numbers are below it.
pub const ZERO: u32 = 1 << 31;

/// An element as an integer: keys are in the order of `f32::total_cmp`, and both zeros have one.
#[inline(always)]
pub fn key(x: f32) -> u32 {
    let bits = (x + 0.0).to_bits();
    // Negative numbers are ordered by their bits the other way round.
    bits ^ (((bits as i32) >> 31) as u32 | ZERO)
}

/// The element of a key.
#[inline(always)]
pub fn element(key: u32) -> f32 {
    f32::from_bits(key ^ (((!key as i32) >> 31) as u32 | ZERO))
}

/// Keys of some elements, in memory that is used again as a [`Buffer`]'s.
pub struct Keys {
    /// Of `len` keys the bits, and room behind them.
    bits: Buffer,
    len: usize,
}

impl Keys {
    /// None, and room for so many.
    fn with_room(room: usize) -> Keys {
        Keys { bits: Buffer::stale(room + LANES), len: 0 }
    }

    /// How many are below a key.
    pub fn below(&self, bound: u32) -> usize {
        let mut below = 0;
        at_level(|| below = self.iter().fold(0u32, |sum, &key| sum + u32::from(key < bound)));
        below as usize
    }

    /// Adds those of the elements that are not zero, which become keys when all are there. Others will follow, which are asked for meanwhile.
    fn add_nonzero(&mut self, x: &[f32], later: &[f32]) {
        let mut count = 0;
        run(Nonzero { x, later, to: &mut self.bits[self.len..], len: &mut count });
        self.len += count;
    }

    /// Keys in the place of elements.
    fn of_elements(mut self) -> Keys {
        at_level(|| self.bits[..self.len].iter_mut().for_each(|x| *x = f32::from_bits(key(*x))));
        self
    }
}

impl Deref for Keys {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        let bits = &self.bits[..self.len];
        // SAFETY: both types have the same size and alignment, and every bit pattern is one of each.
        unsafe { std::slice::from_raw_parts(bits.as_ptr().cast(), bits.len()) }
    }
}

impl DerefMut for Keys {
    fn deref_mut(&mut self) -> &mut [u32] {
        let bits = &mut self.bits[..self.len];
        // SAFETY: as for `deref`, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(bits.as_mut_ptr().cast(), bits.len()) }
    }
}

/// The keys of the elements that are not zero, in the elements' order, which lie in pieces.
pub fn nonzero_keys(pieces: &[&[f32]]) -> Keys {
    let mut keys = Keys::with_room(pieces.iter().map(|piece| piece.len()).sum());
    for (at, piece) in pieces.iter().enumerate() {
        keys.add_nonzero(piece, pieces.get(at + AHEAD).copied().unwrap_or_default());
    }
    keys.of_elements()
}

/// Of keys of elements that are not zero, as [`nonzero_keys`] gives them, those whose bits above the lowest `shift` are one of the prefixes, in their order.
///
/// # Panics
/// When there are fewer bits.
pub fn keys_with_prefixes(keys: &[u32], prefixes: &[u32], shift: u32) -> Keys {
    assert!(shift < u32::BITS, "keys: prefixes behind {shift} bits");
    let mut all = Keys::with_room(keys.len());
    for keys in keys.chunks(BLOCK) {
        let mut found = [0.0; BLOCK];
        let found = &mut found[..keys.len()];
        for prefixes in prefixes.chunks(PREFIXES) {
            // A number of comparisons that is known unrolls; the first of them does no harm twice.
            let prefixes: [u32; PREFIXES] = std::array::from_fn(|at| *prefixes.get(at).unwrap_or(&prefixes[0]));
            at_level(|| {
                for (to, &key) in found.iter_mut().zip(keys) {
                    let is_one = prefixes.iter().fold(false, |is_one, &prefix| is_one | (key >> shift == prefix));
                    *to = if is_one { element(key) } else { *to };
                }
            });
        }
        all.add_nonzero(found, &[]);
    }
    all.of_elements()
}

/// Keys that are looked at together: they stay in the first cache.
const BLOCK: usize = 2048;
/// Pieces that are asked for ahead of the one at hand: they come from another processor's cache.
const AHEAD: usize = 6;
/// Prefixes that are looked for in one pass.
const PREFIXES: usize = 6;

struct Nonzero<'a> {
    x: &'a [f32],
    later: &'a [f32],
    to: &'a mut [f32],
    len: &'a mut usize,
}

impl Kernel for Nonzero<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Nonzero { x, later, to, len } = self;
        assert!(to.len() >= x.len() + LANES, "nonzero: room");
        let (vectors, rest) = x.as_chunks::<LANES>();
        let mut last = [0.0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        for line in later.chunks(LANES) {
            // SAFETY: the level is the caller's.
            unsafe { V::prefetch(line.as_ptr()) };
        }
        let mut at = 0;
        for vector in vectors.iter().chain([&last]) {
            // SAFETY: the array is a vector, fewer than `x.len()` elements were stored before, and the level is the caller's.
            at += unsafe { V::load(vector.as_ptr()).store_nonzero(to.as_mut_ptr().add(at)) };
        }
        *len = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_order_and_come_back() {
        let sorted =
            [f32::NEG_INFINITY, -2.0, -1.5, -f32::MIN_POSITIVE, -1e-45, 0.0, 1e-45, 3.0, f32::INFINITY, f32::NAN];
        assert!(sorted.is_sorted_by_key(|&x| key(x)));
        assert!(sorted.iter().all(|&x| element(key(x)).to_bits() == x.to_bits()));
        assert_eq!((key(-0.0), key(0.0)), (ZERO, ZERO));
    }

    #[test]
    fn keys_are_found_by_their_prefixes() {
        let keys: Vec<u32> =
            (1..5000u32).map(|at| key(f32::from_bits(at.wrapping_mul(0x9e37_79b9)))).chain([0, u32::MAX]).collect();
        for shift in [0, 14, 21, 28] {
            for wanted in [0, 1, 6, 7, 20] {
                let prefixes: Vec<u32> = keys.iter().rev().take(wanted).map(|key| key >> shift).collect();
                let expect: Vec<u32> = keys.iter().copied().filter(|key| prefixes.contains(&(key >> shift))).collect();
                assert_eq!(*keys_with_prefixes(&keys, &prefixes, shift), expect, "{wanted} of {shift}");
            }
        }
    }
}
