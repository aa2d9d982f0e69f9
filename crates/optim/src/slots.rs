//! The state tensors of a list of parameters: `N` named ones for each.

use crate::{State, StateError};
use seismograd_tensor::Tensor;

/// `N` state tensors for each parameter, made when the parameters are first seen. An optimizer may hold several.
///
/// In a [`State`] the slot `exp_avg` of the parameter at position 3 is named `exp_avg.3`; a tensor without elements is left
/// out.
///
/// ```
/// use seismograd_optim::{Slots, State};
/// use seismograd_tensor::Tensor;
///
/// let parameters = [Tensor::scalar(1.0), Tensor::zeros(&[3])];
/// let mut slots = Slots::new(["mean"]);
/// for [mean] in slots.of(&parameters, |_, parameter| parameter.clone()) {
///     *mean = &*mean * 0.5;
/// }
/// let mut state = State::new("averaged", 1);
/// slots.save(&mut state);
/// assert_eq!(state.tensors[0], ("mean.0".to_owned(), Tensor::scalar(0.5)));
/// ```
#[derive(Clone, Debug)]
pub struct Slots<const N: usize> {
    names: [&'static str; N],
    /// The parameters' shapes; slots may have others.
    shapes: Vec<Vec<usize>>,
    tensors: Vec<[Tensor; N]>,
}

impl<const N: usize> Slots<N> {
    /// Slots of parameters that have not been seen yet.
    pub fn new(names: [&'static str; N]) -> Slots<N> {
        Slots { names, shapes: Vec::new(), tensors: Vec::new() }
    }

    /// The slots of each of `parameters`. At the first call they are what `start(slot, parameter)` makes.
    ///
    /// # Panics
    /// When the parameters are not those of the first call.
    #[track_caller]
    pub fn of(&mut self, parameters: &[Tensor], start: impl Fn(&'static str, &Tensor) -> Tensor) -> &mut [[Tensor; N]] {
        if self.shapes.is_empty() {
            self.shapes = parameters.iter().map(|parameter| parameter.shape().to_vec()).collect();
            self.tensors = parameters.iter().map(|parameter| self.names.map(|name| start(name, parameter))).collect();
        }
        self.check(parameters);
        &mut self.tensors
    }

    /// The slots of each parameter seen; empty before the first step.
    pub fn get(&self) -> &[[Tensor; N]] {
        &self.tensors
    }

    #[track_caller]
    fn check(&self, parameters: &[Tensor]) {
        let (expected, found) = (self.shapes.len(), parameters.len());
        assert_eq!(expected, found, "optimizer step: {found} parameters, but its state is of {expected}");
        for (at, (expected, parameter)) in self.shapes.iter().zip(parameters).enumerate() {
            let found = parameter.shape();
            assert!(
                expected == found,
                "optimizer step: parameter {at} has shape {found:?}, its state is of {expected:?}"
            );
        }
    }

    /// Adds the slots to a state, parameter by parameter.
    pub fn save(&self, state: &mut State) {
        for (at, tensors) in self.tensors.iter().enumerate() {
            let named = self.names.iter().zip(tensors).filter(|(_, tensor)| !tensor.is_empty());
            state.tensors.extend(named.map(|(name, tensor)| (format!("{name}.{at}"), tensor.clone())));
        }
    }

    /// Takes the slots of `parameters` out of a state. A state of step 0 has none: `start` will make them.
    ///
    /// # Errors
    /// [`StateError`], if a tensor is missing or has not the shape that `start` gives.
    pub fn load(
        names: [&'static str; N],
        state: &mut State,
        parameters: &[Tensor],
        start: impl Fn(&'static str, &Tensor) -> Tensor,
    ) -> Result<Slots<N>, StateError> {
        let mut slots = Slots::new(names);
        if state.step == 0 {
            return Ok(slots);
        }
        for (at, tensors) in slots.of(parameters, start).iter_mut().enumerate() {
            for (name, tensor) in names.iter().zip(tensors).filter(|(_, tensor)| !tensor.is_empty()) {
                *tensor = state.take_tensor(&format!("{name}.{at}"), tensor.shape())?;
            }
        }
        Ok(slots)
    }
}
