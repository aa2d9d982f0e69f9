//! The axes of a grid: lists of values, and rates spaced evenly on a logarithmic scale.

use std::fmt::Display;
use toml::Value;

/// The learning rates of an optimizer.
#[derive(Clone, Debug, PartialEq)]
pub enum Rates {
    /// The optimizer's default.
    Default,
    /// These.
    List(Vec<f64>),
    /// From the first to the last, as many as there are points, evenly on a logarithmic scale; without points a range to draw from.
    Log {
        /// The ends.
        ends: [f64; 2],
        /// How many.
        points: Option<usize>,
    },
}

impl Rates {
    /// Reads `lr` of a section.
    pub(super) fn read(value: Option<&Value>) -> Result<Rates, String> {
        let Some(value) = value else { return Ok(Rates::Default) };
        let rates = match value {
            Value::Table(table) => return log(table),
            Value::Array(list) => list.iter().map(number).collect::<Option<Vec<f64>>>(),
            value => number(value).map(|rate| vec![rate]),
        };
        let rates = rates.ok_or_else(|| {
            format!("lr = {value}: use a number, a list of them, or {{ log = [1e-4, 1e-1], points = 7 }}")
        })?;
        each_once("lr", &rates)?;
        Ok(Rates::List(rates))
    }

    /// The rates of the grid; none where the optimizer's default is meant, or a range to draw from.
    pub fn values(&self) -> Vec<f64> {
        match self {
            Rates::Default | Rates::Log { points: None, .. } => Vec::new(),
            Rates::List(list) => list.clone(),
            Rates::Log { ends, points: Some(points) } => {
                let steps = points.saturating_sub(1).max(1) as f64;
                (0..*points).map(|point| between(*ends, point as f64 / steps)).collect()
            }
        }
    }
}

/// The number at a fraction of the way between two, on a logarithmic scale, in three significant digits: a path stays readable.
pub(crate) fn between(ends: [f64; 2], fraction: f64) -> f64 {
    let [low, high] = ends.map(libm::log10);
    let exact = libm::pow(10.0, low + fraction * (high - low));
    format!("{exact:.2e}").parse().expect("a printed number reads back")
}

fn log(table: &toml::Table) -> Result<Rates, String> {
    if let Some(unknown) = table.keys().find(|key| !["log", "points"].contains(&key.as_str())) {
        return Err(format!("lr has an unknown key `{unknown}`; known: `log`, `points`"));
    }
    let ends =
        table.get("log").and_then(Value::as_array).map(|ends| ends.iter().filter_map(number).collect::<Vec<_>>());
    let Some(&[low, high]) = ends.as_deref() else {
        return Err("lr wants log = [LOWEST, HIGHEST]".to_owned());
    };
    if !(low > 0.0 && high > low && high.is_finite()) {
        return Err(format!("lr: log = [{low}, {high}] is to rise from above 0"));
    }
    let points = match table.get("points") {
        None => None,
        Some(value) => match value.as_integer() {
            Some(points @ 2..=1000) => Some(points as usize),
            _ => return Err(format!("lr: points = {value}: use 2 to 1000")),
        },
    };
    let rates = Rates::Log { ends: [low, high], points };
    each_once("lr, to three digits,", &rates.values())
        .or_else(|problem| if points.is_some() { Err(problem) } else { Ok(()) })?;
    Ok(rates)
}

/// A number, with or without a fraction.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|number| number as f64))
}

/// The values of an option as the optimizers read them; a list makes an axis, and a pair of numbers in a list is one value.
pub(super) fn texts(name: &str, value: &Value) -> Result<Vec<String>, String> {
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Array(pair) => {
            let numbers: Option<Vec<String>> = pair.iter().map(|x| number(x).map(spelled)).collect();
            numbers.filter(|numbers| numbers.len() == 2).map(|numbers| numbers.join(","))
        }
        value => number(value).map(spelled),
    };
    let texts: Option<Vec<String>> = match value {
        Value::Array(list) => list.iter().map(plain).collect(),
        value => plain(value).map(|text| vec![text]),
    };
    let texts = texts.ok_or_else(|| format!("{name} = {value}: use a value or a list of values"))?;
    each_once(name, &texts)?;
    Ok(texts)
}

fn spelled(number: f64) -> String {
    seismograd_optim::registry::spelling(number)
}

/// An axis has values, each of them once.
pub(super) fn each_once<T: PartialEq + Display>(axis: &str, values: &[T]) -> Result<(), String> {
    if values.is_empty() {
        return Err(format!("{axis} is empty; name at least one"));
    }
    let twice = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value));
    twice.map_or(Ok(()), |(_, value)| Err(format!("{axis}: {value} is named twice; name each once")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_spaced_evenly_on_a_logarithmic_scale() {
        let rates = Rates::Log { ends: [1e-4, 1e-1], points: Some(7) };
        assert_eq!(rates.values(), [1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2, 3.16e-2, 1e-1]);
    }

    #[test]
    fn options_have_the_registrys_spelling() {
        let table: toml::Table = "a = [0, 0.90]\nb = [[0.9, 0.999]]\nc = true\nd = \"0.9,0.99\"".parse().unwrap();
        let read = |name: &str| texts(name, &table[name]).unwrap();
        assert_eq!(read("a"), ["0", "0.9"]);
        assert_eq!(read("b"), ["0.9,0.999"]);
        assert_eq!((read("c"), read("d")), (vec!["true".to_owned()], vec!["0.9,0.99".to_owned()]));
    }
}
