//! Order statistics: the elements that would stand at given ranks if all were sorted.
//!
//! Nothing is sorted. Recorded tensors are mostly either half zeros (behind a ReLU or a dropout) or spread over many magnitudes, so:
//!
//! ```text
//! take the zeros out: their ranks follow from their number and that of the negatives
//! count the rest in buckets by sign, exponent and leading bits of the fraction
//! keep only the elements of the buckets in which a rank falls
//! select the ranks among these, the middle one first, the others on its either side
//! ```
//!
//! The order is `f32::total_cmp`'s with both zeros equal.

/// The elements at these ranks, ascending and below `elements.len()`, in sorted order; and the number of zeros. The slice is scratch: what
/// it holds afterwards is of no use.
pub(crate) fn order_statistics(elements: &mut [f32], ranks: &[usize]) -> (Vec<f32>, usize) {
    let all = elements.len();
    let others = keep(elements, |x| x != 0.0);
    let zeros = all - others.len();
    // Summed rather than counted: a sum of sign bits is vectorised.
    let below = others.iter().fold(0usize, |sum, x| sum.wrapping_add((x.to_bits() >> 31) as usize));
    let is_zero = |rank: usize| (below..below + zeros).contains(&rank);
    let other_ranks = ranks.iter().filter(|rank| !is_zero(**rank));
    let other_ranks: Vec<usize> = other_ranks.map(|&rank| if rank < below { rank } else { rank - zeros }).collect();
    let mut found = select(others, &other_ranks).into_iter();
    let value = |&rank: &usize| if is_zero(rank) { 0.0 } else { found.next().expect("one for each other rank") };
    (ranks.iter().map(value).collect(), zeros)
}

/// Leading bits of an element's key that choose its bucket: the sign, the exponent and 3 bits of the fraction.
const BITS: u32 = 12;
const BUCKETS: usize = 1 << BITS;
/// Elements from which on buckets are worth their counters.
const MANY: usize = 2 * BUCKETS;

/// The bucket of an element. A greater element is in the same bucket or a later one.
fn bucket(x: f32) -> usize {
    let bits = x.to_bits();
    // Negative numbers are ordered by their bits the other way round.
    let key = if x.is_sign_negative() { !bits } else { bits | 1 << 31 };
    (key >> (u32::BITS - BITS)) as usize
}

fn select(elements: &mut [f32], ranks: &[usize]) -> Vec<f32> {
    if elements.len() < MANY {
        return select_among(elements, ranks);
    }
    let mut counts = vec![0; BUCKETS];
    elements.iter().for_each(|&x| counts[bucket(x)] += 1);
    let mut wanted = [false; BUCKETS];
    // Elements in buckets before `at`: all of them, and those that will be kept.
    let (mut at, mut passed, mut kept) = (0, 0, 0);
    let kept_rank = |&rank: &usize| {
        while passed + counts[at] <= rank {
            passed += counts[at];
            kept += if wanted[at] { counts[at] } else { 0 };
            at += 1;
        }
        wanted[at] = true;
        kept + rank - passed
    };
    let ranks: Vec<usize> = ranks.iter().map(kept_rank).collect();
    select_among(keep(elements, |x| wanted[bucket(x)]), &ranks)
}

fn select_among(elements: &[f32], ranks: &[usize]) -> Vec<f32> {
    // Integers of the same order: they are compared in one instruction, and moved without a branch.
    let mut keys: Vec<i32> = elements.iter().map(|x| ordered(x.to_bits() as i32)).collect();
    place(&mut keys, ranks, 0);
    ranks.iter().map(|&rank| f32::from_bits(ordered(keys[rank]) as u32)).collect()
}

/// The bits of an `f32` as an integer that compares as `f32::total_cmp` does, and back.
fn ordered(bits: i32) -> i32 {
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

/// Moves the wanted elements to the front. There is no branch, since which element is wanted cannot be predicted.
fn keep(elements: &mut [f32], wanted: impl Fn(f32) -> bool) -> &mut [f32] {
    let mut len = 0;
    for at in 0..elements.len() {
        let x = elements[at];
        elements[len] = x;
        len += usize::from(wanted(x));
    }
    &mut elements[..len]
}

/// Puts the elements of these ranks, ascending and counted from `first`, where sorting would put them.
///
/// The middle rank is selected first, and the others only among the elements on their side of it: each level of the recursion looks at
/// fewer elements than the one before, unlike a selection in all elements for each rank.
fn place(keys: &mut [i32], ranks: &[usize], first: usize) {
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

    fn check(elements: &[f32], ranks: &[usize]) {
        let mut sorted: Vec<f32> = elements.iter().map(|x| x + 0.0).collect();
        sorted.sort_by(f32::total_cmp);
        let expect: Vec<u32> = ranks.iter().map(|&rank| sorted[rank].to_bits()).collect();
        let (found, zeros) = order_statistics(&mut elements.to_vec(), ranks);
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
        assert!(elements.is_sorted_by_key(|&x| bucket(x)));
    }

    proptest! {
        #[test]
        fn agrees_with_sorting(elements in vec(prop_oneof![Just(0.0f32), -2f32..2.0, any::<f32>()], 1..100), at in 0usize..100) {
            let last = elements.len() - 1;
            check(&elements, &[0, at.min(last), (at + 1).min(last), last]);
        }
    }
}
