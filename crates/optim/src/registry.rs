//! Every optimizer by name, with its options as text: what a command line, a configuration file or a sweep can ask for.
//!
//! An optimizer adds one line to [`ENTRIES`]; its options stand in its own file. A wrapper (`sam`, `lookahead`, ...) holds another optimizer: its
//! option `base` names that, `base.momentum` sets an option of it. Parameters of fewer than two axes (biases) can have options of their own:
//! `vectors.weight_decay=0`.
//!
//! ```
//! use seismograd_optim::registry;
//!
//! let options = [("momentum".to_owned(), "9e-1".to_owned())];
//! let sgd = registry::build("sgd", Some(0.1), &options)?;
//! assert_eq!(sgd.lr(), 0.1);
//!
//! let resolved = registry::resolve("sgd", Some(0.1), &options)?;
//! assert_eq!(resolved[1], ("momentum".to_owned(), "0.9".to_owned()));
//! # Ok::<(), seismograd_optim::ConfigError>(())
//! ```

mod choice;
mod values;

pub use values::{Chosen, OptionSpec, Value, spelling};

use crate::{ConfigError, Optimizer};
use choice::Choice;

/// All optimizers, in the order in which they are listed to a reader.
pub const ENTRIES: &[Entry] = &[
    crate::sgd::ENTRY,
    crate::adagrad::ENTRY,
    crate::rmsprop::ENTRY,
    crate::adadelta::ENTRY,
    crate::adam::ENTRY,
    crate::amsgrad::ENTRY,
    crate::adamw::ENTRY,
    crate::adamax::ENTRY,
    crate::nadam::ENTRY,
    crate::radam::ENTRY,
    crate::rprop::ENTRY,
    crate::asgd::ENTRY,
    crate::adafactor::ENTRY,
    crate::lbfgs::ENTRY,
    crate::signum::ENTRY,
    crate::lion::ENTRY,
    crate::lars::ENTRY,
    crate::lamb::ENTRY,
    crate::yogi::ENTRY,
    crate::adabelief::ENTRY,
    crate::adan::ENTRY,
    crate::schedule_free::sgd::ENTRY,
    crate::schedule_free::adamw::ENTRY,
    crate::dadapt::ENTRY,
    crate::prodigy::ENTRY,
    crate::adopt::ENTRY,
    crate::ademamix::ENTRY,
    crate::mars::ENTRY,
    crate::sophia::ENTRY,
    crate::muon::ENTRY,
    crate::shampoo::ENTRY,
    crate::soap::ENTRY,
    crate::psgd::ENTRY,
    crate::wrap::lookahead::ENTRY,
    crate::wrap::sam::ENTRY,
    crate::wrap::cautious::ENTRY,
    crate::wrap::clip::norm::ENTRY,
    crate::wrap::clip::value::ENTRY,
    crate::wrap::weight_decay::ENTRY,
    crate::wrap::ema::ENTRY,
];

/// An optimizer that can be asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Who defined it, where: a citation.
    pub paper: &'static str,
    /// The power of `c` that the updates grow by when the loss is multiplied by `c`, at the defaults but without weight decay: 1 for the SGD
    /// family, 0 for those that only look at the gradient's direction. `None` where it is no power.
    pub degree: Option<i32>,
    /// The changes of coordinates that change nothing.
    pub symmetry: Symmetry,
    /// Its options in canonical order, `lr` first.
    pub options: &'static [OptionSpec],
    /// How it is built with a value for each option.
    pub build: Build,
}

/// Which changes of a parameter's coordinates an optimizer does not see: stepping and changing coordinates can be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// Every rotation of the parameter's elements, taken as one vector.
    Rotations,
    /// Rotations of a matrix's rows and columns.
    Matrices,
    /// Permutations and signs of the elements.
    Elements,
    /// Permutations along each axis, and signs that are products of one sign an index of each axis.
    Axes,
    /// None: triangular factors and random probes see all of them.
    Nothing,
}

/// An optimizer, or why it cannot be built.
pub type Built = Result<Box<dyn Optimizer>, ConfigError>;

/// How an entry is built.
#[derive(Clone, Copy, Debug)]
pub enum Build {
    /// From its options.
    Alone(fn(&Chosen) -> Built),
    /// Around another optimizer.
    Around {
        /// The name of the other, unless it is set.
        base: &'static str,
        /// From its options and the other.
        build: fn(&Chosen, Box<dyn Optimizer>) -> Built,
    },
}

impl Entry {
    /// What a reader has to know to use it: summary, paper, and a line an option, with its default.
    pub fn describe(&self) -> String {
        let mut lines = vec![format!("{}: {}", self.name, self.summary), self.paper.to_owned(), String::new()];
        if let Build::Around { base, .. } = self.build {
            lines.push(format!("  {:<22} the optimizer inside [default: {base}]", "base"));
            lines.push(format!("  {:<22} an option of it", "base.<option>"));
        }
        let option = |spec: &OptionSpec| format!("  {:<22} {} [default: {}]", spec.name, spec.meaning, spec.default);
        lines.extend(self.options.iter().map(option));
        if let Build::Alone(_) = self.build {
            lines.push(format!("  {:<22} the option for parameters of fewer than two axes", "vectors.<option>"));
        }
        lines.join("\n")
    }
}

/// The optimizer of this name.
///
/// # Errors
/// [`ConfigError::UnknownOptimizer`].
pub fn find(name: &str) -> Result<&'static Entry, ConfigError> {
    ENTRIES.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let valid: Vec<_> = ENTRIES.iter().map(|entry| entry.name).collect();
        ConfigError::UnknownOptimizer { name: name.to_owned(), nearest: nearest(name, &valid), valid }
    })
}

/// An optimizer by name, with a learning rate and options in text; what is not set has its default.
///
/// # Errors
/// [`ConfigError`], if a name is unknown, an option is set twice, or a value is not allowed.
pub fn build(name: &str, lr: Option<f64>, options: &[(String, String)]) -> Built {
    Choice::new(name, lr, options)?.build()
}

/// The complete canonical list of options and values, `lr` first: the same for every way of asking for the same optimizer.
///
/// # Errors
/// As [`build`].
pub fn resolve(
    name: &str,
    lr: Option<f64>,
    options: &[(String, String)],
) -> Result<Vec<(String, String)>, ConfigError> {
    let choice = Choice::new(name, lr, options)?;
    choice.build()?;
    Ok(choice.resolve())
}

/// The valid name that is most like `name`, unless more than half of it would have to change.
pub(crate) fn nearest(name: &str, valid: &[&'static str]) -> Option<&'static str> {
    let name = name.to_lowercase();
    let distance = |other: &&&'static str| strsim::damerau_levenshtein(&name, other);
    let best = *valid.iter().min_by_key(distance)?;
    (2 * distance(&&best) <= best.len()).then_some(best)
}
