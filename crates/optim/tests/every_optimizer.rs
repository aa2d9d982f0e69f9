//! What holds of every optimizer in the registry: a new one is tested here by being listed there.

mod quadratic;

use quadratic::Quadratic;
use seismograd_optim::registry::{self, ENTRIES};
use seismograd_optim::{Optimizer, StateError};
use seismograd_tensor::Tensor;

/// Builds an optimizer from options written as `name=value`.
fn build(name: &str, lr: f64, options: &[&str]) -> Box<dyn Optimizer> {
    let pair = |option: &&str| option.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    let options: Vec<_> = options.iter().map(pair).collect();
    registry::build(name, Some(lr), &options).unwrap()
}

/// Every optimizer with its defaults, and those whose options change what state they keep.
fn all() -> Vec<Box<dyn Optimizer>> {
    let mut all: Vec<_> = ENTRIES.iter().map(|entry| build(entry.name, 0.05, &[])).collect();
    all.push(build("sgd", 0.05, &["momentum=0.9", "dampening=0.5", "weight_decay=0.1"]));
    all.push(build("sgd", 0.05, &["momentum=0.9", "nesterov=true"]));
    all.push(build("adam", 0.05, &["epsilon_hat=true", "weight_decay=0.1"]));
    all
}

fn gradients(step: u64) -> Vec<Tensor> {
    let wave = |len: usize| (0..len).map(|at| ((7 * step + 3 * at as u64) % 11) as f32 - 4.7).collect();
    vec![Tensor::new(&[2, 3], wave(6)), Tensor::new(&[2], wave(2))]
}

fn start() -> Vec<Tensor> {
    vec![Tensor::full(&[2, 3], 0.3), Tensor::full(&[2], -1.0)]
}

fn run(optimizer: &mut dyn Optimizer, parameters: &mut [Tensor], steps: std::ops::Range<u64>) {
    for step in steps {
        optimizer.step(parameters, &gradients(step), &mut ()).unwrap();
    }
}

#[test]
fn a_resumed_run_has_the_same_bits() {
    for (mut whole, (mut first, mut second)) in all().into_iter().zip(all().into_iter().zip(all())) {
        let (mut expect, mut found) = (start(), start());
        run(&mut *whole, &mut expect, 0..10);
        run(&mut *first, &mut found, 0..5);
        // The second optimizer has a past of its own, which loading must wipe out.
        run(&mut *second, &mut start(), 3..6);
        second.load_state(first.state(), &found).unwrap();
        run(&mut *second, &mut found, 5..10);
        let bits = |tensors: &[Tensor]| -> Vec<u32> {
            tensors.iter().flat_map(|tensor| tensor.as_slice()).map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&found), bits(&expect), "{}", whole.name());
        assert_eq!(second.state(), whole.state());
    }
}

#[test]
fn a_state_before_the_first_step_loads() {
    for mut optimizer in all() {
        let fresh = optimizer.state();
        assert_eq!((fresh.step, fresh.optimizer.as_str()), (0, optimizer.name()));
        run(&mut *optimizer, &mut start(), 0..2);
        optimizer.load_state(fresh.clone(), &start()).unwrap();
        assert_eq!(optimizer.state(), fresh);
    }
}

#[test]
fn another_optimizers_state_is_refused() {
    for entry in ENTRIES {
        for other in ENTRIES.iter().filter(|other| other.name != entry.name) {
            let (mut optimizer, other) = (build(entry.name, 0.1, &[]), build(other.name, 0.1, &[]));
            let (expected, found) = (entry.name.to_owned(), other.name().to_owned());
            let error = optimizer.load_state(other.state(), &start());
            assert_eq!(error, Err(StateError::OtherOptimizer { expected, found }));
        }
    }
}

/// The message with which `optimizer` refuses the state that `saved` has after two steps. Nothing may change.
fn check_refused(saved: &[&str], optimizer: &[&str], parameters: &[Tensor], expect: &str) {
    let [mut saved, mut optimizer] = [saved, optimizer].map(|options| build(options[0], 0.1, &options[1..]));
    run(&mut *saved, &mut start(), 0..2);
    let before = optimizer.state();
    let message = optimizer.load_state(saved.state(), parameters).unwrap_err().to_string();
    assert_eq!(message, expect);
    assert_eq!(optimizer.state(), before);
}

#[test]
fn a_state_that_does_not_fit_is_refused_in_one_line() {
    let fix = "resume with the model and the options that it was saved with";
    let (plain, momentum): (&[&str], &[&str]) = (&["sgd"], &["sgd", "momentum=0.9"]);
    let mut other = start();
    other[1] = Tensor::zeros(&[5]);
    let more = [start(), start()].concat();
    for (saved, optimizer, parameters, expect) in [
        (
            momentum,
            &["adam"][..],
            &start(),
            "the saved state is sgd's, this run's optimizer is adam; resume with sgd or start a new run".to_owned(),
        ),
        (plain, momentum, &start(), format!("the saved sgd state lacks momentum_buffer.0; {fix}")),
        (
            momentum,
            plain,
            &start(),
            format!("the saved sgd state holds momentum_buffer.0, which this optimizer has no use for; {fix}"),
        ),
        (momentum, momentum, &more, format!("the saved sgd state lacks momentum_buffer.2; {fix}")),
        (
            momentum,
            momentum,
            &other,
            format!("the saved sgd state's momentum_buffer.1 has shape [2], expected [5]; {fix}"),
        ),
    ] {
        check_refused(saved, optimizer, parameters, &expect);
    }
}

#[test]
fn a_convex_quadratic_is_minimised() {
    for entry in ENTRIES {
        let mut optimizer = build(entry.name, 0.1, &["weight_decay=0"]);
        let mut quadratic = Quadratic::new(&[0.5, 1.0, 4.0], &[1.0, -2.0, 0.25]);
        let mut parameters = vec![Tensor::zeros(&[3])];
        for step in 0..400 {
            // A falling rate, so that the optimizers that step by lr whatever the gradient come to rest.
            optimizer.set_lr(0.1 * (1.0 - f64::from(step) / 400.0));
            let gradients = quadratic.gradients(&parameters);
            optimizer.step(&mut parameters, &gradients, &mut quadratic).unwrap();
        }
        let loss = quadratic.loss_at(&parameters);
        assert!(loss < 1e-6, "{}: {loss}", entry.name);
    }
}

#[test]
fn the_learning_rate_can_be_scheduled() {
    for mut optimizer in all() {
        let mut parameters = start();
        run(&mut *optimizer, &mut parameters, 0..3);
        optimizer.set_lr(0.0);
        let before = parameters.clone();
        run(&mut *optimizer, &mut parameters, 3..5);
        assert_eq!((parameters, optimizer.lr()), (before, 0.0), "{}", optimizer.name());
    }
}

#[test]
#[should_panic(expected = "sgd step: 2 parameters, but 1 gradients")]
fn a_missing_gradient_is_named() {
    let _ = build("sgd", 0.1, &[]).step(&mut start(), &gradients(0)[..1], &mut ());
}

#[test]
#[should_panic(expected = "adam step: parameter 1 has shape [2], its gradient [3]")]
fn a_misshapen_gradient_is_named() {
    let gradients = [Tensor::zeros(&[2, 3]), Tensor::zeros(&[3])];
    let _ = build("adam", 0.1, &[]).step(&mut start(), &gradients, &mut ());
}

#[test]
#[should_panic(expected = "optimizer step: parameter 0 has shape [3, 2], its state is of [2, 3]")]
fn parameters_that_change_between_steps_are_named() {
    let mut optimizer = build("sgd", 0.1, &[]);
    run(&mut *optimizer, &mut start(), 0..1);
    let mut other = [Tensor::zeros(&[3, 2]), Tensor::zeros(&[2])];
    let gradients = other.clone();
    let _ = optimizer.step(&mut other, &gradients, &mut ());
}

#[test]
#[should_panic(expected = "adamw: NaN is not a learning rate of 0 or more, finite in f32")]
fn a_schedule_gone_wrong_is_named() {
    build("adamw", 0.1, &[]).set_lr(f64::NAN);
}
