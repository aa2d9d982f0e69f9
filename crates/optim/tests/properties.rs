//! Properties that hold of the optimizers for any parameters and gradients.

use proptest::prelude::*;
use seismograd_optim::registry::{self, Entry, Symmetry};
use seismograd_optim::{Adam, AdamW, Evaluation, EvaluationError, Objective, Optimizer, Sgd};
use seismograd_tensor::Tensor;

fn vector(values: &[f32]) -> Tensor {
    Tensor::new(&[values.len()], values.to_vec())
}

/// The parameters after steps on the given gradients.
fn trajectory(mut optimizer: impl Optimizer, start: &[f32], gradients: &[Vec<f32>]) -> Vec<f32> {
    let mut parameters = [vector(start)];
    for gradient in gradients {
        optimizer.step(&mut parameters, &[vector(gradient)], &mut ()).unwrap();
    }
    parameters[0].as_slice().to_vec()
}

fn scaled(gradients: &[Vec<f32>], factor: f32) -> Vec<Vec<f32>> {
    gradients.iter().map(|gradient| gradient.iter().map(|g| g * factor).collect()).collect()
}

fn close(found: &[f32], expect: &[f32], tolerance: f32) -> bool {
    found.iter().zip(expect).all(|(found, expect)| (found - expect).abs() <= tolerance * expect.abs().max(1.0))
}

/// Four parameters and five gradients for them, none of which is nearly zero: Adam's epsilon is then negligible.
fn problem() -> impl Strategy<Value = (Vec<f32>, Vec<Vec<f32>>)> {
    let size = prop_oneof![-2.0f32..-0.1, 0.1f32..2.0];
    (prop::collection::vec(-1.0f32..1.0, 4), prop::collection::vec(prop::collection::vec(size, 4), 5))
}

fn sgd() -> impl Strategy<Value = Sgd> {
    (0.0..0.5f64, 0.0..0.95f64, any::<bool>()).prop_map(|(lr, momentum, nesterov)| {
        let nesterov = nesterov && momentum > 0.0;
        Sgd { lr, momentum, nesterov, ..Sgd::default() }
    })
}

fn adam() -> impl Strategy<Value = Adam> {
    (0.0..0.1f64, 0.0..0.95f64, 0.0..0.999f64, any::<bool>()).prop_map(|(lr, beta1, beta2, epsilon_hat)| Adam {
        lr,
        betas: (beta1, beta2),
        epsilon_hat,
        ..Adam::default()
    })
}

/// An optimizer as the registry says it behaves: without weight decay, and with what is negligible small enough to be neglected. `floor` is what
/// keeps Shampoo's roots of singular matrices from being those of rounding.
fn plain(entry: &Entry, floor: &str) -> Box<dyn Optimizer> {
    let set = |name: &'static str, value: &'static str| {
        let has = entry.options.iter().any(|option| option.name == name);
        has.then(|| (name.to_owned(), value.to_owned()))
    };
    let mut options: Vec<_> = [
        set("weight_decay", "0"),
        set("weight_decay_1d", "0"),
        set("lambd", "0"),
        // Axes of the test's matrices that have a basis: the others' are arbitrary at first.
        set("max_precond_dim", "3"),
        set("precondition_frequency", "2"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let small = ["adam", "amsgrad", "adamw", "adagrad", "rmsprop", "adamax", "nadam", "lamb", "adan", "ademamix"];
    if small.contains(&entry.name) {
        options.push(("eps".to_owned(), "1e-30".to_owned()));
    }
    // Its distance is found within few steps from a larger first guess.
    if ["prodigy", "dadapt_adam"].contains(&entry.name) {
        options.push(("d0".to_owned(), "0.001".to_owned()));
    }
    if entry.name == "shampoo" {
        options.push(("eps".to_owned(), floor.to_owned()));
    }
    registry::build(entry.name, None, &options).unwrap()
}

/// Answers with the gradients of the step, times a number, wherever it is asked.
struct Same(Vec<Tensor>);

impl Objective for Same {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(1.0)
    }

    fn evaluate(&mut self, _: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Ok(Evaluation { loss: 0.5, gradients: self.0.clone(), averaged_over: 1 })
    }

    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        self.evaluate(parameters)
    }
}

/// The updates of a matrix `[3, 5]` and a vector `[4]` by five steps on these gradients.
fn updates(entry: &Entry, floor: &str, start: &[Tensor], gradients: &[Vec<Tensor>]) -> Vec<Tensor> {
    let (mut optimizer, mut parameters) = (plain(entry, floor), start.to_vec());
    for gradients in gradients {
        optimizer.step(&mut parameters, gradients, &mut Same(gradients.clone())).unwrap();
    }
    parameters.iter().zip(start).map(|(parameter, start)| parameter - start).collect()
}

/// Largest difference over largest element, over both tensors.
fn distance(found: &[Tensor], expect: &[Tensor]) -> f32 {
    let largest = |tensor: &Tensor| tensor.as_slice().iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    let pairs = found.iter().zip(expect);
    pairs.map(|(found, expect)| largest(&(found - expect)) / largest(expect).max(1e-30)).fold(0.0, f32::max)
}

/// A matrix and a vector, and five gradients of each, in `[-2, 2]` and not nearly zero.
fn tensors() -> impl Strategy<Value = (Vec<Tensor>, Vec<Vec<Tensor>>)> {
    let size = || prop_oneof![-2.0f32..-0.1, 0.1f32..2.0];
    let matrix = move || prop::collection::vec(size(), 15).prop_map(|x| Tensor::new(&[3, 5], x));
    let both = move || (matrix(), prop::collection::vec(size(), 4).prop_map(|x| Tensor::new(&[4], x)));
    let list = |(matrix, vector)| vec![matrix, vector];
    (both().prop_map(list), prop::collection::vec(both().prop_map(list), 5))
}

/// A change of coordinates of the matrix and of the vector.
type Change = Box<dyn Fn(&Tensor) -> Tensor>;

/// Turns the plane of two elements by the angle whose cosine and sine are 0.6 and 0.8.
fn turned(x: &Tensor, i: usize, j: usize) -> Tensor {
    let mut y = x.clone();
    let (a, b) = (x.as_slice()[i], x.as_slice()[j]);
    (y.as_mut_slice()[i], y.as_mut_slice()[j]) = (0.6 * a - 0.8 * b, 0.8 * a + 0.6 * b);
    y
}

/// What the symmetry promises to go unseen.
fn change(symmetry: Symmetry) -> Change {
    match symmetry {
        Symmetry::Rotations => Box::new(|x| turned(&turned(x, 0, 3), 1, 3)),
        // Rows 0 and 2 of the matrix; of the vector, which has another optimizer, an exchange.
        Symmetry::Matrices => Box::new(|x| match x.rank() {
            2 => (0..5).fold(x.clone(), |x, column| turned(&x, column, 10 + column)),
            _ => exchanged(x),
        }),
        Symmetry::Elements => Box::new(exchanged),
        Symmetry::Nothing => Box::new(Tensor::clone),
        // Rows reversed, and the signs of every second column.
        Symmetry::Axes => Box::new(|x| match x.rank() {
            2 => {
                let row = |r: usize| (0..5).map(move |c| (5 * (2 - r) + c, if c % 2 == 1 { -1.0 } else { 1.0 }));
                let moved = (0..3).flat_map(row).map(|(at, sign)| sign * x.as_slice()[at]);
                Tensor::new(&[3, 5], moved.collect())
            }
            _ => exchanged(x),
        }),
    }
}

/// Elements in reverse, the first of them with another sign.
fn exchanged(x: &Tensor) -> Tensor {
    let mut elements: Vec<f32> = x.as_slice().iter().rev().copied().collect();
    elements[0] = -elements[0];
    Tensor::new(x.shape(), elements)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A loss times `c` gives updates times `c` to the power that the registry names. Powers of two, and what epsilons leave.
    #[test]
    fn updates_go_with_the_losss_scale_as_the_registry_says((start, gradients) in tensors(), exponent in -3..4i32) {
        let c = 2f32.powi(exponent);
        let scaled: Vec<Vec<_>> = gradients.iter().map(|step| step.iter().map(|g| g * c).collect()).collect();
        for entry in registry::ENTRIES {
            let Some(degree) = entry.degree else { continue };
            let expect: Vec<_> = updates(entry, NONE, &start, &gradients).iter().map(|x| x * c.powi(degree)).collect();
            let found = distance(&updates(entry, NONE, &start, &scaled), &expect);
            prop_assert!(found < tolerance(entry), "{}: {found} at {c}", entry.name);
        }
    }

    #[test]
    fn changes_of_coordinates_go_unseen_as_the_registry_says((start, gradients) in tensors()) {
        // Near-equal eigenvalues, which random gradients can have, leave SOAP's basis to rounding: it has a test of its own.
        for entry in registry::ENTRIES.iter().filter(|entry| entry.name != "soap") {
            let found = change_seen(entry, &start, &gradients);
            prop_assert!(found < tolerance(entry), "{}: {found}", entry.name);
        }
    }
}

/// No floor at all, and one that is well above rounding.
const NONE: &str = "1e-30";
const FLOOR: &str = "1e-3";

/// How far a change of coordinates is seen in the updates.
fn change_seen(entry: &Entry, start: &[Tensor], gradients: &[Vec<Tensor>]) -> f32 {
    let change = change(entry.symmetry);
    let all = |tensors: &[Tensor]| -> Vec<Tensor> { tensors.iter().map(&change).collect() };
    let expect = all(&updates(entry, FLOOR, start, gradients));
    let changed: Vec<Vec<_>> = gradients.iter().map(|step| all(step)).collect();
    distance(&updates(entry, FLOOR, &all(start), &changed), &expect)
}

#[test]
fn soap_does_not_see_permutations_and_signs_of_an_axis() {
    // Singular values far from each other.
    let matrix = |step: usize| {
        let element =
            |at: usize| 4f32.powi(-((at / 5) as i32)) * (((7 * at + 3 * step + at * at * step) % 11) as f32 - 4.7);
        Tensor::new(&[3, 5], (0..15).map(element).collect())
    };
    let both = |step: usize| vec![matrix(step), Tensor::new(&[4], matrix(step).as_slice()[..4].to_vec())];
    let entry = registry::find("soap").unwrap();
    let seen = change_seen(entry, &both(9), &(0..5).map(both).collect::<Vec<_>>());
    assert!(seen < 3e-3, "{seen}");
}

/// Rounding of parameters near one whose updates may be a thousandth of that; and for those that work in an eigenbasis or estimate a distance,
/// what these make of rounding.
fn tolerance(entry: &Entry) -> f32 {
    match entry.name {
        "soap" | "shampoo" | "psgd_kron" | "prodigy" | "dadapt_adam" | "lbfgs" => 3e-2,
        _ => 3e-3,
    }
}

proptest! {
    #[test]
    fn zero_gradients_move_nothing_but_by_decay(start in prop::collection::vec(-1.0f32..1.0, 4), sgd in sgd(), adam in adam()) {
        let zeros = vec![vec![0.0; 4]; 3];
        prop_assert_eq!(&trajectory(sgd.build().unwrap(), &start, &zeros), &start);
        prop_assert_eq!(&trajectory(adam.build().unwrap(), &start, &zeros), &start);
        // Decoupled decay takes the same share each time.
        let adamw = AdamW { lr: 0.1, weight_decay: 0.5, ..AdamW::default() };
        let expect: Vec<f32> = start.iter().map(|p| p * 0.95 * 0.95 * 0.95).collect();
        prop_assert!(close(&trajectory(adamw.build().unwrap(), &start, &zeros), &expect, 1e-6));
        // Coupled decay goes through Adam's averages, which forget its size: the first step is lr long, whatever the decay.
        let far: Vec<f32> = start.iter().map(|p| p + p.signum()).collect();
        let expect: Vec<f32> = far.iter().map(|p| p - 0.1 * p.signum()).collect();
        for weight_decay in [0.01, 1.0] {
            let adam = Adam { lr: 0.1, weight_decay, ..Adam::default() };
            prop_assert!(close(&trajectory(adam.build().unwrap(), &far, &zeros[..1]), &expect, 1e-6));
        }
    }

    #[test]
    fn without_decay_adamw_is_adam((start, gradients) in problem(), adam in adam()) {
        let adam = Adam { epsilon_hat: false, ..adam };
        let adamw = AdamW { lr: adam.lr, betas: adam.betas, eps: adam.eps, weight_decay: 0.0 };
        let found = trajectory(adamw.build().unwrap(), &start, &gradients);
        prop_assert_eq!(found, trajectory(adam.build().unwrap(), &start, &gradients));
    }

    /// Powers of two change no digit of the averages; without epsilon they cancel to the bit.
    #[test]
    fn adam_ignores_the_losss_scale((start, gradients) in problem(), adam in adam(), exponent in -20..20i32, c in 1.0f32..100.0) {
        let run = |eps: f64, factor: f32| {
            trajectory(Adam { eps, ..adam }.build().unwrap(), &start, &scaled(&gradients, factor))
        };
        prop_assert_eq!(run(0.0, 2f32.powi(exponent)), run(0.0, 1.0));
        // Roots are at least 0.1 sqrt(1 - beta2), epsilon at most 3.2e-6 of them; five steps are at most 20 lr long each.
        prop_assert!(close(&run(1e-8, c), &run(1e-8, 1.0), 5e-5));
    }

    #[test]
    fn sgds_update_is_linear_in_the_losss_scale((_, gradients) in problem(), sgd in sgd(), exponent in -20..20i32) {
        // From zero, the parameters are the updates.
        let run = |factor: f32| trajectory(sgd.build().unwrap(), &[0.0; 4], &scaled(&gradients, factor));
        let factor = 2f32.powi(exponent);
        prop_assert_eq!(run(factor), run(1.0).into_iter().map(|update| factor * update).collect::<Vec<_>>());
    }

    #[test]
    fn elements_and_parameters_do_not_mix((start, gradients) in problem(), sgd in sgd(), adam in adam()) {
        let weight_decay = 0.1;
        check_permuted(|| Sgd { weight_decay, ..sgd }.build().unwrap(), &start, &gradients)?;
        check_permuted(|| Adam { weight_decay, ..adam }.build().unwrap(), &start, &gradients)?;
        check_permuted(|| AdamW { weight_decay, ..AdamW::default() }.build().unwrap(), &start, &gradients)?;
    }
}

/// Reversed elements, and elements as parameters of their own, take the same steps.
fn check_permuted<O: Optimizer>(
    build: impl Fn() -> O,
    start: &[f32],
    gradients: &[Vec<f32>],
) -> Result<(), TestCaseError> {
    let expect = trajectory(build(), start, gradients);
    let reversed = |values: &[f32]| -> Vec<f32> { values.iter().rev().copied().collect() };
    let gradients_reversed: Vec<_> = gradients.iter().map(|gradient| reversed(gradient)).collect();
    prop_assert_eq!(reversed(&trajectory(build(), &reversed(start), &gradients_reversed)), expect.clone());

    let split = |values: &[f32]| -> Vec<Tensor> { values.iter().map(|&value| Tensor::scalar(value)).collect() };
    let (mut optimizer, mut parameters) = (build(), split(start));
    for gradient in gradients {
        optimizer.step(&mut parameters, &split(gradient), &mut ()).unwrap();
    }
    prop_assert_eq!(parameters, split(&expect));
    Ok(())
}
