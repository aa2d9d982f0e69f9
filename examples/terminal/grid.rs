//! Many runs on the terminal: one bar over all of them where there is a terminal, a plain line a run everywhere.

use crate::progress::{leave, two_lines};
use crate::{Interrupt, duration, say};
use indicatif::{ProgressBar, ProgressDrawTarget};
use seismograd_train::{Monitor, Progress};
use std::time::Instant;

/// Shows a grid of runs, one after the other, and passes interrupts on to them.
pub struct GridBar {
    bar: ProgressBar,
    interrupt: Interrupt,
    runs: usize,
    finished: usize,
    label: String,
    /// Work trained by this process, in runs, and since when.
    trained: f64,
    begun: Instant,
    /// Fraction of the run under way that was done before this process took it up.
    skipped: f64,
    /// Fraction of the run under way that is done.
    fraction: f64,
}

impl GridBar {
    /// A bar over `runs` runs.
    pub fn new(runs: usize, interrupt: Interrupt) -> GridBar {
        let bar = ProgressBar::with_draw_target(Some(1000 * runs as u64), ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(two_lines());
        let (label, begun) = (String::new(), Instant::now());
        GridBar { bar, interrupt, runs, finished: 0, label, trained: 0.0, begun, skipped: 0.0, fraction: 0.0 }
    }

    /// Begins the next run.
    pub fn next_run(&mut self, label: &str) {
        label.clone_into(&mut self.label);
        (self.skipped, self.fraction) = (0.0, 0.0);
        self.bar.set_prefix(format!("run {}/{}", self.finished + 1, self.runs));
    }

    /// Ends the run under way with a line that says how it went.
    pub fn end_run(&mut self, line: &str) {
        self.trained += 1.0 - self.skipped;
        self.finished += 1;
        self.fraction = 0.0;
        self.bar.set_position(1000 * self.finished as u64);
        let line = format!("{:>3}/{} {line}", self.finished, self.runs);
        self.bar.suspend(|| say(&line));
    }

    fn left(&self) -> String {
        let trained = self.trained + self.fraction - self.skipped;
        if trained < 0.02 {
            return "estimating".to_owned();
        }
        let left = (self.runs - self.finished) as f64 - self.fraction;
        format!("{} left", duration(left * self.begun.elapsed().as_secs_f64() / trained))
    }
}

fn fraction(progress: &Progress) -> f64 {
    let epochs = (progress.epoch - 1) as f64 + progress.batch as f64 / progress.batches as f64;
    epochs / progress.epochs as f64
}

impl Monitor for GridBar {
    fn begin(&mut self, progress: &Progress) {
        self.skipped = fraction(progress).min(1.0);
        self.fraction = self.skipped;
    }

    fn step(&mut self, progress: &Progress) {
        if self.interrupt.is_asked() {
            leave(&self.bar);
        }
        self.fraction = fraction(progress);
        self.bar.set_position((1000.0 * (self.finished as f64 + self.fraction)) as u64);
        let Progress { epoch, epochs, loss, .. } = progress;
        self.bar.set_message(format!("{}  {}, epoch {epoch}/{epochs}, loss {loss:.3}", self.left(), self.label));
    }

    fn should_stop(&self) -> bool {
        self.interrupt.is_asked()
    }
}

impl Drop for GridBar {
    fn drop(&mut self) {
        if self.interrupt.is_asked() {
            leave(&self.bar);
        }
        self.bar.finish_and_clear();
    }
}
