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

    /// What must not vanish, such as a bound.
    pub(crate) fn positive(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        let holds = (value as f32).is_finite() && value as f32 > 0.0;
        self.that(holds, option, Value::Number(value), "a number above 0, finite in f32")
    }

    /// The decay rate of a moving average.
    pub(crate) fn unit(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        self.that(UNIT.contains(&value), option, Value::Number(value), "a number of 0 or more and below 1")
    }

    /// A power that makes weights fall.
    pub(crate) fn not_positive(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        let holds = (value as f32).is_finite() && value <= 0.0;
        self.that(holds, option, Value::Number(value), "a number of 0 or less, finite in f32")
    }

    /// A factor of growth, infinity for none.
    pub(crate) fn growth(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        self.that(value >= 1.0, option, Value::Number(value), "a number of 1 or more, or inf")
    }

    /// A share that is divided by.
    pub(crate) fn inner_share(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        let holds = value as f32 > 0.0 && value < 1.0;
        self.that(holds, option, Value::Number(value), "a number above 0 and below 1")
    }

    /// Two numbers with bounds of their own, or none.
    pub(crate) fn any_pair(self, option: &'static str, (a, b): (f64, f64)) -> Result<(), ConfigError> {
        let holds = [a, b].iter().all(|x| (*x as f32).is_finite() && *x >= 0.0);
        self.that(holds, option, Value::Pair(a, b), "two numbers of 0 or more, finite in f32")
    }

    /// Two decay rates of which the first is divided by.
    pub(crate) fn inner_betas(self, option: &'static str, betas: (f64, f64)) -> Result<(), ConfigError> {
        let holds = betas.0 as f32 > 0.0 && betas.0 < 1.0 && UNIT.contains(&betas.1);
        let allowed = "two numbers below 1, the first above 0, the second 0 or more";
        self.that(holds, option, Value::Pair(betas.0, betas.1), allowed)
    }

    /// The decay rate of a moving average, negative for none of its own.
    pub(crate) fn optional_unit(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        let holds = (value as f32).is_finite() && value < 1.0;
        self.that(holds, option, Value::Number(value), "a number below 1; negative for the default")
    }

    /// A share.
    pub(crate) fn share(self, option: &'static str, value: f64) -> Result<(), ConfigError> {
        self.that((0.0..=1.0).contains(&value), option, Value::Number(value), "a number from 0 to 1")
    }

    /// Either may be chosen.
    pub(crate) fn flag(self, _: &'static str, _: bool) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Zero has a meaning, too.
    pub(crate) fn count(self, _: &'static str, _: u64) -> Result<(), ConfigError> {
        Ok(())
    }

    /// A number of steps or elements.
    pub(crate) fn at_least_one(self, option: &'static str, value: u64) -> Result<(), ConfigError> {
        self.that(value > 0, option, Value::Count(value), "a whole number of 1 or more")
    }

    /// The decay rates of two moving averages.
    pub(crate) fn betas(self, option: &'static str, betas: (f64, f64)) -> Result<(), ConfigError> {
        let holds = UNIT.contains(&betas.0) && UNIT.contains(&betas.1);
        self.that(holds, option, Value::Pair(betas.0, betas.1), "two numbers of 0 or more and below 1")
    }

    /// The decay rates of three moving averages.
    pub(crate) fn three_betas(self, option: &'static str, betas: (f64, f64, f64)) -> Result<(), ConfigError> {
        let holds = UNIT.contains(&betas.0) && UNIT.contains(&betas.1) && UNIT.contains(&betas.2);
        self.that(holds, option, Value::Triple(betas.0, betas.1, betas.2), "three numbers of 0 or more and below 1")
    }
}

const UNIT: std::ops::Range<f64> = 0.0..1.0;
