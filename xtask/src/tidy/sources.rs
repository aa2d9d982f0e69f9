//! Checks of the text of single files.

use super::Violation;
use super::repository::Repository;
use super::rust;

/// The longest that a file written by hand may be, in lines.
const LONGEST: usize = 600;

/// Marks of unfinished work in any text. Spelt apart, so that this file does not carry them.
const MARKS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Marks of unfinished work in code.
const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "#[ignore"];

/// Names that say nothing of what a module is for.
const EMPTY_NAMES: [&str; 5] = ["util", "utils", "common", "helpers", "prelude"];

/// Every Rust file opens by saying what it is for.
pub fn module_docs(repository: &Repository) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in repository.sources() {
        let first = text.lines().enumerate().find(|(_, line)| !line.trim().is_empty());
        if !first.is_some_and(|(_, line)| line.starts_with("//!")) {
            let line = first.map_or(1, |(at, _)| at + 1);
            violations.push(Violation::new(
                path,
                line,
                "open the file with `//!`: what it is for and what it does not do",
            ));
        }
    }
    violations
}

/// Only the kernels are unsafe.
pub fn unsafe_words(repository: &Repository) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in repository.sources().filter(|(path, _)| !path.starts_with("crates/kernels/")) {
        for (at, line) in rust::code(text).lines().enumerate() {
            if rust::words(line).any(|word| word == "unsafe") {
                let message = "`unsafe` outside of crates/kernels; move it there or do without";
                violations.push(Violation::new(path, at + 1, message));
            }
        }
    }
    violations
}

/// No file that people write is longer than [`LONGEST`] lines.
pub fn lengths(repository: &Repository) -> Vec<Violation> {
    let written = repository.texts().filter(|(path, _)| !path.ends_with(".lock"));
    let lengths = written.map(|(path, text)| (path, text.lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > LONGEST);
    long.map(|(path, lines)| {
        Violation::new(path, LONGEST + 1, format!("{lines} lines, of at most {LONGEST}; split the file"))
    })
    .collect()
}

/// Nothing is left unfinished: no mark of work to come, no macro that stands for it, no test that does not run.
pub fn unfinished(repository: &Repository) -> Vec<Violation> {
    let marked = repository.texts().flat_map(|(path, text)| {
        let mark = |line: &str| rust::words(line).find(|word| MARKS.contains(word)).map(str::to_owned);
        found(path, text, mark)
    });
    let stubs = repository.sources().flat_map(|(path, text)| {
        let stub = |line: &str| UNFINISHED.into_iter().find(|stub| line.contains(stub)).map(str::to_owned);
        found(path, &rust::code(text), stub)
    });
    marked.chain(stubs).collect()
}

fn found(path: &str, text: &str, mark: impl Fn(&str) -> Option<String>) -> Vec<Violation> {
    let marked = text.lines().enumerate().filter_map(|(at, line)| Some((at, mark(line)?)));
    marked
        .map(|(at, mark)| Violation::new(path, at + 1, format!("`{mark}`: finish what it stands for, or take it out")))
        .collect()
}

/// A module's name says what it is for.
pub fn module_names(repository: &Repository) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in repository.sources() {
        for (at, line) in rust::code(text).lines().enumerate() {
            let words: Vec<&str> = rust::words(line).collect();
            let declared = words.windows(2).find(|pair| pair[0] == "mod" && EMPTY_NAMES.contains(&pair[1]));
            if let Some(pair) = declared {
                violations.push(Violation::new(
                    path,
                    at + 1,
                    format!("a module `{}`; name it after what it does", pair[1]),
                ));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{Check, fake::Fake};

    /// What a check says of one file.
    fn check(check: Check, path: &str, text: &str, expect: &[&str]) {
        Fake::new().file(path, text).check(check, expect);
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        check(module_docs, "examples/src/a.rs", "\n//! It computes.\n", &[]);
        let expect = ["examples/src/a.rs:2: open the file with `//!`: what it is for and what it does not do"];
        check(module_docs, "examples/src/a.rs", "\nuse std::fs;\n//! Late.\n", &expect);
        check(module_docs, "examples/src/b.rs", "", &[&expect[0].replace("a.rs:2", "b.rs:1")]);
    }

    #[test]
    fn unsafe_is_the_kernels_own() {
        let code = "//! unsafe\n#![forbid(unsafe_code)]\nfn f() { \"unsafe\"; }\n";
        check(unsafe_words, "examples/src/a.rs", code, &[]);
        check(unsafe_words, "crates/kernels/src/a.rs", "unsafe fn f() {}", &[]);
        let expect = ["examples/src/a.rs:2: `unsafe` outside of crates/kernels; move it there or do without"];
        check(unsafe_words, "examples/src/a.rs", "//! Fast.\nunsafe fn f() {}\n", &expect);
    }

    #[test]
    fn a_file_has_at_most_600_lines() {
        check(lengths, "examples/a.py", &"#\n".repeat(600), &[]);
        check(lengths, "Cargo.lock", &"#\n".repeat(601), &[]);
        check(
            lengths,
            "examples/a.py",
            &"#\n".repeat(601),
            &["examples/a.py:601: 601 lines, of at most 600; split the file"],
        );
    }

    #[test]
    fn nothing_is_unfinished() {
        check(unfinished, "examples/src/a.rs", "//! A todo list.\nfn f() { \"todo!\"; }\n", &[]);
        for mark in MARKS {
            let expect = format!("NOTES.md:1: `{mark}`: finish what it stands for, or take it out");
            check(unfinished, "NOTES.md", &format!("{mark}: later\n"), &[&expect]);
        }
        for stub in UNFINISHED {
            let expect = format!("examples/src/a.rs:2: `{stub}`: finish what it stands for, or take it out");
            check(unfinished, "examples/src/a.rs", &format!("//! A.\n{stub}\n"), &[&expect]);
        }
    }

    #[test]
    fn a_module_is_named_after_what_it_does() {
        check(module_names, "examples/src/a.rs", "//! mod util;\nmod commons;\nuse util::x;\n", &[]);
        let expect = ["examples/src/a.rs:2: a module `common`; name it after what it does"];
        check(module_names, "examples/src/a.rs", "//! A.\npub mod common;\n", &expect);
    }
}
