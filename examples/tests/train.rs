//! The binary of `cargo run --example train`, as a user meets it: mistakes, kills, interrupts, output, memory.
//!
//! What a run computes is tested where it is computed; here are processes, streams, exit codes and files.

mod support;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use seismograd_kernels::level::Level;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use support::{check_failed, check_plain, check_refused, command, files, note, printed, skip};
use tempfile::TempDir;

/// A run of two steps. Later mentions of an option are refused, so cases that bring their own use [`train`].
const SHORT: [&str; 6] = ["--limit", "100", "--batch-size", "50", "--epochs", "1"];

/// A run of 24 steps.
const LONG: [&str; 8] = ["--limit", "400", "--batch-size", "50", "--epochs", "3", "--save", "weights.safetensors"];

/// Exit code after an interrupt.
const INTERRUPTED: i32 = 130;

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn train(directory: &Path, arguments: &[&str]) -> Output {
    command("train", directory).args(arguments).output().expect("the binary starts")
}

fn train_short(directory: &Path, arguments: &[&str]) -> Output {
    train(directory, &[&SHORT, arguments].concat())
}

#[track_caller]
fn check_succeeded(output: &Output) {
    assert!(output.status.success(), "{:?}: {}", output.status, printed(output).1);
}

/// Mistakes, each on the whole command line, and words that the answer must hold: what is wrong, and the fix.
const MISTAKES: &[(&str, &[&str])] = &[
    ("--optimizer adm", &["unknown optimizer", "adm", "did you mean \"adam\""]),
    ("--optimizer sgd --set momentm=0.9", &["unknown option", "momentm", "did you mean \"momentum\""]),
    ("--set momentum", &["momentum", "name=value"]),
    ("--optimizer sgd --set momentum=much", &["momentum", "much", "a number"]),
    ("--batch-size 0", &["--batch-size 0", "1 to 2000"]),
    ("--batch-size -5", &["-5", "--batch-size", "whole number"]),
    ("--batch-size abc", &["abc", "--batch-size", "whole number"]),
    ("--batch-size 2.5", &["2.5", "--batch-size", "whole number"]),
    ("--batch-size 99999999999999999999999", &["--batch-size", "smaller"]),
    ("--batch-size 2001", &["--batch-size 2001", "1 to 2000"]),
    ("--batch-size 101 --limit 100", &["--batch-size 101", "1 to 100"]),
    ("--lr -1", &["lr is -1", "0 or more"]),
    ("--lr NaN", &["lr is NaN", "finite"]),
    ("--lr inf", &["lr is inf", "finite"]),
    ("--lr=-inf", &["lr is -inf", "finite"]),
    ("--lr fast", &["fast", "--lr", "a number"]),
    ("--lr --epochs 3", &["--lr", "value is required"]),
    ("--lr", &["--lr", "value is required"]),
    ("--epochs 0", &["--epochs 0", "1 to "]),
    ("--epochs 99999999999", &["--epochs 99999999999", "1 to "]),
    ("--threads 0", &["--threads 0", "1 to "]),
    ("--threads 999999999", &["--threads 999999999", "1 to "]),
    ("--dropout 2", &["--dropout 2", "at least 0 and below 1"]),
    ("--dropout 1", &["--dropout 1", "at least 0 and below 1"]),
    ("--dropout -1", &["--dropout -1", "at least 0 and below 1"]),
    ("--dropout NaN", &["--dropout NaN", "at least 0 and below 1"]),
    ("--seed -1", &["-1", "--seed", "whole number"]),
    ("--seed 18446744073709551615", &["--seed", "at most"]),
    ("--shard-size 0", &["--shard-size 0", "1 or more"]),
    ("--limit 0", &["--limit 0", "1 to 2000"]),
    ("--limit 2001", &["--limit 2001", "1 to 2000"]),
    ("--protocol papr", &["papr", "standard or paper"]),
    ("--shuffle sample", &["sample", "samples, batches, none"]),
    ("--loss-reduction men", &["--loss-reduction men", "mean or sum"]),
    ("--model paper_cn", &["paper_cn", "did you mean paper_cnn"]),
    ("--record output.logit", &["output.logit", "did you mean `output.logits`"]),
    ("--data nowhere", &["nowhere", "cargo xtask data"]),
    ("--init nowhere.safetensors", &["nowhere.safetensors", "--init"]),
    ("--save nowhere/weights.safetensors", &["nowhere/weights.safetensors", "create it"]),
    ("--save out", &["out", "is a directory"]),
    ("--checkpoint-every soon", &["soon", "--checkpoint-every", "whole number"]),
    ("--bacth-size 50", &["--bacth-size", "'--batch-size'", "--help"]),
    ("--out file", &["file", "in the way"]),
    ("--out file/below", &["file", "in the way"]),
    ("50", &["50", "--help"]),
    ("--limit 100 --batch-size 50", &["exists already", "--resume", "--out"]),
    (
        "--limit 100 --batch-size 25 --resume",
        &["--resume", "batch_size=50", "batch_size 50, not 25", "repeat its options"],
    ),
];

#[test]
fn a_mistake_gets_one_line_and_costs_nothing() {
    let directory = directory();
    check_succeeded(&train_short(directory.path(), &[]));
    fs::write(directory.path().join("file"), b"mine").expect("a file is written");
    let before = files(directory.path());
    for (arguments, words) in MISTAKES {
        let output = train(directory.path(), &arguments.split(' ').collect::<Vec<_>>());
        check_refused(&output, words);
        assert_eq!(files(directory.path()), before, "`{arguments}` changed a file");
    }
}

#[test]
fn an_unknown_level_is_refused() {
    let directory = directory();
    let output = command("train", directory.path()).env("SEISMOGRAD_LEVEL", "sse9").output();
    check_refused(&output.expect("the binary starts"), &["SEISMOGRAD_LEVEL=sse9", "portable", "unset"]);
}

/// The weights and the trace's parts of a run. Its other files hold times.
fn trained_at(level: &str, threads: &str, arguments: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    let directory = directory();
    let mut run = command("train", directory.path());
    run.args(arguments).args(["--epochs", "1", "--threads", threads, "--save", "weights.safetensors"]);
    check_succeeded(&run.env("SEISMOGRAD_LEVEL", level).output().expect("the binary starts"));
    let mut files = files(directory.path());
    files.retain(|path, _| path.ends_with("weights.safetensors") || path.to_string_lossy().contains("trace/part-"));
    assert_eq!(files.len(), 2, "{:?}", files.keys());
    files
}

#[test]
fn every_level_and_any_number_of_threads_train_to_the_same_bits() {
    // Twenty steps. Without hardware for it a fused multiply-add is a call into the C library, so the portable level gets two samples a step.
    let of_two = ["--batch-size", "2", "--limit", "40", "--checkpoint-every", "3600"];
    let of_fifty = ["--batch-size", "50", "--limit", "1000", "--checkpoint-every", "3600"];
    let available = |level: &str| level.parse::<Level>().is_ok_and(Level::is_available);
    let levels: Vec<&str> = ["avx512", "avx2"].into_iter().filter(|level| available(level)).collect();
    for level in ["avx512", "avx2"].into_iter().filter(|level| !levels.contains(level)) {
        skip(&format!("this processor lacks the level {level}"));
    }
    let portable = trained_at("portable", "2", &of_two);
    for level in &levels {
        assert!(trained_at(level, "1", &of_two) == portable, "{level} differs from portable");
    }
    if let Some((first, others)) = levels.split_first() {
        let best = trained_at(first, "1", &of_fifty);
        for threads in ["2", "3", "17"] {
            assert!(trained_at(first, threads, &of_fifty) == best, "{threads} threads differ from one");
        }
        for level in others {
            assert!(trained_at(level, "2", &of_fifty) == best, "{level} differs from {first}");
        }
    }
}

/// Where `--data` leads when a file was cut short on its way.
fn cut_short(directory: &Path) -> [(PathBuf, Vec<&'static str>); 2] {
    let files = directory.join("cifar-10-batches-bin");
    fs::create_dir(&files).expect("a directory is created");
    // Two and a half records.
    fs::write(files.join("data_batch_1.bin"), vec![0; 3073 * 5 / 2]).expect("a file is written");
    let archive = directory.join("cifar-10-binary.tar.gz");
    fs::write(&archive, half_an_archive()).expect("a file is written");
    [
        (files, vec!["data_batch_1.bin", "record 2", "cargo xtask data"]),
        (archive, vec!["cifar-10-binary.tar.gz", "corrupt", "cargo xtask data"]),
    ]
}

fn half_an_archive() -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    let mut archive = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(30730);
    header.set_cksum();
    let appended = archive.append_data(&mut header, "cifar-10-batches-bin/data_batch_1.bin", &[0; 30730][..]);
    appended.expect("writing to memory");
    let bytes = archive.into_inner().and_then(|gzip| gzip.finish()).expect("writing to memory");
    bytes[..bytes.len() / 2].to_vec()
}

#[test]
fn data_cut_short_are_refused() {
    let directory = directory();
    for (path, words) in cut_short(directory.path()) {
        let output = train(directory.path(), &["--data", path.to_str().expect("a path in UTF-8")]);
        check_refused(&output, &words);
        assert!(!directory.path().join("out").exists());
    }
}

/// A file's tensors: shape and elements.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn read_tensors(path: &Path) -> Tensors {
    let bytes = fs::read(path).expect("the weights are there");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let floats = |data: &[u8]| data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let tensors = file.tensors().into_iter();
    tensors.map(|(name, view)| (name, (view.shape().to_vec(), floats(view.data())))).collect()
}

fn write_tensors(path: &Path, tensors: &Tensors) {
    let bytes = |elements: &[f32]| elements.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let data: Vec<_> = tensors.iter().map(|(name, (shape, elements))| (name, shape.clone(), bytes(elements))).collect();
    let views = data.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("the bytes of its shape"))
    });
    fs::write(path, safetensors::serialize(views, None).expect("tensors serialise")).expect("a file is written");
}

#[test]
fn initial_weights_that_do_not_fit_are_refused() {
    let directory = directory();
    let weights = directory.path().join("weights.safetensors");
    check_succeeded(&train_short(directory.path(), &["--save", "weights.safetensors", "--out", "first"]));
    let good = read_tensors(&weights);
    let check = |words: &[&str], damage: &dyn Fn(&mut Tensors)| {
        let mut tensors = good.clone();
        damage(&mut tensors);
        write_tensors(&weights, &tensors);
        let output = train_short(directory.path(), &["--init", "weights.safetensors"]);
        check_refused(&output, &[&["weights.safetensors"], words].concat());
        assert!(!directory.path().join("out").exists(), "a run's directory was begun");
    };
    check(&["lacks fc2.bias", "[10]"], &|tensors| drop(tensors.remove("fc2.bias")));
    check(&["holds fc3.bias", "expected", "fc2.bias"], &|tensors| {
        tensors.insert("fc3.bias".to_owned(), (vec![1], vec![0.0]));
    });
    check(&["fc2.bias has shape [2, 5]", "expected [10]"], &|tensors| {
        tensors.get_mut("fc2.bias").expect("the output layer's bias").0 = vec![2, 5];
    });
    check(&["fc2.bias", "NaN", "element 3", "finite"], &|tensors| {
        tensors.get_mut("fc2.bias").expect("the output layer's bias").1[3] = f32::NAN;
    });
    fs::write(&weights, b"PK\x03\x04 a pickle, say").expect("a file is written");
    let output = train_short(directory.path(), &["--init", "weights.safetensors"]);
    check_refused(&output, &["weights.safetensors", "no safetensors file", "--save"]);
}

#[test]
fn initial_weights_that_fit_are_taken() {
    let directory = directory();
    check_succeeded(&train_short(directory.path(), &["--save", "weights.safetensors", "--lr", "0"]));
    check_succeeded(&train_short(
        directory.path(),
        &["--init", "weights.safetensors", "--save", "again.safetensors", "--lr", "0", "--seed", "7"],
    ));
    let [first, second] = ["weights.safetensors", "again.safetensors"].map(|name| directory.path().join(name));
    assert_eq!(read_tensors(&first), read_tensors(&second), "a learning rate of 0 changes no weight");
}

#[test]
fn a_diverging_run_says_so_and_harms_no_other() {
    let directory = directory();
    check_succeeded(&train_short(directory.path(), &[]));
    let before = files(directory.path());
    let diverging = ["--limit", "400", "--batch-size", "50", "--optimizer", "sgd", "--lr", "100"];
    let output = train(directory.path(), &diverging);
    check_failed(&output, &["diverged at step", "not finite", "lower --lr"]);
    let after = files(directory.path());
    let others = before.iter().filter(|(path, _)| !path.ends_with("runs.parquet"));
    for (path, bytes) in others {
        assert_eq!(after.get(path), Some(bytes), "{}", path.display());
    }
    let again = train(directory.path(), &[&diverging[..], &["--resume"]].concat());
    check_refused(&again, &["diverged at step", "lower --lr"]);
}

/// Two steps leave finite weights whose test loss overflows: no such figure may pass for a result.
#[test]
fn a_test_loss_that_is_not_finite_is_divergence() {
    let directory = directory();
    let output = train_short(directory.path(), &["--optimizer", "sgd", "--lr", "100"]);
    check_failed(&output, &["diverged at step 2", "lower --lr"]);
    assert!(!printed(&output).0.contains("NaN"));
}

#[test]
#[cfg(unix)]
fn a_directory_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory();
    let out = directory.path().join("locked");
    fs::create_dir(&out).expect("a directory is created");
    fs::set_permissions(&out, fs::Permissions::from_mode(0o555)).expect("permissions are set");
    if fs::create_dir(out.join("probe")).is_ok() {
        return skip("root may write everywhere; run the tests as an ordinary user to try a read-only directory");
    }
    check_refused(&train_short(directory.path(), &["--out", "locked"]), &["locked", "choose another place"]);
}

/// A disk of 64 KiB in a mount namespace of its own takes the run's first files and then no more.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named() {
    let directory = directory();
    fs::create_dir(directory.path().join("disk")).expect("a directory is created");
    let mounted = "mount -t tmpfs -o size=64k tmpfs disk || exit 77; exec \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]).arg(support::example("train"));
    unshare.args(SHORT).args(["--out", "disk"]).current_dir(directory.path()).env("RUST_BACKTRACE", "1");
    match unshare.output() {
        Ok(output) if !printed(&output).1.starts_with("unshare") && output.status.code() != Some(77) => {
            check_failed(&output, &["disk/runs/", "No space left", "free some space", "--resume"]);
        }
        _ => skip("no small disk can be mounted; allow user namespaces (unshare --user --mount) to try a full one"),
    }
}

/// Pseudo-random fractions, the same each time (Knuth's multiplier).
struct Fractions(u64);

impl Fractions {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What a long run leaves that every repetition must leave again: weights and the parts of the trace.
fn remains(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut remains = files(directory);
    remains
        .retain(|path, _| path.ends_with("weights.safetensors") || path.parent().is_some_and(|p| p.ends_with("trace")));
    remains
}

/// A long run that nothing interrupted, and the time it took.
fn uninterrupted() -> (BTreeMap<PathBuf, Vec<u8>>, Duration) {
    let directory = directory();
    let begun = Instant::now();
    check_succeeded(&train(directory.path(), &LONG));
    let remains = remains(directory.path());
    assert!(remains.len() >= 2, "a trace and weights: {:?}", remains.keys());
    (remains, begun.elapsed())
}

#[track_caller]
fn check_remains(directory: &Path, expect: &BTreeMap<PathBuf, Vec<u8>>) {
    let found = remains(directory);
    assert_eq!(found.keys().collect::<Vec<_>>(), expect.keys().collect::<Vec<_>>());
    for (path, bytes) in expect {
        assert!(found[path] == *bytes, "{} differs from the uninterrupted run's", path.display());
    }
}

/// Starts the run and kills it after a while; says whether it was still there to be killed.
fn kill_after(command: &mut Command, pause: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    std::thread::sleep(pause);
    child.kill().expect("a child is killed");
    child.wait().expect("a child is waited for").code().is_none()
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let (expect, time) = uninterrupted();
    let mut fractions = Fractions(1);
    let mut killed = 0;
    for moment in 0..10 {
        let directory = directory();
        // Some write a checkpoint after every step, some only after epochs; the number of threads is free.
        let every = if moment % 2 == 0 { "0" } else { "30" };
        let threads = if moment % 3 == 0 { "1" } else { "2" };
        let run = |resume: &[&str]| {
            let mut command = command("train", directory.path());
            command.args(LONG).args(["--checkpoint-every", every, "--threads", threads]).args(resume);
            command
        };
        let first = (f64::from(moment) + fractions.next()) / 10.0;
        killed += usize::from(kill_after(&mut run(&[]), time.mul_f64(first)));
        for _ in 0..moment % 3 {
            killed += usize::from(kill_after(&mut run(&["--resume"]), time.mul_f64(0.6 * fractions.next())));
        }
        check_succeeded(&run(&["--resume"]).output().expect("the binary starts"));
        check_remains(directory.path(), &expect);
    }
    note(&format!("{killed} kills, ten runs, the same bytes"));
}

/// The next line that a process prints.
fn line(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line is read");
    line
}

/// Starts a long run, sends it a signal once it has printed so many lines, and returns its code and its stderr.
#[cfg(unix)]
fn interrupt(directory: &Path, signal: &str, lines: usize, arguments: &[&str]) -> (Option<i32>, String) {
    let mut child: Child = command("train", directory).args(LONG).args(arguments).spawn().expect("the binary starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is caught"));
    for _ in 0..lines {
        line(&mut stdout);
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill starts").success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("stdout is read");
    let output = child.wait_with_output().expect("a child is waited for");
    (output.status.code(), printed(&output).1)
}

#[test]
#[cfg(unix)]
fn an_interrupt_leaves_a_checkpoint_and_says_how_to_go_on() {
    let (expect, _) = uninterrupted();
    let directory = directory();
    // After the heading; then after the heading and an epoch of the rest.
    for (signal, lines, arguments) in [("-INT", 1, &[][..]), ("-TERM", 2, &["--resume"])] {
        let (code, stderr) = interrupt(directory.path(), signal, lines, arguments);
        assert_eq!(code, Some(INTERRUPTED), "{stderr}");
        check_plain(&stderr);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("stopped after step") && stderr.contains("--resume"), "{stderr}");
        let checkpoints = files(directory.path()).into_keys().filter(|path| path.ends_with("checkpoint.safetensors"));
        assert_eq!(checkpoints.count(), 1);
    }
    check_succeeded(&train(directory.path(), &[&LONG[..], &["--resume"]].concat()));
    check_remains(directory.path(), &expect);
}

#[test]
fn help_and_the_list_of_optimizers_succeed() {
    let directory = directory();
    for (argument, words) in [
        ("--help", &["Usage: train", "--optimizer", "--batch-size", "--resume", "[default: adam]"][..]),
        ("--list-optimizers", &["sgd ", "adam ", "adamw ", "muon "]),
        ("--list-schedules", &["cosine ", "steps=?,least=0", "warmup_stable_decay "]),
        ("--describe=muon", &["muon: ", "momentum ", "[default: 0.95]", "vectors.<option>"]),
        ("--describe=sam", &["base ", "[default: sgd]", "rho "]),
    ] {
        let output = train(directory.path(), &[argument]);
        check_succeeded(&output);
        let (stdout, stderr) = printed(&output);
        assert_eq!(stderr, "");
        check_plain(&stdout);
        for word in words {
            assert!(stdout.contains(word), "`{word}` is missing: {stdout}");
        }
    }
    assert_eq!(files(directory.path()).len(), 0, "nothing is written");
}

#[test]
fn a_pipe_gets_a_plain_line_an_epoch() {
    let directory = directory();
    let output = train(directory.path(), &["--limit", "100", "--batch-size", "50", "--epochs", "3"]);
    check_succeeded(&output);
    let (stdout, stderr) = printed(&output);
    assert_eq!(stderr, "", "no bar where there is no terminal");
    check_plain(&stdout);
    let epochs: Vec<&str> = stdout.lines().filter(|line| line.starts_with("epoch ")).collect();
    assert_eq!(epochs.len(), 3, "{stdout}");
    assert!(epochs.iter().all(|line| line.contains("train loss") && line.contains("test loss")), "{stdout}");
    let others: Vec<&str> = stdout.lines().filter(|line| !line.starts_with("epoch ")).collect();
    let begins =
        ["paper_cnn on sample (100 training images), adam lr 0.001", "done in ", "trace, epochs and checkpoint: out/"];
    assert_eq!(others.len(), begins.len(), "{stdout}");
    assert!(others.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{stdout}");
}

/// `cargo run --example train | head -1` must neither panic nor lose the run.
#[test]
fn a_reader_that_leaves_does_not_end_a_run() {
    let directory = directory();
    let mut child: Child = command("train", directory.path()).args(SHORT).spawn().expect("the binary starts");
    drop(child.stdout.take());
    check_succeeded(&child.wait_with_output().expect("a child is waited for"));
    assert!(files(directory.path()).keys().any(|path| path.ends_with("trace/part-00000.parquet")));
}

/// The most memory that a process had so far, in KiB; nothing once it is gone.
#[cfg(target_os = "linux")]
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn training_on_the_sample_stays_under_400_megabytes() {
    #[cfg(not(target_os = "linux"))]
    skip("the peak of memory is read from /proc; run the tests on Linux to check it");
    #[cfg(target_os = "linux")]
    {
        let directory = directory();
        let mut command = command("train", directory.path());
        let mut child = command.args(["--batch-size", "200", "--epochs", "1"]).spawn().expect("the binary starts");
        let mut most = 0;
        while child.try_wait().expect("a child is asked").is_none() {
            most = peak(child.id()).map_or(most, |now| most.max(now));
            std::thread::sleep(Duration::from_millis(5));
        }
        check_succeeded(&child.wait_with_output().expect("a child is waited for"));
        note(&format!("peak memory at batch size 200: {:.0} MB", most as f64 * 1024.0 / 1e6));
        assert!((1..400_000_000 / 1024).contains(&most), "{most} KiB");
    }
}

#[test]
fn a_schedule_is_recorded_and_resumed() {
    let arguments = ["--limit", "100", "--batch-size", "50", "--schedule", "step:size=3,gamma=0.5", "--lr", "0.01"];
    let (whole, parts) = (directory(), directory());
    check_succeeded(&train(whole.path(), &[&arguments[..], &["--epochs", "3"]].concat()));
    check_succeeded(&train(parts.path(), &[&arguments[..], &["--epochs", "1"]].concat()));
    check_succeeded(&train(parts.path(), &[&arguments[..], &["--epochs", "3", "--resume"]].concat()));
    let weights = |root: &Path| {
        let found = files(root).into_iter().find(|(path, _)| path.ends_with("trace/part-00000.parquet"));
        found.expect("a part of the trace").1
    };
    assert!(weights(whole.path()) == weights(parts.path()), "a resumed run takes the schedule up where it was");
}

/// Every optimizer takes steps on real gradients, and asks the real batch what it has to.
#[test]
fn every_optimizer_trains() {
    let listed = printed(&train(directory().path(), &["--list-optimizers"])).0;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 30);
    for name in names {
        let directory = directory();
        // The rate of L-BFGS at its default is for full batches.
        let rate: &[&str] = if name == "lbfgs" { &["--lr", "0.01", "--set", "max_iter=2"] } else { &[] };
        let run =
            ["--optimizer", name, "--limit", "20", "--batch-size", "10", "--epochs", "1", "--model", "smooth_cnn"];
        check_succeeded(&train(directory.path(), &[&run[..], rate].concat()));
    }
}
