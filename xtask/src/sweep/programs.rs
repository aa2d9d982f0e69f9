//! The programs of a sweep: built by Cargo, or found where they were put.

use super::absolute;
use anyhow::{Context, bail};
use seismograd_sweep::program;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where they are.
pub struct Programs {
    /// Trains a cell.
    pub train: PathBuf,
    /// Analyses the runs.
    pub characterize: PathBuf,
    directory: PathBuf,
}

impl Programs {
    /// Those in the directory; without one they are built.
    pub fn find(directory: Option<&Path>) -> anyhow::Result<Programs> {
        let directory = match directory {
            Some(directory) => absolute(directory)?,
            None => build()?,
        };
        let found = |name: &str| {
            let path = program(&directory, name);
            if !path.is_file() {
                bail!("{} is not there; leave --programs out, and it is built", path.display());
            }
            Ok(path)
        };
        Ok(Programs { train: found("train")?, characterize: found("characterize")?, directory })
    }

    /// Where both are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The command that goes on with the sweep in a directory, from anywhere.
    pub fn sweep(&self, out: &Path) -> anyhow::Result<Vec<String>> {
        let own = std::env::current_exe().context("this program does not know where it is")?;
        let paths = [own, absolute(out)?, self.directory.clone()].map(|path| path.to_string_lossy().into_owned());
        let [own, out, programs] = paths;
        Ok([own, "sweep".to_owned(), "--out".to_owned(), out, "--programs".to_owned(), programs].to_vec())
    }
}

fn build() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let arguments = ["build", "--package", "examples", "--example", "train", "--example", "characterize"];
    let mut build = Command::new(cargo);
    build.args(arguments).arg("--manifest-path").arg(workspace).arg("--message-format=json-render-diagnostics");
    let output = build.stderr(Stdio::inherit()).output().context("cannot start cargo to build the example train")?;
    if !output.status.success() {
        bail!("the example train does not build; its errors are above");
    }
    // Cargo names what it has built, wherever its target directory is.
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let executable = built.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    let directory = executable.as_deref().and_then(Path::parent).map(Path::to_owned);
    directory.context("cargo did not say where it put the example train")
}
