//! `cargo xtask tidy`: the invariants that the compiler does not see, checked on the text of the repository and on
//! cargo's metadata.
//!
//! A check is a function from the [`Repository`] to what violates it, and [`CHECKS`] lists them. Nothing is changed
//! or repaired here. Formatting and lints are `cargo fmt`'s and `cargo clippy`'s business.

mod commands;
mod dependencies;
mod instructions;
mod links;
mod manifests;
mod markdown;
mod repository;
mod rust;
mod sources;

#[cfg(test)]
mod fake;

use repository::Repository;
use std::{
    fmt,
    io::{self, Write},
    path::Path,
};

/// Flags of the task.
#[derive(clap::Args)]
pub struct Args {}

/// A place where the repository is not what it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Violation {
    /// Relative to the repository.
    path: String,
    /// From 1.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl Violation {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Violation {
        Violation { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

type Check = fn(&Repository) -> Vec<Violation>;

/// Every check. The function's documentation is the invariant.
const CHECKS: &[Check] = &[
    dependencies::directions,
    dependencies::unreachable,
    manifests::workspace,
    manifests::members,
    manifests::lints,
    sources::module_docs,
    sources::unsafe_words,
    sources::lengths,
    sources::unfinished,
    sources::module_names,
    instructions::words,
    instructions::gates,
    commands::readme,
    links::documents,
    links::targets,
    links::code_map,
];

/// Runs the task: prints one line a violation, and fails if there is any.
pub fn run(_args: &Args) -> anyhow::Result<()> {
    let repository = Repository::open(root())?;
    let violations = violations(&repository);
    // A reader that closes the pipe has seen enough.
    let _ = violations.iter().try_for_each(|violation| writeln!(io::stdout(), "{violation}"));
    match violations.len() {
        0 => {
            let _ = writeln!(io::stdout(), "{} files pass {} checks", repository.len(), CHECKS.len());
            Ok(())
        }
        1 => anyhow::bail!("1 violation, in the line above"),
        count => anyhow::bail!("{count} violations, in the lines above"),
    }
}

fn violations(repository: &Repository) -> Vec<Violation> {
    CHECKS.iter().flat_map(|check| check(repository)).collect()
}

/// The workspace's directory.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let violations = violations(&Repository::open(root()).unwrap());
        let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }

    #[test]
    fn a_violation_is_one_line_that_an_editor_can_jump_to() {
        assert_eq!(Violation::new("crates/nn/src/lib.rs", 3, "wrong").to_string(), "crates/nn/src/lib.rs:3: wrong");
    }
}
