//! Optimizers as rules: for one parameter at a time, for all of them together, or around another optimizer; and the holders that apply them.

use crate::{Objective, Optimizer, Slots, State, StateError, StepError, check_lr, check_tensors};
use seismograd_tensor::Tensor;

/// When an update happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The step's number, counted from 1.
    pub number: u64,
    /// The learning rate.
    pub lr: f64,
}

/// Updates a parameter from its own gradient and its own `N` state tensors.
///
/// Scalars that are the same for all elements (bias corrections, decays) are worked out in `f64` and rounded once; the
/// elements take one fused pass of plain `f32` operations.
///
/// ```
/// use seismograd_optim::{Optimizer, PerParameter, Rule, Step};
/// use seismograd_tensor::Tensor;
///
/// /// Steps by the gradient's sign alone.
/// struct SignSgd;
///
/// impl Rule<0> for SignSgd {
///     const SLOTS: [&'static str; 0] = [];
///
///     fn name(&self) -> &'static str {
///         "sign_sgd"
///     }
///
///     fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, _: &mut [Tensor; 0]) {
///         *parameter = &*parameter - &gradient.map(|g| g.signum() * step.lr as f32);
///     }
/// }
///
/// let mut parameters = [Tensor::scalar(1.0)];
/// PerParameter::new(SignSgd, 0.5).step(&mut parameters, &[Tensor::scalar(-20.0)], &mut ())?;
/// assert_eq!(parameters[0].item(), 1.5);
/// # Ok::<(), seismograd_optim::StepError>(())
/// ```
pub trait Rule<const N: usize>: Send {
    /// The names of a parameter's state tensors.
    const SLOTS: [&'static str; N];

    /// The optimizer's name in the registry and in saved states.
    fn name(&self) -> &'static str;

    /// What a state tensor of a parameter is before the first step: zeros of the parameter's shape unless the rule says
    /// otherwise. A slot that a parameter has no use for is an empty tensor; it is not saved.
    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        let _ = slot;
        Tensor::zeros(parameter.shape())
    }

    /// One update of `parameter`. The gradient and, unless [`start`](Rule::start) differs, the state have its shape.
    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor; N]);

    /// What to evaluate the model with in place of `parameter`, if that differs.
    fn evaluation_parameter(&self, parameter: &Tensor, slots: &[Tensor; N]) -> Option<Tensor> {
        let _ = (parameter, slots);
        None
    }
}

/// Updates all parameters together, where `S` numbers are shared by all of them or the batch is asked.
pub trait JointRule<const N: usize, const S: usize>: Send {
    /// The names of a parameter's state tensors.
    const SLOTS: [&'static str; N];

    /// The names of the shared numbers.
    const SCALARS: [&'static str; S];

    /// The optimizer's name in the registry and in saved states.
    fn name(&self) -> &'static str;

    /// What a state tensor of a parameter is before the first step, as in [`Rule::start`].
    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        let _ = slot;
        Tensor::zeros(parameter.shape())
    }

    /// The shared numbers before the first step.
    fn start_scalars(&self) -> [f64; S];

    /// One update of all parameters.
    ///
    /// # Errors
    /// [`StepError`], if the batch gives no answer.
    fn update(
        &self,
        step: Step,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        shared: Shared<'_, N, S>,
        batch: &mut dyn Objective,
    ) -> Result<(), StepError>;

    /// What to evaluate the model with in place of `parameter`, if that differs.
    fn evaluation_parameter(&self, parameter: &Tensor, slots: &[Tensor; N]) -> Option<Tensor> {
        let _ = (parameter, slots);
        None
    }
}

/// The state of a [`JointRule`].
pub struct Shared<'a, const N: usize, const S: usize> {
    /// Each parameter's tensors.
    pub slots: &'a mut [[Tensor; N]],
    /// The numbers that all parameters share.
    pub scalars: &'a mut [f64; S],
}

/// An optimizer that applies a rule to all parameters together.
#[derive(Clone, Debug)]
pub struct Joint<R, const N: usize, const S: usize> {
    rule: R,
    lr: f64,
    step: u64,
    slots: Slots<N>,
    scalars: [f64; S],
}

impl<R: JointRule<N, S>, const N: usize, const S: usize> Joint<R, N, S> {
    /// An optimizer that has taken no step yet.
    ///
    /// # Panics
    /// When `lr` is negative or not finite in `f32`.
    #[track_caller]
    pub fn with(rule: R, lr: f64) -> Joint<R, N, S> {
        let lr = check_lr(rule.name(), lr);
        Joint { lr, step: 0, slots: Slots::new(R::SLOTS), scalars: rule.start_scalars(), rule }
    }
}

impl<R: JointRule<N, S>, const N: usize, const S: usize> Optimizer for Joint<R, N, S> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    #[track_caller]
    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        check_tensors(self.rule.name(), parameters, gradients);
        let slots = self.slots.of(parameters, |slot, parameter| self.rule.start(slot, parameter));
        self.step += 1;
        let step = Step { number: self.step, lr: self.lr };
        self.rule.update(step, parameters, gradients, Shared { slots, scalars: &mut self.scalars }, batch)
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    #[track_caller]
    fn set_lr(&mut self, lr: f64) {
        self.lr = check_lr(self.rule.name(), lr);
    }

    fn evaluation_parameters(&self, parameters: &[Tensor]) -> Option<Vec<Tensor>> {
        let pairs = parameters.iter().zip(self.slots.get());
        let found: Option<Vec<_>> =
            pairs.map(|(parameter, slots)| self.rule.evaluation_parameter(parameter, slots)).collect();
        found.filter(|found| found.len() == parameters.len())
    }

    fn state(&self) -> State {
        let mut state = State::new(self.name(), self.step);
        state.scalars.extend(R::SCALARS.iter().zip(self.scalars).map(|(&name, scalar)| (name.to_owned(), scalar)));
        self.slots.save(&mut state);
        state
    }

    fn load_state(&mut self, mut state: State, parameters: &[Tensor]) -> Result<(), StateError> {
        state.check_optimizer(self.name())?;
        let mut scalars = [0.0; S];
        for (name, scalar) in R::SCALARS.iter().zip(&mut scalars) {
            *scalar = state.take_scalar(name)?;
        }
        let step = state.step;
        let slots = Slots::load(R::SLOTS, &mut state, parameters, |slot, parameter| self.rule.start(slot, parameter))?;
        state.finish()?;
        (self.step, self.slots, self.scalars) = (step, slots, scalars);
        Ok(())
    }
}

/// An optimizer that applies one rule to each parameter on its own.
pub type PerParameter<R, const N: usize> = Joint<Each<R>, N, 0>;

/// A rule for one parameter, applied to each.
#[derive(Clone, Copy, Debug)]
pub struct Each<R>(R);

impl<R: Rule<N>, const N: usize> PerParameter<R, N> {
    /// An optimizer that has taken no step yet.
    ///
    /// # Panics
    /// When `lr` is negative or not finite in `f32`.
    #[track_caller]
    pub fn new(rule: R, lr: f64) -> PerParameter<R, N> {
        Joint::with(Each(rule), lr)
    }
}

impl<R: Rule<N>, const N: usize> JointRule<N, 0> for Each<R> {
    const SLOTS: [&'static str; N] = R::SLOTS;
    const SCALARS: [&'static str; 0] = [];

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        self.0.start(slot, parameter)
    }

    fn start_scalars(&self) -> [f64; 0] {
        []
    }

    fn update(
        &self,
        step: Step,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        Shared { slots, .. }: Shared<'_, N, 0>,
        _: &mut dyn Objective,
    ) -> Result<(), StepError> {
        for ((parameter, gradient), slots) in parameters.iter_mut().zip(gradients).zip(slots) {
            self.0.update(step, parameter, gradient, slots);
        }
        Ok(())
    }

    fn evaluation_parameter(&self, parameter: &Tensor, slots: &[Tensor; N]) -> Option<Tensor> {
        self.0.evaluation_parameter(parameter, slots)
    }
}

/// Changes what another optimizer is given, or what becomes of its steps.
pub trait Wrapper<const N: usize>: Send {
    /// The names of a parameter's state tensors, beside those of the base.
    const SLOTS: [&'static str; N];

    /// The name in the registry and in saved states.
    fn name(&self) -> &'static str;

    /// What a state tensor of a parameter is before the first step: by default the parameter itself.
    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        let _ = slot;
        parameter.clone()
    }

    /// The step of this number, from 1, by way of `base`.
    ///
    /// # Errors
    /// [`StepError`], if the batch gives no answer.
    fn step(
        &self,
        number: u64,
        base: &mut dyn Optimizer,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        slots: &mut [[Tensor; N]],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError>;

    /// What to evaluate the model with, if that is neither `parameter` nor what the base says.
    fn evaluation_parameter(&self, slots: &[Tensor; N]) -> Option<Tensor> {
        let _ = slots;
        None
    }
}

/// An optimizer inside a [`Wrapper`]. The learning rate is the base's.
pub struct Around<W, const N: usize> {
    wrapper: W,
    base: Box<dyn Optimizer>,
    step: u64,
    slots: Slots<N>,
}

/// Under which label the base's state is nested.
const BASE: &str = "base";

impl<W: Wrapper<N>, const N: usize> Around<W, N> {
    pub(crate) fn new(wrapper: W, base: Box<dyn Optimizer>) -> Around<W, N> {
        Around { wrapper, base, step: 0, slots: Slots::new(W::SLOTS) }
    }
}

impl<W: Wrapper<N>, const N: usize> Optimizer for Around<W, N> {
    fn name(&self) -> &str {
        self.wrapper.name()
    }

    #[track_caller]
    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        check_tensors(self.wrapper.name(), parameters, gradients);
        let slots = self.slots.of(parameters, |slot, parameter| self.wrapper.start(slot, parameter));
        self.step += 1;
        self.wrapper.step(self.step, &mut *self.base, parameters, gradients, slots, batch)
    }

    fn lr(&self) -> f64 {
        self.base.lr()
    }

    #[track_caller]
    fn set_lr(&mut self, lr: f64) {
        self.base.set_lr(lr);
    }

    fn evaluation_parameters(&self, parameters: &[Tensor]) -> Option<Vec<Tensor>> {
        let found: Option<Vec<_>> =
            self.slots.get().iter().map(|slots| self.wrapper.evaluation_parameter(slots)).collect();
        found.filter(|found| !found.is_empty()).or_else(|| self.base.evaluation_parameters(parameters))
    }

    fn state(&self) -> State {
        let mut state = State::new(self.name(), self.step);
        self.slots.save(&mut state);
        state.nest(BASE, self.base.state());
        state
    }

    fn load_state(&mut self, mut state: State, parameters: &[Tensor]) -> Result<(), StateError> {
        state.check_optimizer(self.name())?;
        let step = state.step;
        let base = state.take_nested(BASE, self.base.name())?;
        let slots =
            Slots::load(W::SLOTS, &mut state, parameters, |slot, parameter| self.wrapper.start(slot, parameter))?;
        state.finish()?;
        // Last, because it changes something: whatever else does not fit has been refused by now.
        self.base.load_state(base, parameters)?;
        (self.step, self.slots) = (step, slots);
        Ok(())
    }
}
