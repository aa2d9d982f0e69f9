//! Every level against the f64 reference over awkward sizes, and every level against every other bit by bit.

use super::*;
use crate::geometry::Window;
use crate::reference;

/// (input, kernel, stride, padding, channels in, channels out, samples).
type Size = ([usize; 2], [usize; 2], [usize; 2], [usize; 2], usize, usize, usize);

const SIZES: [Size; 20] = [
    ([1, 1], [1, 1], [1, 1], [0, 0], 1, 1, 1),
    ([8, 8], [3, 3], [1, 1], [1, 1], 32, 32, 2),
    ([32, 32], [3, 3], [1, 1], [1, 1], 3, 32, 1),
    ([9, 7], [3, 3], [1, 1], [1, 1], 5, 17, 2),
    ([7, 9], [3, 3], [2, 2], [1, 1], 16, 15, 3),
    ([8, 8], [3, 3], [2, 2], [1, 1], 31, 33, 1),
    ([8, 8], [1, 1], [2, 2], [0, 0], 4, 48, 1),
    ([11, 13], [5, 5], [2, 2], [1, 1], 2, 3, 1),
    ([6, 5], [2, 4], [1, 3], [1, 2], 3, 16, 1),
    ([5, 5], [5, 5], [1, 1], [0, 0], 7, 10, 2),
    ([4, 31], [1, 3], [3, 1], [0, 0], 1, 64, 1),
    ([3, 2], [3, 3], [1, 1], [2, 2], 1, 2, 1),
    ([2, 3], [2, 2], [1, 1], [1, 1], 13, 80, 1),
    ([4, 4], [3, 3], [1, 1], [1, 1], 8, 16, 0),
    // Those that Winograd's algorithm serves: whole tiles, hanging tiles, several blocks of tiles, odd numbers of vectors.
    ([4, 4], [3, 3], [1, 1], [1, 1], 16, 16, 1),
    ([7, 11], [3, 3], [1, 1], [1, 1], 48, 16, 3),
    ([16, 16], [3, 3], [1, 1], [1, 1], 32, 32, 3),
    ([13, 8], [3, 3], [1, 1], [1, 1], 16, 80, 2),
    ([8, 8], [3, 3], [1, 1], [1, 1], 64, 64, 5),
    ([8, 8], [3, 3], [1, 1], [1, 1], 32, 16, 0),
];

fn geometry((input, kernel, stride, padding, channels_in, channels_out, _): Size) -> Conv2d {
    Conv2d { window: Window { input, kernel, stride, padding }, channels_in, channels_out }
}

/// Values in (-1, 1) without pattern: a xorshift of the index.
fn values(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_available())
}

/// Partial sums of `terms` products of values below one wander to about the root of `terms`, and so do the rounding errors of
/// half an ulp that each addition makes of them: together about `terms` half-ulps. Four times that is allowed.
fn assert_close(got: &[f32], expect: &[f64], terms: usize, what: &str) {
    let bound = 4.0 * (terms + 1) as f64 * f64::from(f32::EPSILON) / 2.0;
    assert_eq!(got.len(), expect.len(), "{what}");
    for (at, (&got, &expect)) in got.iter().zip(expect).enumerate() {
        assert!(
            (f64::from(got) - expect).abs() <= bound,
            "{what}: element {at} is {got}, expected {expect} within {bound:e}"
        );
    }
}

struct Case {
    g: Conv2d,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    upstream: Vec<f32>,
}

impl Case {
    fn new(size: Size) -> Case {
        let g = geometry(size);
        Case {
            g,
            input: values(size.6 * g.input_len(), 1),
            weight: values(g.weight_len(), 2),
            bias: values(g.channels_out, 3),
            upstream: values(size.6 * g.output_len(), 4),
        }
    }

    /// Output, input gradient, the same through a ReLU, weight gradient and bias gradient at a level.
    fn run(&self, level: Level) -> [Vec<f32>; 5] {
        let g = &self.g;
        let mut output = vec![f32::NAN; self.upstream.len()];
        let packed = pack_forward(g, &self.weight);
        forward_at(g, level, &self.input, &packed, Some(&self.bias), Activation::Identity, &mut output);
        let packed = pack_input_gradient(g, &self.weight);
        let [input, through] = [None, Some(&self.input[..])].map(|rectified| {
            let mut gradient = vec![f32::NAN; self.input.len()];
            input_gradient_at(g, level, &self.upstream, &packed, rectified, &mut gradient);
            gradient
        });
        let (mut weight, mut bias) = (vec![f32::NAN; self.weight.len()], vec![f32::NAN; self.bias.len()]);
        weight_gradient_at(g, level, &self.input, &self.upstream, &mut weight, &mut bias);
        [output, input, through, weight, bias]
    }
}

#[test]
fn every_level_agrees_with_the_reference() {
    for size in SIZES {
        let case = Case::new(size);
        let g = &case.g;
        let (x, w, b, u) = (wide(&case.input), wide(&case.weight), wide(&case.bias), wide(&case.upstream));
        let taps = g.weight_len() / g.channels_out;
        let pixels = case.upstream.len() / g.channels_out;
        for level in levels() {
            let [output, input, through, weight, bias] = case.run(level);
            let what = |name: &str| format!("{name} at {level} of {size:?}");
            assert_close(&output, &reference::conv2d(g, &x, &w, Some(&b)), taps, &what("forward"));
            let expect = reference::conv2d_input_gradient(g, &u, &w);
            assert_close(&input, &expect, taps / g.channels_in * g.channels_out, &what("input gradient"));
            let masked = input.iter().zip(&case.input).map(|(&u, &x)| if x > 0.0 { u } else { 0.0 });
            assert!(masked.eq(through), "{}", what("input gradient through a ReLU"));
            let expect = reference::conv2d_weight_gradient(g, &x, &u);
            assert_close(&weight, &expect, pixels, &what("weight gradient"));
            let sum = |channel| u.iter().skip(channel).step_by(g.channels_out).sum();
            let expect: Vec<f64> = (0..g.channels_out).map(sum).collect();
            assert_close(&bias, &expect, pixels, &what("bias gradient"));
        }
    }
}

/// The root mean square of the error, in units of that of what is expected.
fn relative_error(got: &[f32], expect: &[f64]) -> f64 {
    let square = |x: f64| x * x;
    let error: f64 = got.iter().zip(expect).map(|(&got, &expect)| square(f64::from(got) - expect)).sum();
    (error / expect.iter().map(|&expect| square(expect)).sum::<f64>()).sqrt()
}

#[test]
fn winograds_error_stays_below_what_is_said_of_it() {
    for channels in [16, 32, 64] {
        let case = Case::new(([16, 16], [3, 3], [1, 1], [1, 1], channels, channels, 4));
        let g = &case.g;
        let (x, w, b, u) = (wide(&case.input), wide(&case.weight), wide(&case.bias), wide(&case.upstream));
        let [output, input, _, weight, _] = case.run(Level::best());
        for (what, error, bound) in [
            ("forward", relative_error(&output, &reference::conv2d(g, &x, &w, Some(&b))), 1e-6),
            ("input gradient", relative_error(&input, &reference::conv2d_input_gradient(g, &u, &w)), 1e-6),
            ("weight gradient", relative_error(&weight, &reference::conv2d_weight_gradient(g, &x, &u)), 3e-6),
        ] {
            assert!(error < bound, "{what} of {channels} channels: {error:e}");
        }
    }
}

#[test]
fn every_level_gives_the_same_bits() {
    for size in SIZES {
        let case = Case::new(size);
        let bits = |level| case.run(level).map(|x| x.into_iter().map(f32::to_bits).collect::<Vec<_>>());
        let portable = bits(Level::Portable);
        for level in levels() {
            assert!(bits(level) == portable, "{level} differs from portable on {size:?}");
        }
    }
}

#[test]
#[should_panic(expected = "no whole samples")]
fn a_wrong_length_is_refused() {
    let g = geometry(SIZES[1]);
    let packed = pack_forward(&g, &vec![0.0; g.weight_len()]);
    forward(&g, &[0.0; 5], &packed, None, Activation::Identity, &mut []);
}

/// Results of a pass with a look at them: what was seen, and what was left.
type Seen = (Glimpse, Vec<f32>);

impl Case {
    /// Forward through a ReLU and input gradient through one, looked at, and both as they are without a ReLU.
    fn look(&self, level: Level, places: [&[usize]; 2]) -> [(Seen, Vec<f32>); 2] {
        let g = &self.g;
        let look = |correlation: &Correlation<'_>, look: Look<'_>, len: usize| {
            let [mut plain, mut left] = [(); 2].map(|()| vec![f32::NAN; len]);
            correlation.run(Finish::Nothing, &mut plain);
            let glimpse = correlation.run_seen(look, &mut left);
            ((glimpse, left), plain)
        };
        let (output, gradient) = (self.upstream.len(), self.input.len());
        let packed = pack_forward(g, &self.weight);
        let forward = Correlation::forward(g, level, &self.input, &packed, Some(&self.bias), output);
        let packed = pack_input_gradient(g, &self.weight);
        let backward = Correlation::input_gradient(g, level, &self.upstream, &packed, gradient);
        let [at, back] = places;
        [
            look(&forward, Look::new(at, None, g.output_len(), output), output),
            look(&backward, Look::new(back, Some(&self.input), g.input_len(), gradient), gradient),
        ]
    }

    /// Every seventh place, and the first two.
    fn places(&self) -> [Vec<usize>; 2] {
        [self.upstream.len(), self.input.len()]
            .map(|len| [0, 0, 1].into_iter().filter(|&at| at < len).chain((7..len).step_by(7)).collect())
    }
}

/// As bits, with what the moments hold as numbers.
fn bits(moments: &[[Moments; 2]]) -> Vec<[u64; 8]> {
    let of = |m: &Moments| {
        let [c2, c3, c4] = m.central;
        [m.mean, c2, c3, c4, m.absolutes, m.zeros, f64::from(m.min), f64::from(m.max)].map(f64::to_bits)
    };
    moments.iter().flatten().map(of).collect()
}

fn assert_moments(found: &Moments, elements: &[f32], what: &str) {
    let expect = Moments::exact(elements);
    let spread = (expect.central[0] / expect.count).sqrt() + expect.mean.abs();
    let close = |found: f64, expect: f64, size: f64| (found - expect).abs() <= 1e-6 * size;
    assert!(close(found.mean, expect.mean, spread), "{what}: mean {}, {}", found.mean, expect.mean);
    let sizes = [expect.central[0], expect.count * spread.powi(3), expect.central[2]];
    for (at, size) in sizes.into_iter().enumerate() {
        assert!(close(found.central[at], expect.central[at], size), "{what}: moment {} {found:?}", at + 2);
    }
    assert!(close(found.absolutes, expect.absolutes, expect.absolutes), "{what}: sizes");
    let exact = |m: &Moments| (m.count, m.min, m.max, m.zeros);
    assert_eq!(exact(found), exact(&expect), "{what}");
}

#[test]
fn what_is_seen_is_what_would_be_there() {
    for size in SIZES {
        // The last bias is so large that sums about zero do not stand for the results.
        for bias in [0.0, 1e3] {
            let mut case = Case::new(size);
            case.bias.iter_mut().for_each(|own| *own += bias);
            let [at, back] = case.places();
            let lens = [case.g.output_len(), case.g.input_len()];
            let found = case.look(Level::best(), [&at, &back]);
            for (((glimpse, left), plain), (places, len)) in found.into_iter().zip([at, back].iter().zip(lens)) {
                let what = format!("{size:?}, bias {bias}");
                let picked = |results: &[f32]| places.iter().map(|&at| results[at]).collect::<Vec<_>>();
                assert_eq!([&glimpse.elements, &glimpse.behind], [&picked(&plain), &picked(&left)], "{what}");
                assert_eq!(glimpse.moments.len(), size.6, "{what}");
                for (sample, [own, behind]) in glimpse.moments.iter().enumerate() {
                    let here = sample * len..(sample + 1) * len;
                    assert_moments(own, &plain[here.clone()], &what);
                    assert_moments(behind, &left[here], &what);
                }
            }
        }
    }
}

#[test]
fn a_look_changes_no_bit_of_the_results() {
    for size in SIZES {
        let case = Case::new(size);
        let [(forward, _), (backward, _)] = case.look(Level::best(), [&[], &[]]);
        let [_, _, through, _, _] = case.run(Level::best());
        assert_eq!(backward.1, through, "{size:?}");
        let mut output = vec![f32::NAN; case.upstream.len()];
        let packed = pack_forward(&case.g, &case.weight);
        super::forward(&case.g, &case.input, &packed, Some(&case.bias), Activation::Relu, &mut output);
        assert_eq!(forward.1, output, "{size:?}");
    }
}

#[test]
fn what_is_seen_depends_on_neither_level_nor_cut() {
    for size in SIZES {
        let case = Case::new(size);
        let [at, back] = case.places();
        let all = |level| case.look(level, [&at, &back]).map(|((glimpse, _), _)| bits(&glimpse.moments));
        let portable = all(Level::Portable);
        for level in levels() {
            assert_eq!(all(level), portable, "{level}, {size:?}");
        }
        for sample in 0..size.6 {
            let part = |x: &[f32]| x[x.len() / size.6 * sample..x.len() / size.6 * (sample + 1)].to_vec();
            let (input, upstream) = (part(&case.input), part(&case.upstream));
            let alone = Case { input, upstream, g: case.g, weight: case.weight.clone(), bias: case.bias.clone() };
            let alone = alone.look(Level::best(), [&[], &[]]).map(|((glimpse, _), _)| bits(&glimpse.moments));
            assert_eq!(alone.map(|bits| bits[0]), [0, 1].map(|at| portable[at][2 * sample]), "{sample}, {size:?}");
        }
    }
}

#[test]
fn what_is_not_finite_is_seen() {
    let mut case = Case::new(SIZES[16]);
    let middle = case.input.len() / 2;
    case.input[middle] = f32::NAN;
    let [((glimpse, left), _), _] = case.look(Level::best(), [&[], &[]]);
    let finite = glimpse.moments.iter().map(|[own, behind]| own.mean.is_finite() && behind.mean.is_finite());
    assert_eq!(finite.collect::<Vec<_>>(), [true, false, true]);
    assert!(left.iter().any(|x| x.is_nan()));
}
