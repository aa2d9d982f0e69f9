//! Optimizers over ordered lists of tensors, with PyTorch's definitions, names and defaults.
//!
//! - A struct such as [`Sgd`] or [`Adam`] holds hyper-parameters; its `build` checks them and returns an [`Optimizer`].
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

mod adabelief;
mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod adan;
mod ademamix;
mod adopt;
mod amsgrad;
mod asgd;
mod axes;
mod config;
mod dadapt;
mod groups;
mod hyperparameters;
mod lamb;
mod lars;
mod lbfgs;
mod lion;
mod mars;
mod muon;
mod nadam;
mod objective;
mod optimizer;
mod prodigy;
mod psgd;
mod radam;
mod rates;
pub mod registry;
mod rmsprop;
mod rprop;
mod rule;
pub mod schedule;
mod schedule_free;
mod sgd;
mod shampoo;
mod signum;
mod slots;
mod soap;
mod sophia;
mod state;
mod wrap;
mod yogi;

pub use adabelief::AdaBelief;
pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamRule};
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use adan::Adan;
pub use ademamix::AdEmaMix;
pub use adopt::Adopt;
pub use amsgrad::AmsGrad;
pub use asgd::Asgd;
pub use config::ConfigError;
pub use dadapt::DAdaptAdam;
pub use groups::Groups;
pub use hyperparameters::Checked;
pub use lamb::Lamb;
pub use lars::Lars;
pub use lbfgs::{Lbfgs, LbfgsOptimizer};
pub use lion::Lion;
pub use mars::Mars;
pub use muon::Muon;
pub use nadam::NAdam;
pub use objective::{Evaluation, EvaluationError, Objective};
pub use optimizer::{Optimizer, StepError, check_lr, check_tensors};
pub use prodigy::Prodigy;
pub use psgd::{PsgdKron, PsgdKronRule};
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use rule::{Around, Each, Joint, JointRule, PerParameter, Rule, Shared, Step, Wrapper};
pub use schedule::{Schedule, ScheduleError};
pub use schedule_free::{adamw::ScheduleFreeAdamW, sgd::ScheduleFreeSgd};
pub use seismograd_tensor::Tensor;
pub use sgd::Sgd;
pub use shampoo::Shampoo;
pub use signum::Signum;
pub use slots::Slots;
pub use soap::Soap;
pub use sophia::Sophia;
pub use state::{State, StateError};
pub use wrap::{
    cautious::Cautious, clip::norm::ClipNorm, clip::value::ClipValue, ema::Ema, lookahead::Lookahead, sam::Sam,
    weight_decay::WeightDecay,
};
pub use yogi::Yogi;
