//! Shell lines, one a cell, for GNU parallel, the indexed jobs of Kubernetes, or anything else that runs commands.

use crate::cell::Cell;
use crate::error::SweepError;
use crate::plan::Plan;
use crate::state::standing;
use std::path::Path;

/// The cells that are neither over nor under way, in the plan's order.
///
/// # Errors
/// A configuration that cannot be a path.
pub fn missing<'p>(plan: &'p Plan, out: &Path) -> Result<Vec<&'p Cell>, SweepError> {
    let mut missing = Vec::new();
    for cell in &plan.cells {
        let (state, _) = standing(out, cell)?;
        if !state.is_over() && state.name() != "running" {
            missing.push(cell);
        }
    }
    Ok(missing)
}

/// The line that carries a cell through: `command` with the cell's id behind it.
pub fn line(command: &[String], cell: &Cell) -> String {
    let words = command.iter().map(|word| quoted(word)).chain(["--cell".to_owned(), cell.id.clone()]);
    words.collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell takes it for one.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        for (word, expect) in
            [("a/b.c", "a/b.c"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(quoted(word), expect);
        }
    }
}
