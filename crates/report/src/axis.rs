//! Scales from data to the canvas, linear or logarithmic, and the round numbers that stand beside them.

use crate::scene::Place;

/// Whether equal distances are equal differences or equal ratios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Linear,
    Log,
}

/// A stretch of data laid on a stretch of the canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    /// Whether what is counted has no halves.
    whole: bool,
}

/// A number beside an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// A range wider than this is shown in ratios.
const LOG_FROM: f64 = 25.0;

impl Scale {
    /// From `low` to `high`; a stretch of nothing is widened about its place.
    pub(crate) fn linear(low: f64, high: f64) -> Scale {
        let pad = if high > low { 0.0 } else { 0.5 * low.abs().max(1e-3) };
        Scale { kind: Kind::Linear, low: low - pad, high: high + pad, from: 0.0, to: 1.0, whole: false }
    }

    /// From `low` to `high`, both above zero.
    pub(crate) fn log(low: f64, high: f64) -> Scale {
        let pad = if high > low { 1.0 } else { 2.0 };
        Scale { kind: Kind::Log, low: low / pad, high: high * pad, from: 0.0, to: 1.0, whole: false }
    }

    /// A scale of magnitudes: logarithmic if they span more than a decade or so, else linear, and from zero if zero is near.
    pub(crate) fn of_magnitudes(values: impl Iterator<Item = f64> + Clone) -> Scale {
        let (low, high) = range(values.clone());
        if low > 0.0 && high / low > LOG_FROM {
            return Scale::log(low / 1.15, high * 1.15);
        }
        let from_zero = low >= 0.0 && low < 0.5 * high;
        let pad = 0.05 * (high - low);
        Scale::linear(if from_zero { 0.0 } else { low - pad }, high + pad)
    }

    /// A linear scale with room at both ends.
    pub(crate) fn with_room(values: impl Iterator<Item = f64>) -> Scale {
        let (low, high) = range(values);
        let pad = 0.06 * (high - low);
        Scale::linear(low - pad, high + pad)
    }

    /// The same data on this stretch of the canvas.
    pub(crate) fn onto(self, from: f64, to: f64) -> Scale {
        Scale { from, to, ..self }
    }

    pub(crate) fn at(&self, value: f64) -> f64 {
        let along = match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Log => libm::log10(value / self.low) / libm::log10(self.high / self.low),
        };
        self.from + along * (self.to - self.from)
    }

    /// The scale of things that are counted: its round numbers are whole.
    pub(crate) fn counted(self) -> Scale {
        Scale { whole: true, ..self }
    }

    /// As [`Scale::at`], never beyond the scale's ends.
    pub(crate) fn within(&self, value: f64) -> f64 {
        self.at(value.clamp(self.low, self.high))
    }

    pub(crate) fn is_log(&self) -> bool {
        self.kind == Kind::Log
    }

    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    /// Round numbers on the scale, about so many.
    pub(crate) fn ticks(&self, about: usize) -> Vec<Tick> {
        match self.kind {
            Kind::Linear => linear_ticks(self.low, self.high, about.max(2), self.whole),
            Kind::Log => log_ticks(self.low, self.high, about.max(2)),
        }
    }
}

/// The least and the greatest of the numbers that are finite; 0 and 1 if none is.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let bounds = values.filter(|value| value.is_finite()).fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    });
    bounds.unwrap_or((0.0, 1.0))
}

fn linear_ticks(low: f64, high: f64, about: usize, whole: bool) -> Vec<Tick> {
    let exponent = libm::floor(libm::log10((high - low) / about as f64)) as i32;
    let steps =
        (exponent - 1..=exponent + 1).flat_map(|exponent| [1, 2, 5].map(|mantissa| Decimal { mantissa, exponent }));
    let sensible = steps.filter(|step| !whole || step.exponent >= 0);
    let slack = 1e-9 * (high - low);
    let ends =
        |step: &Decimal| (((low - slack) / step.value()).ceil() as i64, ((high + slack) / step.value()).floor() as i64);
    // Of two steps that miss the wanted number by as much, the finer one.
    let miss = |step: &Decimal| (ends(step).1 - ends(step).0 + 1).abs_diff(about as i64);
    let step = sensible.min_by_key(miss).unwrap_or(Decimal { mantissa: 1, exponent: 0 });
    let (first, last) = ends(&step);
    let tick = |at: i64| {
        let number = Decimal { mantissa: at * step.mantissa, exponent: step.exponent };
        Tick { value: number.value(), label: number.spelled() }
    };
    (first..=last).map(tick).collect()
}

fn log_ticks(low: f64, high: f64, about: usize) -> Vec<Tick> {
    let [first, last] = [low, high].map(|x| libm::floor(libm::log10(x)) as i32);
    let of = |mantissas: &[i64], every: usize| -> Vec<Tick> {
        let numbers =
            (first..=last).flat_map(|exponent| mantissas.iter().map(move |&mantissa| Decimal { mantissa, exponent }));
        numbers
            .filter(|number| number.exponent.rem_euclid(every as i32) == 0)
            .map(|number| Tick { value: number.value(), label: number.spelled() })
            .filter(|tick| tick.value >= low * (1.0 - 1e-9) && tick.value <= high * (1.0 + 1e-9))
            .collect()
    };
    // The finest of these choices that is not too many.
    let choices = [(&[1, 2, 5][..], 1), (&[1, 3][..], 1), (&[1][..], 1), (&[1][..], 2), (&[1][..], 3), (&[1][..], 4)];
    let fits = |ticks: &Vec<Tick>| ticks.len() <= about + 1;
    choices.into_iter().map(|(mantissas, every)| of(mantissas, every)).find(fits).unwrap_or_else(|| of(&[1], 6))
}

/// `mantissa * 10^exponent`, spelled exactly.
#[derive(Clone, Copy)]
struct Decimal {
    mantissa: i64,
    exponent: i32,
}

impl Decimal {
    fn value(self) -> f64 {
        // The shortest decimal that reads back, rather than a product that may miss it by a bit.
        format!("{}e{}", self.mantissa, self.exponent).parse().expect("an integer and an exponent are a number")
    }

    /// As people write it: plain from 0.001 to 99999, else with an exponent. A minus is a minus, not a hyphen.
    fn spelled(self) -> String {
        let value = self.value();
        let decimals = usize::try_from(-self.exponent).unwrap_or(0);
        with_minus(&match value.abs() {
            0.0 => "0".to_owned(),
            size if (9e-4..1e5).contains(&size) => format!("{value:.decimals$}"),
            _ => format!("{value:e}"),
        })
    }
}

/// A hyphen before a number becomes a minus.
pub(crate) fn with_minus(number: &str) -> String {
    number.replace('-', "−")
}

/// A number in the fewest digits that read back as it.
pub(crate) fn shortest(value: f64) -> String {
    let plain = value == 0.0 || (1e-5..1e5).contains(&value.abs());
    with_minus(&if plain { value.to_string() } else { format!("{value:e}") })
}

/// A number of three digits, for reading rather than for computing.
pub(crate) fn three_digits(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if value == 0.0 => "0".to_owned(),
        _ if !(1e-4..1e5).contains(&size) => format!("{value:.2e}"),
        _ => {
            let decimals = (2 - libm::floor(libm::log10(size)) as i32).max(0) as usize;
            format!("{value:.decimals$}")
        }
    };
    with_minus(&text)
}

/// A p-value behind its letter.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        _ if p >= 0.9995 => "p = 1".to_owned(),
        _ if p >= 0.001 => format!("p = {p:.3}"),
        _ => with_minus(&format!("p = {p:.1e}")),
    }
}

/// Places so near to the wanted ones, in order, that no two are closer than `gap`.
pub(crate) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    let mut places = wanted.to_vec();
    let mut least = low;
    for &at in &order {
        places[at] = places[at].max(least);
        least = places[at] + gap;
    }
    let mut most = high;
    for &at in order.iter().rev() {
        places[at] = places[at].min(most);
        most = places[at] - gap;
    }
    places
}

/// The points of a line on two scales.
pub(crate) fn trace(points: impl Iterator<Item = Place>, x: &Scale, y: &Scale) -> Vec<Place> {
    points.map(|(across, up)| (x.within(across), y.within(up))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scale: Scale, about: usize, expect: &[&str]) {
        let labels: Vec<String> = scale.ticks(about).into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, expect);
    }

    #[test]
    fn ticks_are_round_and_on_the_scale() {
        check(Scale::linear(0.0, 1.0), 5, &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(Scale::linear(-1.0, 1.0), 4, &["−1.0", "−0.5", "0", "0.5", "1.0"]);
        check(Scale::linear(0.0, 3.0), 3, &["0", "1", "2", "3"]);
        check(Scale::linear(2.31, 2.39), 3, &["2.32", "2.34", "2.36", "2.38"]);
        check(Scale::log(0.002, 4.0), 4, &["0.01", "0.1", "1"]);
        check(Scale::log(0.9, 12.0), 4, &["1", "2", "5", "10"]);
        check(Scale::log(1e-9, 1e-3), 3, &["1e−8", "1e−6", "1e−4"]);
    }

    #[test]
    fn a_constant_has_a_scale() {
        let scale = Scale::of_magnitudes([3.0, 3.0].into_iter()).onto(0.0, 10.0);
        assert!(scale.at(3.0).is_finite() && !scale.ticks(4).is_empty());
        assert!(Scale::of_magnitudes(std::iter::empty()).at(0.5).is_finite());
        assert!(Scale::linear(0.0, 0.0).at(0.0).is_finite());
    }

    #[test]
    fn wide_ranges_are_shown_in_ratios() {
        assert!(Scale::of_magnitudes([0.01, 1.0].into_iter()).is_log());
        assert!(!Scale::of_magnitudes([0.0, 1.0].into_iter()).is_log());
        let scale = Scale::log(1.0, 100.0).onto(0.0, 10.0);
        assert!((scale.at(10.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn labels_are_pushed_apart() {
        assert_eq!(spread(&[5.0, 5.5, 20.0], 3.0, 0.0, 30.0), [5.0, 8.0, 20.0]);
        assert_eq!(spread(&[29.0, 29.5], 3.0, 0.0, 30.0), [27.0, 30.0]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [three_digits(0.001234), three_digits(12.345), three_digits(-1.5e-7)],
            ["0.00123", "12.3", "−1.50e−7"]
        );
        assert_eq!([p_value(0.0317), p_value(1.0), p_value(2.5e-5)], ["p = 0.032", "p = 1", "p = 2.5e−5"]);
    }
}
