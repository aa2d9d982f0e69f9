//! Reads our files with the programs that people have: TensorBoard, DuckDB, polars.
//!
//! `SEISMOGRAD_PYTHON` names the interpreter (default `python3`); a test whose package it lacks is skipped.

use seismograd_trace::{
    EpochRow, Epochs, EventWriter, Quantity, Row, RunDir, RunKey, RunRow, RunStatus, Schema, Signal, TraceWriter,
    over_steps, read_trace, write_runs,
};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn python() -> OsString {
    std::env::var_os("SEISMOGRAD_PYTHON").unwrap_or_else(|| "python3".into())
}

/// Whether the interpreter has the package; says so on stderr when it has not.
fn has(package: &str) -> bool {
    let import = ["-c", &format!("import {package}")];
    let status = Command::new(python()).args(import).stderr(Stdio::null()).status();
    let has = status.is_ok_and(|status| status.success());
    if !has {
        let python = python().to_string_lossy().into_owned();
        let line = format!("skipped: {python} has no {package}; install it, or set SEISMOGRAD_PYTHON\n");
        std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
    }
    has
}

/// What the script in `tests/python` prints about a directory.
fn read(script: &str, directory: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let output = Command::new(python()).arg(path).arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn key(optimizer: &str, lr: f64) -> RunKey {
    RunKey { optimizer: optimizer.into(), batch_size: 50, lr, seed: 1, config: "0123abcd".into() }
}

/// A run of one epoch whose signals are all `value`.
fn write_run(out: &Path, key: RunKey, steps: i64, value: f32) {
    let run = RunDir::of(out, &key).unwrap();
    let logits = Signal::new("output.logits", Quantity::Value).unwrap();
    let schema = Schema::new([(logits, vec![])]).unwrap();
    let mut writer = TraceWriter::create(&run.trace(), schema.clone()).unwrap();
    for step in 1..=steps {
        let row = Row { step, epoch: 1, loss: 2.0, accuracy: 0.5, learning_rate: key.lr / 2.0, signals: &[value; 14] };
        writer.push(row).unwrap();
    }
    writer.finish().unwrap();
    let mut epochs = Epochs::new(schema);
    let signals = over_steps(&read_trace(run.root()).unwrap());
    epochs.push(EpochRow { epoch: 1, steps, learning_rate: key.lr, signals, ..EpochRow::default() });
    epochs.write(&run.epochs()).unwrap();
    summary(key, steps).write(&run.summary()).unwrap();
}

fn summary(key: RunKey, steps: i64) -> RunRow {
    let diverged = key.optimizer == "sgd";
    RunRow {
        key,
        protocol: "paper".into(),
        epochs: 1,
        steps,
        status: if diverged { RunStatus::Diverged } else { RunStatus::Completed },
        diverged_at_step: diverged.then_some(steps + 1),
        train_loss: Some(2.0),
        train_accuracy: Some(0.5),
        test_loss: (!diverged).then_some(1.5),
        test_accuracy: Some(0.5),
        parameters: 314_922,
        seconds: 1.0,
    }
}

/// Two runs: Adam of two parts, SGD of one.
fn write_sweep(out: &Path) {
    write_run(out, key("adam", 1e-7), 1200, 0.25);
    write_run(out, key("sgd", 0.1), 30, -0.5);
    write_runs(out).unwrap();
}

#[test]
fn duckdb_reads_a_sweep_as_one_table() {
    if !has("duckdb") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    write_sweep(out.path());
    let expected = "\
        adam 1200\nsgd 30\n\
        50 1e-07 5e-08 1 1 1200 0.25\n50 0.1 0.05 1 1 30 -0.5\n\
        adam 1e-07 completed None 1.5\nsgd 0.1 diverged 31 None\n\
        adam 1 0.25\nsgd 1 -0.5\n\
        True SNAPPY\n";
    assert_eq!(read("read_hive_duckdb.py", out.path()), expected);
}

#[test]
fn polars_reads_a_sweep_as_one_table() {
    if !has("polars") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    write_sweep(out.path());
    assert_eq!(read("read_hive_polars.py", out.path()), "adam 50 1e-07 1200\nsgd 50 0.1 30\n");
}

#[test]
fn tensorboard_reads_the_events() {
    if !has("tensorboard") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = RunDir::at(dir.path()).events();
    let mut events = EventWriter::create(&path, 1.5e9).unwrap();
    events.scalar("train/loss", 1, 1.5e9 + 0.25, 2.5).unwrap();
    let length = events.flush().unwrap();
    events.scalar("lost/in a crash", 2, 1.5e9, 1.0).unwrap();
    drop(events);
    let mut events = EventWriter::resume(&path, length).unwrap();
    events.scalar("train/loss", 3_000_000_000, 1.5e9 + 1.0, -0.125).unwrap();
    events.scalar("test/accuracy", 500, 1.5e9 + 2.0, f32::INFINITY).unwrap();
    events.flush().unwrap();
    let expected = "version 2.0\n\
        test/accuracy 500 1500000002.0 inf\n\
        train/loss 1 1500000000.25 2.5\n\
        train/loss 3000000000 1500000001.0 -0.125\n";
    assert_eq!(read("read_events.py", dir.path()), expected);
}
