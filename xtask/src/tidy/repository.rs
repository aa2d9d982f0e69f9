//! What the checks look at: the text of every file that belongs to the repository, and cargo's view of its packages.
//!
//! Everything is read once, when it is opened, so that a check cannot fail and needs no file system.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{collections::BTreeMap, ffi::OsString, fs, path::Path, process::Command};

/// Extensions of the files that checks read. Of other files only the path counts.
const TEXT: [&str; 5] = ["rs", "py", "md", "toml", "lock"];

/// A checkout. Paths are relative to its root, with slashes.
#[derive(Debug)]
pub struct Repository {
    files: BTreeMap<String, String>,
    packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    /// The path of its manifest.
    pub manifest: String,
    pub has_description: bool,
    /// The names of the packages that it is built with; those of its tests, examples and benchmarks alone are left out.
    pub dependencies: Vec<String>,
    pub targets: Vec<Target>,
}

/// Something that cargo builds.
#[derive(Debug)]
pub struct Target {
    /// `lib`, `bin`, `example`, `test` or `bench`.
    pub kind: String,
    pub name: String,
    pub path: String,
}

impl Package {
    /// The directory of the manifest, such as `crates/nn`.
    pub fn folder(&self) -> &str {
        self.manifest.strip_suffix("/Cargo.toml").unwrap_or("")
    }
}

impl Repository {
    /// Reads the workspace in this directory.
    pub fn open(root: &Path) -> Result<Repository> {
        let mut files = BTreeMap::new();
        for path in paths(root)? {
            let text = if is_text(&path) { read(&root.join(&path))? } else { String::new() };
            files.insert(path, text);
        }
        Ok(Repository { files, packages: packages(root)? })
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Every file that is read, with its text.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter(|(path, _)| is_text(path)).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The Rust files, with their text.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// The text of a file, if it is there.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is a file or directory of this path.
    pub fn contains(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }

    /// The members of the workspace.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The line of a package's manifest that begins with a word, or else its first line.
    pub fn manifest_line(&self, package: &Package, word: &str) -> usize {
        let begins = |line: &str| line.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        let text = self.text(&package.manifest).unwrap_or_default();
        text.lines().position(begins).map_or(1, |at| at + 1)
    }
}

fn is_text(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| TEXT.contains(&extension))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The files that git tracks or would track; without git, those that are neither hidden nor in `target`.
fn paths(root: &Path) -> Result<Vec<String>> {
    let listed = listed_by_git(root).unwrap_or_default();
    if !listed.is_empty() {
        return Ok(listed.into_iter().filter(|path| root.join(path).is_file()).collect());
    }
    let mut found = Vec::new();
    walk(root, "", &mut found)?;
    Ok(found)
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let names = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| names.split_terminator('\0').map(str::to_owned).collect())
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// The members of the workspace, from `cargo metadata`, which needs no network for them.
fn packages(root: &Path) -> Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new(cargo).args(arguments).current_dir(root).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim().replace('\n', " "));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")?;
    let root = Path::new(text(&metadata["workspace_root"]));
    let mut packages: Vec<Package> = list(&metadata["packages"]).map(|value| package(root, value)).collect();
    packages.sort_by(|a, b| a.manifest.cmp(&b.manifest));
    Ok(packages)
}

fn package(root: &Path, value: &Value) -> Package {
    let built_with = |dependency: &&Value| dependency["kind"] != "dev";
    Package {
        name: text(&value["name"]).to_owned(),
        manifest: relative(root, &value["manifest_path"]),
        has_description: !text(&value["description"]).is_empty(),
        dependencies: list(&value["dependencies"]).filter(built_with).map(|it| text(&it["name"]).to_owned()).collect(),
        targets: list(&value["targets"]).map(|value| target(root, value)).collect(),
    }
}

fn target(root: &Path, value: &Value) -> Target {
    Target {
        kind: text(&value["kind"][0]).to_owned(),
        name: text(&value["name"]).to_owned(),
        path: relative(root, &value["src_path"]),
    }
}

fn relative(root: &Path, path: &Value) -> String {
    let path = Path::new(text(path));
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use crate::tidy::fake::Fake;

    #[test]
    fn a_workspace_without_git_is_walked() {
        let repository = Fake::new().file("docs/a.md", "text").file("target/b.md", "").file(".hidden/c.md", "").open();
        assert_eq!(repository.text("docs/a.md"), Some("text"));
        assert!(repository.contains("docs") && repository.contains("docs/") && !repository.contains("doc"));
        assert!(!repository.contains("target/b.md") && !repository.contains(".hidden/c.md"));
    }

    #[test]
    fn a_package_is_read_from_cargo() {
        let repository = Fake::new().member("crates/nn", &["seismograd-tensor"]).member("crates/tensor", &[]).open();
        let nn = &repository.packages()[0];
        assert_eq!((nn.name.as_str(), nn.folder()), ("seismograd-nn", "crates/nn"));
        assert_eq!(nn.dependencies, ["seismograd-tensor"]);
        assert_eq!((nn.targets[0].kind.as_str(), nn.targets[0].path.as_str()), ("lib", "crates/nn/src/lib.rs"));
        assert_eq!(repository.manifest_line(nn, "edition"), 4);
    }
}
