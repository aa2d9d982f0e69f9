//! The documents at the root: they exist, their relative links lead somewhere, and the code map is complete.

use super::Violation;
use super::markdown::{self, Place};
use super::repository::Repository;

/// The page with the code map.
const MAP: &str = "ARCHITECTURE.md";

/// The documents, each with what it is for.
const DOCUMENTS: [(&str, &str); 3] = [
    ("README.md", "what this is and what to type"),
    (MAP, "the code map and the invariants"),
    ("CONTRIBUTING.md", "how to change it"),
];

/// The documents exist.
pub fn documents(repository: &Repository) -> Vec<Violation> {
    let absent = DOCUMENTS.into_iter().filter(|(path, _)| repository.text(path).is_none());
    absent.map(|(path, purpose)| Violation::new(path, 1, format!("the file is absent; write it: {purpose}"))).collect()
}

/// The relative links of the documents name files that exist.
pub fn targets(repository: &Repository) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, _) in DOCUMENTS {
        for (number, place, line) in markdown::lines(repository.text(path).unwrap_or_default()) {
            if matches!(place, Place::Fenced(_)) {
                continue;
            }
            let dead = relative_links(line).into_iter().filter(|link| !repository.contains(&normal(link)));
            violations.extend(
                dead.map(|link| Violation::new(path, number, format!("{link} does not exist; correct the link"))),
            );
        }
    }
    violations
}

/// The paths that a line links to, in Markdown, in a reference's definition or in HTML; without fragments.
fn relative_links(line: &str) -> Vec<String> {
    // Every other piece between backticks is code.
    let prose: String = line.split('`').step_by(2).collect();
    let mut links = Vec::new();
    for (open, close) in [("](", ')'), ("]: ", ' '), ("src=\"", '"'), ("href=\"", '"')] {
        // A definition stands at the start of its line.
        if open == "]: " && !prose.starts_with('[') {
            continue;
        }
        let pieces = prose.split(open).skip(1);
        links.extend(pieces.filter_map(|piece| piece.split([close, ' ', '#']).next()).map(str::to_owned));
    }
    links.retain(|link| !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:"));
    links
}

/// A path without `.` and `..`.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| *part != ".") {
        if part != ".." || parts.pop().is_none() {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// The code map names the folder of every crate, as `crates/nn` or as `nn` in backticks.
pub fn code_map(repository: &Repository) -> Vec<Violation> {
    let Some(text) = repository.text(MAP) else { return Vec::new() };
    let folders = repository.packages().iter().map(|package| package.folder());
    let crates = folders.filter_map(|folder| folder.strip_prefix("crates/"));
    let absent = crates.filter(|name| !names(text, name));
    absent.map(|name| Violation::new(MAP, 1, format!("crates/{name} is not named; say what it is for"))).collect()
}

fn names(text: &str, name: &str) -> bool {
    let is_path = |c: char| c.is_alphanumeric() || "-_/".contains(c);
    let folder = format!("crates/{name}");
    let within = |path: &str| path == folder || path.starts_with(&format!("{folder}/"));
    text.contains(&format!("`{name}`")) || text.split(|c| !is_path(c)).any(within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake::Fake;

    #[test]
    fn an_absent_document_is_found() {
        let fake = Fake::new().file("README.md", "").file("CONTRIBUTING.md", "");
        fake.check(documents, &["ARCHITECTURE.md:1: the file is absent; write it: the code map and the invariants"]);
        fake.file("ARCHITECTURE.md", "").check(documents, &[]);
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text = "[a](examples/src/lib.rs#L3) [b](./examples) [c](https://example.org/x) [d](#here)\n\
                    `[e](nowhere)` <img src=\"examples/../Cargo.toml\">\n\n\
                    [f]: Cargo.toml \"title\"\n```sh\n[g](nowhere)\n```\n";
        Fake::new().file("README.md", text).check(targets, &[]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let fake = Fake::new().file("CONTRIBUTING.md", "A\n[a](exam#b) ![c](d.png \"title\")\n[e]: ../f.md\n");
        let dead = |line, path| format!("CONTRIBUTING.md:{line}: {path} does not exist; correct the link");
        fake.check(targets, &[&dead(2, "exam"), &dead(2, "d.png"), &dead(3, "../f.md")]);
    }

    #[test]
    fn the_code_map_names_every_crate() {
        let fake = Fake::new().member("crates/nn", &[]).member("crates/cifar10", &[]);
        let fake = fake.file("ARCHITECTURE.md", "`nn` and crates/cifar10-sample");
        fake.check(code_map, &["ARCHITECTURE.md:1: crates/cifar10 is not named; say what it is for"]);
        fake.file("ARCHITECTURE.md", "`crates/nn/src` and [crates/cifar10](crates/cifar10)").check(code_map, &[]);
    }
}
