//! `cargo xtask sweep` as a user meets it: kills, interrupts, two at once, cells that die, disks that are full.
//!
//! What a plan or a state is, is tested in the `sweep` crate; here are processes, streams, exit codes and files.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};
use support::{Fractions, check_refused, files, note, printed, programs, remains, skip, succeed, sweep, sweep_with};

/// Four runs of three epochs of eight steps, the fewest that features need. A checkpoint after every step, so that a kill costs little.
const SMALL: &str = "epochs = 3\nlimit = 800\nbatch_sizes = [100]\nseeds = 2\n\
    [optimizers.sgd]\nlr = [0.03]\n[optimizers.adam]\nlr = [1e-3]\n[cell]\ncheckpoint_seconds = 0\nattempts = 20\n";

fn directory(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("sweep.toml"), text).expect("a file is written");
    directory
}

/// Cells of this sweep that are under way, by their command lines.
#[cfg(target_os = "linux")]
fn cells_under_way(out: &Path) -> Vec<u32> {
    let out = out.to_string_lossy().into_owned();
    let of_process = |entry: fs::DirEntry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<String> =
            line.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        (words.get(1).is_some_and(|word| word == "--cell") && words.contains(&out)).then_some(process)
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(of_process).collect()
}

#[cfg(unix)]
fn signal(process: u32, signal: &str) {
    let _ = Command::new("kill").args([signal, &process.to_string()]).status();
}

/// The summaries of cells that are done, and when they were written.
fn done(out: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let summaries = files(out).into_iter().filter(|(path, bytes)| {
        let text = String::from_utf8_lossy(bytes);
        path.ends_with("run.json") && text.contains("\"completed\"") && text.contains("\"epochs\": 3")
    });
    let written = |path: &PathBuf| fs::metadata(out.join(path)).and_then(|meta| meta.modified()).expect("it is there");
    summaries.map(|(path, _)| (path.clone(), written(&path))).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_sweep_killed_ten_times_ends_with_the_same_bytes() {
    let whole = directory(SMALL);
    succeed(sweep(whole.path(), "sweep.toml --out out"));
    let killed = directory(SMALL);
    let out = killed.path().join("out");
    let arguments = format!("sweep.toml --out {}", out.display());
    let mut fractions = Fractions(5);
    let (mut sweeps, mut cells) = (0, 0);
    let mut over: BTreeMap<PathBuf, SystemTime> = BTreeMap::new();
    for moment in 0..10 {
        let before: usize = attempts(&out).iter().sum();
        let mut child = sweep(killed.path(), &arguments).spawn().expect("xtask starts");
        // Counted from the start of a cell: on a slow machine a sweep is no further when it is killed.
        while attempts(&out).iter().sum::<usize>() == before && child.try_wait().expect("a child is asked").is_none() {
            sleep(Duration::from_millis(5));
        }
        sleep(Duration::from_secs_f64(0.4 * fractions.next()));
        if moment % 2 == 0 {
            let under_way = cells_under_way(&out);
            if let Some(&cell) = under_way.get((fractions.next() * under_way.len() as f64) as usize) {
                signal(cell, "-KILL");
                cells += 1;
            }
            sleep(Duration::from_secs_f64(0.2 * fractions.next()));
        }
        sweeps += usize::from(child.try_wait().expect("a child is asked").is_none());
        child.kill().expect("a child is killed");
        child.wait().expect("a child is waited for");
        for (path, written) in done(&out) {
            assert_eq!(*over.entry(path.clone()).or_insert(written), written, "{} ran again", path.display());
        }
    }
    succeed(sweep(killed.path(), &arguments));
    let after = done(&out);
    assert_eq!(after.len(), 4);
    assert!(over.iter().all(|(path, written)| after[path] == *written), "a cell ran again after it was done");
    let (expect, found) = (remains(&whole.path().join("out")), remains(&out));
    assert_eq!(found.keys().collect::<Vec<_>>(), expect.keys().collect::<Vec<_>>());
    for (path, bytes) in &expect {
        assert!(found[path] == *bytes, "{} differs from the undisturbed sweep's", path.display());
    }
    assert!(expect.contains_key(Path::new("report.html")) && expect.contains_key(Path::new("summary.json")));
    assert!(sweeps > 0, "no kill met a sweep under way");
    note(&format!("{sweeps} sweeps and {cells} cells killed, {} files with the same bytes", expect.len()));
    assert_eq!(cells_under_way(&out), Vec::<u32>::new(), "an orphan trains on");
}

#[test]
#[cfg(unix)]
fn an_interrupt_leaves_checkpoints_and_the_same_command_goes_on() {
    let directory = directory(SMALL);
    let arguments = "sweep.toml --out out";
    let child = sweep(directory.path(), arguments).spawn().expect("xtask starts");
    let begun = Instant::now();
    let trained = || files(&directory.path().join("out")).keys().any(|path| path.ends_with("checkpoint.safetensors"));
    while !trained() && begun.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(20));
    }
    let status = succeed(sweep_status(directory.path()));
    assert!(printed(&status).0.contains(" running"), "{:?}", printed(&status));
    signal(child.id(), "-INT");
    let output = child.wait_with_output().expect("a child is waited for");
    let (_, stderr) = printed(&output);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.lines().count() == 1 && stderr.contains("the same command goes on"), "{stderr}");
    let (stdout, _) = printed(&succeed(sweep(directory.path(), arguments)));
    assert!(stdout.contains("4 cells: 4 done"), "{stdout}");
    let (stdout, _) = printed(&succeed(sweep_status(directory.path())));
    assert!(stdout.contains("4 cells: 0 waiting, 0 running, 4 done, 0 diverged, 0 failed; 100 %"), "{stdout}");
}

fn sweep_status(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["sweep", "status", "out"]).current_dir(directory);
    command
}

/// How often the attempts of each cell began.
fn attempts(out: &Path) -> Vec<usize> {
    let journals = files(out).into_iter().filter(|(path, _)| path.ends_with("attempts.jsonl"));
    journals.map(|(_, bytes)| String::from_utf8_lossy(&bytes).matches("\"begun\"").count()).collect()
}

#[test]
fn two_sweeps_in_one_directory_share_its_cells() {
    let directory = directory(&SMALL.replace("epochs = 3", "epochs = 1"));
    let start = || sweep(directory.path(), "sweep.toml --out out --workers 1").spawn().expect("xtask starts");
    for child in [start(), start()] {
        let output = child.wait_with_output().expect("a child is waited for");
        let (stdout, stderr) = printed(&output);
        assert!(output.status.success() && stdout.contains("4 cells: 4 done"), "{stderr}{stdout}");
    }
    assert_eq!(attempts(&directory.path().join("out")), [1, 1, 1, 1], "a cell was trained twice");
}

#[test]
fn a_file_that_grows_runs_only_the_new_cells() {
    let text = SMALL.replace("epochs = 3", "epochs = 1");
    let directory = directory(&text);
    let run =
        |arguments: &str| printed(&succeed(sweep(directory.path(), &format!("sweep.toml --out out {arguments}")))).0;
    run("");
    let before = remains(&directory.path().join("out/runs"));
    let stdout = run("--set seeds=3");
    assert!(stdout.contains("6 cells in out, 4 of them over"), "{stdout}");
    assert_eq!(attempts(&directory.path().join("out")), [1; 6]);
    let after = remains(&directory.path().join("out/runs"));
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes));
    // Another configuration is other cells: the old runs stay, and are no part of the report.
    let stdout = run("--set seeds=2 --set limit=900");
    assert!(stdout.contains("6 other runs are there") && stdout.contains("2 against 2 runs"), "{stdout}");
    // Fewer epochs than were trained are not to be had.
    run("--epochs 2");
    check_refused(
        sweep(directory.path(), "sweep.toml --out out"),
        &["has trained for 2 epochs, 1 are asked for", "--out"],
    );
}

/// A directory of programs in which `train` does this for cells whose arguments match the pattern, and trains the others.
#[cfg(unix)]
fn sabotage(directory: &Path, cases: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let own = directory.join("programs");
    fs::create_dir(&own).expect("a directory is created");
    fs::copy(programs().join("characterize"), own.join("characterize")).expect("a program is copied");
    let train = programs().join("train");
    let script = format!("#!/bin/sh\ncase \"$*\" in\n{cases}\nesac\nexec {} \"$@\"\n", train.display());
    fs::write(own.join("train"), script).expect("a script is written");
    fs::set_permissions(own.join("train"), fs::Permissions::from_mode(0o755)).expect("permissions are set");
    own
}

#[test]
#[cfg(unix)]
fn cells_that_die_are_reported_and_harm_no_other() {
    let text = SMALL
        .replace("epochs = 3", "epochs = 1")
        .replace("attempts = 20", "attempts = 2\nlimit_seconds = 20\nsilence_seconds = 2");
    let directory = directory(&text.replace("seeds = 2", "seeds = 3"));
    let own = sabotage(
        directory.path(),
        "*--seed=0\\ *) echo \"thread 'main' panicked at src/x.rs:1:1:\" >&2; echo 'no luck' >&2; exit 101;;\n\
         *--seed=1001\\ *) exec sleep 600;;\n\
         *--seed=1002\\ *) kill -SEGV $$;;",
    );
    let output = sweep_with(directory.path(), "sweep.toml --out out", &own).output().expect("xtask starts");
    let (stdout, stderr) = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 4, "{stderr}");
    let told = |seed: &str, words: &str| errors.iter().any(|line| line.contains(seed) && line.contains(words));
    assert!(told("seed 0 ", "panicked at src/x.rs:1:1: no luck"), "{stderr}");
    assert!(told("seed 1001 ", "made no step for 2 s and was killed; raise silence_seconds"), "{stderr}");
    assert!(told("seed 1002 ", "signal: 11"), "{stderr}");
    assert!(told("3 of 6 cells are not done", "the same command tries them again"), "{stderr}");
    assert!(stdout.contains("6 cells: 3 done, 3 failed") && stdout.contains("2 against 1 runs"), "{stdout}");
    let mut counts = attempts(&directory.path().join("out"));
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 1, 2, 2, 2]);
    // With the cause gone the same command goes on.
    let (stdout, _) = printed(&succeed(sweep(directory.path(), "sweep.toml --out out")));
    assert!(stdout.contains("6 cells: 6 done"), "{stdout}");
}

#[test]
fn a_damaged_part_costs_its_own_run() {
    let directory = directory(&SMALL.replace("epochs = 3", "epochs = 1").replace("seeds = 2", "seeds = 3"));
    succeed(sweep(directory.path(), "sweep.toml --out out"));
    let parts =
        files(&directory.path().join("out")).into_keys().filter(|path| path.to_string_lossy().contains("part-"));
    let part = directory.path().join("out").join(parts.into_iter().next().expect("there are traces"));
    let mut bytes = fs::read(&part).expect("a part is read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&part, bytes).expect("a part is written");
    let (stdout, _) = printed(&succeed(sweep(directory.path(), "--report --out out")));
    let aside: Vec<&str> = stdout.lines().skip_while(|line| *line != "set aside").collect();
    assert!(aside.len() > 1 && aside[1].contains("part-00000.parquet"), "{stdout}");
    assert!(stdout.contains("2 against 3 runs") || stdout.contains("3 against 2 runs"), "{stdout}");
}

/// Runs this in a mount namespace of its own, where `$XTASK` is a sweep; `None` where there are none.
#[cfg(target_os = "linux")]
fn with_a_disk(directory: &Path, script: &str) -> Option<(i32, String, String)> {
    fs::create_dir(directory.join("disk")).expect("a directory is created");
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).current_dir(directory);
    let xtask = format!("{} sweep --programs {}", env!("CARGO_BIN_EXE_xtask"), programs().display());
    let output = unshare.env("XTASK", xtask).output().ok()?;
    let (stdout, stderr) = printed(&output);
    let code = output.status.code().filter(|code| *code != 77 && !stderr.starts_with("unshare"));
    if code.is_none() {
        skip("no disk can be mounted; allow user namespaces (unshare --user --mount) to try it");
    }
    Some((code?, stdout, stderr))
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named_and_a_larger_one_goes_on() {
    let text = SMALL.replace("epochs = 3", "epochs = 1").replace("attempts = 20", "attempts = 1");
    let directory = directory(&text);
    // Room for the checkpoints of SGD, of 1.3 MB and twice that while they are written, and not for those of Adam.
    let script = "mount -t tmpfs -o size=6500k tmpfs disk || exit 77; $XTASK sweep.toml --workers 1 --out disk/out; echo \"code $?\"; \
                  mount -o remount,size=64m disk && $XTASK sweep.toml --out disk/out";
    let Some((code, stdout, stderr)) = with_a_disk(directory.path(), script) else { return };
    assert_eq!(code, 0, "{stderr}{stdout}");
    assert!(stdout.contains("4 cells: 2 done, 2 failed") && stdout.contains("4 cells: 4 done"), "{stdout}{stderr}");
    assert!(stdout.contains("code 1"), "{stdout}");
    let named = stderr.lines().filter(|line| line.starts_with("error: adam") && line.contains("No space left"));
    assert_eq!(named.count(), 2, "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_read_only_directory_is_named() {
    let directory = directory(SMALL);
    let script = "mount -t tmpfs -o ro tmpfs disk || exit 77; $XTASK sweep.toml --out disk/out";
    let Some((code, stdout, stderr)) = with_a_disk(directory.path(), script) else { return };
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.lines().count() == 1 && stderr.contains("disk/out") && stderr.contains("Read-only"), "{stderr}");
}

#[test]
fn a_mistake_gets_one_line_and_begins_nothing() {
    let directory = directory(&SMALL.replace("epochs", "epoch"));
    fs::write(directory.path().join("good.toml"), SMALL).expect("a file is written");
    check_refused(sweep(directory.path(), "sweep.toml"), &["sweep.toml, line 1", "unknown key `epoch`", "`epochs`"]);
    check_refused(sweep(directory.path(), "nowhere.toml"), &["cannot read nowhere.toml"]);
    check_refused(sweep(directory.path(), "good.toml --data nowhere"), &["nowhere", "cargo xtask data"]);
    check_refused(sweep(directory.path(), "good.toml --set optimizer.momentm=1"), &["momentm", "momentum"]);
    check_refused(sweep(directory.path(), "good.toml --set epochs"), &["KEY=VALUE"]);
    check_refused(sweep(directory.path(), "good.toml --out good.toml"), &["good.toml"]);
    check_refused(sweep(directory.path(), "good.toml --cell 4 --out cells"), &["--cell 4", "0 to 3"]);
    let mut status = Command::new(env!("CARGO_BIN_EXE_xtask"));
    status.args(["sweep", "status", "nowhere"]).current_dir(directory.path());
    check_refused(status, &["nowhere", "no sweep was begun here"]);
    let left: Vec<PathBuf> = files(directory.path()).into_keys().filter(|path| path.starts_with("out")).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
#[cfg(unix)]
fn the_lines_of_the_commands_engine_carry_the_cells() {
    let directory = directory(&SMALL.replace("epochs = 3", "epochs = 1"));
    let (stdout, stderr) = printed(&succeed(sweep(directory.path(), "sweep.toml --out out --engine commands")));
    assert_eq!(stdout.lines().count(), 4, "{stdout}");
    for line in stdout.lines() {
        let status = Command::new("sh").args(["-c", line]).current_dir("/").status();
        assert!(status.expect("a shell starts").success(), "{line}");
    }
    let (rest, _) = printed(&succeed(sweep(directory.path(), "sweep.toml --out out --engine commands")));
    assert_eq!(rest, "", "nothing is left");
    let report = stderr.trim().split_once("done: ").expect("it says how to end").1;
    assert!(Command::new("sh").args(["-c", report]).output().expect("a shell starts").status.success());
    assert!(directory.path().join("out/report.html").exists());
}

#[test]
fn every_example_file_is_a_sweep() {
    let sweeps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sweeps");
    let mut count = 0;
    for entry in fs::read_dir(sweeps).expect("they are there") {
        let path = entry.expect("a directory is listed").path();
        let directory = tempfile::tempdir().expect("a temporary directory");
        // The full data set may be absent; the rest of its file is checked with the sample.
        let output = succeed(sweep(directory.path(), &format!("{} --data sample --dry-run --out out", path.display())));
        let (stdout, _) = printed(&output);
        assert!(stdout.contains(" cells in out, 0 of them over") && stdout.contains("about "), "{stdout}");
        assert_eq!(files(directory.path()).len(), 0, "--dry-run leaves nothing");
        count += 1;
    }
    assert!(count >= 3, "{count} files");
}

#[test]
fn tuning_is_the_same_after_a_kill_and_its_best_is_a_sweep() {
    let text = "epochs = 1\nlimit = 800\nbatch_sizes = [100]\nseeds = 2\n[optimizers.sgd]\nlr = { log = [1e-2, 1.0] }\n\
                [optimizers.adam]\nlr = { log = [1e-4, 1e-1] }\n[tune]\ntrials = 3\nrungs = [1, 2]\n[cell]\ncheckpoint_seconds = 0\n";
    let (whole, killed) = (directory(text), directory(text));
    let (stdout, _) = printed(&succeed(sweep(whole.path(), "tune sweep.toml --out out")));
    assert!(stdout.contains("6 trials of 1 epochs") && stdout.contains("2 trials of 2 epochs"), "{stdout}");
    let mut child = sweep(killed.path(), "tune sweep.toml --out out").spawn().expect("xtask starts");
    sleep(Duration::from_millis(1500));
    child.kill().expect("a child is killed");
    child.wait().expect("a child is waited for");
    succeed(sweep(killed.path(), "tune sweep.toml --out out"));
    for name in ["best.toml", "tune.json", "search.json"] {
        let [whole, killed] = [&whole, &killed].map(|directory| fs::read(directory.path().join("out").join(name)));
        assert_eq!(whole.expect("it is written"), killed.expect("it is written"), "{name}");
    }
    // A run that was promoted went on from its checkpoint: its first rung's epoch was trained once.
    let promoted =
        files(&whole.path().join("out/tune")).into_iter().filter(|(path, _)| path.ends_with("attempts.jsonl"));
    let begun: Vec<usize> =
        promoted.map(|(_, bytes)| String::from_utf8_lossy(&bytes).matches("\"begun\"").count()).collect();
    assert_eq!((begun.len(), begun.iter().sum::<usize>()), (6, 8), "{begun:?}");
    let (stdout, _) = printed(&succeed(sweep(whole.path(), "out/best.toml --out out")));
    assert!(stdout.contains("4 cells: 4 done") && stdout.contains("2 against 2 runs"), "{stdout}");
}
