//! What can be wrong with an optimizer's name and options: one line each, with what is allowed.

use crate::registry::Value;

/// An optimizer that cannot be built as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No optimizer has this name.
    #[error("unknown optimizer {name:?}{}; valid ones: {}", hint(nearest), valid.join(", "))]
    UnknownOptimizer {
        /// The name asked for.
        name: String,
        /// The valid name that is most like it, if one is.
        nearest: Option<&'static str>,
        /// All valid names.
        valid: Vec<&'static str>,
    },
    /// The optimizer has no such option.
    #[error("{optimizer}: unknown option {option:?}{}; valid ones: {}", hint(nearest), valid.join(", "))]
    UnknownOption {
        /// The optimizer.
        optimizer: &'static str,
        /// The option asked for.
        option: String,
        /// The valid option that is most like it, if one is.
        nearest: Option<&'static str>,
        /// All valid options.
        valid: Vec<&'static str>,
    },
    /// An option is set more than once.
    #[error("{optimizer}: option {option} is set more than once; set it once")]
    Repeated {
        /// The optimizer.
        optimizer: &'static str,
        /// The option.
        option: &'static str,
    },
    /// A value cannot be read, or is outside of what the optimizer's definition allows.
    #[error("{optimizer}: {option} is {value}, allowed: {allowed}")]
    NotAllowed {
        /// The optimizer.
        optimizer: &'static str,
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

fn hint(nearest: &Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean {name:?}?"))
}

/// Checks an optimizer's options, in its name.
#[derive(Clone, Copy)]
pub(crate) struct Check(pub &'static str);

impl Check {
    /// Refuses an option's value unless `holds`.
    pub(crate) fn that(
        self,
        holds: bool,
        option: &'static str,
        value: Value,
        allowed: &'static str,
    ) -> Result<(), ConfigError> {
        if holds {
            return Ok(());
        }
        Err(ConfigError::NotAllowed { optimizer: self.0, option, value: value.to_string(), allowed })
    }

    /// A number that the `f32` arithmetic can hold.
    pub(crate) fn finite(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        self.that((value as f32).is_finite(), option, Value::Number(value), "a number, finite in f32")
    }

    /// Learning rates, epsilons, decays, momenta.
    pub(crate) fn not_negative(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        self.that(
            (value as f32).is_finite() && value >= 0.0,
            option,
            Value::Number(value),
            "a number of 0 or more, finite in f32",
        )
    }

    /// The decay rates of two moving averages.
    pub(crate) fn betas(self, betas: (f64, f64)) -> Result<(), ConfigError> {
        let unit = 0.0..1.0;
        let holds = unit.contains(&betas.0) && unit.contains(&betas.1);
        self.that(holds, "betas", Value::Pair(betas.0, betas.1), "two numbers of 0 or more and below 1")
    }
}
