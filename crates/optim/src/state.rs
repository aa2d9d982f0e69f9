//! What an optimizer leaves behind between steps, as plain named numbers for a checkpoint. Files are not written here.

use seismograd_tensor::Tensor;

/// An optimizer's state: flat, ordered and complete, whatever the optimizer is.
///
/// Loading takes every entry out by name, then calls [`finish`](State::finish): what is missing and what is left over are
/// both refused.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The [name](crate::Optimizer::name) of the optimizer that wrote it.
    pub optimizer: String,
    /// How many steps it has taken.
    pub step: u64,
    /// Named numbers shared by all parameters, kept to the bit.
    pub scalars: Vec<(String, f64)>,
    /// Named tensors.
    pub tensors: Vec<(String, Tensor)>,
}

impl State {
    /// A state without numbers or tensors.
    pub fn new(optimizer: &str, step: u64) -> State {
        State { optimizer: optimizer.to_owned(), step, scalars: Vec::new(), tensors: Vec::new() }
    }

    /// Checks who wrote the state.
    ///
    /// # Errors
    /// [`StateError::OtherOptimizer`], if it was not `optimizer`.
    pub fn check_optimizer(&self, optimizer: &str) -> Result<(), StateError> {
        if self.optimizer == optimizer {
            return Ok(());
        }
        Err(StateError::OtherOptimizer { expected: optimizer.to_owned(), found: self.optimizer.clone() })
    }

    /// Takes a number out.
    ///
    /// # Errors
    /// [`StateError::Missing`].
    pub fn take_scalar(&mut self, name: &str) -> Result<f64, StateError> {
        let at = self.scalars.iter().position(|(found, _)| found == name);
        at.map(|at| self.scalars.remove(at).1).ok_or_else(|| self.missing(name))
    }

    /// Takes a tensor of this shape out.
    ///
    /// # Errors
    /// [`StateError::Missing`] or [`StateError::Shape`].
    pub fn take_tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, StateError> {
        let at = self.tensors.iter().position(|(found, _)| found == name).ok_or_else(|| self.missing(name))?;
        let found = self.tensors[at].1.shape();
        if found != shape {
            let (optimizer, name) = (self.optimizer.clone(), name.to_owned());
            return Err(StateError::Shape { optimizer, name, expected: shape.to_vec(), found: found.to_vec() });
        }
        Ok(self.tensors.remove(at).1)
    }

    /// Checks that everything has been taken out.
    ///
    /// # Errors
    /// [`StateError::Unexpected`], naming the first entry that was not.
    pub fn finish(self) -> Result<(), StateError> {
        let scalars = self.scalars.into_iter().map(|(name, _)| name);
        match scalars.chain(self.tensors.into_iter().map(|(name, _)| name)).next() {
            None => Ok(()),
            Some(name) => Err(StateError::Unexpected { optimizer: self.optimizer, name }),
        }
    }

    /// Adds the state of an optimizer inside this one, under `<label>.<its name>.`. Its step count becomes a number.
    pub fn nest(&mut self, label: &str, inner: State) {
        let prefix = format!("{label}.{}.", inner.optimizer);
        self.scalars.push((format!("{prefix}step"), inner.step as f64));
        self.scalars.extend(inner.scalars.into_iter().map(|(name, scalar)| (prefix.clone() + &name, scalar)));
        self.tensors.extend(inner.tensors.into_iter().map(|(name, tensor)| (prefix.clone() + &name, tensor)));
    }

    /// Takes out what [`nest`](State::nest) added under this label for the inner optimizer of this name.
    ///
    /// # Errors
    /// [`StateError::Missing`], if it was another optimizer's or there was none.
    pub fn take_nested(&mut self, label: &str, optimizer: &str) -> Result<State, StateError> {
        let prefix = format!("{label}.{optimizer}.");
        let step = self.take_scalar(&format!("{prefix}step"))? as u64;
        let scalars = extract(&mut self.scalars, &prefix);
        let tensors = extract(&mut self.tensors, &prefix);
        Ok(State { optimizer: optimizer.to_owned(), step, scalars, tensors })
    }

    fn missing(&self, name: &str) -> StateError {
        StateError::Missing { optimizer: self.optimizer.clone(), name: name.to_owned() }
    }
}

/// Moves the entries whose names begin with `prefix` out, without it.
fn extract<T>(entries: &mut Vec<(String, T)>, prefix: &str) -> Vec<(String, T)> {
    let inner = entries.extract_if(.., |(name, _)| name.starts_with(prefix));
    inner.map(|(name, entry)| (name[prefix.len()..].to_owned(), entry)).collect()
}

/// Why a saved state cannot be taken up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another optimizer wrote it.
    #[error("the saved state is {found}'s, this run's optimizer is {expected}; resume with {found} or start a new run")]
    OtherOptimizer {
        /// The optimizer that was to load it.
        expected: String,
        /// The optimizer that wrote it.
        found: String,
    },
    /// An entry is not there.
    #[error("the saved {optimizer} state lacks {name}; resume with the model and the options that it was saved with")]
    Missing {
        /// The optimizer.
        optimizer: String,
        /// The entry's name.
        name: String,
    },
    /// A tensor has another shape.
    #[error(
        "the saved {optimizer} state's {name} has shape {found:?}, expected {expected:?}; resume with the model and the \
         options that it was saved with"
    )]
    Shape {
        /// The optimizer.
        optimizer: String,
        /// The tensor's name.
        name: String,
        /// The shape that the parameters ask for.
        expected: Vec<usize>,
        /// The saved shape.
        found: Vec<usize>,
    },
    /// An entry has no use.
    #[error(
        "the saved {optimizer} state holds {name}, which this optimizer has no use for; resume with the model and the \
         options that it was saved with"
    )]
    Unexpected {
        /// The optimizer.
        optimizer: String,
        /// The entry's name.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outer() -> State {
        let mut inner = State::new("adam", 7);
        inner.scalars.push(("norm".to_owned(), 0.1));
        inner.tensors.push(("exp_avg.0".to_owned(), Tensor::zeros(&[2])));
        let mut outer = State::new("ema", 9);
        outer.nest("base", inner);
        outer
    }

    #[test]
    fn a_nested_state_comes_out_as_it_went_in() {
        let mut outer = outer();
        assert_eq!(outer.tensors[0].0, "base.adam.exp_avg.0");
        let mut inner = outer.take_nested("base", "adam").unwrap();
        assert_eq!((inner.optimizer.as_str(), inner.step), ("adam", 7));
        assert_eq!(inner.take_scalar("norm"), Ok(0.1));
        assert_eq!(inner.take_tensor("exp_avg.0", &[2]), Ok(Tensor::zeros(&[2])));
        assert_eq!((inner.finish(), outer.finish()), (Ok(()), Ok(())));
    }

    #[test]
    fn another_inner_optimizer_is_refused() {
        let message = outer().take_nested("base", "adamw").unwrap_err().to_string();
        let expect =
            "the saved ema state lacks base.adamw.step; resume with the model and the options that it was saved with";
        assert_eq!(message, expect);
    }
}
