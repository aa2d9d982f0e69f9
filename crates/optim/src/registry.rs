//! Every optimizer by name, with its options as text: what a command line, a configuration file or a sweep can ask for.
//!
//! An optimizer adds one line to [`ENTRIES`]; its options stand in its own file.
//!
//! ```
//! use seismograd_optim::registry;
//!
//! let options = [("momentum".to_owned(), "9e-1".to_owned())];
//! let sgd = registry::build("sgd", Some(0.1), &options)?;
//! assert_eq!(sgd.lr(), 0.1);
//!
//! let resolved = registry::resolve("sgd", Some(0.1), &options)?;
//! assert_eq!(resolved[1], ("momentum", "0.9".to_owned()));
//! # Ok::<(), seismograd_optim::ConfigError>(())
//! ```

use crate::{ConfigError, Optimizer, adam, adamw, sgd};
use std::fmt;

/// All optimizers, in the order in which they are listed to a reader.
pub const ENTRIES: &[Entry] = &[sgd::ENTRY, adam::ENTRY, adamw::ENTRY];

/// An optimizer that can be asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Its options in canonical order, `lr` first.
    pub options: &'static [OptionSpec],
    /// Builds it with a value for each option.
    pub build: fn(&Chosen) -> Result<Box<dyn Optimizer>, ConfigError>,
}

/// An option of an optimizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionSpec {
    /// Its name, PyTorch's where PyTorch has it.
    pub name: &'static str,
    /// Its value unless set, which also says what kind of value it takes.
    pub default: Value,
    /// What it does, in one line.
    pub meaning: &'static str,
}

/// An option's value. [`Display`](fmt::Display) gives its only canonical spelling.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A number.
    Number(f64),
    /// Two numbers, written with a comma between them.
    Pair(f64, f64),
    /// `true` or `false`.
    Flag(bool),
}

impl Value {
    /// Reads a value of the same kind as `self`.
    fn parse(self, text: &str) -> Option<Value> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        match self {
            Value::Number(_) => Some(Value::Number(number(text)?)),
            Value::Pair(..) => text.split_once(',').and_then(|(a, b)| Some(Value::Pair(number(a)?, number(b)?))),
            Value::Flag(_) => Some(Value::Flag(text.trim().parse().ok()?)),
        }
    }

    /// What a value of this kind looks like.
    fn kind(self) -> &'static str {
        match self {
            Value::Number(_) => "a number, for example 0.001 or 1e-3",
            Value::Pair(..) => "two numbers with a comma between them, for example 0.9,0.999",
            Value::Flag(_) => "true or false",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::Number(number) => f.write_str(&spelling(number)),
            Value::Pair(a, b) => write!(f, "{},{}", spelling(a), spelling(b)),
            Value::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// The one spelling of a number: the shortest digits that read back as it, with an exponent below 1e-5 and from 1e16 on,
/// and without a fraction of zero (`0.001`, `1e-8`, `1`). Both zeros are `0`.
pub fn spelling(number: f64) -> String {
    // Adding a positive zero removes a zero's sign.
    let text = format!("{:?}", number + 0.0);
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A value for each option of an optimizer.
#[derive(Clone, Debug)]
pub struct Chosen {
    options: &'static [OptionSpec],
    values: Vec<Value>,
}

impl Chosen {
    /// The value of a number.
    ///
    /// # Panics
    /// When the optimizer has no such option of that kind.
    #[track_caller]
    pub fn number(&self, option: &str) -> f64 {
        match self.value(option) {
            Value::Number(number) => number,
            other => panic!("option {option}: {other} is no number"),
        }
    }

    /// The value of two numbers.
    ///
    /// # Panics
    /// When the optimizer has no such option of that kind.
    #[track_caller]
    pub fn pair(&self, option: &str) -> (f64, f64) {
        match self.value(option) {
            Value::Pair(a, b) => (a, b),
            other => panic!("option {option}: {other} is no pair"),
        }
    }

    /// The value of a flag.
    ///
    /// # Panics
    /// When the optimizer has no such option of that kind.
    #[track_caller]
    pub fn flag(&self, option: &str) -> bool {
        match self.value(option) {
            Value::Flag(flag) => flag,
            other => panic!("option {option}: {other} is no flag"),
        }
    }

    #[track_caller]
    fn value(&self, option: &str) -> Value {
        let at = self.options.iter().position(|spec| spec.name == option);
        self.values[at.unwrap_or_else(|| panic!("option {option}: not among the optimizer's options"))]
    }
}

impl Entry {
    /// A value for each option: the learning rate and the options that are set, and the defaults of the others.
    fn choose(&self, lr: Option<f64>, set: &[(String, String)]) -> Result<Chosen, ConfigError> {
        let mut chosen = vec![None; self.options.len()];
        if let Some(lr) = lr {
            chosen[self.find("lr")?] = Some(Value::Number(lr));
        }
        for (option, text) in set {
            let at = self.find(option)?;
            let value = self.parse(&self.options[at], text)?;
            if chosen[at].replace(value).is_some() {
                return Err(ConfigError::Repeated { optimizer: self.name, option: self.options[at].name });
            }
        }
        let values = chosen.iter().zip(self.options).map(|(value, spec)| value.unwrap_or(spec.default)).collect();
        Ok(Chosen { options: self.options, values })
    }

    fn find(&self, option: &str) -> Result<usize, ConfigError> {
        self.options.iter().position(|spec| spec.name == option).ok_or_else(|| {
            let valid: Vec<_> = self.options.iter().map(|spec| spec.name).collect();
            let nearest = nearest(option, &valid);
            ConfigError::UnknownOption { optimizer: self.name, option: option.to_owned(), nearest, valid }
        })
    }

    fn parse(&self, spec: &OptionSpec, text: &str) -> Result<Value, ConfigError> {
        let value = spec.default.parse(text);
        value.ok_or_else(|| ConfigError::NotAllowed {
            optimizer: self.name,
            option: spec.name,
            value: format!("{text:?}"),
            allowed: spec.default.kind(),
        })
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
pub fn build(name: &str, lr: Option<f64>, options: &[(String, String)]) -> Result<Box<dyn Optimizer>, ConfigError> {
    let entry = find(name)?;
    (entry.build)(&entry.choose(lr, options)?)
}

/// The complete canonical list of options and values, `lr` first: the same for every way of asking for the same optimizer.
///
/// # Errors
/// As [`build`].
pub fn resolve(
    name: &str,
    lr: Option<f64>,
    options: &[(String, String)],
) -> Result<Vec<(&'static str, String)>, ConfigError> {
    let entry = find(name)?;
    let chosen = entry.choose(lr, options)?;
    (entry.build)(&chosen)?;
    Ok(entry.options.iter().zip(chosen.values).map(|(spec, value)| (spec.name, value.to_string())).collect())
}

/// The valid name that is most like `name`, unless more than half of it would have to change.
fn nearest(name: &str, valid: &[&'static str]) -> Option<&'static str> {
    let name = name.to_lowercase();
    let distance = |other: &&&'static str| strsim::damerau_levenshtein(&name, other);
    let best = *valid.iter().min_by_key(distance)?;
    (2 * distance(&&best) <= best.len()).then_some(best)
}
