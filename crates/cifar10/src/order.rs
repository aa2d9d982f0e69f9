//! Which images make the batches of an epoch, and in which order.
//!
//! An epoch's order is a function of (seed, epoch) and of nothing else: a resumed run asks for the epoch that it was in and
//! needs no generator's state. The generator is ChaCha8 with a key of its own purpose and the epoch as its stream; the
//! shuffle and the bounded draw are written here, because a library may change its own between versions and with it every
//! run ever recorded.

use crate::Error;
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use std::{fmt, str::FromStr};

/// What an epoch reshuffles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shuffle {
    /// The samples: each epoch cuts its batches from a new order of all samples.
    #[default]
    Samples,
    /// The batches: they are cut once, in file order, and each epoch goes through them in a new order. The protocol of
    /// Ando, Fukuhara and Takefuji (2023).
    Batches,
    /// Nothing: file order in every epoch.
    None,
}

impl Shuffle {
    /// The schemes' names, as [`FromStr`] reads them and [`Display`](fmt::Display) writes them.
    pub const NAMES: [&'static str; 3] = ["samples", "batches", "none"];

    const ALL: [Shuffle; 3] = [Shuffle::Samples, Shuffle::Batches, Shuffle::None];
}

impl fmt::Display for Shuffle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(Shuffle::NAMES[*self as usize])
    }
}

impl FromStr for Shuffle {
    type Err = Error;

    fn from_str(name: &str) -> Result<Shuffle, Error> {
        let found = Shuffle::ALL.into_iter().find(|shuffle| Shuffle::NAMES[*shuffle as usize] == name);
        found.ok_or_else(|| Error::UnknownShuffle(name.to_owned()))
    }
}

/// How many batches an epoch over `samples` samples has.
///
/// # Errors
/// [`Error::ZeroBatchSize`], or [`Error::NoBatch`] if there would be none.
///
/// ```
/// use seismograd_cifar10::batches_per_epoch;
///
/// assert_eq!(batches_per_epoch(50_000, 150, true)?, 333);
/// assert_eq!(batches_per_epoch(50_000, 150, false)?, 334);
/// # Ok::<(), seismograd_cifar10::Error>(())
/// ```
pub fn batches_per_epoch(samples: usize, batch_size: usize, drop_incomplete: bool) -> Result<usize, Error> {
    if batch_size == 0 {
        return Err(Error::ZeroBatchSize);
    }
    match if drop_incomplete { samples / batch_size } else { samples.div_ceil(batch_size) } {
        0 => Err(Error::NoBatch { samples, batch_size }),
        count => Ok(count),
    }
}

/// The batches of epoch `epoch` (from 0) over the samples `0..samples`: indices of samples, in order of use.
///
/// Every sample is in at most one batch, and in exactly one unless it falls into an incomplete batch that is dropped. The
/// incomplete batch is the last one cut; under [`Shuffle::Batches`] it may come anywhere in the epoch.
///
/// # Errors
/// As [`batches_per_epoch`].
///
/// # Panics
/// If `samples` exceeds `u32::MAX`.
///
/// ```
/// use seismograd_cifar10::{Shuffle, epoch_batches};
///
/// let batches = epoch_batches(10, 4, Shuffle::Batches, 1, 0, false)?;
/// let mut sorted = batches.clone();
/// sorted.sort();
/// assert_eq!(sorted, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
/// assert_eq!(batches, epoch_batches(10, 4, Shuffle::Batches, 1, 0, false)?);
/// # Ok::<(), seismograd_cifar10::Error>(())
/// ```
#[track_caller]
pub fn epoch_batches(
    samples: usize,
    batch_size: usize,
    shuffle: Shuffle,
    seed: u64,
    epoch: u64,
    drop_incomplete: bool,
) -> Result<Vec<Vec<u32>>, Error> {
    let count = batches_per_epoch(samples, batch_size, drop_incomplete)?;
    let Ok(end) = u32::try_from(samples) else { panic!("epoch_batches: {samples} samples exceed 32-bit indices") };
    let mut indices: Vec<u32> = (0..end).collect();
    if shuffle == Shuffle::Samples {
        permute(&mut indices, seed, epoch);
    }
    let mut batches: Vec<Vec<u32>> = indices.chunks(batch_size).take(count).map(<[u32]>::to_vec).collect();
    if shuffle == Shuffle::Batches {
        permute(&mut batches, seed, epoch);
    }
    Ok(batches)
}

/// Fisher and Yates's shuffle, from the end (Knuth, "The Art of Computer Programming", volume 2, algorithm P).
fn permute<T>(items: &mut [T], seed: u64, epoch: u64) {
    let mut generator = generator(seed, epoch);
    for last in (1..items.len()).rev() {
        let bound = u32::try_from(last + 1).expect("there are at most u32::MAX samples");
        items.swap(last, below(bound, || generator.next_u32()) as usize);
    }
}

/// ChaCha8 with the key `seed` (little-endian, 8 bytes) and the purpose (24 bytes), on the stream `epoch`.
///
/// The key is spelled out because `seed_from_u64` is a convention of the library, not of the cipher.
fn generator(seed: u64, epoch: u64) -> ChaCha8Rng {
    let mut key = *b"--------order of the batches----";
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(epoch);
    generator
}

/// An unbiased draw from `0..bound`: Lemire, "Fast Random Integer Generation in an Interval" (2019), algorithm 5.
///
/// The high half of a 32x32-bit product is the draw. Of the 2^32 possible low halves, the first `2^32 mod bound` are the
/// surplus that would favour some draws; they are rejected. `word` gives uniform words.
fn below(bound: u32, mut word: impl FnMut() -> u32) -> u32 {
    let surplus = bound.wrapping_neg() % bound;
    loop {
        let product = u64::from(word()) * u64::from(bound);
        if product as u32 >= surplus {
            return (product >> 32) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surplus_is_rejected() {
        // 2^32 mod 6 = 4: words whose product with 6 has a low half below 4 are surplus. 0 gives 0, 715827883 gives 2.
        let draw = |words: &[u32]| {
            let mut words = words.iter();
            let drawn = below(6, || *words.next().expect("the script has enough words"));
            (drawn, words.len())
        };
        assert_eq!(draw(&[0, 715_827_883, u32::MAX, 9]), (5, 1));
        assert_eq!(draw(&[1]), (0, 0));
        assert_eq!(below(1, || 0), 0);
    }

    #[test]
    fn a_power_of_two_rejects_nothing() {
        assert_eq!(below(1 << 31, || 0), 0);
        assert_eq!(below(1 << 31, || u32::MAX), (1 << 31) - 1);
    }
}
