//! The directions of dependencies: who may use whom among the workspace's packages.
//!
//! Only what a package is built with counts; its tests, examples and benchmarks may look anywhere.

use super::Violation;
use super::repository::{Package, Repository};
use std::collections::{BTreeMap, BTreeSet};

/// What a package may use of ours.
enum Uses {
    /// These folders of `crates`, each in a ring below.
    Only(&'static [&'static str]),
    /// Whatever lies in a ring below.
    Below,
    /// Every library.
    Any,
}

/// A package, by the last part of its folder, its ring and what it may use.
type Row = (&'static str, u8, Uses);

/// The packages, lowest ring first.
const TABLE: &[Row] = &[
    ("kernels", 0, Uses::Only(&[])),
    ("cifar10", 0, Uses::Only(&[])),
    ("cifar10-sample", 0, Uses::Only(&[])),
    ("trace", 0, Uses::Only(&[])),
    ("tensor", 1, Uses::Only(&["kernels"])),
    ("analysis", 1, Uses::Only(&["trace"])),
    ("autodiff", 2, Uses::Only(&["tensor"])),
    ("optim", 2, Uses::Only(&["tensor"])),
    ("report", 2, Uses::Only(&["analysis", "trace"])),
    ("nn", 3, Uses::Only(&["autodiff", "tensor"])),
    ("record", 3, Uses::Only(&["autodiff", "tensor", "trace"])),
    ("train", 4, Uses::Below),
    ("sweep", 5, Uses::Below),
    ("seismograd", 6, Uses::Below),
    ("examples", 6, Uses::Any),
    ("benches", 6, Uses::Any),
    ("xtask", 6, Uses::Only(&["sweep", "cifar10"])),
];

/// Packages that must be absent from everything that a package is built with, directly or not.
const UNREACHABLE: &[(&str, &[&str])] = &[("analysis", &["rayon", "seismograd-autodiff"])];

fn row(folder: &str) -> Option<&'static Row> {
    TABLE.iter().find(|(name, _, _)| *name == folder)
}

fn short(package: &Package) -> &str {
    package.folder().rsplit('/').next().unwrap_or_default()
}

/// A package uses only what its row of the table allows, and every package has a row.
pub fn directions(repository: &Repository) -> Vec<Violation> {
    repository.packages().iter().flat_map(|package| package_directions(repository, package)).collect()
}

fn package_directions(repository: &Repository, package: &Package) -> Vec<Violation> {
    let Some(row) = row(short(package)) else {
        let message = "this package is in no ring; add its row to TABLE in xtask/src/tidy/dependencies.rs";
        return vec![Violation::new(&package.manifest, 1, message)];
    };
    let ours = |name: &&String| repository.packages().iter().any(|package| package.name == **name);
    let refused = package.dependencies.iter().filter(ours).filter(|name| !allows(row, name));
    refused.map(|name| refusal(repository, package, row, name)).collect()
}

fn allows((_, ring, uses): &Row, dependency: &str) -> bool {
    let used = dependency.strip_prefix("seismograd-").unwrap_or(dependency);
    match uses {
        Uses::Only(list) => list.contains(&used),
        Uses::Below => row(used).is_some_and(|(_, below, _)| below < ring),
        Uses::Any => true,
    }
}

fn refusal(repository: &Repository, package: &Package, (name, ring, uses): &Row, used: &str) -> Violation {
    let allowed = match uses {
        Uses::Only([]) => "nothing of ours".to_owned(),
        Uses::Only(list) => list.join(" and "),
        Uses::Below | Uses::Any => format!("what lies below ring {ring}"),
    };
    let message = format!("{name} may use {allowed}, not {used}; move what needs it to a crate above both");
    Violation::new(&package.manifest, repository.manifest_line(package, used), message)
}

/// What a package must not reach is absent from its dependencies and from theirs, as `Cargo.lock` has them.
pub fn unreachable(repository: &Repository) -> Vec<Violation> {
    let edges = edges(repository);
    let mut violations = Vec::new();
    for (folder, targets) in UNREACHABLE {
        let Some(package) = repository.packages().iter().find(|package| short(package) == *folder) else { continue };
        for target in *targets {
            if let Some(path) = path(&edges, &package.name, target) {
                let message =
                    format!("{folder} reaches {target}: {}; cut one of these dependencies", path.join(" -> "));
                violations.push(Violation::new(&package.manifest, repository.manifest_line(package, path[1]), message));
            }
        }
    }
    violations
}

type Edges<'r> = BTreeMap<&'r str, Vec<&'r str>>;

/// Who is built with whom. The lock file mixes in what our own packages are only tested with, so for them cargo's
/// word counts.
fn edges(repository: &Repository) -> Edges<'_> {
    let mut edges = locked(repository.text("Cargo.lock").unwrap_or_default());
    for package in repository.packages() {
        edges.insert(&package.name, package.dependencies.iter().map(String::as_str).collect());
    }
    edges
}

/// The packages of a lock file with their dependencies; versions of one name are taken together.
fn locked(text: &str) -> Edges<'_> {
    let mut edges = Edges::new();
    let mut current = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("name = ") {
            current = name.trim_matches('"');
        } else if let Some(entry) = line.strip_prefix(" \"") {
            let name = entry.split(['"', ' ']).next().unwrap_or_default();
            edges.entry(current).or_default().push(name);
        }
    }
    edges
}

/// A shortest way from one package to another.
fn path<'r>(edges: &Edges<'r>, from: &'r str, to: &str) -> Option<Vec<&'r str>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = vec![vec![from]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let next = edges.get(way[way.len() - 1]).into_iter().flatten();
            for &name in next.filter(|name| seen.insert(name)) {
                longer.push([way.as_slice(), &[name]].concat());
            }
        }
        if let Some(found) = longer.iter().find(|way| way.last() == Some(&to)) {
            return Some(found.clone());
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake::Fake;

    #[test]
    fn every_row_lists_rows_of_rings_below() {
        for (name, ring, uses) in TABLE {
            let Uses::Only(list) = uses else { continue };
            for used in *list {
                assert!(row(used).is_some_and(|(_, below, _)| below < ring), "{name} uses {used}");
            }
        }
    }

    #[test]
    fn a_dependency_of_the_table_passes() {
        let fake = Fake::new().member("crates/tensor", &["seismograd-kernels", "rayon"]).member("crates/kernels", &[]);
        fake.check(directions, &[]);
    }

    #[test]
    fn a_dependency_upwards_is_found_at_its_line() {
        let fake = Fake::new().member("crates/tensor", &["rayon", "seismograd-optim"]).member("crates/optim", &[]);
        let expect = "crates/tensor/Cargo.toml:12: tensor may use kernels, not seismograd-optim; \
                      move what needs it to a crate above both";
        fake.check(directions, &[expect]);
    }

    #[test]
    fn train_uses_what_lies_below_and_no_more() {
        let fake = Fake::new().member("crates/nn", &[]).member("crates/sweep", &[]);
        let fake = fake.member("crates/train", &["seismograd-nn", "seismograd-sweep"]);
        let expect = "crates/train/Cargo.toml:12: train may use what lies below ring 4, not seismograd-sweep; \
                      move what needs it to a crate above both";
        fake.check(directions, &[expect]);
    }

    #[test]
    fn tests_may_look_anywhere() {
        let fake = Fake::new().member("crates/optim", &[]).member("crates/kernels", &[]);
        let manifest = super::super::fake::manifest("crates/kernels");
        let manifest = format!("{manifest}[dev-dependencies]\nseismograd-optim = {{ path = \"../optim\" }}\n");
        fake.file("crates/kernels/Cargo.toml", &manifest).check(directions, &[]);
    }

    #[test]
    fn a_package_without_a_ring_is_found() {
        let expect = "crates/extra/Cargo.toml:1: this package is in no ring; \
                      add its row to TABLE in xtask/src/tidy/dependencies.rs";
        Fake::new().member("crates/extra", &[]).check(directions, &[expect]);
    }

    const LOCK: &str = "[[package]]\nname = \"parquet\"\ndependencies = [\n \"bytes\",\n \"ndarray 0.17.2\",\n]\n\n\
                        [[package]]\nname = \"ndarray\"\ndependencies = [\n \"rayon\",\n]\n";

    #[test]
    fn what_is_reached_through_others_is_found() {
        let fake = Fake::new().member("crates/analysis", &["seismograd-trace"]).member("crates/trace", &["parquet"]);
        fake.check(unreachable, &[]);
        let expect = "crates/analysis/Cargo.toml:11: analysis reaches rayon: \
                      seismograd-analysis -> seismograd-trace -> parquet -> ndarray -> rayon; \
                      cut one of these dependencies";
        fake.file("Cargo.lock", LOCK).check(unreachable, &[expect]);
    }
}
