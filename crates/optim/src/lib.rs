//! Optimizers over ordered lists of tensors, with PyTorch's definitions, names and defaults.
//!
//! - [`Sgd`], [`Adam`] and [`AdamW`] hold hyper-parameters; their `build` checks them and returns an [`Optimizer`].
//! - [`registry`] builds any optimizer from its name and options in text, and spells a choice out in canonical form.
//! - A simple optimizer is a [`Rule`]: one parameter's update from its own gradient and state. [`PerParameter`] makes an
//!   optimizer of it. One that needs more (a second look at the batch, evaluation weights of its own, numbers shared by
//!   all parameters) implements [`Optimizer`] itself, asks an [`Objective`] and keeps its state in [`Slots`].
//!
//! This crate knows no graph, no layer and no file: gradients come in, parameters change, and a [`State`] goes to whoever
//! writes checkpoints. Nothing here calls the platform's mathematical library, so the same inputs give the same bits on
//! every machine.
//!
//! ```
//! use seismograd_optim::{Adam, Optimizer};
//! use seismograd_tensor::Tensor;
//!
//! // Minimise 1/2 |x - target|^2, whose gradient is x - target.
//! let target = Tensor::new(&[2], vec![3.0, -1.0]);
//! let mut parameters = [Tensor::zeros(&[2])];
//! let mut adam = Adam { lr: 0.1, ..Adam::default() }.build()?;
//! for _ in 0..500 {
//!     let gradients = [&parameters[0] - &target];
//!     adam.step(&mut parameters, &gradients, &mut ())?;
//! }
//! assert!((&parameters[0] - &target).as_slice().iter().all(|error| error.abs() < 1e-3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adam;
mod adamw;
mod config;
mod objective;
mod optimizer;
pub mod registry;
mod rule;
mod sgd;
mod slots;
mod state;

pub use adam::{Adam, AdamRule};
pub use adamw::AdamW;
pub use config::ConfigError;
pub use objective::{Evaluation, EvaluationError, Objective};
pub use optimizer::{Optimizer, StepError, check_lr, check_tensors};
pub use rule::{PerParameter, Rule, Step};
pub use seismograd_tensor::Tensor;
pub use sgd::{Sgd, SgdRule};
pub use slots::Slots;
pub use state::{State, StateError};
