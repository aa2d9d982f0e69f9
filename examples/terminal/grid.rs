//! Many runs on the terminal: one bar over all of them where there is a terminal, a plain line a run everywhere.

use crate::progress::{leave, two_lines};
use crate::{Interrupt, duration, say};
use indicatif::{ProgressBar, ProgressDrawTarget};
use seismograd_sweep::Watcher;
use seismograd_train::{Progress, Report, Settings};
use std::time::Instant;

/// Shows runs that are trained several at a time. Work is counted in samples seen, which takes about the same time at any batch size.
pub struct GridBar {
    bar: ProgressBar,
    interrupt: Interrupt,
    total: f64,
    label: fn(&Settings) -> String,
    line: fn(&Settings, &Report) -> String,
    begun: Instant,
    /// Epochs done, those of them that this process trained, and those of runs that are over.
    done: f64,
    trained: f64,
    runs: Vec<Settings>,
    active: Vec<Active>,
}

/// A run under way.
struct Active {
    run: usize,
    /// Its epochs done when this process took it up, and now.
    taken_up: f64,
    now: f64,
    loss: Option<f64>,
}

impl GridBar {
    /// A bar over so many epochs of runs; `label` names a run under way, `line` says how one ended.
    pub fn new(
        epochs: u64,
        interrupt: Interrupt,
        label: fn(&Settings) -> String,
        line: fn(&Settings, &Report) -> String,
    ) -> GridBar {
        let bar =
            ProgressBar::with_draw_target(Some(epochs.saturating_mul(1000)), ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(two_lines());
        let (runs, active) = (Vec::new(), Vec::new());
        GridBar {
            bar,
            interrupt,
            total: epochs as f64,
            label,
            line,
            begun: Instant::now(),
            done: 0.0,
            trained: 0.0,
            runs,
            active,
        }
    }

    /// Names the stage that is next.
    pub fn stage(&self, name: &str) {
        self.bar.set_prefix(name.to_owned());
    }

    /// Epochs done, and those of them that this process trained.
    fn progress(&self) -> (f64, f64) {
        let now: f64 = self.active.iter().map(|active| active.now).sum();
        let trained: f64 = self.active.iter().map(|active| active.now - active.taken_up).sum();
        (self.done + now, self.trained + trained)
    }

    fn draw(&self) {
        if self.interrupt.is_asked() {
            leave(&self.bar);
        }
        if self.bar.is_hidden() {
            return;
        }
        let (done, trained) = self.progress();
        let left = match trained < 0.1 {
            true => "estimating".to_owned(),
            false => format!("{} left", duration((self.total - done) * self.begun.elapsed().as_secs_f64() / trained)),
        };
        let runs: Vec<String> = self.active.iter().map(|active| self.describe(active)).collect();
        self.bar.set_position((1000.0 * done) as u64);
        self.bar.set_message(format!("{left}  {}", runs.join(" | ")));
    }

    fn describe(&self, active: &Active) -> String {
        let loss = active.loss.map_or_else(String::new, |loss| format!(" loss {loss:.2}"));
        format!("{}{loss}", (self.label)(&self.runs[active.run]))
    }
}

fn epochs_done(progress: &Progress) -> f64 {
    let epochs = (progress.epoch - 1) as f64 + progress.batch as f64 / progress.batches as f64;
    epochs.min(progress.epochs as f64)
}

impl Watcher for GridBar {
    fn plan(&mut self, runs: &[Settings]) {
        self.runs = runs.to_vec();
        self.active.clear();
    }

    fn begin(&mut self, run: usize, progress: &Progress) {
        let now = epochs_done(progress);
        self.active.push(Active { run, taken_up: now, now, loss: None });
        self.draw();
    }

    fn step(&mut self, run: usize, progress: &Progress) {
        if let Some(active) = self.active.iter_mut().find(|active| active.run == run) {
            (active.now, active.loss) = (epochs_done(progress), Some(progress.loss));
        }
        self.draw();
    }

    fn end(&mut self, run: usize, report: &Report) {
        let epochs = self.runs[run].epochs as f64;
        if let Some(at) = self.active.iter().position(|active| active.run == run) {
            let active = self.active.remove(at);
            self.trained += active.now - active.taken_up;
        }
        self.done += epochs;
        let line = (self.line)(&self.runs[run], report);
        self.bar.suspend(|| say(&line));
        self.draw();
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
