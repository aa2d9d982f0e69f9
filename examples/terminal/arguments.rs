//! Command lines: a mistake gets one line with the fix.

use crate::complain;
use clap::{Parser, error::ErrorKind};
use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

/// The arguments of the process. Asked for help it prints it; given a mistake it prints one line; both end the process.
pub fn parse<P: Parser>() -> P {
    P::try_parse().unwrap_or_else(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            error.exit();
        }
        // The first paragraph says what is wrong, tips say what was probably meant; usage is what --help is for.
        let text = error.to_string();
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more information"))
            .collect();
        complain(&format!("{} (--help lists the options)", lines.join("; ")));
        std::process::exit(2);
    })
}

/// Reads `name=value`.
///
/// # Errors
/// Without an equals sign.
pub fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is to be name=value"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Reads a whole number.
///
/// # Errors
/// Anything else, said in words that name what is allowed.
pub fn count<N: FromStr<Err = ParseIntError>>(text: &str) -> Result<N, String> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "too large, use a smaller number".to_owned(),
        _ => "use a whole number, not below 0".to_owned(),
    })
}

/// Reads a number; whether it is in range is for those to say who know the range.
///
/// # Errors
/// When it is none.
pub fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "use a number, for example 0.001 or 1e-3".to_owned())
}
