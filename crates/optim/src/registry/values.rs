//! An optimizer's options as values with one spelling each.

use std::fmt;

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
    /// Three numbers, written with commas between them.
    Triple(f64, f64, f64),
    /// A whole number of 0 or more.
    Count(u64),
    /// `true` or `false`.
    Flag(bool),
}

impl Value {
    /// Reads a value of the same kind as `self`.
    pub(super) fn parse(self, text: &str) -> Option<Value> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        match self {
            Value::Number(_) => Some(Value::Number(number(text)?)),
            Value::Pair(..) => text.split_once(',').and_then(|(a, b)| Some(Value::Pair(number(a)?, number(b)?))),
            Value::Triple(..) => match text.split(',').map(number).collect::<Option<Vec<_>>>()?[..] {
                [a, b, c] => Some(Value::Triple(a, b, c)),
                _ => None,
            },
            Value::Count(_) => Some(Value::Count(text.trim().parse().ok()?)),
            Value::Flag(_) => Some(Value::Flag(text.trim().parse().ok()?)),
        }
    }

    /// What a value of this kind looks like.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Value::Number(_) => "a number, for example 0.001 or 1e-3",
            Value::Pair(..) => "two numbers with a comma between them, for example 0.9,0.999",
            Value::Triple(..) => "three numbers with commas between them, for example 0.98,0.92,0.99",
            Value::Count(_) => "a whole number of 0 or more, for example 10",
            Value::Flag(_) => "true or false",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::Number(number) => f.write_str(&spelling(number)),
            Value::Pair(a, b) => write!(f, "{},{}", spelling(a), spelling(b)),
            Value::Triple(a, b, c) => write!(f, "{},{},{}", spelling(a), spelling(b), spelling(c)),
            Value::Count(count) => write!(f, "{count}"),
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
    pub(super) options: &'static [OptionSpec],
    pub(super) values: Vec<Value>,
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

    /// The value of three numbers.
    ///
    /// # Panics
    /// When the optimizer has no such option of that kind.
    #[track_caller]
    pub fn triple(&self, option: &str) -> (f64, f64, f64) {
        match self.value(option) {
            Value::Triple(a, b, c) => (a, b, c),
            other => panic!("option {option}: {other} is no triple"),
        }
    }

    /// The value of a whole number.
    ///
    /// # Panics
    /// When the optimizer has no such option of that kind.
    #[track_caller]
    pub fn count(&self, option: &str) -> u64 {
        match self.value(option) {
            Value::Count(count) => count,
            other => panic!("option {option}: {other} is no whole number"),
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
