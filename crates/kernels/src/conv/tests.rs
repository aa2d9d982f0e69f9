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
