//! What tests of `cargo xtask sweep` share: the programs, a sweep's processes, its files.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The directory of the built examples; Cargo builds them if this package is tested alone.
pub fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "examples", "--example", "train", "--example", "characterize"]);
        assert!(build.status().expect("cargo starts").success(), "the examples do not build");
        Path::new(env!("CARGO_BIN_EXE_xtask")).parent().expect("target/<profile>").join("examples")
    })
}

/// `xtask sweep` in a directory, with the built programs and its output caught.
pub fn sweep(directory: &Path, arguments: &str) -> Command {
    sweep_with(directory, arguments, programs())
}

/// The same with other programs.
pub fn sweep_with(directory: &Path, arguments: &str, programs: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("sweep").args(arguments.split_whitespace()).arg("--programs").arg(programs);
    command.current_dir(directory).env("RUST_BACKTRACE", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a process printed on each stream.
pub fn printed(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    (text(&output.stdout), text(&output.stderr))
}

/// Runs a command to its end, which must be a success.
#[track_caller]
pub fn succeed(mut command: Command) -> Output {
    let output = command.output().expect("xtask starts");
    let (stdout, stderr) = printed(&output);
    assert!(output.status.success(), "{:?}: {stderr}{stdout}", output.status);
    output
}

/// Runs a command to its end, which must be one line of error with all of these words.
#[track_caller]
pub fn check_refused(mut command: Command, words: &[&str]) {
    let output = command.output().expect("xtask starts");
    let (_, stderr) = printed(&output);
    assert!(output.status.code().is_some_and(|code| code != 0), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("error: ") && !stderr.contains("panicked"), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is missing: {stderr}");
    }
}

/// Every file under a directory: its path from there, and its bytes.
pub fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.expect("a directory is listed").path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                files.insert(path.strip_prefix(directory).expect("it is below").to_owned(), bytes);
            }
        }
    }
    files
}

/// What every repetition of a sweep must leave again: the traces and the report. The others hold times (`run.json`, `runs.parquet`,
/// `epochs.parquet`, TensorBoard's events, the checkpoints' headers, the journals) or nothing (locks).
pub fn remains(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files(out);
    files.retain(|path, _| {
        let in_runs = path.starts_with("runs");
        let part =
            path.to_string_lossy().contains("/trace/part-") && path.extension().is_some_and(|end| end == "parquet");
        let lock = path.extension().is_some_and(|end| end == "lock");
        part || path.ends_with("config.json") || !in_runs && !lock && !path.starts_with("runs.parquet")
    });
    files
}

/// Says that a test cannot run here.
pub fn skip(line: &str) {
    note(&format!("skipped: {line}"));
}

/// Prints a line that `cargo test` does not swallow.
pub fn note(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Pseudo-random fractions, the same each time (Knuth's multiplier).
pub struct Fractions(pub u64);

impl Fractions {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
