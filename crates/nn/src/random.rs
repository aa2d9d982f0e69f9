//! Random streams: one for each purpose, so that no draw depends on how many others were made.

use rand::{SeedableRng, rngs::ChaCha8Rng};

/// What random numbers are drawn for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    InitialWeights = 1,
    Dropout = 2,
}

/// The stream of the `index`-th user (a parameter, a layer) of a purpose.
pub(crate) fn stream(seed: u64, purpose: Purpose, index: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((purpose as u64) << 32 | u64::from(index));
    rng
}
