//! A run on the terminal: a bar where there is one, a plain line an epoch elsewhere.

use crate::{Interrupt, complain, say};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use seismograd_trace::EpochRow;
use seismograd_train::{Monitor, Progress};
use std::time::{Duration, Instant};

/// Shows one run and passes interrupts on to it.
pub struct RunBar {
    heading: String,
    bar: ProgressBar,
    interrupt: Interrupt,
    batch_size: usize,
    epochs: u64,
    /// Steps before this process began, and when it did.
    begun: (u64, Instant),
}

impl RunBar {
    /// A bar for a run with batches of this size. The heading is printed once the run has found its place.
    pub fn new(heading: String, batch_size: usize, interrupt: Interrupt) -> RunBar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(two_lines());
        RunBar { heading, bar, interrupt, batch_size, epochs: 0, begun: (0, Instant::now()) }
    }

    fn message(&self, progress: &Progress, steps: u64) -> String {
        let done = steps.saturating_sub(self.begun.0);
        let elapsed = self.begun.1.elapsed().as_secs_f64();
        if done == 0 || elapsed == 0.0 {
            return "starting".to_owned();
        }
        let left = match progress.batch == progress.batches {
            true => "evaluating".to_owned(),
            false => format!("{} left", duration((total(progress) - steps) as f64 * elapsed / done as f64)),
        };
        format!(
            "{left}  loss {:.3}  accuracy {}  {:.0} samples/s",
            progress.loss,
            accuracy(progress.accuracy),
            done as f64 * self.batch_size as f64 / elapsed,
        )
    }
}

/// A bar above, figures below, so that they fit 60 columns. Both lines fit any width: one that wraps could not be cleared.
pub(crate) fn two_lines() -> ProgressStyle {
    let template = "{prefix:.bold} {wide_bar:.cyan/blue} {percent:>3} %\n{wide_msg}";
    ProgressStyle::with_template(template).expect("a fixed template").progress_chars("━╸─")
}

/// Takes leave of an interrupted bar, which stays where it is: the terminal's own `^C` moved the cursor below it, to
/// where the bar cannot be redrawn or cleared from.
pub(crate) fn leave(bar: &ProgressBar) {
    if !bar.is_hidden() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        complain("");
    }
}

fn steps(progress: &Progress) -> u64 {
    (progress.epoch - 1) * progress.batches as u64 + progress.batch as u64
}

fn total(progress: &Progress) -> u64 {
    progress.epochs * progress.batches as u64
}

impl Monitor for RunBar {
    fn begin(&mut self, progress: &Progress) {
        say(&self.heading);
        self.epochs = progress.epochs;
        self.begun = (steps(progress), Instant::now());
        self.bar.set_length(total(progress));
        self.bar.set_position(steps(progress));
        self.bar.set_prefix(format!("epoch {}/{}", progress.epoch.min(progress.epochs), progress.epochs));
    }

    fn step(&mut self, progress: &Progress) {
        if self.interrupt.is_asked() {
            leave(&self.bar);
        }
        if self.bar.is_hidden() {
            return;
        }
        let steps = steps(progress);
        self.bar.set_prefix(format!("epoch {}/{}", progress.epoch, progress.epochs));
        self.bar.set_message(self.message(progress, steps));
        self.bar.set_position(steps);
    }

    fn epoch(&mut self, row: &EpochRow) {
        let line = format!(
            "epoch {:>2}/{}  train loss {:.4} accuracy {}  test loss {:.4} accuracy {}  {}",
            row.epoch,
            self.epochs,
            row.train_loss,
            accuracy(row.train_accuracy.into()),
            row.test_loss,
            accuracy(row.test_accuracy.into()),
            duration(row.seconds),
        );
        if self.interrupt.is_asked() {
            leave(&self.bar);
        }
        self.bar.suspend(|| say(&line));
    }

    fn should_stop(&self) -> bool {
        self.interrupt.is_asked()
    }
}

impl Drop for RunBar {
    fn drop(&mut self) {
        if self.interrupt.is_asked() {
            leave(&self.bar);
        }
        self.bar.finish_and_clear();
    }
}

/// A fraction in percent.
pub fn accuracy(fraction: f64) -> String {
    format!("{:5.2} %", 100.0 * fraction)
}

/// Seconds as a person says them.
pub fn duration(seconds: f64) -> String {
    let whole = Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_secs();
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}
