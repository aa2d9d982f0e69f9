//! The words of a trace: what is watched ([`Signal`]), what is kept of it ([`Measure`]), and how the
//! pair is spelled as a [`Column`].
//!
//! This module defines the statistics; it does not compute them. Whoever does follows the
//! definitions on [`Statistic`] to the letter, so that two programs' traces can be compared.

use crate::error::{Result, TraceError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What of a site is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// The site's value: an activation, or a parameter after the step's update.
    Value,
    /// The gradient of the loss with respect to the value.
    Gradient,
    /// What the optimizer added to a parameter.
    Update,
}

impl Quantity {
    /// Every quantity, in the order of their columns.
    pub const ALL: [Quantity; 3] = [Quantity::Value, Quantity::Gradient, Quantity::Update];

    /// The middle part of a column's name.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::Value => "value",
            Quantity::Gradient => "gradient",
            Quantity::Update => "update",
        }
    }

    /// The quantity of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Quantity> {
        Self::ALL.into_iter().find(|quantity| quantity.name() == name)
    }
}

/// A number that summarises all `n >= 1` elements `x` of a signal at one step.
///
/// Sums are taken in f64 and the result is rounded to f32 once. Below, `mk` is the k-th central
/// moment, `sum((x - mean)^k) / n`.
///
/// Finite elements give finite statistics, except where a result is too large for an f32. For a constant
/// signal (`min == max`) the spread is 0 by definition rather than by rounding: `std`, `skewness`
/// and `kurtosis` are exactly 0. No signal with any spread has a kurtosis below 1, so a kurtosis of 0 says
/// "constant" and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// `sum(x) / n`.
    Mean,
    /// The population's standard deviation, `sqrt(m2)`: divided by `n`, not by `n - 1`.
    Std,
    /// `sqrt(sum(x^2))`.
    #[serde(rename = "l2_norm")]
    L2Norm,
    /// `sum(|x|) / n`.
    MeanAbs,
    /// The least element.
    Min,
    /// The greatest element.
    Max,
    /// The quantile 0.05, as all the quantiles by linear interpolation between order statistics at
    /// position `p (n - 1)` counted from 0: type 7 of Hyndman and Fan, "Sample quantiles in
    /// statistical packages", 1996; the default of R and NumPy.
    Q05,
    /// The quantile 0.25.
    Q25,
    /// The median.
    Q50,
    /// The quantile 0.75.
    Q75,
    /// The quantile 0.95.
    Q95,
    /// `m3 / m2^1.5`, without a correction for small samples.
    Skewness,
    /// `m4 / m2^2`: 3 for a normal distribution (it is not the excess kurtosis).
    Kurtosis,
    /// The number of elements that are exactly zero, of either sign, over `n`.
    ZeroFraction,
}

impl Statistic {
    /// Every statistic, in the order of their columns.
    pub const ALL: [Statistic; 14] = [
        Statistic::Mean,
        Statistic::Std,
        Statistic::L2Norm,
        Statistic::MeanAbs,
        Statistic::Min,
        Statistic::Max,
        Statistic::Q05,
        Statistic::Q25,
        Statistic::Q50,
        Statistic::Q75,
        Statistic::Q95,
        Statistic::Skewness,
        Statistic::Kurtosis,
        Statistic::ZeroFraction,
    ];

    /// The last part of a column's name.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::Mean => "mean",
            Statistic::Std => "std",
            Statistic::L2Norm => "l2_norm",
            Statistic::MeanAbs => "mean_abs",
            Statistic::Min => "min",
            Statistic::Max => "max",
            Statistic::Q05 => "q05",
            Statistic::Q25 => "q25",
            Statistic::Q50 => "q50",
            Statistic::Q75 => "q75",
            Statistic::Q95 => "q95",
            Statistic::Skewness => "skewness",
            Statistic::Kurtosis => "kurtosis",
            Statistic::ZeroFraction => "zero_fraction",
        }
    }

    /// The statistic of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Statistic> {
        Self::ALL.into_iter().find(|statistic| statistic.name() == name)
    }

    /// The probability of a quantile, and `None` for the other statistics.
    pub fn probability(self) -> Option<f64> {
        match self {
            Statistic::Q05 => Some(0.05),
            Statistic::Q25 => Some(0.25),
            Statistic::Q50 => Some(0.5),
            Statistic::Q75 => Some(0.75),
            Statistic::Q95 => Some(0.95),
            _ => None,
        }
    }
}

/// The name of one fixed element of a signal, whose value is recorded as it is: `sample0_class0`
/// for the logit of class 0 of the batch's first sample.
///
/// Which element a name means is the recorder's business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coordinate(String);

impl Coordinate {
    /// A coordinate; refused unless it is made of ASCII letters and digits joined by single underscores.
    pub fn new(name: impl Into<String>) -> Result<Coordinate> {
        let name = name.into();
        check_words("coordinate", &name, &name)?;
        Ok(Coordinate(name))
    }

    /// The name, without the `at_` that it bears in a column.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// One quantity at one site: what a trace follows through time.
///
/// ```
/// use seismograd_trace::{Column, Quantity, Signal, Statistic};
///
/// let signal = Signal::new("output.logits", Quantity::Gradient)?;
/// assert_eq!(signal.to_string(), "output.logits/gradient");
/// assert_eq!(Column::new(signal, Statistic::Mean).name(), "output_logits__gradient__mean");
/// # Ok::<(), seismograd_trace::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signal {
    site: String,
    quantity: Quantity,
}

impl Signal {
    /// A signal; refused unless the site is made of ASCII letters and digits joined by single dots or
    /// underscores (two underscores in a row separate the parts of a column's name).
    pub fn new(site: impl Into<String>, quantity: Quantity) -> Result<Signal> {
        let site = site.into();
        for scope in site.split('.') {
            check_words("site", &site, scope)?;
        }
        Ok(Signal { site, quantity })
    }

    /// The scope's name, dotted: `output.logits`.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// What of the site is watched.
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.site, self.quantity.name())
    }
}

impl FromStr for Signal {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Signal> {
        let parts = text.split_once('/').and_then(|(site, name)| Some((site, Quantity::from_name(name)?)));
        let rule = "expected <site>/<quantity>, such as output.logits/gradient";
        let (site, quantity) = parts.ok_or_else(|| TraceError::name("signal", text, rule))?;
        Signal::new(site, quantity)
    }
}

impl TryFrom<String> for Signal {
    type Error = TraceError;

    fn try_from(text: String) -> Result<Signal> {
        text.parse()
    }
}

impl From<Signal> for String {
    fn from(signal: Signal) -> String {
        signal.to_string()
    }
}

/// What is kept of a signal at each step: a statistic, or one element.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// A summary of all elements.
    Statistic(Statistic),
    /// The value of one fixed element.
    At(Coordinate),
}

impl From<Statistic> for Measure {
    fn from(statistic: Statistic) -> Measure {
        Measure::Statistic(statistic)
    }
}

impl From<Coordinate> for Measure {
    fn from(coordinate: Coordinate) -> Measure {
        Measure::At(coordinate)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Measure::Statistic(statistic) => f.write_str(statistic.name()),
            Measure::At(coordinate) => write!(f, "at_{}", coordinate.0),
        }
    }
}

/// One f32 column of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Column {
    /// What is followed.
    pub signal: Signal,
    /// What is kept of it.
    pub measure: Measure,
}

impl Column {
    /// The column of a statistic or a coordinate of a signal.
    pub fn new(signal: Signal, measure: impl Into<Measure>) -> Column {
        Column { signal, measure: measure.into() }
    }

    /// `<site>__<quantity>__<measure>`, with the site's dots turned into underscores.
    pub fn name(&self) -> String {
        let Signal { site, quantity } = &self.signal;
        format!("{}__{}__{}", column_form(site), quantity.name(), self.measure)
    }

    /// Reads a column's name back.
    ///
    /// A single underscore of the site's part is read as a dot, which is wrong for a scope that had an
    /// underscore of its own; a trace's files therefore list the sites as they are.
    pub fn parse(name: &str) -> Result<Column> {
        let wrong = |problem: String| TraceError::name("column", name, problem);
        let parts: Vec<&str> = name.split("__").collect();
        let &[site, quantity, measure] = parts.as_slice() else {
            return Err(wrong("expected <site>__<quantity>__<statistic>".to_owned()));
        };
        let quantity = Quantity::from_name(quantity)
            .ok_or_else(|| wrong(format!("no quantity `{quantity}`; expected value, gradient or update")))?;
        let signal = Signal::new(site.replace('_', "."), quantity)?;
        let measure = match (measure.strip_prefix("at_"), Statistic::from_name(measure)) {
            (Some(coordinate), _) => Measure::At(Coordinate::new(coordinate)?),
            (None, Some(statistic)) => Measure::Statistic(statistic),
            (None, None) => {
                let problem = format!("no statistic `{measure}`; a coordinate begins with at_");
                return Err(wrong(problem));
            }
        };
        Ok(Column { signal, measure })
    }
}

/// How a site is spelled inside a column's name.
pub(crate) fn column_form(site: &str) -> String {
    site.replace('.', "_")
}

/// Letters and digits joined by single underscores, so that neither `__` nor a loose `_` can blur the
/// border between the parts of a column's name.
fn check_words(what: &'static str, name: &str, words: &str) -> Result<()> {
    let fits = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    if words.split('_').all(fits) {
        return Ok(());
    }
    let problem = "expected ASCII letters and digits joined by single underscores (or dots, in a site)";
    Err(TraceError::name(what, name, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check_column(name: &str, site: &str, quantity: Quantity, measure: impl Into<Measure>) {
        let column = Column::new(Signal::new(site, quantity).unwrap(), measure);
        assert_eq!(column.name(), name);
        assert_eq!(Column::parse(name).unwrap(), column);
    }

    fn check_refused(name: &str, message: &str) {
        let error = Column::parse(name).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn signals_and_statistics_are_read_back_from_their_names() {
        let signal = Signal::new("output.logits", Quantity::Gradient).unwrap();
        assert_eq!("output.logits/gradient".parse::<Signal>().unwrap(), signal);
        assert_eq!(serde_json::to_string(&signal).unwrap(), "\"output.logits/gradient\"");
        for wrong in ["output.logits", "output.logits/slope", "a__b/value", "/value"] {
            assert!(wrong.parse::<Signal>().is_err(), "{wrong}");
        }
        for statistic in Statistic::ALL {
            assert_eq!(serde_json::to_value(statistic).unwrap(), statistic.name());
        }
    }

    #[test]
    fn a_column_is_spelled_and_read_back() {
        check_column("output_logits__gradient__mean", "output.logits", Quantity::Gradient, Statistic::Mean);
        check_column("fc1__update__l2_norm", "fc1", Quantity::Update, Statistic::L2Norm);
        let first = Coordinate::new("sample0_class0").unwrap();
        check_column("output_logits__value__at_sample0_class0", "output.logits", Quantity::Value, first);
    }

    #[test]
    fn other_names_are_refused() {
        check_refused("loss", "expected <site>__<quantity>__<statistic>");
        check_refused("a__b__mean", "no quantity `b`");
        check_refused("a__value__average", "no statistic `average`");
        check_refused("__value__mean", "site");
        check_refused("a__value__at_", "coordinate");
        check_refused("a__value__mean__more", "expected <site>");
    }

    #[test]
    fn a_site_that_would_blur_a_column_is_refused() {
        for site in ["", ".", "a.", "a__b", "_a", "a_", "a._b", "a b", "é", "a/b", "a=b"] {
            assert!(Signal::new(site, Quantity::Value).is_err(), "{site:?}");
        }
    }

    #[test]
    fn names_are_distinct_and_found_again() {
        for statistic in Statistic::ALL {
            assert_eq!(Statistic::from_name(statistic.name()), Some(statistic));
            assert!(!statistic.name().starts_with("at_"));
        }
        for quantity in Quantity::ALL {
            assert_eq!(Quantity::from_name(quantity.name()), Some(quantity));
        }
    }

    proptest! {
        #[test]
        fn every_valid_column_reads_back(
            site in "[a-zA-Z0-9]{1,4}(\\.[a-zA-Z0-9]{1,4}){0,3}",
            quantity in proptest::sample::select(&Quantity::ALL[..]),
            statistic in proptest::sample::select(&Statistic::ALL[..]),
        ) {
            let column = Column::new(Signal::new(site, quantity).unwrap(), statistic);
            prop_assert_eq!(Column::parse(&column.name()).unwrap(), column);
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC{0,30}") {
            if let Ok(column) = Column::parse(&text) {
                prop_assert_eq!(column.name(), text);
            }
        }
    }
}
