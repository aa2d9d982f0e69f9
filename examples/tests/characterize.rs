//! `characterize` as a user meets it: mistakes get one line, a kill costs nothing, and the same runs give the same bytes.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;
use support::{check_failed, check_plain, check_refused, command, files, printed};
use tempfile::TempDir;

fn characterize(directory: &Path, arguments: &str) -> Command {
    let mut characterize = command("characterize", directory);
    characterize.args(arguments.split_whitespace());
    characterize
}

#[track_caller]
fn run(directory: &Path, arguments: &str) -> Output {
    let output = characterize(directory, arguments).output().expect("the example starts");
    let (_, stderr) = printed(&output);
    assert!(output.status.success(), "characterize {arguments}: {stderr}");
    check_plain(&stderr);
    output
}

/// Two runs of one epoch of each optimizer, at rates that need no search.
const SMALL: &str = "--batch-sizes 200 --seeds 2 --epochs 1 --lr sgd=0.01,adam=0.001";

/// What was found, without the runs themselves.
fn results(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut results = files(directory);
    // What a kill leaves of a file under construction is no result.
    let is_temporary = |path: &Path| path.extension().is_some_and(|ending| ending == "tmp");
    results.retain(|path, _| !path.starts_with("runs") && !path.starts_with("runs.parquet") && !is_temporary(path));
    results
}

#[test]
fn a_mistake_gets_one_line_and_begins_nothing() {
    let table: &[(&str, &[&str])] = &[
        ("--optimizers adma", &["adma", "adam"]),
        ("--optimizers adam", &["adam", "name two or more"]),
        ("--optimizers adam,adam", &["--optimizers", "adam", "named twice"]),
        ("--batch-sizes 0", &["--batch-sizes 0", "use 1 or more"]),
        ("--batch-sizes 50,50", &["--batch-sizes", "named twice"]),
        ("--batch-sizes 5000", &["--batch-sizes 5000", "1 to 2000"]),
        ("--batch-sizes 1000 --epochs 1", &["--batch-sizes 1000", "2 steps in 1 epoch", "features need 8", "--epochs"]),
        ("--lr adam=1,adam=2,sgd=1", &["--lr adam=2", "has a rate already"]),
        ("--seeds 0", &["--seeds", "use 1 to 1000"]),
        ("--epochs 0", &["--epochs"]),
        ("--threads 0", &["--threads"]),
        ("--lr adam", &["name=value"]),
        ("--lr adam=fast", &["--lr", "no number"]),
        ("--lr lion=1e-3", &["--lr", "lion", "--optimizers"]),
        ("--lr adam=-1,sgd=0.1", &["lr"]),
        ("--data nowhere", &["nowhere"]),
        ("--protocol press", &["standard or paper"]),
        ("--resume --seeds 3", &["--resume", "--seeds"]),
        ("--from nowhere", &["nowhere: no runs to analyse"]),
        ("--from . --calibrate", &["--from"]),
        ("--calibrate 0", &["--calibrate", "use 1 to 10000 tests"]),
        ("--calibrate 2 --runs-per-test 5", &["--runs-per-test", "an even number"]),
        ("--calibrate many", &["--calibrate", "whole number"]),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (arguments, words) in table {
        let output = characterize(directory.path(), arguments).output().unwrap();
        let (_, stderr) = printed(&output);
        match stderr.starts_with("error: ") {
            true => check_refused(&output, words),
            false => panic!("characterize {arguments}: {stderr}"),
        }
        assert_eq!(files(directory.path()).len(), 0, "characterize {arguments} left files");
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let output = characterize(directory.path(), &format!("{SMALL} --out file/below")).output().unwrap();
    check_failed(&output, &["file"]);
}

#[test]
fn a_plan_that_is_none_is_refused_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let plan = directory.path().join("plan.json");
    fs::write(&plan, "{}").unwrap();
    let output = characterize(directory.path(), &format!("{SMALL} --out .")).output().unwrap();
    check_refused(&output, &["plan.json", "move the file away"]);
    assert_eq!(fs::read(&plan).unwrap(), b"{}");
}

/// Kills the command after each of these times, then lets it go on to its end.
fn killed_and_resumed(directory: &TempDir, milliseconds: &[u64]) {
    let mut arguments = format!("{SMALL} --out out");
    for &time in milliseconds {
        let mut child = characterize(directory.path(), &arguments).spawn().unwrap();
        sleep(Duration::from_millis(time));
        child.kill().unwrap();
        child.wait().unwrap();
        if directory.path().join("out/characterize.json").exists() {
            "--resume --out out".clone_into(&mut arguments);
        }
    }
    run(directory.path(), &arguments);
}

#[test]
fn a_killed_and_resumed_one_ends_with_the_same_bytes() {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let output = run(whole.path(), &format!("{SMALL} --out out"));
    let (stdout, _) = printed(&output);
    assert!(stdout.contains("batch size 200: too few runs to tell"), "{stdout}");
    assert!(
        stdout.contains("so few cannot pass over 1 comparisons (the least corrected p is 0.333): --seeds 4 can"),
        "{stdout}"
    );
    killed_and_resumed(&killed, &[700, 1500, 2500]);
    let (whole, killed) = (whole.path().join("out"), killed.path().join("out"));
    let expected = results(&whole);
    for name in ["summary.json", "plan.json", "report.html", "figures/signals.svg", "figures/signals.png"] {
        assert!(expected.get(Path::new(name)).is_some_and(|bytes| bytes.len() > 500), "{name}");
    }
    let mut changed = results(&killed);
    changed.retain(|path, bytes| expected.get(path) != Some(bytes));
    assert_eq!(changed.keys().collect::<Vec<_>>(), Vec::<&PathBuf>::new(), "a kill changed a file");
    // Another question in the same place is refused, and the answer that is there stays.
    let other = format!("{} --out out", SMALL.replace("--epochs 1", "--epochs 2"));
    let output = characterize(whole.parent().unwrap(), &other).output().unwrap();
    check_refused(
        &output,
        &["out holds the answer to another question", "--epochs 1 rather than 2", "choose another --out"],
    );
    assert!(expected == results(&whole));
    // Analysed again, from elsewhere: the same, in the order in which the optimizers were named.
    let again = tempfile::tempdir().unwrap();
    run(again.path(), &format!("--from {} --out .", whole.display()));
    let mut again = results(again.path());
    again.retain(|path, bytes| expected.get(path) != Some(bytes));
    assert_eq!(again.keys().collect::<Vec<_>>(), Vec::<&PathBuf>::new(), "--from gives other bytes");
    // What leaves some of them out does not take their answer's place, and names no run that is not there.
    let from = |options: &str| {
        let output = characterize(whole.parent().unwrap(), &format!("--from out {options}")).output().unwrap();
        printed(&output).1
    };
    assert!(from("--optimizers sgd").contains("name a directory for it with --out"));
    assert!(from("--optimizers sgd,lion").contains("no run is of lion; there are runs of adam, sgd"));
    assert!(from("--batch-sizes 50 --out at").contains("no run is at batch size 50; there are runs at batch size 200"));
    assert!(from("--resume").contains("--from") && expected == results(&whole));
    // More runs than were looked at before: the same question, and a word on it.
    run(whole.parent().unwrap(), &format!("{} --out out", SMALL.replace("--seeds 2", "--seeds 3")));
    let summary = fs::read_to_string(whole.join("summary.json")).unwrap();
    assert!(summary.contains("These runs were looked at before, when there were 2 of each optimizer"), "{summary}");
}

#[test]
fn a_calibration_counts_rejections() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), "--optimizers sgd --batch-sizes 200 --calibrate 2 --runs-per-test 4 --out out");
    let (stdout, _) = printed(&output);
    assert!(stdout.contains("nothing to find: 2 against 2 fresh runs of sgd at batch size 200"), "{stdout}");
    assert!(stdout.contains("steps as replicates (KS), output.logits/gradient"), "{stdout}");
    let text = fs::read_to_string(directory.path().join("out/calibration.json")).unwrap();
    assert!(text.contains("\"runs_per_trial\": 4") && text.contains("\"tests\": 2"), "{text}");
}
