//! Optimizers that need more than a gradient, written against the public interface alone: it must hold them as it is.
//!
//! They are small on purpose, and not for use.

mod quadratic;

use quadratic::Quadratic;
use seismograd_optim::{
    Evaluation, EvaluationError, Objective, Optimizer, PerParameter, Rule, Sgd, Slots, State, StateError, Step,
    StepError, check_lr, check_tensors,
};
use seismograd_tensor::{Side, Tensor, matmul};

fn sgd(lr: f64) -> impl Optimizer {
    Sgd { lr, ..Sgd::default() }.build().unwrap()
}

fn vector(values: &[f32]) -> Tensor {
    Tensor::new(&[values.len()], values.to_vec())
}

/// Sharpness-aware minimisation (Foret et al. 2021): the base steps by the gradient a distance `rho` uphill.
struct Sam<O> {
    base: O,
    rho: f64,
}

impl<O: Optimizer> Optimizer for Sam<O> {
    fn name(&self) -> &str {
        "sam"
    }

    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        check_tensors(self.name(), parameters, gradients);
        let squares = gradients.iter().flat_map(|gradient| gradient.as_slice()).map(|&g| f64::from(g) * f64::from(g));
        let scale = (self.rho / (squares.sum::<f64>().sqrt() + 1e-12)) as f32;
        let uphill: Vec<_> = parameters.iter().zip(gradients).map(|(p, g)| p + &(g * scale)).collect();
        let uphill = batch.evaluate(&uphill)?;
        self.base.step(parameters, &uphill.gradients, batch)
    }

    fn lr(&self) -> f64 {
        self.base.lr()
    }

    fn set_lr(&mut self, lr: f64) {
        self.base.set_lr(lr);
    }

    fn evaluation_parameters(&self, parameters: &[Tensor]) -> Option<Vec<Tensor>> {
        self.base.evaluation_parameters(parameters)
    }

    fn state(&self) -> State {
        let base = self.base.state();
        let mut state = State::new(self.name(), base.step);
        state.nest("base", base);
        state
    }

    fn load_state(&mut self, mut state: State, parameters: &[Tensor]) -> Result<(), StateError> {
        state.check_optimizer(self.name())?;
        let base = state.take_nested("base", self.base.name())?;
        state.finish()?;
        self.base.load_state(base, parameters)
    }
}

#[test]
fn sam_steps_by_the_gradient_uphill() {
    let mut quadratic = Quadratic::new(&[1.0, 2.0], &[0.0, 0.0]);
    let mut parameters = vec![vector(&[3.0, 2.0])];
    let mut sam = Sam { base: sgd(0.5), rho: 1.0 };
    let gradients = quadratic.gradients(&parameters);
    sam.step(&mut parameters, &gradients, &mut quadratic).unwrap();
    // The gradient is (3, 4), uphill (3.6, 2.8), the gradient there (3.6, 5.6).
    assert!(parameters[0].as_slice().iter().zip([1.2, -0.8]).all(|(p, expect): (&f32, f32)| (p - expect).abs() < 1e-6));
    assert_eq!(quadratic.evaluations, 1);
}

#[test]
fn sam_says_what_it_misses() {
    let mut sam = Sam { base: sgd(0.5), rho: 1.0 };
    let error = sam.step(&mut [Tensor::scalar(1.0)], &[Tensor::scalar(1.0)], &mut ()).unwrap_err();
    let expect = "the optimizer asks for an evaluation at other parameters, which this objective cannot give; use another \
        optimizer or another objective";
    assert_eq!(error.to_string(), expect);
}

/// The loss `1/2 (1 + y^2) x^2` of the parameter (x, y): every point with x = 0 is a minimum, the flattest has y = 0.
struct Valley;

impl Valley {
    fn gradients(parameters: &[Tensor]) -> Vec<Tensor> {
        let [x, y] = *parameters[0].as_slice() else { panic!("two coordinates") };
        vec![vector(&[(1.0 + y * y) * x, y * x * x])]
    }
}

impl Objective for Valley {
    fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Ok(Evaluation { loss: f64::NAN, gradients: Valley::gradients(parameters), averaged_over: 1 })
    }
}

/// Where 2000 steps from (1, 1) end.
fn descend_valley(mut optimizer: impl Optimizer) -> [f32; 2] {
    let mut parameters = [vector(&[1.0, 1.0])];
    for _ in 0..2000 {
        let gradients = Valley::gradients(&parameters);
        optimizer.step(&mut parameters, &gradients, &mut Valley).unwrap();
    }
    parameters[0].as_slice().try_into().unwrap()
}

#[test]
fn sam_goes_on_to_the_flattest_minimum() {
    let [x, y] = descend_valley(sgd(0.1));
    assert!(x.abs() < 1e-6 && y > 0.5, "{x} {y}");
    let [x, y] = descend_valley(Sam { base: sgd(0.1), rho: 0.3 });
    assert!(x.abs() < 0.05 && y.abs() < 1e-6, "{x} {y}");
}

/// Schedule-Free SGD (Defazio et al. 2024). The trained parameters are y = (1 - beta) z + beta x; z takes the gradient
/// steps, x is its mean, and is what the model is evaluated with.
struct ScheduleFree {
    lr: f64,
    beta: f32,
    step: u64,
    slots: Slots<2>,
}

impl ScheduleFree {
    const SLOTS: [&'static str; 2] = ["z", "x"];

    fn new(lr: f64, beta: f32) -> ScheduleFree {
        ScheduleFree { lr, beta, step: 0, slots: Slots::new(ScheduleFree::SLOTS) }
    }
}

impl Optimizer for ScheduleFree {
    fn name(&self) -> &str {
        "schedule_free"
    }

    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        _: &mut dyn Objective,
    ) -> Result<(), StepError> {
        check_tensors(self.name(), parameters, gradients);
        self.step += 1;
        let share = (1.0 / self.step as f64) as f32;
        let slots = self.slots.of(parameters, |_, parameter| parameter.clone());
        for ((y, g), [z, x]) in parameters.iter_mut().zip(gradients).zip(slots) {
            *z = &*z - &(g * self.lr as f32);
            *x = &*x + &(&(&*z - x) * share);
            *y = &*z + &(&(&*x - z) * self.beta);
        }
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = check_lr(self.name(), lr);
    }

    fn evaluation_parameters(&self, parameters: &[Tensor]) -> Option<Vec<Tensor>> {
        if self.step == 0 {
            return Some(parameters.to_vec());
        }
        Some(self.slots.get().iter().map(|[_, x]| x.clone()).collect())
    }

    fn state(&self) -> State {
        let mut state = State::new(self.name(), self.step);
        self.slots.save(&mut state);
        state
    }

    fn load_state(&mut self, mut state: State, parameters: &[Tensor]) -> Result<(), StateError> {
        state.check_optimizer(self.name())?;
        let step = state.step;
        let slots = Slots::load(ScheduleFree::SLOTS, &mut state, parameters, |_, parameter| parameter.clone())?;
        state.finish()?;
        (self.step, self.slots) = (step, slots);
        Ok(())
    }
}

#[test]
fn schedule_free_is_evaluated_at_the_mean_of_its_steps() {
    let mut optimizer = ScheduleFree::new(0.5, 0.5);
    let mut parameters = vec![Tensor::scalar(0.0)];
    for gradient in [-2.0, -4.0] {
        optimizer.step(&mut parameters, &[Tensor::scalar(gradient)], &mut ()).unwrap();
    }
    // z goes to 1, then 3; their mean is 2.
    assert_eq!(parameters[0].item(), 2.5);
    assert_eq!(optimizer.evaluation_parameters(&parameters).unwrap()[0].item(), 2.0);
}

#[test]
fn schedule_free_averages_noise_away_without_a_schedule() {
    let mut optimizer = ScheduleFree::new(0.5, 0.9);
    let quadratic = Quadratic::new(&[1.0], &[2.0]);
    let mut parameters = vec![vector(&[0.0])];
    for step in 0..400 {
        let noise = vector(&[if step % 2 == 0 { 1.0 } else { -1.0 }]);
        let gradients = [&quadratic.gradients(&parameters)[0] + &noise];
        optimizer.step(&mut parameters, &gradients, &mut ()).unwrap();
    }
    let averaged = optimizer.evaluation_parameters(&parameters).unwrap();
    assert!(quadratic.loss_at(&averaged) < 0.1 * quadratic.loss_at(&parameters));
    assert!(quadratic.loss_at(&averaged) < 1e-3);
}

/// Sophia-G (Liu et al. 2023): momentum over an estimate of the curvature's diagonal, made every `every` steps from
/// sampled labels, each element clipped to `lr`. Without weight decay.
struct Sophia {
    lr: f64,
    every: u64,
    step: u64,
    slots: Slots<2>,
}

impl Sophia {
    const SLOTS: [&'static str; 2] = ["exp_avg", "hessian"];
    const BETAS: (f32, f32) = (0.9, 0.9);

    fn estimate(&mut self, parameters: &[Tensor], batch: &mut dyn Objective) -> Result<(), StepError> {
        let Evaluation { gradients, averaged_over, .. } = batch.evaluate_sampled_labels(parameters)?;
        let slots = self.slots.of(parameters, |_, parameter| Tensor::zeros(parameter.shape()));
        for ([_, h], g) in slots.iter_mut().zip(&gradients) {
            let scale = averaged_over as f32;
            *h = h.zip(g, |h, g| Sophia::BETAS.1 * h + (1.0 - Sophia::BETAS.1) * scale * g * g);
        }
        Ok(())
    }
}

impl Optimizer for Sophia {
    fn name(&self) -> &str {
        "sophia"
    }

    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        check_tensors(self.name(), parameters, gradients);
        if self.step.is_multiple_of(self.every) {
            self.estimate(parameters, batch)?;
        }
        self.step += 1;
        let lr = self.lr as f32;
        let slots = self.slots.of(parameters, |_, parameter| Tensor::zeros(parameter.shape()));
        for ((p, g), [m, h]) in parameters.iter_mut().zip(gradients).zip(slots) {
            *m = m.zip(g, |m, g| Sophia::BETAS.0 * m + (1.0 - Sophia::BETAS.0) * g);
            *p = &*p - &m.zip(h, |m, h| lr * (m / h.max(1e-12)).clamp(-1.0, 1.0));
        }
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = check_lr(self.name(), lr);
    }

    fn state(&self) -> State {
        let mut state = State::new(self.name(), self.step);
        self.slots.save(&mut state);
        state
    }

    fn load_state(&mut self, mut state: State, parameters: &[Tensor]) -> Result<(), StateError> {
        state.check_optimizer(self.name())?;
        let step = state.step;
        let zeros = |_: &'static str, parameter: &Tensor| Tensor::zeros(parameter.shape());
        let slots = Slots::load(Sophia::SLOTS, &mut state, parameters, zeros)?;
        state.finish()?;
        (self.step, self.slots) = (step, slots);
        Ok(())
    }
}

#[test]
fn sophia_goes_as_fast_along_flat_axes_as_along_steep_ones() {
    let mut quadratic = Quadratic::new(&[1e-3, 1.0, 1e3], &[0.0; 3]);
    let mut parameters = vec![vector(&[1.0, 1.0, 1.0])];
    let mut sophia = Sophia { lr: 0.1, every: 10, step: 0, slots: Slots::new(Sophia::SLOTS) };
    for _ in 0..95 {
        let before = parameters[0].clone();
        let gradients = quadratic.gradients(&parameters);
        sophia.step(&mut parameters, &gradients, &mut quadratic).unwrap();
        assert!((&parameters[0] - &before).as_slice().iter().all(|update| update.abs() <= 0.1 + 1e-6));
    }
    assert_eq!((quadratic.sampled, quadratic.evaluations), (10, 0));
    let [flat, middle, steep] = parameters[0].as_slice() else { panic!("three axes") };
    assert!(flat.abs() < 0.05 && (flat - middle).abs() < 1e-4 && (flat - steep).abs() < 1e-4, "{parameters:?}");
}

/// Muon (Jordan et al. 2024) with one Newton-Schulz orthogonalisation of the momentum of matrices; the sign of it for
/// other shapes.
struct Muon;

impl Muon {
    /// Five quintic steps push every singular value to around 1 and leave the singular vectors alone.
    fn orthogonalised(matrix: &Tensor) -> Tensor {
        let norm = matrix.map(|x| x * x).sum(&[0, 1]).item().sqrt();
        (0..5).fold(matrix * (1.0 / (norm + 1e-7)), |x, _| {
            let square = matmul(&x, Side::Plain, &x, Side::Transposed);
            let factor = &(&square * -4.775) + &(&square.matmul(&square) * 2.0315);
            &(&x * 3.4445) + &factor.matmul(&x)
        })
    }
}

impl Rule<1> for Muon {
    const SLOTS: [&'static str; 1] = ["momentum_buffer"];

    fn name(&self) -> &'static str {
        "muon"
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [buffer]: &mut [Tensor; 1]) {
        *buffer = &(&*buffer * 0.95) + gradient;
        let direction = if buffer.rank() == 2 { Muon::orthogonalised(buffer) } else { buffer.map(f32::signum) };
        *parameter = &*parameter - &(&direction * step.lr as f32);
    }
}

#[test]
fn muon_steps_as_far_along_every_singular_direction_of_a_matrix() {
    let mut parameters = [Tensor::zeros(&[2, 3]), Tensor::zeros(&[3])];
    // Singular values 5 and 0.5, along (3, 4) / 5 and (4, -3) / 5 of the rows.
    let gradient = Tensor::new(&[2, 3], vec![3.0, 0.4, 0.0, 4.0, -0.3, 0.0]);
    let gradients = [gradient, vector(&[1.0, -20.0, 3.0])];
    PerParameter::new(Muon, 1.0).step(&mut parameters, &gradients, &mut ()).unwrap();
    let along = Tensor::new(&[2, 2], vec![-0.6, -0.8, -0.8, 0.6]).matmul(&parameters[0]);
    let [first, a, b, c, second, d] = *along.as_slice() else { panic!("two rows of three") };
    // Muon's coefficients trade exactness for speed: singular values end between 0.7 and 1.2.
    assert!((0.7..1.2).contains(&first) && (0.7..1.2).contains(&second), "{along:?}");
    assert!([a, b, c, d].iter().all(|rest| rest.abs() < 1e-5), "{along:?}");
    assert_eq!(parameters[1].as_slice(), [-1.0, 1.0, -1.0]);
}

/// Five steps, a save, a load and five more have the bits of ten.
fn check_resume<O: Optimizer>(build: impl Fn() -> O) {
    let mut quadratic = Quadratic::new(&[0.5, 1.0], &[1.0, -1.0]);
    let mut run = |optimizer: &mut O, parameters: &mut Vec<Tensor>| {
        for _ in 0..5 {
            let gradients = quadratic.gradients(parameters);
            optimizer.step(parameters, &gradients, &mut quadratic).unwrap();
        }
    };
    let (mut whole, mut first, mut second) = (build(), build(), build());
    let (mut expect, mut found) = (vec![vector(&[3.0, 2.0])], vec![vector(&[3.0, 2.0])]);
    run(&mut whole, &mut expect);
    run(&mut whole, &mut expect);
    run(&mut first, &mut found);
    second.load_state(first.state(), &found).unwrap();
    run(&mut second, &mut found);
    assert_eq!((found, second.state()), (expect, whole.state()));
}

#[test]
fn hard_cases_resume_too() {
    check_resume(|| Sam { base: Sgd { lr: 0.1, momentum: 0.9, ..Sgd::default() }.build().unwrap(), rho: 0.05 });
    check_resume(|| ScheduleFree::new(0.1, 0.9));
    check_resume(|| Sophia { lr: 0.1, every: 3, step: 0, slots: Slots::new(Sophia::SLOTS) });
    check_resume(|| PerParameter::new(Muon, 0.1));
}
