//! The statistics of one signal at one step, as [`Statistic`] defines them.
//!
//! Time is linear in the number of elements: one or two passes for the moments, and for the quantiles selection instead of sorting. The
//! additions have a fixed order that depends on no processor and no thread, so equal elements give equal bits.
//!
//! ```
//! use seismograd_record::statistics::summarize;
//! use seismograd_trace::Statistic;
//!
//! let summary = summarize(&[3.0, 0.0, -4.0, 0.0]);
//! let of = |statistic: Statistic| summary[statistic as usize];
//! assert_eq!(of(Statistic::Mean), -0.25);
//! assert_eq!(of(Statistic::L2Norm), 5.0);
//! assert_eq!(of(Statistic::Q75), 0.75);
//! assert_eq!(of(Statistic::ZeroFraction), 0.5);
//! ```

use crate::digest::sampled;
use crate::order::order_statistics;
use seismograd_tensor::moments::Moments;
use seismograd_trace::Statistic;

/// The number of statistics.
pub const COUNT: usize = Statistic::ALL.len();

/// The most elements among which the quantiles of a signal outside of the output layer are looked for. Among as many, if they are independent, the median's
/// rank has a standard error of 1.1 %, that of the 5 % quantile one of 0.5 %.
pub const SAMPLE: usize = 2048;

/// All statistics of the elements, in the order of [`Statistic::ALL`].
///
/// A zero is recorded as `+0`. Elements that are not finite spread to the results by the rules of arithmetic. The statistics are
/// defined for one element or more; of none, all are 0.
pub fn summarize(elements: &[f32]) -> [f32; COUNT] {
    summarize_pieces(&[elements])
}

/// [`summarize`] of elements that lie in pieces.
pub(crate) fn summarize_pieces(pieces: &[&[f32]]) -> [f32; COUNT] {
    if pieces.iter().all(|piece| piece.is_empty()) {
        return [0.0; COUNT];
    }
    assemble(&Moments::exact_of(pieces), pieces)
}

/// As [`summarize`], at the speed at which memory is read: where there are more than [`SAMPLE`] elements, quantiles are those of one in each of as many strata
/// of equal length, the `i`th at the fraction of `i` times the golden ratio through its stratum. The other statistics are of all elements; their sums are
/// made in blocks, in `f32` lanes ([`Moments::of`]), and off by a few 1e-7.
pub fn summarize_sampled(elements: &[f32]) -> [f32; COUNT] {
    if elements.is_empty() {
        return [0.0; COUNT];
    }
    // In this order: elements are read one after the other before they are picked.
    let moments = Moments::of(elements);
    assemble_sampled(&moments, elements.len(), |place| elements[place])
}

/// [`summarize_sampled`] of elements, and of what they are more than those `before`, which are as many.
pub(crate) fn summarize_change(elements: &[f32], before: &[f32]) -> [[f32; COUNT]; 2] {
    if elements.is_empty() {
        return [[0.0; COUNT]; 2];
    }
    let [own, change] = Moments::of_change(elements, before);
    [
        assemble_sampled(&own, elements.len(), |place| elements[place]),
        assemble_sampled(&change, elements.len(), |place| elements[place] - before[place]),
    ]
}

/// The statistics of `n` elements of which the moments are known.
fn assemble_sampled(moments: &Moments, n: usize, element: impl Fn(usize) -> f32) -> [f32; COUNT] {
    let sample: Vec<f32> = sampled(n, 0..n).map(element).collect();
    assemble(moments, &[&sample])
}

/// The statistics of elements of which the moments are known, and whose quantiles are those of a sample, which lies in pieces and is not empty.
pub(crate) fn assemble(moments: &Moments, sample: &[&[f32]]) -> [f32; COUNT] {
    let quantiles = Quantiles::of(sample);
    let n = moments.count;
    let [m2, m3, m4] = moments.central.map(|power| power / n);
    // By definition rather than by rounding: the mean of equal elements may be off by a bit, and so seem to leave a spread.
    let constant = moments.min == moments.max && moments.mean.is_finite();
    let spread = |value: f64| if constant { 0.0 } else { value };
    Statistic::ALL.map(|statistic| {
        let value = match statistic {
            Statistic::Mean => moments.mean,
            Statistic::Std => spread(m2.sqrt()),
            Statistic::L2Norm => moments.squares().sqrt(),
            Statistic::MeanAbs => moments.absolutes / n,
            Statistic::Min => f64::from(moments.min),
            Statistic::Max => f64::from(moments.max),
            Statistic::Q05 | Statistic::Q25 | Statistic::Q50 | Statistic::Q75 | Statistic::Q95 => {
                quantiles.at(statistic.probability().expect("a quantile has a probability"))
            }
            Statistic::Skewness => spread(m3 / (m2 * m2.sqrt())),
            Statistic::Kurtosis => spread(m4 / (m2 * m2)),
            Statistic::ZeroFraction => moments.zeros / n,
        };
        // Adding +0 turns -0 into +0 and changes nothing else.
        value as f32 + 0.0
    })
}

/// The statistics that are quantiles.
const QUANTILES: usize = 5;

/// The order statistics that quantiles need, by rank.
struct Quantiles {
    ranks: [usize; 2 * QUANTILES],
    values: Vec<f32>,
    last: usize,
}

impl Quantiles {
    fn of(pieces: &[&[f32]]) -> Quantiles {
        let last = pieces.iter().map(|piece| piece.len()).sum::<usize>() - 1;
        let mut ranks = [0; 2 * QUANTILES];
        for (around, p) in
            ranks.as_chunks_mut().0.iter_mut().zip(Statistic::ALL.into_iter().filter_map(Statistic::probability))
        {
            let below = position(p, last).floor() as usize;
            *around = [below, (below + 1).min(last)];
        }
        ranks.sort_unstable();
        let (values, _) = order_statistics(pieces, &ranks);
        Quantiles { ranks, values, last }
    }

    /// Linear interpolation between the order statistics around `p (n - 1)`.
    fn at(&self, p: f64) -> f64 {
        let position = position(p, self.last);
        let below = position.floor() as usize;
        let (low, high) = (self.ranked(below), self.ranked((below + 1).min(self.last)));
        low + (position - position.floor()) * (high - low)
    }

    fn ranked(&self, rank: usize) -> f64 {
        f64::from(self.values[self.ranks.binary_search(&rank).expect("a rank that was asked for")])
    }
}

fn position(p: f64, last: usize) -> f64 {
    p * last as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The definitions, by sorting and plain sums.
    fn naive(elements: &[f32]) -> [f64; COUNT] {
        let mut x: Vec<f64> = elements.iter().copied().map(f64::from).collect();
        x.sort_by(f64::total_cmp);
        let n = x.len() as f64;
        let mean_of = |f: &dyn Fn(f64) -> f64| x.iter().map(|&x| f(x)).sum::<f64>() / n;
        let mean = mean_of(&|x| x);
        let central = |k: i32| if x[0] == x[x.len() - 1] { 0.0 } else { mean_of(&|x| (x - mean).powi(k)) };
        let over = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a / b };
        Statistic::ALL.map(|statistic| match statistic {
            Statistic::Mean => mean,
            Statistic::Std => central(2).sqrt(),
            Statistic::L2Norm => (mean_of(&|x| x * x) * n).sqrt(),
            Statistic::MeanAbs => mean_of(&f64::abs),
            Statistic::Min => x[0],
            Statistic::Max => x[x.len() - 1],
            Statistic::Skewness => over(central(3), central(2).powf(1.5)),
            Statistic::Kurtosis => over(central(4), central(2).powi(2)),
            Statistic::ZeroFraction => mean_of(&|x| f64::from(u8::from(x == 0.0))),
            quantile => {
                let position = quantile.probability().expect("a quantile") * (n - 1.0);
                let (below, above) = (x[position.floor() as usize], x[position.ceil() as usize]);
                below * (1.0 - position.fract()) + above * position.fract()
            }
        })
    }

    fn is_skewness(statistic: Statistic) -> bool {
        statistic == Statistic::Skewness
    }

    /// Equal up to one rounding to f32, or up to the error of the f64 sums where these cancel: `scale` is the size of what was added up.
    fn check_close(found: f32, expect: f64, scale: f64, statistic: Statistic) {
        let tolerance = expect.abs() * 1.3e-7 + scale * 1e-9;
        assert!((f64::from(found) - expect).abs() <= tolerance, "{statistic:?}: {found}, expected {expect}");
    }

    fn check_naive(elements: &[f32]) {
        let expect = naive(elements);
        let mean_abs = expect[Statistic::MeanAbs as usize];
        let found = summarize(elements);
        for (statistic, (found, expect)) in Statistic::ALL.into_iter().zip(found.into_iter().zip(expect)) {
            let scale = if is_skewness(statistic) { 1.0 } else { mean_abs };
            check_close(found, expect, scale, statistic);
        }
    }

    fn check(elements: &[f32], expect: &[(Statistic, f32)]) {
        let found = summarize(elements);
        for &(statistic, expect) in expect {
            assert_eq!(found[statistic as usize].to_bits(), expect.to_bits(), "{statistic:?} of {elements:?}");
        }
    }

    #[test]
    fn worked_by_hand() {
        use Statistic::*;
        // Mean 2, deviations -2, -1, 0, 3: m2 = 3.5, m3 = 4.5, m4 = 24.5.
        check(
            &[5.0, 1.0, 0.0, 2.0],
            &[
                (Mean, 2.0),
                (Std, 3.5f64.sqrt() as f32),
                (L2Norm, 30f64.sqrt() as f32),
                (MeanAbs, 2.0),
                (Min, 0.0),
                (Max, 5.0),
                (Q05, 0.15),
                (Q25, 0.75),
                (Q50, 1.5),
                (Q75, 2.75),
                (Q95, 4.55),
                (Skewness, (4.5 / (3.5 * 3.5f64.sqrt())) as f32),
                (Kurtosis, 2.0),
                (ZeroFraction, 0.25),
            ],
        );
        check(&[1.0, -1.0], &[(Mean, 0.0), (Std, 1.0), (Skewness, 0.0), (Kurtosis, 1.0), (Q50, 0.0)]);
        let to_a_hundred: Vec<f32> = (0..=100).rev().map(|x| x as f32).collect();
        check(&to_a_hundred, &[(Q05, 5.0), (Q25, 25.0), (Q50, 50.0), (Q75, 75.0), (Q95, 95.0)]);
    }

    #[test]
    fn a_sample_is_of_fixed_places_and_only_for_quantiles() {
        let n = 10 * SAMPLE;
        let elements: Vec<f32> = (0..n).map(|at| ((at * 7919) % n) as f32).collect();
        let exact = summarize(&elements);
        let sampled = summarize_sampled(&elements);
        // Strata of ten.
        let fraction = |i: f64| (i * 0.618_033_988_749_894_9).fract();
        let places = (0..SAMPLE as u32).map(|i| (10.0 * (f64::from(i) + fraction(f64::from(i)))) as usize);
        let tenth = summarize(&places.map(|place| elements[place]).collect::<Vec<_>>());
        for statistic in Statistic::ALL {
            let (found, exact) = (sampled[statistic as usize], exact[statistic as usize]);
            match statistic.probability() {
                Some(_) => assert_eq!(found, tenth[statistic as usize], "{statistic:?}"),
                None => check_close(found, f64::from(exact), f64::from(exact).abs() * 1e3 + 100.0, statistic),
            }
        }
        // Of few elements there is no sample.
        let (few, exact) = (summarize_sampled(&elements[..SAMPLE]), summarize(&elements[..SAMPLE]));
        assert_eq!(few[Statistic::Q25 as usize], exact[Statistic::Q25 as usize]);
        assert_eq!(summarize_sampled(&[]), [0.0; COUNT]);
    }

    #[test]
    fn a_change_is_summarized_as_the_differences_are() {
        for n in [0, 1, 100, SAMPLE + 1, 40_000] {
            let (after, before): (Vec<f32>, Vec<f32>) =
                (0..n).map(|at| ((at * 7919 % 1009) as f32, (at * 104_729 % 997) as f32)).unzip();
            let change: Vec<f32> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
            assert_eq!(summarize_change(&after, &before), [&after, &change].map(|x| summarize_sampled(x)), "{n}");
        }
    }

    #[test]
    fn a_constant_has_no_spread() {
        use Statistic::*;
        for value in [0.1f32, -3.0e38, 1e-45, 1.0] {
            for n in [1, 2, 3, 5, 1000] {
                let shape = [(Std, 0.0), (Skewness, 0.0), (Kurtosis, 0.0), (ZeroFraction, 0.0)];
                let place = [Mean, Min, Max, Q05, Q25, Q50, Q75, Q95].map(|statistic| (statistic, value));
                check(&vec![value; n], &[&shape[..], &place[..]].concat());
            }
        }
    }

    #[test]
    fn zeros_of_both_signs_are_one_constant() {
        let zeros = Statistic::ALL.map(|s| (s, if s == Statistic::ZeroFraction { 1.0 } else { 0.0 }));
        check(&[0.0, -0.0, 0.0, -0.0, -0.0], &zeros);
        check(&[-0.0], &zeros);
    }

    #[test]
    fn one_odd_element_among_many() {
        let mut elements = vec![1.0; 51_200];
        elements[7] = 1.0 + f32::EPSILON;
        let summary = summarize(&elements);
        // A share q of one value and 1 - q of another: the kurtosis is 1/q + 1/(1-q) - 3.
        let expect = 51_200.0 + 51_200.0 / 51_199.0 - 3.0;
        check_close(summary[Statistic::Kurtosis as usize], expect, expect * 10.0, Statistic::Kurtosis);
    }

    #[test]
    fn nothing_gives_zeros() {
        assert_eq!(summarize(&[]), [0.0; COUNT]);
    }

    #[test]
    fn extremes_stay_finite() {
        for elements in
            [&mut [f32::MAX, -f32::MAX, 0.0][..], &mut [1e-45, 0.0, 3e-45], &mut [f32::MAX, 1e-45, 1.0, 1.0]]
        {
            // The norm of two greatest numbers is too large for an f32: the one exception.
            let exception = elements.contains(&-f32::MAX);
            assert!(summarize(elements).iter().all(|x| x.is_finite()) || exception, "{elements:?}");
        }
    }

    #[test]
    fn what_is_not_finite_shows_and_does_not_panic() {
        let summary = summarize(&[1.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0]);
        assert!(summary[Statistic::Mean as usize].is_nan());
        assert!(summary[Statistic::Std as usize].is_nan());
        // Extremes are those of the numbers, which are equal here.
        let summary = summarize(&[1.0, f32::NAN]);
        assert!(
            [Statistic::Std, Statistic::Skewness, Statistic::Kurtosis].iter().all(|&s| summary[s as usize].is_nan())
        );
    }

    #[test]
    fn sizes_around_the_lanes() {
        for n in [1, 2, 3, 4, 5, 7, 8, 9, 13, 101, 5120, 20_011] {
            check_naive(&(0..n).map(|i| ((i * 7919 % 1009) as f32 - 300.0) / 64.0).collect::<Vec<_>>());
        }
    }

    /// Elements as networks make them: many exact zeros, and sizes far apart.
    fn elements() -> impl Strategy<Value = Vec<f32>> {
        let element = prop_oneof![2 => Just(0.0f32), 3 => -1f32..1.0, 1 => -1e4f32..1e4, 1 => -1e-6f32..1e-6];
        vec(element, 1..200)
    }

    proptest! {
        #[test]
        fn agrees_with_the_definitions(elements in elements()) {
            check_naive(&elements);
        }

        #[test]
        fn the_order_of_the_elements_does_not_matter(
            (elements, shuffled) in elements().prop_flat_map(|x| (Just(x.clone()), Just(x).prop_shuffle())),
        ) {
            let (one, other) = (summarize(&elements), summarize(&shuffled));
            let mean_abs = f64::from(one[Statistic::MeanAbs as usize]);
            for (statistic, (a, b)) in Statistic::ALL.into_iter().zip(one.into_iter().zip(other)) {
                let order = matches!(statistic, Statistic::Min | Statistic::Max | Statistic::ZeroFraction);
                if order || statistic.probability().is_some() {
                    prop_assert_eq!(a.to_bits(), b.to_bits());
                } else {
                    check_close(a, f64::from(b), if is_skewness(statistic) { 1.0 } else { mean_abs }, statistic);
                }
            }
        }

        #[test]
        fn shifting_and_scaling_carry_over(integers in vec(-1000i16..1000, 2..100), shift in -500i16..500, doublings in 0i32..4) {
            // Integers and powers of two: shifted and scaled without rounding.
            let scale = 2f32.powi(doublings);
            let plain: Vec<f32> = integers.iter().map(|&x| f32::from(x)).collect();
            let moved: Vec<f32> = plain.iter().map(|x| x * scale + f32::from(shift)).collect();
            let (plain, moved) = (summarize(&plain), summarize(&moved));
            for statistic in Statistic::ALL {
                let x = f64::from(plain[statistic as usize]);
                let expect = match statistic {
                    Statistic::Skewness | Statistic::Kurtosis => x,
                    Statistic::Std => x * f64::from(scale),
                    Statistic::L2Norm | Statistic::MeanAbs | Statistic::ZeroFraction => continue,
                    _ => x * f64::from(scale) + f64::from(shift),
                };
                // `x` was rounded to f32 already, at the size of up to 1000, and so was the result.
                let size = if matches!(statistic, Statistic::Skewness | Statistic::Kurtosis) { 10.0 } else { 1000.0 * f64::from(scale) };
                check_close(moved[statistic as usize], expect, size * 250.0, statistic);
            }
        }
    }
}
