//! Checks of the manifests, as text.

use super::Violation;
use super::repository::{Package, Repository};

/// The one package with lints of its own, because it has `unsafe` blocks.
const OWN_LINTS: &str = "crates/kernels";

/// The lines of one table of a manifest, each with its number.
fn table<'t>(text: &'t str, name: &str) -> impl Iterator<Item = (usize, &'t str)> {
    let header = format!("[{name}]");
    let lines = text.lines().map(str::trim).enumerate().map(|(at, line)| (at + 1, line));
    lines.skip_while(move |(_, line)| *line != header).skip(1).take_while(|(_, line)| !line.starts_with('['))
}

/// Whether a table of a manifest has a line, spaces and a comment apart.
fn has(text: &str, name: &str, entry: &str) -> bool {
    let bare = |line: &str| line.split('#').next().unwrap_or_default().replace(' ', "");
    table(text, name).any(|(_, line)| bare(line) == bare(entry))
}

/// The line of a table's header, or 1.
fn header(text: &str, name: &str) -> usize {
    text.lines().position(|line| line.trim() == format!("[{name}]")).map_or(1, |at| at + 1)
}

/// The workspace builds what people type with optimisation, and forbids `unsafe`.
pub fn workspace(repository: &Repository) -> Vec<Violation> {
    let text = repository.text("Cargo.toml").unwrap_or_default();
    let wanted = [
        ("profile.dev", "opt-level = 3", "the commands of the README build this profile, and training would crawl"),
        ("workspace.lints.rust", "unsafe_code = \"forbid\"", "the members inherit it"),
    ];
    let missing = wanted.into_iter().filter(|(name, entry, _)| !has(text, name, entry));
    missing
        .map(|(name, entry, why)| {
            Violation::new("Cargo.toml", header(text, name), format!("write `{entry}` in [{name}]: {why}"))
        })
        .collect()
}

/// Every member says what it is, and inherits edition and licence.
pub fn members(repository: &Repository) -> Vec<Violation> {
    repository.packages().iter().flat_map(|package| member(repository, package)).collect()
}

fn member(repository: &Repository, package: &Package) -> Vec<Violation> {
    let text = repository.text(&package.manifest).unwrap_or_default();
    let mut violations = Vec::new();
    if !package.has_description {
        let message = "write a `description`: one sentence on what the package is";
        violations.push(Violation::new(&package.manifest, header(text, "package"), message));
    }
    for key in ["edition", "license"] {
        let entry = format!("{key}.workspace = true");
        if !has(text, "package", &entry) {
            let message = format!("write `{entry}`: a member inherits its {key}");
            violations.push(Violation::new(&package.manifest, repository.manifest_line(package, key), message));
        }
    }
    violations
}

/// Every member but the kernels inherits the lints, which forbid `unsafe`.
pub fn lints(repository: &Repository) -> Vec<Violation> {
    let bound = repository.packages().iter().filter(|package| package.folder() != OWN_LINTS);
    let free = bound.filter_map(|package| {
        let text = repository.text(&package.manifest).unwrap_or_default();
        (!has(text, "lints", "workspace = true")).then_some((package, text))
    });
    free.map(|(package, text)| {
        let message = "write `workspace = true` in [lints]: only crates/kernels has lints of its own";
        Violation::new(&package.manifest, header(text, "lints"), message)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake::{Fake, manifest};

    #[test]
    fn a_tidy_workspace_passes() {
        let fake = Fake::new().member("crates/nn", &[]);
        fake.check(workspace, &[]);
        fake.check(members, &[]);
        fake.check(lints, &[]);
    }

    #[test]
    fn the_profile_and_the_forbidding_are_looked_for() {
        let root = "[workspace]\nmembers = [\"examples\"]\n[workspace.package]\nedition = \"2024\"\nlicense = \"MIT\"\n\
                    [workspace.lints.rust]\nunsafe_code = \"deny\"\n[profile.dev]\nopt-level = 1\n";
        let expect = [
            "Cargo.toml:8: write `opt-level = 3` in [profile.dev]: \
             the commands of the README build this profile, and training would crawl",
            "Cargo.toml:6: write `unsafe_code = \"forbid\"` in [workspace.lints.rust]: the members inherit it",
        ];
        Fake::new().file("Cargo.toml", root).check(workspace, &expect);
    }

    fn changed(from: &str, to: &str) -> Fake {
        let text = manifest("crates/nn").replace(from, to);
        Fake::new().member("crates/nn", &[]).file("crates/nn/Cargo.toml", &text)
    }

    #[test]
    fn a_member_says_what_it_is_and_inherits_the_rest() {
        let expect = ["crates/nn/Cargo.toml:1: write a `description`: one sentence on what the package is"];
        changed("description = \"A part.\"\n", "").check(members, &expect);
        let expect = ["crates/nn/Cargo.toml:5: write `license.workspace = true`: a member inherits its license"];
        changed("license.workspace = true", "license = \"MIT\"").check(members, &expect);
        let expect = ["crates/nn/Cargo.toml:4: write `edition.workspace = true`: a member inherits its edition"];
        changed("edition.workspace = true", "edition = \"2021\"").check(members, &expect);
    }

    #[test]
    fn a_member_inherits_its_lints() {
        let expect =
            ["crates/nn/Cargo.toml:1: write `workspace = true` in [lints]: only crates/kernels has lints of its own"];
        changed("[lints]\nworkspace = true\n", "").check(lints, &expect);
        Fake::new()
            .member("crates/kernels", &[])
            .file("crates/kernels/Cargo.toml", "[package]\nname = \"seismograd-kernels\"\n")
            .check(lints, &[]);
    }
}
