//! Numbers as a reader sees them, each with the place it comes from.

use super::html::{Element, tag};
use seismograd_analysis::Effect;

/// A number with its source: which computation, and which field of which file.
///
/// The source is the element's `title`, so that it is there without scripts; the page's script shows it on focus and on tap as well.
pub(super) fn number(shown: impl AsRef<str>, made_by: &str, place: &str) -> Element {
    tag("span").class("n").attr("title", format!("{made_by}\n{place}")).put(shown.as_ref())
}

/// A field of the analysis' own file.
pub(super) fn field(path: &str) -> String {
    format!("summary.json: findings.{path}")
}

/// Where a number would stand that there is none of, and why there is none.
pub(super) fn absent(why: &str) -> Element {
    tag("span").class("n absent").attr("title", why).put("–")
}

/// A number to so many significant digits, with a true minus sign: `0.0123`, `12,300`, `1.2·10⁻⁹`.
pub(super) fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').expect("the format writes an exponent");
    let exponent: i32 = exponent.parse().expect("the format writes a whole exponent");
    let plain = match exponent {
        -4..=5 => grouped(&format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize)),
        _ => format!("{mantissa}·10{}", superscript(exponent)),
    };
    plain.replace('-', "−")
}

/// A p-value to two significant digits.
pub(super) fn p_value(p: f64) -> String {
    match p {
        p if p >= 0.9995 => "1".to_owned(),
        0.0 => "< 10⁻³⁰⁰".to_owned(),
        p => significant(p, 2),
    }
}

/// A number between -1 and 1, with its sign and two decimals.
pub(super) fn signed(value: f64) -> String {
    format!("{value:+.2}").replace("-0.00", "0.00").replace("+0.00", "0.00").replace('-', "−")
}

/// A fraction as a percentage with one decimal.
pub(super) fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction).replace('-', "−")
}

/// A count with its thousands apart.
pub(super) fn count(number: impl std::fmt::Display) -> String {
    grouped(&number.to_string())
}

/// `2 runs`, `1 run`.
pub(super) fn of(number: usize, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A learning rate as people type it.
pub(super) fn rate(lr: f64) -> String {
    if lr != 0.0 && !(1e-4..1e5).contains(&lr.abs()) { format!("{lr:e}") } else { lr.to_string() }
}

/// Cliff's delta of an effect with its interval, as text.
pub(super) fn delta(effect: &Effect) -> String {
    let d = &effect.delta;
    format!("{} [{}, {}]", signed(d.value), signed(d.lower), signed(d.upper))
}

/// Commas between groups of three digits before the point.
fn grouped(number: &str) -> String {
    let digits = number.find('.').unwrap_or(number.len());
    let (whole, rest) = number.split_at(digits);
    let mut text = String::new();
    for (place, digit) in whole.char_indices() {
        let left = whole.len() - place;
        if left % 3 == 0 && text.ends_with(|c: char| c.is_ascii_digit()) {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

fn superscript(exponent: i32) -> String {
    let raised = |digit: char| match digit.to_digit(10) {
        Some(digit) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize],
        None => '⁻',
    };
    exponent.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let check = |value: f64, expect: &str| assert_eq!(significant(value, 3), expect);
        check(0.0, "0");
        check(0.012345, "0.0123");
        check(-1.5, "−1.50");
        check(123_456.0, "123,456");
        check(-12_345.6, "−12,346");
        check(9.999, "10.0");
        check(1.234e-9, "1.23·10⁻⁹");
        check(-1e12, "−1.00·10¹²");
        check(f64::NAN, "–");
    }

    #[test]
    fn probabilities_effects_and_counts() {
        assert_eq!([p_value(1.0), p_value(2.0 / 252.0), p_value(0.0)], ["1", "0.0079", "< 10⁻³⁰⁰"]);
        assert_eq!([signed(1.0), signed(-0.256), signed(-0.001)], ["+1.00", "−0.26", "0.00"]);
        assert_eq!([count(20_000), of(1, "run"), of(5, "run")], ["20,000", "1 run", "5 runs"]);
        assert_eq!([rate(0.001), rate(1e-5), rate(0.0)], ["0.001", "1e-5", "0"]);
        assert_eq!(percent(0.7555), "75.5 %".replace("75.5", &format!("{:.1}", 75.55)));
    }
}
