//! How an operation is checked: its forward against an `f64` reference, its gradients against central differences of
//! that reference, under a non-uniform upstream gradient, over random shapes.

use crate::{Graph, Var, Window};
use ndarray::{ArrayD, Axis, IxDyn};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use seismograd_kernels::geometry;
use seismograd_tensor::Tensor;

/// Random cases of an operation's check.
const CASES: u32 = 48;

/// Step of the central differences: in `f64` their own error is near 1e-10.
const STEP: f64 = 1e-5;

/// An operation on given inputs, and the same operation naively in `f64`.
pub(crate) struct Case {
    pub inputs: Vec<Tensor>,
    pub forward: Box<Forward>,
    pub reference: Box<Reference>,
}

type Forward = dyn Fn(&mut Graph, &[Var]) -> Var;
type Reference = dyn Fn(&[ArrayD<f64>]) -> ArrayD<f64>;

impl Case {
    pub fn new(
        inputs: Vec<Tensor>,
        forward: impl Fn(&mut Graph, &[Var]) -> Var + 'static,
        reference: impl Fn(&[ArrayD<f64>]) -> ArrayD<f64> + 'static,
    ) -> Case {
        Case { inputs, forward: Box::new(forward), reference: Box::new(reference) }
    }
}

/// Checks a reduction over random axes of random tensors; `reference` reduces one axis.
pub(crate) fn reduction(
    forward: fn(&mut Graph, Var, &[usize]) -> Var,
    reference: fn(ArrayD<f64>, Axis) -> ArrayD<f64>,
) {
    operation((shape(), any::<u8>(), any::<u32>()), |(shape, mask, seed)| {
        let axes: Vec<usize> = (0..shape.len()).filter(|axis| mask >> axis & 1 == 1).collect();
        let descending: Vec<usize> = axes.iter().rev().copied().collect();
        Case::new(
            vec![distinct(&shape, seed)],
            move |g, x| forward(g, x[0], &axes),
            move |x| descending.iter().fold(x[0].clone(), |x, &axis| reference(x, Axis(axis))),
        )
    });
}

/// Checks a pooling over random images, windows, strides and paddings.
pub(crate) fn pooling(
    forward: fn(&mut Graph, Var, [usize; 2], Window) -> Var,
    reference: fn(&geometry::Pool2d, &[f64]) -> Vec<f64>,
) {
    let sizes = ([1..3usize, 1..4], [3..7usize, 3..7], [1..4usize, 1..4], [1..3usize, 1..3], any::<[usize; 2]>());
    operation((sizes, any::<u32>()), |(([n, channels], input, kernel, stride, padding), seed)| {
        let padding = [0, 1].map(|axis| padding[axis] % kernel[axis]);
        let window = geometry::Window { input, kernel, stride, padding };
        let g = geometry::Pool2d { window, channels };
        Case::new(
            vec![distinct(&[n, input[0], input[1], channels], seed)],
            move |g, x| forward(g, x[0], kernel, Window { stride, padding }),
            move |x| {
                let y = reference(&g, &x[0].iter().copied().collect::<Vec<_>>());
                let [height, width] = window.output();
                ArrayD::from_shape_vec(IxDyn(&[n, height, width, channels]), y).expect("the output's length")
            },
        )
    });
}

/// Checks the operation that `case` makes of each random value of `strategy`.
pub(crate) fn operation<S: Strategy>(strategy: S, case: impl Fn(S::Value) -> Case) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(&strategy, |value| check_case(&case(value))).unwrap_or_else(|failure| panic!("{failure}"));
}

fn check_case(case: &Case) -> Result<(), TestCaseError> {
    let mut graph = Graph::new();
    let vars: Vec<Var> = case.inputs.iter().map(|input| graph.leaf(input.clone())).collect();
    let output = (case.forward)(&mut graph, &vars);
    let inputs: Vec<ArrayD<f64>> = case.inputs.iter().map(|input| input.view().mapv(f64::from)).collect();
    let expect = (case.reference)(&inputs);
    prop_assert_eq!(graph.value(output).shape(), expect.shape());
    assert_close("value", graph.value(output).as_slice(), &expect.iter().copied().collect::<Vec<_>>())?;

    let upstream = values(expect.shape(), 977);
    let gradients = graph.backward_from(output, upstream.clone(), &mut ());
    let weighted = |inputs: &[ArrayD<f64>]| -> f64 {
        (case.reference)(inputs).iter().zip(upstream.as_slice()).map(|(y, &u)| y * f64::from(u)).sum()
    };
    for (at, &var) in vars.iter().enumerate() {
        let gradient = gradients.of(var).cloned().unwrap_or_else(|| Tensor::zeros(case.inputs[at].shape()));
        prop_assert_eq!(gradient.shape(), case.inputs[at].shape());
        assert_close(&format!("gradient {at}"), gradient.as_slice(), &differences(&inputs, at, weighted))?;
    }
    Ok(())
}

/// Central differences of `f` along every element of input `at`.
fn differences(inputs: &[ArrayD<f64>], at: usize, f: impl Fn(&[ArrayD<f64>]) -> f64) -> Vec<f64> {
    let mut inputs = inputs.to_vec();
    let len = inputs[at].len();
    let mut moved = |element: usize, by: f64| {
        let before = inputs[at].as_slice().expect("row-major order")[element];
        inputs[at].as_slice_mut().expect("row-major order")[element] = before + by;
        let result = f(&inputs);
        inputs[at].as_slice_mut().expect("row-major order")[element] = before;
        result
    };
    (0..len).map(|element| (moved(element, STEP) - moved(element, -STEP)) / (2.0 * STEP)).collect()
}

/// Values are of the order of one and sums here have at most a few hundred terms: single precision keeps five digits of them.
fn assert_close(what: &str, got: &[f32], expect: &[f64]) -> Result<(), TestCaseError> {
    let scale = expect.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
    for (at, (&got, &expect)) in got.iter().zip(expect).enumerate() {
        let close = (f64::from(got) - expect).abs() <= 2e-5 * scale;
        prop_assert!(close, "{what}: element {at} is {got}, expected {expect}");
    }
    Ok(())
}

/// Shapes of rank 0 to 3.
pub(crate) fn shape() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..5usize, 0..4)
}

/// A tensor of any shape with values in (-2, 2).
pub(crate) fn tensor() -> impl Strategy<Value = Tensor> {
    (shape(), any::<u32>()).prop_map(|(shape, seed)| values(&shape, seed))
}

/// A tensor of any shape with values in (-2, 2) that keep away from zero and each other.
pub(crate) fn kinked() -> impl Strategy<Value = Tensor> {
    (shape(), any::<u32>()).prop_map(|(shape, seed)| distinct(&shape, seed))
}

/// A tensor of rank 1 to 4, for functions over the last axis.
pub(crate) fn rows() -> impl Strategy<Value = Tensor> {
    (shape(), 1..6usize, any::<u32>())
        .prop_map(|(shape, classes, seed)| values(&[&shape[..], &[classes]].concat(), seed))
}

/// Two tensors whose shapes broadcast: axes of size 1 on either side, leading axes missing on one.
pub(crate) fn broadcast_pair() -> impl Strategy<Value = (Tensor, Tensor)> {
    (shape(), any::<[u8; 3]>(), any::<u32>(), any::<bool>()).prop_map(
        |(shape, [ones_a, ones_b, missing], seed, swap)| {
            let squeezed = |ones: u8| -> Vec<usize> {
                shape.iter().enumerate().map(|(axis, &size)| if ones >> axis & 1 == 1 { 1 } else { size }).collect()
            };
            let missing = usize::from(missing) % (shape.len() + 1);
            let (a, b) = (values(&squeezed(ones_a & !ones_b), seed), values(&squeezed(ones_b)[missing..], seed ^ 1));
            if swap { (b, a) } else { (a, b) }
        },
    )
}

/// Pseudo-random values in (-2, 2); see [`distinct`] where ties matter.
pub(crate) fn values(shape: &[usize], seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(0x9e37_79b9) ^ 0x85eb_ca6b | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 22) as f32 - 2.0
    };
    Tensor::new(shape, (0..shape.iter().product()).map(|_: usize| next()).collect())
}

/// Values in [0.3, 2.3): for logarithms, roots and divisors.
pub(crate) fn positive(tensor: &Tensor) -> Tensor {
    tensor.map(|x| x / 2.0 + 1.3)
}

/// Pseudo-random values in (-2, 2) that keep away from zero and from each other by far more than the step of the differences:
/// for functions with kinks.
pub(crate) fn distinct(shape: &[usize], seed: u32) -> Tensor {
    let order = values(shape, seed);
    let mut ranks: Vec<usize> = (0..order.len()).collect();
    ranks.sort_by(|&a, &b| order.as_slice()[a].total_cmp(&order.as_slice()[b]));
    let mut elements = vec![0.0; order.len()];
    for (rank, &at) in ranks.iter().enumerate() {
        elements[at] = (rank as f32 + 0.5) / order.len() as f32 * 4.0 - 2.0;
        if elements[at].abs() < 1e-3 {
            elements[at] = 0.25 / order.len() as f32;
        }
    }
    Tensor::new(shape, elements)
}
