//! Small workspaces in a temporary directory for the checks' tests: tidy but for what a test puts in.

use super::Check;
use super::repository::Repository;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const ROOT: &str = r#"[workspace]
resolver = "3"
members = []

[workspace.package]
version = "0.1.0"
edition = "2024"
license = "MIT"

[workspace.lints.rust]
unsafe_code = "forbid"

[profile.dev]
opt-level = 3
"#;

/// A workspace that is being written.
pub struct Fake(TempDir);

impl Fake {
    /// A workspace with an empty package `examples`.
    pub fn new() -> Fake {
        Fake(tempfile::tempdir().unwrap()).file("Cargo.toml", ROOT).member("examples", &[])
    }

    /// Writes a file.
    pub fn file(self, path: &str, text: &str) -> Fake {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Writes a package: `crates/nn` is called `seismograd-nn`, a folder outside of `crates` is called as it is.
    pub fn member(self, folder: &str, dependencies: &[&str]) -> Fake {
        let mut manifest = manifest(folder);
        for name in dependencies {
            manifest.push_str(&dependency(folder, name));
        }
        // Listed one by one: cargo refuses a pattern that matches nothing.
        let root = fs::read_to_string(self.0.path().join("Cargo.toml")).unwrap();
        let root = root.replace("members = [", &format!("members = [\"{folder}\", "));
        let fake = self.file("Cargo.toml", &root).file(&format!("{folder}/Cargo.toml"), &manifest);
        fake.file(&format!("{folder}/src/lib.rs"), "//! A library.\n")
    }

    /// Reads the workspace as it stands.
    pub fn open(&self) -> Repository {
        Repository::open(self.0.path()).unwrap()
    }

    /// Asserts what a check says, one line a violation.
    pub fn check(&self, check: Check, expect: &[&str]) {
        let found: Vec<String> = check(&self.open()).iter().map(ToString::to_string).collect();
        assert_eq!(found, expect);
    }
}

/// A tidy manifest that ends in its list of dependencies.
pub fn manifest(folder: &str) -> String {
    let name = folder.strip_prefix("crates/").map_or(folder.to_owned(), |name| format!("seismograd-{name}"));
    format!(
        "[package]\nname = \"{name}\"\ndescription = \"A part.\"\nedition.workspace = true\n\
         license.workspace = true\n\n[lints]\nworkspace = true\n\n[dependencies]\n"
    )
}

/// A line of a list of dependencies: on a member by its path, on anything else by a version.
fn dependency(folder: &str, name: &str) -> String {
    let up: PathBuf = folder.split('/').map(|_| "..").collect();
    match name.strip_prefix("seismograd-") {
        Some(own) => format!("{name} = {{ path = \"{}/crates/{own}\" }}\n", up.display()),
        None => format!("{name} = \"1\"\n"),
    }
}
