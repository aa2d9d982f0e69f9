//! What the README shows of a sweep's directory works: its lines for DuckDB and polars, run as they stand there.

mod support;

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{skip, succeed, sweep};

/// The blocks of Python in the README.
fn blocks() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = fs::read_to_string(readme).expect("the README is read");
    let blocks = text.split("```python\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

fn python() -> OsString {
    std::env::var_os("SEISMOGRAD_PYTHON").unwrap_or_else(|| "python3".into())
}

fn has(package: &str) -> bool {
    let status = Command::new(python()).args(["-c", &format!("import {package}")]).stderr(Stdio::null()).status();
    let has = status.is_ok_and(|status| status.success());
    if !has {
        skip(&format!("{} has no {package}; install it, or set SEISMOGRAD_PYTHON", python().to_string_lossy()));
    }
    has
}

#[test]
fn duckdb_and_polars_read_a_sweep_in_three_lines() {
    let blocks = blocks();
    let packages: Vec<&str> = blocks.iter().filter_map(|block| block.split_whitespace().nth(1)).collect();
    assert_eq!(packages, ["duckdb", "polars"]);
    assert!(blocks.iter().all(|block| block.lines().count() == 3), "{blocks:?}");
    let there: Vec<&String> =
        blocks.iter().zip(packages).filter(|(_, package)| has(package)).map(|(block, _)| block).collect();
    if there.is_empty() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sweeps/small.toml");
    succeed(sweep(directory.path(), &format!("{} --set limit=400 --epochs 4 --out out/sweep", file.display())));
    for block in there {
        let output = Command::new(python()).args(["-c", block]).current_dir(directory.path()).output();
        let output = output.expect("Python starts");
        let (text, errors) = support::printed(&output);
        assert!(output.status.success(), "{errors}");
        // Eight steps of each run.
        assert!(["adam", "sgd", "200", " 8 "].iter().all(|word| text.contains(word)), "{text}");
    }
}
