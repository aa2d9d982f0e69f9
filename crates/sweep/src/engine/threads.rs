//! Many runs inside one process, one a thread: they neither share a number nor wait for each other, so that two cores train two runs in
//! less time than both together train one after the other.
//!
//! A run has the same bits on any number of threads, so nothing depends on how many there are, or on which is done first.

use seismograd_cifar10::Dataset;
use seismograd_trace::write_runs;
use seismograd_train::{Monitor, Outcome, Progress, Report, Settings, TrainError, train};
use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Is told how the runs go, by their place in the list. `()` watches nothing.
pub trait Watcher {
    /// These runs are next; places count in this list from now on.
    fn plan(&mut self, _runs: &[Settings]) {}

    /// A run has found its place: at its beginning, or where it was interrupted.
    fn begin(&mut self, _run: usize, _progress: &Progress) {}

    /// A step of a run is done.
    fn step(&mut self, _run: usize, _progress: &Progress) {}

    /// A run is over.
    fn end(&mut self, _run: usize, _report: &Report) {}
}

impl Watcher for () {}

/// What a worker tells.
enum Event {
    Begin(Progress),
    Step(Progress),
    End(Box<Result<Report, TrainError>>),
}

/// Trains every run, as many at a time as there are threads (all that the machine has if none are named), and returns their reports in
/// order, without the models' numbers, and rebuilds the tables of runs. None if `should_stop` asked to stop: every run under way has left a checkpoint then, and the
/// same call goes on.
///
/// # Errors
/// The first error of a run; the others stop as if asked to.
pub fn carry(
    runs: &[Settings],
    dataset: &Dataset,
    threads: Option<usize>,
    watcher: &mut dyn Watcher,
    should_stop: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Vec<Report>>, TrainError> {
    watcher.plan(runs);
    let threads = threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
    let workers = threads.min(runs.len());
    let failed = AtomicBool::new(false);
    let crew = Crew {
        runs,
        dataset,
        threads: threads / workers.max(1),
        next: AtomicUsize::new(0),
        failed: &failed,
        should_stop: &|| failed.load(Ordering::Relaxed) || should_stop(),
    };
    let reports = thread::scope(|scope| {
        let (sender, events) = channel();
        for _ in 0..workers {
            let (crew, sender) = (&crew, sender.clone());
            scope.spawn(move || crew.work(&sender));
        }
        drop(sender);
        follow(runs.len(), &events, watcher, &failed)
    });
    let directories: BTreeSet<&Path> = runs.iter().map(|run| run.out.as_path()).collect();
    // A damaged summary of another run is told by whoever analyses it.
    let written = directories.into_iter().try_for_each(|out| write_runs(out).map(drop));
    let reports = reports?;
    written?;
    Ok(reports)
}

/// Passes on what the workers tell until the last has gone.
fn follow(
    runs: usize,
    events: &Receiver<(usize, Event)>,
    watcher: &mut dyn Watcher,
    failed: &AtomicBool,
) -> Result<Option<Vec<Report>>, TrainError> {
    let mut reports: Vec<Option<Report>> = vec![None; runs];
    let mut error = None;
    for (run, event) in events {
        match event {
            Event::Begin(progress) => watcher.begin(run, &progress),
            Event::Step(progress) => watcher.step(run, &progress),
            Event::End(ended) => match *ended {
                Ok(report) if report.outcome == Outcome::Interrupted => {}
                Ok(report) => {
                    watcher.end(run, &report);
                    reports[run] = Some(report);
                }
                Err(problem) => {
                    failed.store(true, Ordering::Relaxed);
                    error = error.or(Some(problem));
                }
            },
        }
    }
    match error {
        Some(error) => Err(error),
        None => Ok(reports.into_iter().collect()),
    }
}

/// What the workers share.
struct Crew<'a> {
    runs: &'a [Settings],
    dataset: &'a Dataset,
    /// Threads of each worker.
    threads: usize,
    next: AtomicUsize,
    failed: &'a AtomicBool,
    should_stop: &'a (dyn Fn() -> bool + Sync),
}

/// Stops the others when its worker panics; they would train on for hours for a call that returns nothing.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Crew<'_> {
    fn work(&self, sender: &Sender<(usize, Event)>) {
        let _alarm = Alarm(self.failed);
        while !(self.should_stop)() {
            let run = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(settings) = self.runs.get(run) else { return };
            let settings = Settings { threads: Some(self.threads), table: false, ..settings.clone() };
            let mut telling = Telling { run, sender, should_stop: self.should_stop };
            let ended = train(&settings, self.dataset, &mut telling).map(|report| Report { state: None, ..report });
            telling.tell(Event::End(Box::new(ended)));
        }
    }
}

/// Tells the thread that watches.
struct Telling<'a> {
    run: usize,
    sender: &'a Sender<(usize, Event)>,
    should_stop: &'a (dyn Fn() -> bool + Sync),
}

impl Telling<'_> {
    fn tell(&self, event: Event) {
        // Nobody listens any more when the watcher has panicked; the run goes on to its checkpoint.
        let _ = self.sender.send((self.run, event));
    }
}

impl Monitor for Telling<'_> {
    fn begin(&mut self, progress: &Progress) {
        self.tell(Event::Begin(*progress));
    }

    fn step(&mut self, progress: &Progress) {
        self.tell(Event::Step(*progress));
    }

    fn should_stop(&self) -> bool {
        (self.should_stop)()
    }
}
