//! Order statistics: the elements that would stand at given ranks if all were sorted.
//!
//! Nothing is sorted. Recorded tensors are mostly either half zeros (behind a ReLU or a dropout) or spread over many magnitudes, so:
//!
//! ```text
//! turn the elements into integers of the same order, and take the zeros out: their ranks follow from their number and that of the negatives
//! count the rest in buckets by sign, exponent and leading bits of the fraction
//! keep only the elements of the buckets in which a rank falls, and count these again, by the next bits
//! select the ranks among what is left, the middle one first, the others on its either side
//! ```
//!
//! The order is `f32::total_cmp`'s with both zeros equal. No loop has a branch that depends on the elements, since none could be predicted.

use seismograd_tensor::order::{Keys, ZERO, element, keys_with_prefixes, nonzero_keys};

/// Of elements that lie in pieces those at these ranks, ascending and below the elements' number, in sorted order; and the number of zeros.
pub(crate) fn order_statistics(pieces: &[&[f32]], ranks: &[usize]) -> (Vec<f32>, usize) {
    let keys = nonzero_keys(pieces);
    let zeros = pieces.iter().map(|piece| piece.len()).sum::<usize>() - keys.len();
    let below = keys.below(ZERO);
    let is_zero = |rank: usize| (below..below + zeros).contains(&rank);
    let other_ranks = ranks.iter().filter(|rank| !is_zero(**rank));
    let other_ranks: Vec<usize> = other_ranks.map(|&rank| if rank < below { rank } else { rank - zeros }).collect();
    let mut found = select(keys, &other_ranks).into_iter();
    let value =
        |&rank: &usize| if is_zero(rank) { 0.0 } else { element(found.next().expect("one for each other rank")) };
    (ranks.iter().map(value).collect(), zeros)
}

/// Leading bits of a key that choose an element's bucket: the sign, the exponent and 2 bits of the fraction.
const LEADING: u32 = 11;
/// Bits behind them that choose among the buckets of a leading one.
const NEXT: u32 = 7;
/// The most buckets.
const BUCKETS: usize = 1 << LEADING;
/// The most ranks: each one's bucket is cut once more.
const RANKS: usize = BUCKETS >> NEXT;
/// Elements from which on buckets are worth their counters.
const MANY: usize = 128;
/// Buckets that are passed over together.
const GROUP: usize = 16;

/// The bucket of an element by its leading bits.
fn leading(key: u32) -> usize {
    (key >> (u32::BITS - LEADING)) as usize
}

/// The bucket of an element, among those of one leading bucket, by its next bits.
fn next(key: u32) -> usize {
    ((key << LEADING) >> (u32::BITS - NEXT)) as usize
}

fn select(mut keys: Keys, ranks: &[usize]) -> Vec<u32> {
    assert!(ranks.len() <= RANKS, "order statistics: {} ranks", ranks.len());
    if keys.len() < MANY || ranks.is_empty() {
        return select_among(&mut keys, ranks);
    }
    let leading_buckets = Buckets { bits: LEADING, len: 1 << LEADING, of: leading, prefix: |bucket| bucket as u32 };
    let (mut keys, ranks, wanted) = narrow(&keys, ranks, &leading_buckets);
    if keys.len() < MANY {
        return select_among(&mut keys, &ranks);
    }
    // Each wanted bucket is cut in its turn.
    let mut order = [0u8; 1 << LEADING];
    wanted.iter().zip(0..).for_each(|(&bucket, at)| order[bucket as usize] = at);
    let next_buckets = Buckets {
        bits: LEADING + NEXT,
        len: wanted.len() << NEXT,
        of: |key| usize::from(order[leading(key)]) << NEXT | next(key),
        prefix: |bucket| wanted[bucket >> NEXT] << NEXT | (bucket % (1 << NEXT)) as u32,
    };
    let (mut keys, ranks, _) = narrow(&keys, &ranks, &next_buckets);
    select_among(&mut keys, &ranks)
}

/// Buckets in the order of their elements, each those of one prefix.
struct Buckets<Of, Prefix> {
    /// The length of a prefix.
    bits: u32,
    /// Their number.
    len: usize,
    /// The bucket of an element.
    of: Of,
    /// The prefix of a bucket.
    prefix: Prefix,
}

/// The elements of the buckets in which a rank falls, the ranks among these, and the buckets' prefixes.
fn narrow(
    keys: &[u32],
    ranks: &[usize],
    buckets: &Buckets<impl Fn(u32) -> usize, impl Fn(usize) -> u32>,
) -> (Keys, Vec<usize>, Vec<u32>) {
    // Two counters a bucket: one that was just raised takes its time to be there to be raised again.
    let mut counts = [[0u32; 2]; BUCKETS];
    let counts = &mut counts[..buckets.len];
    let (pairs, rest) = keys.as_chunks::<2>();
    for &[a, b] in pairs {
        counts[(buckets.of)(a)][0] += 1;
        counts[(buckets.of)(b)][1] += 1;
    }
    rest.iter().for_each(|&key| counts[(buckets.of)(key)][0] += 1);
    let (mut wanted, mut kept_ranks) = (Vec::with_capacity(ranks.len()), Vec::with_capacity(ranks.len()));
    // Elements in buckets before the one at hand: all of them, and those that will be kept.
    let (mut passed, mut kept) = (0, 0);
    for (group, counts) in counts.chunks(GROUP).enumerate() {
        let Some(&next) = ranks.get(kept_ranks.len()) else { break };
        let all = counts.iter().fold(0, |all, [a, b]| all + a + b) as usize;
        if next >= passed + all {
            passed += all;
            continue;
        }
        for (at, [a, b]) in counts.iter().enumerate() {
            let end = passed + (a + b) as usize;
            let here = ranks[kept_ranks.len()..].iter().take_while(|&&rank| rank < end);
            let before = kept_ranks.len();
            kept_ranks.extend(here.map(|rank| kept + rank - passed));
            if kept_ranks.len() > before {
                wanted.push((buckets.prefix)(group * GROUP + at));
                kept += end - passed;
            }
            passed = end;
        }
    }
    (keys_with_prefixes(keys, &wanted, u32::BITS - buckets.bits), kept_ranks, wanted)
}

fn select_among(keys: &mut [u32], ranks: &[usize]) -> Vec<u32> {
    place(keys, ranks, 0);
    ranks.iter().map(|&rank| keys[rank]).collect()
}

/// Puts the elements of these ranks, ascending and counted from `first`, where sorting would put them.
///
/// The middle rank is selected first, and the others only among the elements on their side of it: each level of the recursion looks at
/// fewer elements than the one before, unlike a selection in all elements for each rank.
fn place(keys: &mut [u32], ranks: &[usize], first: usize) {
    let Some(&rank) = ranks.get(ranks.len() / 2) else { return };
    let (below, _, above) = keys.select_nth_unstable(rank - first);
    place(below, &ranks[..ranks.partition_point(|&other| other < rank)], first);
    place(above, &ranks[ranks.partition_point(|&other| other <= rank)..], rank + 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use seismograd_tensor::order::key;

    fn check(elements: &[f32], ranks: &[usize]) {
        let mut sorted: Vec<f32> = elements.iter().map(|x| x + 0.0).collect();
        sorted.sort_by(f32::total_cmp);
        let expect: Vec<u32> = ranks.iter().map(|&rank| sorted[rank].to_bits()).collect();
        let half = elements.len() / 2;
        let (found, zeros) = order_statistics(&[&elements[..half], &elements[half..]], ranks);
        assert_eq!(zeros, elements.iter().filter(|x| **x == 0.0).count());
        assert_eq!(found.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), expect);
    }

    /// Enough elements for the buckets, of all magnitudes and both signs; every `zero`-th is a zero.
    fn many(len: usize, zero: usize) -> Vec<f32> {
        let element = |at: usize| {
            let bits = (at as u32).wrapping_mul(0x9e37_79b9) & 0xbfff_ffff;
            if at.is_multiple_of(zero) { -0.0 } else { f32::from_bits(bits) }
        };
        (0..len).map(element).collect()
    }

    #[test]
    fn all_ranks_of_a_few() {
        check(&[3.0, -1.0, 0.0, -0.0, 2.0, -1.0, f32::INFINITY], &[0, 1, 2, 3, 4, 5, 6]);
        check(&[5.0], &[0, 0, 0]);
        check(&[-0.0], &[0]);
        check(&[], &[]);
    }

    #[test]
    fn ranks_around_the_size_where_buckets_begin() {
        for len in [MANY - 1, MANY, MANY + 1, 2 * MANY] {
            for zero in [2, 7, 2 * len] {
                let (last, middle) = (len - 1, len / 2);
                check(&many(len, zero), &[0, 1, len / 20, middle - 1, middle, middle, middle + 1, last - 1, last]);
            }
        }
    }

    #[test]
    fn many_equal_elements() {
        check(&vec![0.5; 2 * MANY], &[0, 7, MANY, 2 * MANY - 1]);
        check(&vec![0.0; 2 * MANY], &[0, 7, 2 * MANY - 1]);
    }

    #[test]
    fn buckets_follow_the_order() {
        let mut elements = many(10_000, 9);
        elements.extend([f32::NEG_INFINITY, f32::INFINITY, f32::NAN, -f32::NAN, f32::MIN_POSITIVE]);
        elements.sort_by(f32::total_cmp);
        assert!(elements.is_sorted_by_key(|&x| (leading(key(x)), next(key(x)))));
    }

    proptest! {
        #[test]
        fn agrees_with_sorting(elements in vec(prop_oneof![Just(0.0f32), -2f32..2.0, any::<f32>()], 1..100), at in 0usize..100) {
            let last = elements.len() - 1;
            check(&elements, &[0, at.min(last), (at + 1).min(last), last]);
        }
    }
}
