//! What holds of every optimizer in the registry: a new one is tested here by being listed there.

mod quadratic;

use quadratic::Quadratic;
use seismograd_optim::registry::{self, Build, ENTRIES};
use seismograd_optim::{Evaluation, EvaluationError, Objective, Optimizer, StateError};
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
    all.push(build("rmsprop", 0.05, &["momentum=0.9", "centered=true"]));
    all.push(build("signum", 0.05, &["momentum=0"]));
    all.push(build("lbfgs", 0.05, &["strong_wolfe=true", "history_size=2"]));
    all.push(build("soap", 0.05, &["precondition_1d=true", "precondition_frequency=2"]));
    all.push(build("mars_adamw", 0.05, &["optimize_1d=true"]));
    all.push(build("adamw", 0.05, &["vectors.weight_decay=0", "vectors.lr=0.01"]));
    all.push(build("lookahead", 0.05, &["base=sam", "base.base=adam", "base.base.eps=1e-5", "k=3"]));
    all
}

/// The waves as a batch: gradients of a step whatever the parameters are.
struct Waves(u64);

impl Objective for Waves {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(1.0)
    }

    fn evaluate(&mut self, _: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Ok(Evaluation { loss: 0.9, gradients: gradients(self.0 + 3), averaged_over: 5 })
    }

    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        self.evaluate(parameters)
    }
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
        optimizer.step(parameters, &gradients(step), &mut Waves(step)).unwrap();
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
        let evaluated = [&whole, &second].map(|one| one.evaluation_parameters(&found).map(|found| bits(&found)));
        assert_eq!(evaluated[0], evaluated[1], "{}", whole.name());
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
    let alone = || ENTRIES.iter().filter(|entry| matches!(entry.build, Build::Alone(_)));
    for entry in alone() {
        for other in alone().filter(|other| other.name != entry.name) {
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

/// Learning rates for a quadratic whose solution is a few units away, where the default of 0.1 is not the right size.
fn rate(name: &str) -> f64 {
    match name {
        // Multiples of a rate that is found.
        "dadapt_adam" | "prodigy" | "lbfgs" => 1.0,
        // Its steps shrink with their number.
        "adagrad" => 1.0,
        // Steps relative to the norm of the parameter, of which LARS takes a thousandth.
        "lars" => 100.0,
        // In units of the root of its epsilon at first.
        "adadelta" => 100.0,
        _ => 0.1,
    }
}

#[test]
fn a_convex_quadratic_is_minimised() {
    let mut far = Vec::new();
    for entry in ENTRIES {
        let decay = entry.options.iter().any(|option| option.name == "weight_decay");
        let decay_1d = entry.options.iter().any(|option| option.name == "weight_decay_1d");
        let mut options = vec![];
        options.extend(decay.then_some("weight_decay=0"));
        options.extend(decay_1d.then_some("weight_decay_1d=0"));
        // The momentum of LARS is of steps, and a falling rate does not stop it.
        options.extend((entry.name == "lars").then_some("momentum=0"));
        options.extend((entry.name == "ema").then_some("decay=0.9"));
        options.extend((entry.name == "clip_value").then_some("clip_value=1"));
        // Vectors take another optimizer's steps, at a rate of its own.
        options.extend((entry.name == "muon").then_some("adamw_lr=0.1"));
        options.extend((entry.name == "mars_adamw").then_some("lr_1d=0.1"));
        let rate = rate(entry.name);
        let mut optimizer = build(entry.name, rate, &options);
        let mut quadratic = Quadratic::new(&[0.5, 1.0, 4.0], &[1.0, -2.0, 0.25]);
        let mut parameters = vec![Tensor::full(&[3], 0.5)];
        for step in 0..400 {
            // A falling rate, so that the optimizers that step by lr whatever the gradient come to rest.
            optimizer.set_lr(rate * (1.0 - f64::from(step) / 400.0));
            quadratic.loss = quadratic.loss_at(&parameters);
            let gradients = quadratic.gradients(&parameters);
            optimizer.step(&mut parameters, &gradients, &mut quadratic).unwrap();
        }
        let evaluated = optimizer.evaluation_parameters(&parameters).unwrap_or(parameters);
        let loss = quadratic.loss_at(&evaluated);
        if loss.is_nan() || loss > bound(entry.name) {
            far.push(format!("{}: {loss:e}", entry.name));
        }
    }
    assert!(far.is_empty(), "{far:?}");
}

/// How near to the minimum, from a loss of 3.35, 400 steps must come.
fn bound(name: &str) -> f64 {
    match name {
        // An average of iterates falls behind; steps that are shares of a norm do not vanish at the minimum.
        "schedule_free_sgd" | "schedule_free_adamw" | "asgd" | "lamb" | "lars" | "sam" => 1e-2,
        _ => 1e-4,
    }
}

#[test]
fn the_learning_rate_can_be_scheduled() {
    for mut optimizer in all() {
        // Their buffers hold steps taken at earlier rates, as in the paper.
        if ["lars"].contains(&optimizer.name()) {
            continue;
        }
        let mut parameters = start();
        run(&mut *optimizer, &mut parameters, 0..3);
        optimizer.set_lr(0.0);
        let mut before = parameters.clone();
        run(&mut *optimizer, &mut parameters, 3..5);
        // Schedule-Free goes on to average, Lookahead to look back.
        let averages = ["schedule_free_sgd", "schedule_free_adamw", "lookahead"];
        if averages.contains(&optimizer.name()) {
            before.clone_from(&parameters);
        }
        assert_eq!((parameters, optimizer.lr()), (before, 0.0), "{}", optimizer.name());
    }
}

/// One step more on gradients of which one element is `bad`, or all are tiny or huge.
#[test]
fn extreme_gradients_leave_no_nan() {
    for scale in [1e-44f32, 1e-38, 1e-30, 1e18, 1e37] {
        for mut optimizer in all() {
            let mut parameters = start();
            for step in 0..4 {
                let gradients: Vec<_> = gradients(step).iter().map(|gradient| gradient.map(|g| g * scale)).collect();
                optimizer.step(&mut parameters, &gradients, &mut Scaled(step, scale)).unwrap();
            }
            let nan = parameters.iter().any(|parameter| parameter.as_slice().iter().any(|p| p.is_nan()));
            // SGD's family goes as far as the gradient is long, and may leave what f32 holds: that is found by whoever trains.
            let far = parameters.iter().any(|parameter| !parameter.is_finite()) && scale > 1e17;
            assert!(!nan || far, "{} at {scale:e}", optimizer.name());
            if scale < 1.0 {
                assert!(parameters.iter().all(Tensor::is_finite), "{} at {scale:e}", optimizer.name());
            }
        }
    }
}

/// The waves times a number.
struct Scaled(u64, f32);

impl Objective for Scaled {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(f64::from(self.1))
    }

    fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        let found = Waves(self.0).evaluate(parameters)?;
        let gradients = found.gradients.iter().map(|gradient| gradient.map(|g| g * self.1)).collect();
        Ok(Evaluation { loss: 0.9 * f64::from(self.1), gradients, ..found })
    }

    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        self.evaluate(parameters)
    }
}

#[test]
fn zero_gradients_leave_the_parameters_alone() {
    for entry in ENTRIES {
        let decays: &[&str] = match entry.name {
            "muon" => &["weight_decay=0", "adamw_weight_decay=0"],
            "mars_adamw" => &["weight_decay=0", "weight_decay_1d=0"],
            // Their definitions pull towards zero, or begin their averages elsewhere.
            "asgd" => &["lambd=0"],
            "yogi" => &["initial_accumulator=0"],
            _ if entry.options.iter().any(|option| option.name == "weight_decay") => &["weight_decay=0"],
            _ => &[],
        };
        let mut optimizer = build(entry.name, 0.1, decays);
        let mut parameters = start();
        let zeros: Vec<_> = start().iter().map(|parameter| Tensor::zeros(parameter.shape())).collect();
        for _ in 0..12 {
            optimizer.step(&mut parameters, &zeros, &mut Scaled(0, 0.0)).unwrap();
        }
        assert_eq!(parameters, start(), "{}", entry.name);
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
