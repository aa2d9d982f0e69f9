//! What tests of the example binaries share: where a binary is, how it is run, what its directory holds.
//!
//! Nothing here knows what a binary computes.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary of an example of this package: Cargo puts it into `examples/`, beside the `deps/` of this test.
///
/// `cargo test -p examples` builds it first. With `--test` Cargo does not, and an old binary would be tried: run
/// `cargo build --example` before.
pub fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its executable");
    let profile = own.parent().and_then(Path::parent).expect("<profile>/deps/<test>");
    let binary = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "{} is not built: cargo build --example {name}", binary.display());
    binary
}

/// A command of the example in a directory, with backtraces asked for, the instruction set free, and its output caught.
pub fn command(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(example(name));
    command.current_dir(directory).env("RUST_BACKTRACE", "1").env_remove("SEISMOGRAD_LEVEL");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Says that a test cannot run here.
pub fn skip(line: &str) {
    note(&format!("skipped: {line}"));
}

/// Prints a line that `cargo test` does not swallow.
pub fn note(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// What a process printed on each stream.
pub fn printed(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    (text(&output.stdout), text(&output.stderr))
}

/// A failure as a user should see it: nothing done, a code that is not 0, one plain line with all of `words`.
#[track_caller]
pub fn check_refused(output: &Output, words: &[&str]) {
    let (stdout, _) = printed(output);
    assert_eq!(stdout, "", "something was begun");
    check_failed(output, words);
}

/// A failure with one plain line on stderr that holds all of `words`, whatever was printed before.
#[track_caller]
pub fn check_failed(output: &Output, words: &[&str]) {
    let (_, stderr) = printed(output);
    assert!(output.status.code().is_some_and(|code| code != 0), "{:?}: {stderr}", output.status);
    check_plain(&stderr);
    assert_eq!(stderr.lines().count(), 1, "one line is wanted: {stderr}");
    assert!(stderr.starts_with("error: "), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is missing: {stderr}");
    }
}

/// Text without panics and without the control characters of a terminal.
#[track_caller]
pub fn check_plain(text: &str) {
    assert!(!text.contains("panicked") && !text.contains("backtrace"), "{text}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
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
            } else {
                let name = path.strip_prefix(directory).expect("it is below").to_owned();
                files.insert(name, fs::read(&path).expect("a file is read"));
            }
        }
    }
    files
}
