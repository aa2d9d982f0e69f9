//! `cargo xtask oracle`: regenerates the stored fixtures with Python and PyTorch.
//!
//! The scripts in `xtask/oracle` compute; this file finds an interpreter, runs them as child processes
//! and puts their files in place. A fixture is generated beside the build and copied only when its
//! script has succeeded, so that a failure leaves the stored files alone. Nothing here is needed to run
//! `cargo test`, which reads the stored files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, anyhow, bail};
use clap::builder::PossibleValuesParser;

/// Flags of the task.
#[derive(clap::Args)]
pub struct Args {
    /// The interpreter to use, with the packages of xtask/oracle/requirements.txt
    /// [default: a virtual environment made in target/oracle-venv]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Regenerate this fixture alone
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(FIXTURES.map(|f| f.name)))]
    only: Option<String>,
    /// Regenerate into a temporary directory and compare with the stored files, changing nothing
    #[arg(long)]
    check: bool,
}

/// One script and what it writes.
#[derive(Clone, Copy)]
struct Fixture {
    /// The script's name without `.py`, and its files' name without extension.
    name: &'static str,
    /// The crate in `crates/` whose `tests/fixtures` holds the files.
    owner: &'static str,
    /// The extensions of its files. The script is given the first one's path.
    extensions: &'static [&'static str],
}

const FIXTURES: [Fixture; 6] = [
    Fixture { name: "paper_cnn", owner: "train", extensions: &["safetensors"] },
    Fixture { name: "smooth_cnn", owner: "train", extensions: &["safetensors"] },
    Fixture { name: "optimizers", owner: "optim", extensions: &["safetensors", "json"] },
    Fixture { name: "optimizer_suite", owner: "optim", extensions: &["safetensors", "json"] },
    Fixture { name: "layers", owner: "nn", extensions: &["safetensors", "json"] },
    Fixture { name: "group_statistics", owner: "analysis", extensions: &["json"] },
];

impl Fixture {
    fn script(&self) -> PathBuf {
        script(self.name)
    }

    fn stored(&self, extension: &str) -> PathBuf {
        let directory = root().join("crates").join(self.owner).join("tests/fixtures");
        directory.join(self.name).with_extension(extension)
    }
}

/// Runs the task.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let python = match &args.python {
        Some(path) => given_interpreter(path)?,
        None => own_interpreter()?,
    };
    let fresh = Scratch::new()?;
    let mut differing = Vec::new();
    for fixture in FIXTURES.iter().filter(|f| args.only.as_deref().is_none_or(|name| name == f.name)) {
        println!("{}", fixture.name);
        generate(&python, fixture, &fresh.0)?;
        if !args.check {
            store(fixture, &fresh.0)?;
        } else if !agrees(&python, fixture, &fresh.0)? {
            differing.push(fixture.name);
        }
    }
    if !differing.is_empty() {
        bail!("{} no longer match their scripts: run `cargo xtask oracle` and review the change", differing.join(", "));
    }
    Ok(())
}

/// Runs the fixture's script; its files go to `directory`.
fn generate(python: &Path, fixture: &Fixture, directory: &Path) -> anyhow::Result<()> {
    let output = directory.join(fixture.name).with_extension(fixture.extensions[0]);
    let mut command = Command::new(python);
    // -B: no bytecode files in the source tree.
    command.arg("-B").arg(fixture.script()).arg(output);
    print!("{}", finish(command, &format!("the script {}.py failed", fixture.name))?);
    Ok(())
}

/// Copies the fresh files over the stored ones.
fn store(fixture: &Fixture, fresh: &Path) -> anyhow::Result<()> {
    for extension in fixture.extensions {
        let target = fixture.stored(extension);
        let bytes = read(&fresh.join(fixture.name).with_extension(extension))?;
        let directory = target.parent().expect("a stored file lies in its crate's fixture directory");
        fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        // Written beside the target and renamed: an interrupt never leaves half a fixture.
        let partial = target.with_extension("partial");
        fs::write(&partial, &bytes).with_context(|| format!("cannot write {}", partial.display()))?;
        fs::rename(&partial, &target).with_context(|| format!("cannot replace {}", target.display()))?;
        println!("  {} ({} bytes)", relative(&target).display(), bytes.len());
    }
    Ok(())
}

/// Prints how the fresh files compare with the stored ones; false if they differ beyond rounding.
fn agrees(python: &Path, fixture: &Fixture, fresh: &Path) -> anyhow::Result<bool> {
    let mut same = true;
    for extension in fixture.extensions {
        let stored = fixture.stored(extension);
        if !stored.exists() {
            bail!("{} is absent: run `cargo xtask oracle`", relative(&stored).display());
        }
        let mut command = Command::new(python);
        command.arg("-B").arg(script("compare")).arg(&stored);
        command.arg(fresh.join(fixture.name).with_extension(extension));
        let output = spawn(&mut command)?;
        print!("  {}:", relative(&stored).display());
        if output.status.success() {
            print!("{}", String::from_utf8_lossy(&output.stdout).replace("  ", " "));
        } else {
            println!(" {}", last_line(&output));
            same = false;
        }
    }
    Ok(same)
}

/// The interpreter of `--python`, if it has what the scripts import.
fn given_interpreter(python: &Path) -> anyhow::Result<PathBuf> {
    if let Some(complaint) = missing_packages(python)? {
        bail!(
            "{0}: {complaint}; run `{0} -m pip install -r xtask/oracle/requirements.txt`, or leave out --python",
            python.display()
        );
    }
    Ok(python.to_owned())
}

/// The interpreter of the project's own virtual environment, which is made or completed first.
fn own_interpreter() -> anyhow::Result<PathBuf> {
    let environment = root().join("target/oracle-venv");
    let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if python.exists() && missing_packages(&python)?.is_none() {
        return Ok(python);
    }
    eprintln!("making {} (this downloads PyTorch once)", relative(&environment).display());
    let mut create = Command::new(if cfg!(windows) { "python" } else { "python3" });
    create.args(["-m", "venv"]).arg(&environment);
    finish(create, "cannot make a virtual environment: install Python 3 with its venv module, or pass --python")?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    install.arg(root().join("xtask/oracle/requirements.txt"));
    finish(install, "cannot install xtask/oracle/requirements.txt: check the network, or pass --python")?;
    Ok(python)
}

/// What `preflight.py` finds absent from an interpreter, in one line.
fn missing_packages(python: &Path) -> anyhow::Result<Option<String>> {
    let output = spawn(Command::new(python).arg("-B").arg(script("preflight")))?;
    Ok((!output.status.success()).then(|| last_line(&output)))
}

/// Runs a command to its end and returns what it printed; fails with `failure` and its last words.
fn finish(mut command: Command, failure: &str) -> anyhow::Result<String> {
    let output = spawn(&mut command)?;
    if !output.status.success() {
        bail!("{failure} ({})", last_line(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn spawn(command: &mut Command) -> anyhow::Result<Output> {
    let program = command.get_program().to_owned();
    command
        .output()
        .map_err(|error| anyhow!("cannot run {} ({error}): install Python 3, or pass --python PATH", program.display()))
}

/// The last line that a child wrote to its standard error: Python ends a traceback with the error.
fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().rfind(|line| !line.trim().is_empty());
    line.map_or_else(|| format!("it ended with {}", output.status), |line| line.trim().to_owned())
}

/// A directory of this process in `target`, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let path = root().join(format!("target/oracle-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A directory left behind in `target` harms nobody, so a failure is no error.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("the script did not write {}", path.display()))
}

fn script(name: &str) -> PathBuf {
    root().join("xtask/oracle").join(name).with_extension("py")
}

/// The workspace's directory.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix(root()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored_files() -> impl Iterator<Item = PathBuf> {
        FIXTURES.iter().flat_map(|fixture| fixture.extensions.iter().map(|extension| fixture.stored(extension)))
    }

    #[test]
    fn every_fixture_has_its_script_and_its_stored_files() {
        for path in FIXTURES.iter().map(Fixture::script).chain(stored_files()) {
            assert!(path.exists(), "{} is absent", relative(&path).display());
        }
    }

    #[test]
    fn every_directory_of_fixtures_says_how_they_were_made() {
        for fixture in FIXTURES {
            let readme = fs::read_to_string(fixture.stored("").with_file_name("README.md")).unwrap();
            assert!(readme.contains(&format!("xtask/oracle/{}.py", fixture.name)), "{} is not mentioned", fixture.name);
        }
    }

    /// A published crate must stay under 10 MB.
    #[test]
    fn the_fixtures_stay_small() {
        let total: u64 = stored_files().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(total < 10_000_000, "{total} bytes");
    }

    #[test]
    fn the_requirements_are_pinned() {
        let text = fs::read_to_string(root().join("xtask/oracle/requirements.txt")).unwrap();
        assert!(text.lines().all(|line| line.contains("==")), "{text}");
    }

    #[test]
    fn an_interpreter_that_does_not_exist_is_named_with_the_fix() {
        let error = given_interpreter(Path::new("/no/such/python")).unwrap_err().to_string();
        assert!(error.starts_with("cannot run /no/such/python ("), "{error}");
        assert!(error.ends_with("install Python 3, or pass --python PATH"), "{error}");
    }
}
