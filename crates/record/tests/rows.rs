//! Rows of a small model whose batch is cut in several ways.

use seismograd_autodiff::{CrossEntropy, Graph, Reduction, Side, Tensor, Var};
use seismograd_record::{RecordError, Recorder, Result, Selection, Watch, Wiring};
use std::ops::Range;

const BATCH: usize = 6;
const LABELS: [u8; BATCH] = [0, 2, 1, 2, 0, 1];

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn recorder(selection: &str) -> Result<Recorder> {
    let (scopes, parameters) = (names("fc1 relu fc2"), names("fc1.weight fc2.weight fc2.bias"));
    Recorder::new(&selection.parse()?, &Wiring { output_layer: "fc2", scopes: &scopes, parameters: &parameters })
}

/// Small multiples of 1/8: sums and products of a few of them are exact, so that no bit depends on the order of additions.
fn eighths(shape: &[usize], salt: usize) -> Tensor {
    let len = shape.iter().product();
    Tensor::new(shape, (0..len).map(|at| ((at * 37 + salt * 11) % 17) as f32 / 8.0 - 1.0).collect())
}

fn parameters() -> Vec<Tensor> {
    vec![eighths(&[5, 4], 1), eighths(&[3, 5], 2), eighths(&[3], 3)]
}

fn forward(graph: &mut Graph, samples: Tensor, leaves: &[Var]) -> Var {
    let x = graph.constant(samples);
    let x = graph.scope("fc1", x, |graph, x| graph.matmul_sides(x, Side::Plain, leaves[0], Side::Transposed));
    let x = graph.scope("relu", x, |graph, x| graph.relu(x));
    graph.scope("fc2", x, |graph, x| {
        let product = graph.matmul_sides(x, Side::Plain, leaves[1], Side::Transposed);
        graph.add(product, leaves[2])
    })
}

/// Half the sum of the squared logits, whose gradient at the logits is the logits.
fn squares(graph: &mut Graph, logits: Var, _labels: &[u8]) -> Var {
    let square = graph.mul(logits, logits);
    let half = graph.constant(Tensor::scalar(0.5));
    let halves = graph.mul(square, half);
    graph.sum(halves, &[0, 1])
}

fn cross_entropy(graph: &mut Graph, logits: Var, labels: &[u8]) -> Var {
    graph.cross_entropy(logits, labels, CrossEntropy { reduction: Reduction::Sum, ..CrossEntropy::default() })
}

type Loss = fn(&mut Graph, Var, &[u8]) -> Var;

/// The gradients of some of the batch's samples, watched if there is a watch.
fn shard(samples: Range<usize>, loss: Loss, watch: Option<&mut Watch>) -> Vec<Tensor> {
    let mut graph = Graph::new();
    let leaves: Vec<Var> = parameters().into_iter().map(|parameter| graph.leaf(parameter)).collect();
    let logits = forward(&mut graph, eighths(&[BATCH, 4], 4).slice(0, samples.clone()), &leaves);
    let loss = loss(&mut graph, logits, &LABELS[samples]);
    let seed = Tensor::full(graph.value(loss).shape(), 1.0);
    let mut gradients = match watch {
        Some(watch) => {
            graph.observe_values(watch);
            graph.backward_from(loss, seed, watch)
        }
        None => graph.backward_from(loss, seed, &mut ()),
    };
    leaves.into_iter().map(|leaf| gradients.take(leaf).expect("every parameter is used")).collect()
}

/// One step of gradient descent with the batch cut at these samples.
fn row(recorder: &Recorder, cuts: &[usize], loss: Loss) -> Vec<f32> {
    let mut watches = Vec::new();
    let mut sums: Option<Vec<Tensor>> = None;
    for cut in cuts.windows(2) {
        let mut watch = recorder.watch(cut[0]..cut[1], BATCH);
        let gradients = shard(cut[0]..cut[1], loss, Some(&mut watch));
        watches.push(watch);
        match &mut sums {
            Some(sums) => sums.iter_mut().zip(&gradients).for_each(|(sum, more)| sum.accumulate(more)),
            none => *none = Some(gradients),
        }
    }
    let gradients = sums.expect("a shard");
    let mut parameters = parameters();
    let snapshot = recorder.snapshot(&parameters);
    for (parameter, gradient) in parameters.iter_mut().zip(&gradients) {
        parameter.as_mut_slice().iter_mut().zip(gradient.as_slice()).for_each(|(p, g)| *p -= 0.125 * g);
    }
    let activations = recorder.activations(&watches).expect("every site reports");
    recorder.row(activations, recorder.gradients(&gradients), &snapshot, &parameters)
}

fn bits(row: &[f32]) -> Vec<u32> {
    row.iter().map(|x| x.to_bits()).collect()
}

fn column(recorder: &Recorder, row: &[f32], name: &str) -> f32 {
    row[recorder.schema().position(name).unwrap_or_else(|| panic!("no column {name}"))]
}

#[test]
fn the_cut_of_the_batch_changes_no_bit() {
    let recorder = recorder("all").expect("a recorder");
    let whole = row(&recorder, &[0, 6], squares);
    assert_eq!(whole.len(), recorder.schema().len());
    assert!(whole.iter().all(|x| x.is_finite()));
    for cuts in [&[0, 3, 6][..], &[0, 1, 6], &[0, 2, 4, 6], &[0, 1, 5, 6]] {
        assert_eq!(bits(&row(&recorder, cuts, squares)), bits(&whole), "cut at {cuts:?}");
    }
}

#[test]
fn a_row_holds_what_its_columns_say() {
    let recorder = recorder("fc1.input").expect("a recorder");
    let row = row(&recorder, &[0, 2, 6], squares);
    let of = |name| column(&recorder, &row, name);
    let input = eighths(&[BATCH, 4], 4);
    assert_eq!(of("fc1_input__value__at_sample0_feature_last"), input.as_slice()[3]);
    assert_eq!(of("fc1_input__value__at_sample_last_feature0"), input.as_slice()[20]);
    assert_eq!(of("output_logits__gradient__mean"), of("output_logits__value__mean"));
    let (gradient, after) = (of("output_bias__gradient__at_element0"), of("output_bias__value__at_element0"));
    let before = parameters()[2].as_slice()[0];
    assert_eq!(of("output_bias__update__at_element0"), -0.125 * gradient);
    assert_eq!(after, before - 0.125 * gradient);
    assert_eq!(gradient, of("output_logits__value__at_sample0_class0") + rest_of_class_0());
}

/// The sum of the logits of class 0 over all samples but the first.
fn rest_of_class_0() -> f32 {
    let mut graph = Graph::new();
    let leaves: Vec<Var> = parameters().into_iter().map(|parameter| graph.leaf(parameter)).collect();
    let logits = forward(&mut graph, eighths(&[BATCH, 4], 4), &leaves);
    graph.value(logits).as_slice().iter().skip(3).step_by(3).sum()
}

#[test]
fn the_gradient_at_the_logits_is_p_minus_y_whatever_the_cut() {
    let recorder = recorder("output").expect("a recorder");
    for cuts in [&[0, 6][..], &[0, 1, 4, 6]] {
        let row = row(&recorder, cuts, cross_entropy);
        let of = |name: &str| f64::from(column(&recorder, &row, name));
        let logits =
            ["0", "_middle", "_last"].map(|class| of(&format!("output_logits__value__at_sample0_class{class}")));
        let total: f64 = logits.iter().map(|x| x.exp()).sum();
        let expect = logits[0].exp() / total - 1.0;
        let found = of("output_logits__gradient__at_sample0_class0");
        // A softmax of three classes in f32.
        assert!((found - expect).abs() < 1e-6, "{found}, expected {expect}");
    }
}

#[test]
fn watching_changes_no_gradient() {
    let recorder = recorder("all").expect("a recorder");
    for loss in [squares, cross_entropy as Loss] {
        assert_eq!(shard(0..6, loss, Some(&mut recorder.watch(0..BATCH, BATCH))), shard(0..6, loss, None));
    }
}

#[test]
fn off_has_no_columns() {
    let recorder = recorder("off").expect("a recorder");
    assert!(recorder.schema().is_empty());
    assert!(row(&recorder, &[0, 3, 6], squares).is_empty());
    let activations = recorder.activations::<Watch>(&[]).expect("nothing is watched");
    let gradients = recorder.gradients(&parameters());
    assert!(recorder.row(activations, gradients, &recorder.snapshot(&parameters()), &parameters()).is_empty());
}

#[test]
fn the_images_have_a_value_and_no_gradient() {
    let recorder = recorder("fc1.input").expect("a recorder");
    assert!(recorder.schema().position("fc1_input__value__mean").is_some());
    assert!(recorder.schema().position("fc1_input__gradient__mean").is_none());
}

#[test]
fn an_unknown_site_is_refused_with_the_nearest() {
    let message = recorder("relu,fc1.wight").expect_err("no such site").to_string();
    let begin = "no site is called `fc1.wight`; did you mean `fc1.weight`? There are output.input, output.logits, ";
    assert!(message.starts_with(begin) && message.contains(", fc1.weight"), "{message}");
    let message = recorder("qwertyuiop").expect_err("no such site").to_string();
    assert!(message.starts_with("no site is called `qwertyuiop`; there are output.input, "), "{message}");
}

#[test]
fn a_site_that_does_not_report_is_named() {
    let recorder = recorder("output").expect("a recorder");
    let (mut complete, silent) = (recorder.watch(0..BATCH, BATCH), recorder.watch(0..0, BATCH));
    shard(0..6, squares, Some(&mut complete));
    let error = recorder.activations(&[complete, silent]).expect_err("a silent shard");
    assert!(matches!(error, RecordError::Silent { .. }));
    assert_eq!(
        error.to_string(),
        "no value was seen at site `output.input` in this step; watch both passes of every shard, or leave the site out"
    );
}

#[test]
fn a_name_that_is_no_column_is_refused() {
    let (scopes, parameters) = (names("a__b fc"), names("fc.weight"));
    let wiring = Wiring { output_layer: "fc", scopes: &scopes, parameters: &parameters };
    assert!(Recorder::new(&Selection::Output, &wiring).is_ok());
    assert!(matches!(Recorder::new(&Selection::All, &wiring), Err(RecordError::Trace(_))));
}

#[test]
#[should_panic(expected = "activations: a watch of another recorder")]
fn a_watch_of_another_recorder_is_refused() {
    let (mine, other) = (recorder("output").expect("a recorder"), recorder("output").expect("a recorder"));
    let _ = mine.activations(&[other.watch(0..BATCH, BATCH)]);
}

#[test]
#[should_panic(expected = "gradients: number of gradients, and of the model's parameters")]
fn a_missing_gradient_is_refused() {
    let _ = recorder("output").expect("a recorder").gradients(&parameters()[1..]);
}

#[test]
#[should_panic(expected = "row: activations and gradients of this recorder")]
fn the_gradients_of_another_recorder_are_refused() {
    let [recorder, other] = ["output", "off"].map(|selection| recorder(selection).expect("a recorder"));
    let mut watch = recorder.watch(0..BATCH, BATCH);
    shard(0..BATCH, squares, Some(&mut watch));
    let activations = recorder.activations(&[watch]).expect("every site reports");
    let gradients = other.gradients(&parameters());
    let _ = recorder.row(activations, gradients, &recorder.snapshot(&parameters()), &parameters());
}
