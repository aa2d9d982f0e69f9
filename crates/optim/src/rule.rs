//! The simple optimizers: a rule for one parameter, and the thin holder that applies it to all of them.

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
}

/// An optimizer that applies one rule to each parameter on its own.
#[derive(Clone, Debug)]
pub struct PerParameter<R, const N: usize> {
    rule: R,
    lr: f64,
    step: u64,
    slots: Slots<N>,
}

impl<R: Rule<N>, const N: usize> PerParameter<R, N> {
    /// An optimizer that has taken no step yet.
    ///
    /// # Panics
    /// When `lr` is negative or not finite in `f32`.
    #[track_caller]
    pub fn new(rule: R, lr: f64) -> PerParameter<R, N> {
        let lr = check_lr(rule.name(), lr);
        PerParameter { rule, lr, step: 0, slots: Slots::new(R::SLOTS) }
    }
}

impl<R: Rule<N>, const N: usize> Optimizer for PerParameter<R, N> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    #[track_caller]
    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        _batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        check_tensors(self.name(), parameters, gradients);
        let slots = self.slots.of(parameters, |slot, parameter| self.rule.start(slot, parameter));
        self.step += 1;
        let step = Step { number: self.step, lr: self.lr };
        for ((parameter, gradient), slots) in parameters.iter_mut().zip(gradients).zip(slots) {
            self.rule.update(step, parameter, gradient, slots);
        }
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    #[track_caller]
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
        let slots = Slots::load(R::SLOTS, &mut state, parameters, |slot, parameter| self.rule.start(slot, parameter))?;
        state.finish()?;
        (self.step, self.slots) = (step, slots);
        Ok(())
    }
}
