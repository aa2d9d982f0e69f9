//! Batching orders: golden orders computed by an independent implementation of ChaCha8 in Python, and properties.

use proptest::prelude::*;
use seismograd_cifar10::{Error, Shuffle, batches_per_epoch, digests::sha256_of, epoch_batches};
use std::collections::BTreeSet;

fn samples(count: usize, seed: u64, epoch: u64) -> Vec<u32> {
    epoch_batches(count, 5, Shuffle::Samples, seed, epoch, false).unwrap().concat()
}

#[test]
fn golden_orders_of_samples() {
    assert_eq!(samples(12, 1, 0), [8, 3, 5, 11, 6, 2, 7, 1, 9, 4, 0, 10]);
    assert_eq!(samples(12, 1, 1), [5, 0, 6, 10, 4, 11, 9, 3, 8, 7, 2, 1]);
    assert_eq!(samples(12, 2, 0), [4, 10, 5, 7, 8, 2, 9, 3, 6, 0, 11, 1]);
    assert_eq!(samples(12, 0x0123_4567_89ab_cdef, (1 << 40) + 5), [11, 2, 1, 7, 9, 4, 6, 3, 5, 8, 0, 10]);
}

#[test]
fn golden_order_of_the_training_set() {
    let order = samples(50_000, 7, 3);
    assert_eq!(order[..5], [40904, 6325, 49304, 45764, 40317]);
    let bytes: Vec<u8> = order.iter().flat_map(|index| index.to_le_bytes()).collect();
    let digest = sha256_of(&bytes[..]).unwrap();
    assert_eq!(digest, "eeefed45d37829347b7575419435a18387c7566e00131739e777a3c308183d1c");
}

#[test]
fn golden_order_of_batches() {
    let batches = epoch_batches(24, 2, Shuffle::Batches, 1, 0, true).unwrap();
    let first: Vec<u32> = batches.iter().map(|batch| batch[0] / 2).collect();
    assert_eq!(first, [8, 3, 5, 11, 6, 2, 7, 1, 9, 4, 0, 10]);
    assert!(batches.iter().all(|batch| batch[1] == batch[0] + 1));
}

#[test]
fn file_order_when_nothing_is_shuffled() {
    let batches = epoch_batches(7, 3, Shuffle::None, 1, 9, false).unwrap();
    assert_eq!(batches, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
}

#[test]
fn impossible_sizes_are_errors_in_one_line() {
    let line = |samples, size, drop| batches_per_epoch(samples, size, drop).unwrap_err().to_string();
    assert!(matches!(epoch_batches(5, 0, Shuffle::None, 0, 0, false), Err(Error::ZeroBatchSize)));
    assert_eq!(line(5, 0, true), "batch size 0 asks for batches without samples; use 1 or more");
    assert_eq!(
        line(5, 6, true),
        "no batch in an epoch: 5 samples do not fill one batch of 6 and incomplete batches are dropped; use a smaller batch \
         size or more samples"
    );
    assert!(matches!(batches_per_epoch(0, 6, false), Err(Error::NoBatch { .. })));
}

#[test]
fn names_are_read_as_they_are_written() {
    for (shuffle, name) in [(Shuffle::Samples, "samples"), (Shuffle::Batches, "batches"), (Shuffle::None, "none")] {
        assert_eq!(shuffle.to_string(), name);
        assert_eq!(name.parse::<Shuffle>().unwrap(), shuffle);
    }
    let line = "Sample".parse::<Shuffle>().unwrap_err().to_string();
    assert_eq!(line, "unknown shuffle \"Sample\"; use samples, batches, none");
}

fn any_shuffle() -> impl Strategy<Value = Shuffle> {
    prop_oneof![Just(Shuffle::Samples), Just(Shuffle::Batches), Just(Shuffle::None)]
}

proptest! {
    #[test]
    fn an_epoch_uses_every_sample_once(
        count in 1usize..300, size in 1usize..40, shuffle in any_shuffle(), seed: u64, epoch: u64,
    ) {
        let batches = epoch_batches(count, size, shuffle, seed, epoch, false).unwrap();
        prop_assert_eq!(batches.len(), batches_per_epoch(count, size, false).unwrap());
        prop_assert!(batches.iter().filter(|batch| batch.len() != size).count() <= 1);
        let mut indices = batches.concat();
        indices.sort_unstable();
        prop_assert_eq!(indices, (0..count as u32).collect::<Vec<_>>());
    }

    #[test]
    fn dropping_leaves_whole_batches_of_distinct_samples(
        size in 1usize..40, extra in 0usize..260, shuffle in any_shuffle(), seed: u64, epoch: u64,
    ) {
        let count = size + extra;
        let batches = epoch_batches(count, size, shuffle, seed, epoch, true).unwrap();
        prop_assert_eq!(batches.len(), count / size);
        prop_assert!(batches.iter().all(|batch| batch.len() == size));
        let distinct: BTreeSet<u32> = batches.concat().into_iter().collect();
        prop_assert_eq!(distinct.len(), count / size * size);
        prop_assert!(distinct.iter().all(|index| (*index as usize) < count));
    }

    #[test]
    fn shuffled_batches_have_constant_contents(
        size in 1usize..40, extra in 0usize..260, seed: u64, epoch: u64, drop: bool,
    ) {
        let count = size + extra;
        let mut shuffled = epoch_batches(count, size, Shuffle::Batches, seed, epoch, drop).unwrap();
        shuffled.sort_unstable();
        prop_assert_eq!(shuffled, epoch_batches(count, size, Shuffle::None, seed, epoch, drop).unwrap());
    }

    #[test]
    fn an_order_is_a_function_of_seed_and_epoch(seed: u64, epoch in 0u64..1000) {
        prop_assert_eq!(samples(100, seed, epoch), samples(100, seed, epoch));
        prop_assert_ne!(samples(100, seed, epoch), samples(100, seed, epoch + 1));
        prop_assert_ne!(samples(100, seed, epoch), samples(100, seed ^ 1, epoch));
    }
}
