//! A run's bits depend on its configuration alone: not on threads, on what is recorded, or on how often it was interrupted.
//!
//! Killed runs are copies of a run's directory, taken while it trains: between two writes a copy is all that a kill leaves.
//! Durations are in no comparison, nor is the TensorBoard file, whose events carry the time of day.

mod remains;

use remains::{Remains, copy, files, tensors};
use seismograd_cifar10::Dataset;
use seismograd_trace::{PART_STEPS, RunDir, RunStatus, read_runs, read_trace};
use seismograd_train::{
    DataSource, Divergence, Monitor, Outcome, Progress, Protocol, Report, Resume, RunConfig, Settings, train,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;

/// The embedded sample, with few enough test images for an evaluation to be quick.
static DATASET: LazyLock<Dataset> = LazyLock::new(|| {
    let mut dataset = DataSource::Sample.load().unwrap();
    dataset.test.truncate(40);
    dataset
});

/// A kind of run, many of which are made.
#[derive(Clone)]
struct Kind {
    config: RunConfig,
    epochs: u64,
}

/// Two epochs of four steps: Adam on the paper's CNN with its dropout, batches of 26 in four shards.
fn paper() -> Kind {
    let mut config = RunConfig::new(Protocol::Standard, "adam", Some(1e-3), &[]).unwrap();
    (config.limit, config.batch_size, config.shard_size) = (Some(104), 26, 7);
    Kind { config, epochs: 2 }
}

/// Two epochs of two steps: a network that mixes samples, in one graph, with running statistics.
fn resnet() -> Kind {
    let mut config =
        RunConfig::new(Protocol::Standard, "sgd", Some(0.1), &[("momentum".into(), "0.9".into())]).unwrap();
    (config.limit, config.batch_size) = (Some(60), 30);
    config.model = "resnet20".into();
    Kind { config, epochs: 2 }
}

/// Two epochs of 525 steps, of one image each: enough for a full part of the trace and a short one.
fn long() -> Kind {
    let mut config = RunConfig::new(Protocol::Paper, "sgd", Some(1e-4), &[]).unwrap();
    (config.limit, config.batch_size) = (Some(525), 1);
    config.model = "smooth_cnn".into();
    Kind { config, epochs: 2 }
}

impl Kind {
    fn settings(&self, out: &Path) -> Settings {
        let resume = Resume::IfPresent;
        Settings { epochs: self.epochs, resume, threads: Some(2), ..Settings::new(self.config.clone(), out.into()) }
    }

    /// Goes on with the run in `out`, or begins it, until `monitor` stops it.
    #[track_caller]
    fn go_on(&self, out: &Path, monitor: &mut dyn Monitor) -> Report {
        train(&self.settings(out), &DATASET, monitor).unwrap()
    }

    /// Completes the run in `out`.
    #[track_caller]
    fn complete(&self, out: &Path) -> Remains {
        let report = self.go_on(out, &mut ());
        assert_eq!(report.outcome, Outcome::Completed);
        Remains::of(&self.config, &report)
    }

    /// Trains without an interruption.
    fn whole(&self) -> Remains {
        self.complete(out().path())
    }

    fn directory(&self, out: &Path) -> PathBuf {
        RunDir::of(out, &self.config.key()).unwrap().root().to_owned()
    }
}

fn out() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// What [`paper`] leaves when nothing interrupts it.
static WHOLE: LazyLock<Remains> = LazyLock::new(|| paper().whole());

/// Asks to stop after some more steps.
struct StopAfter(usize);

impl Monitor for StopAfter {
    fn step(&mut self, _: &Progress) {
        self.0 = self.0.saturating_sub(1);
    }

    fn should_stop(&self) -> bool {
        self.0 == 0
    }
}

#[test]
fn another_seed_is_another_run() {
    let mut kind = paper();
    kind.config.seed = 1;
    let differences = kind.whole().differences(&WHOLE);
    for name in
        ["part-00000.parquet", "model.conv1.weight", "optimizer.exp_avg.0", "the saved weights", "epochs.parquet"]
    {
        assert!(differences.iter().any(|found| found == name), "{name} is the same, of {differences:?}");
    }
}

fn check_threads(kind: &Kind) {
    let with_threads = |threads| {
        let out = out();
        let settings = Settings { threads: Some(threads), ..kind.settings(out.path()) };
        Remains::of(&kind.config, &train(&settings, &DATASET, &mut ()).unwrap())
    };
    let one = with_threads(1);
    for threads in [2, 3] {
        one.check_same(&with_threads(threads), &format!("1 and {threads} threads"));
    }
}

#[test]
fn threads_change_no_bit() {
    check_threads(&paper());
}

#[test]
fn threads_change_no_bit_of_a_model_that_mixes_samples() {
    check_threads(&resnet());
}

#[test]
fn recording_changes_no_bit_of_the_model() {
    let recording = |record: &str| {
        let mut kind = paper();
        kind.config.record = record.to_owned();
        kind.whole()
    };
    let off = recording("off");
    for record in ["output", "all"] {
        off.check_same_numbers(&recording(record), record);
    }
}

/// Interrupts a run after each of these numbers of steps in turn, with a checkpoint only there, and completes it.
fn check_interrupted(kind: &Kind, whole: &Remains, stops: &[usize]) {
    let out = out();
    for &steps in stops {
        let report = kind.go_on(out.path(), &mut StopAfter(steps));
        assert_eq!(report.outcome, Outcome::Interrupted, "after {steps} of {stops:?} steps");
        assert_eq!(report.row.status, RunStatus::Interrupted);
    }
    kind.complete(out.path()).check_same(whole, &format!("interrupted after {stops:?} steps"));
}

#[test]
fn an_interrupted_run_ends_with_the_same_bytes() {
    let kind = paper();
    // Before the first step, within an epoch, before its last step, at its end, in the next one, before the last step of all.
    for steps in [0, 1, 3, 4, 5, 7] {
        check_interrupted(&kind, &WHOLE, &[steps]);
    }
}

#[test]
fn a_run_interrupted_again_and_again_ends_with_the_same_bytes() {
    let kind = paper();
    for stops in [&[2, 3][..], &[4, 0, 1], &[1; 7]] {
        check_interrupted(&kind, &WHOLE, stops);
    }
}

#[test]
fn running_statistics_survive_an_interruption() {
    let (kind, whole) = (resnet(), resnet().whole());
    assert!(whole.tensors().contains(&"model.bn1.running_var"), "{:?}", whole.tensors());
    for steps in [1, 3] {
        check_interrupted(&kind, &whole, &[steps]);
    }
}

/// Copies the run's directory after each step, before its checkpoint, and after each epoch.
struct Copies<'a> {
    directory: PathBuf,
    to: &'a Path,
    taken: usize,
}

impl Copies<'_> {
    fn take(&mut self) {
        copy(&self.directory, &self.to.join(self.taken.to_string()));
        self.taken += 1;
    }
}

impl Monitor for Copies<'_> {
    fn step(&mut self, _: &Progress) {
        self.take();
    }

    fn epoch(&mut self, _: &seismograd_trace::EpochRow) {
        self.take();
    }
}

#[test]
fn a_killed_run_ends_with_the_same_bytes() {
    let (kind, out, copies) = (paper(), out(), out());
    let directory = kind.directory(out.path());
    let settings = Settings { checkpoint_every: Duration::ZERO, ..kind.settings(out.path()) };
    let mut monitor = Copies { directory: directory.clone(), to: copies.path(), taken: 0 };
    let report = train(&settings, &DATASET, &mut monitor).unwrap();
    Remains::of(&kind.config, &report).check_same(&WHOLE, "a checkpoint after each step");
    assert_eq!(monitor.taken, 10, "eight steps and two epochs");
    for killed in 0..monitor.taken {
        check_killed(&kind, &copies.path().join(killed.to_string()), killed);
    }
}

fn check_killed(kind: &Kind, copied: &Path, killed: usize) {
    let out = out();
    copy(copied, &kind.directory(out.path()));
    // Only before the first step is there no checkpoint; the run then begins anew.
    assert_eq!(RunDir::at(copied).checkpoint().exists(), killed > 0);
    kind.complete(out.path()).check_same(&WHOLE, &format!("killed at copy {killed}"));
}

/// Completes a run, then puts an older checkpoint beside the newer files, as a kill between the two leaves them.
fn check_newer_files(kind: &Kind, steps: usize) -> Remains {
    let out = out();
    assert_eq!(kind.go_on(out.path(), &mut StopAfter(steps)).outcome, Outcome::Interrupted);
    let run = RunDir::at(kind.directory(out.path()));
    let older = [run.checkpoint(), run.summary()].map(|path| (fs::read(&path).unwrap(), path));
    let whole = kind.complete(out.path());
    for (bytes, path) in older {
        fs::write(path, bytes).unwrap();
    }
    kind.complete(out.path()).check_same(&whole, &format!("checkpoint of step {steps} beside newer files"));
    whole
}

#[test]
fn files_newer_than_the_checkpoint_are_written_again() {
    for steps in [3, 4, 6] {
        check_newer_files(&paper(), steps).check_same(&WHOLE, "interrupted");
    }
}

#[test]
fn parts_newer_than_the_checkpoint_are_written_again() {
    let kind = long();
    let before_the_border = PART_STEPS as usize - 2;
    let whole = check_newer_files(&kind, before_the_border);
    assert_eq!(whole.parts(), ["part-00000.parquet", "part-00001.parquet"]);
    whole.check_same(&kind.whole(), "interrupted before a part's border");
}

#[test]
fn raising_the_epochs_of_a_completed_run_goes_on_with_it() {
    let out = out();
    let once = Kind { epochs: 1, ..paper() }.complete(out.path());
    assert_eq!(once.parts(), ["part-00000.parquet"]);
    paper().complete(out.path()).check_same(&WHOLE, "one epoch and one more");
}

#[test]
fn resuming_a_completed_run_changes_nothing() {
    let out = out();
    for what in ["begun", "resumed when complete"] {
        paper().complete(out.path()).check_same(&WHOLE, what);
    }
}

/// Runs at rates that no network survives. Batch normalisation keeps the losses of the others finite: in the second the running
/// statistics overflow first, in the third the evaluation with them comes first.
fn diverging() -> [Kind; 3] {
    [(paper(), 100.0, 26), (resnet(), 1e9, 20), (resnet(), 1e9, 30)].map(|(kind, lr, batch_size)| {
        let config = RunConfig::new(Protocol::Standard, "sgd", Some(lr), &[]).unwrap();
        let (model, limit) = (kind.config.model, kind.config.limit);
        Kind { config: RunConfig { model, limit, batch_size, ..config }, ..kind }
    })
}

/// The last step that the trace has of a run that diverged.
fn last_step(divergence: &Divergence) -> i64 {
    // An evaluation comes after its epoch's last step, everything else before its own step is recorded.
    let recorded = divergence.what == "the test loss";
    divergence.step as i64 - i64::from(!recorded)
}

/// Trains until the run diverges, with a checkpoint after each step.
#[track_caller]
fn diverge(kind: &Kind, out: &Path) -> (Report, Divergence) {
    let settings = Settings { checkpoint_every: Duration::ZERO, ..kind.settings(out) };
    let report = train(&settings, &DATASET, &mut ()).unwrap();
    let Outcome::Diverged(divergence) = report.outcome.clone() else { panic!("{:?}", report.outcome) };
    (report, divergence)
}

#[test]
fn a_diverging_run_says_where() {
    let expect = ["the loss", "running_var after the update", "the test loss"];
    for (kind, expect) in diverging().iter().zip(expect) {
        let out = out();
        let (_, divergence) = diverge(kind, out.path());
        assert!(divergence.what.ends_with(expect) && divergence.step > 1, "{divergence:?}, expected {expect}");
        let rows = read_runs(out.path()).unwrap();
        let stand: Vec<_> = rows.iter().map(|row| (row.status, row.diverged_at_step, row.steps)).collect();
        assert_eq!(stand, [(RunStatus::Diverged, Some(divergence.step as i64), last_step(&divergence))]);
    }
}

#[test]
fn a_diverged_run_keeps_what_was_before() {
    for kind in diverging() {
        let out = out();
        let (report, divergence) = diverge(&kind, out.path());
        let trace = read_trace(&report.directory).unwrap();
        assert_eq!(trace.steps(), (1..=last_step(&divergence)).collect::<Vec<_>>());
        let finite = |name: &String| trace.column(name).unwrap().iter().all(|x| x.is_finite());
        let not_finite: Vec<_> = trace.schema().names().iter().filter(|name| !finite(name)).collect();
        assert!(not_finite.is_empty(), "{not_finite:?} of {}", kind.config.model);
    }
}

#[test]
fn the_checkpoint_of_a_diverged_run_is_finite() {
    for kind in diverging() {
        let out = out();
        let (report, _) = diverge(&kind, out.path());
        let counts = |name: &str| name == "trace.pending" || name.ends_with("num_batches_tracked");
        for (name, bytes) in tensors(&RunDir::at(&report.directory).checkpoint()) {
            let finite = bytes.as_chunks().0.iter().all(|&bytes| f32::from_le_bytes(bytes).is_finite());
            assert!(finite || counts(&name), "{name} of {} is not finite", kind.config.model);
        }
    }
}

#[test]
fn a_diverged_run_is_not_resumed() {
    let ([kind, ..], out) = (diverging(), out());
    let (report, _) = diverge(&kind, out.path());
    let trace = || files(&RunDir::at(&report.directory).trace());
    let before = trace();
    let again = |resume| train(&Settings { resume, ..kind.settings(out.path()) }, &DATASET, &mut ());
    let error = again(Resume::Expected).unwrap_err().to_string();
    assert!(error.contains("diverged at step") && error.contains("--lr") && !error.contains('\n'), "{error}");
    // A grid goes on with its other runs: it gets the earlier report.
    let known = again(Resume::IfPresent).unwrap();
    assert!(matches!(known.outcome, Outcome::Diverged(_)));
    assert_eq!(known.row, report.row);
    assert!(trace() == before, "the refusal changes the trace");
}

#[test]
fn a_lost_checkpoint_costs_no_trace() {
    let (kind, out) = (paper(), out());
    let report = kind.go_on(out.path(), &mut ());
    let directory = RunDir::at(&report.directory);
    let before = files(&directory.trace());
    fs::remove_file(directory.checkpoint()).unwrap();
    let error = train(&kind.settings(out.path()), &DATASET, &mut ()).unwrap_err().to_string();
    assert!(error.contains("checkpoint is gone") && !error.contains('\n'), "{error}");
    assert!(files(&directory.trace()) == before, "the refusal changes the trace");
}

#[test]
fn a_checkpoint_with_another_bit_is_not_resumed() {
    let (kind, out) = (paper(), out());
    let report = kind.go_on(out.path(), &mut StopAfter(3));
    let path = RunDir::at(&report.directory).checkpoint();
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = train(&kind.settings(out.path()), &DATASET, &mut ()).unwrap_err().to_string();
        assert!(error.contains("is damaged") && error.contains("delete the run's directory"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    };
    for at in [whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes);
    }
    refused(&whole[..whole.len() / 2]);
    fs::write(&path, whole).unwrap();
    kind.complete(out.path()).check_same(&WHOLE, "with the checkpoint as it was");
}

#[test]
fn fewer_epochs_than_were_begun_are_refused() {
    let (kind, out) = (paper(), out());
    let once = Kind { epochs: 1, ..paper() };
    // One step into the second epoch.
    assert_eq!(kind.go_on(out.path(), &mut StopAfter(5)).outcome, Outcome::Interrupted);
    let error = train(&once.settings(out.path()), &DATASET, &mut ()).unwrap_err().to_string();
    assert!(error.contains("it has begun epoch 2") && error.contains("use --epochs 2, or more"), "{error}");
    kind.complete(out.path()).check_same(&WHOLE, "after the refusal");
}
