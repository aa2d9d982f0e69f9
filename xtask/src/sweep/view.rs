//! A sweep on the terminal: a bar over all cells and one a worker where there is a terminal, a plain line a finished cell everywhere.

use super::Stop;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use seismograd_sweep::{Beat, Carried, Cell, Labels, Observer, Plan, State, standing};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Draws a sweep. Work is counted in epochs: an epoch takes about the same time at any batch size.
pub struct View {
    out: PathBuf,
    labels: Labels,
    stop: Stop,
    bars: MultiProgress,
    overall: ProgressBar,
    workers: Vec<Worker>,
    begun: Instant,
    /// Cells, those over, epochs of all cells, those of cells that are over, and those that were there before.
    cells: usize,
    over: usize,
    total: f64,
    done: f64,
    before: f64,
}

/// A worker's bar, its cell's epochs when it was taken up, and now.
struct Worker {
    bar: ProgressBar,
    name: String,
    taken_up: Option<f64>,
    now: f64,
}

/// A bar's positions to an epoch.
const FINE: f64 = 1000.0;

impl View {
    /// Nothing is under way yet.
    pub fn new(plan: &Plan, out: &Path, workers: usize, stop: &Stop) -> View {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let bar = |template: &str, length: f64| {
            let bar = bars.add(ProgressBar::new((FINE * length) as u64));
            bar.set_style(ProgressStyle::with_template(template).expect("a fixed template").progress_chars("━╸─"));
            bar
        };
        let total = plan.epochs();
        let overall = bar("{prefix:.bold} {wide_bar:.cyan/blue} {percent:>3} %  {msg}", total);
        let workers = (0..workers).map(|_| Worker {
            bar: bar("  {bar:12.cyan/blue} {wide_msg}", 1.0),
            name: String::new(),
            taken_up: None,
            now: 0.0,
        });
        let mut view = View {
            out: out.to_owned(),
            labels: Labels::of(plan),
            stop: stop.clone(),
            workers: workers.collect(),
            overall,
            begun: Instant::now(),
            cells: plan.cells.len(),
            over: 0,
            total,
            done: 0.0,
            before: 0.0,
            bars: bars.clone(),
        };
        view.draw();
        view
    }

    fn draw(&mut self) {
        if self.bars.is_hidden() {
            return;
        }
        if self.stop.is_asked() {
            self.overall.set_message("stopping at checkpoints");
            return;
        }
        let now: f64 = self.workers.iter().map(|worker| worker.now).sum();
        let found: f64 = self.workers.iter().filter_map(|worker| worker.taken_up).sum();
        let trained = self.done + now - self.before - found;
        let left = self.total - self.done - now;
        let message = match trained < 0.1 {
            true => "estimating".to_owned(),
            false => format!("{} left", duration(left * self.begun.elapsed().as_secs_f64() / trained)),
        };
        self.overall.set_prefix(format!("{}/{} cells", self.over, self.cells));
        self.overall.set_position((FINE * (self.done + now)) as u64);
        self.overall.set_message(message);
    }

    /// One plain line on standard output, above the bars.
    fn say(&self, line: &str) {
        self.bars.suspend(|| super::say(line));
    }
}

impl Observer for View {
    fn begin(&mut self, worker: usize, cell: &Cell) {
        let worker = &mut self.workers[worker];
        (worker.name, worker.taken_up, worker.now) = (self.labels.label(cell), None, 0.0);
        worker.bar.set_length((FINE * cell.epochs as f64) as u64);
    }

    fn beat(&mut self, worker: usize, beat: &Beat) {
        let worker = &mut self.workers[worker];
        worker.now = beat.epochs_done();
        worker.taken_up.get_or_insert(worker.now);
        let loss = if beat.batch > 0 { format!("  loss {:.3}", beat.loss) } else { String::new() };
        let epoch = beat.epoch.min(beat.epochs);
        worker.bar.set_message(format!("{} epoch {epoch}/{}{loss}", worker.name, beat.epochs));
        worker.bar.set_position((FINE * worker.now) as u64);
        self.draw();
    }

    fn end(&mut self, worker: usize, cell: &Cell, carried: &Carried) {
        let worker = &mut self.workers[worker];
        // A cell that was never begun here was over before.
        let found = worker.taken_up.take();
        worker.now = 0.0;
        worker.bar.set_message(String::new());
        worker.bar.set_position(0);
        if let Carried::Ended(state) = carried {
            self.over += 1;
            self.done += cell.epochs as f64;
            self.before += found.unwrap_or(cell.epochs as f64);
            if found.is_some() || !state.is_over() {
                self.say(&ended(&self.out, &self.labels, cell, state));
            }
        }
        self.draw();
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let _ = self.bars.clear();
    }
}

/// How a cell ended, in a line.
pub fn ended(out: &Path, labels: &Labels, cell: &Cell, state: &State) -> String {
    let accuracy = standing(out, cell).ok().and_then(|(_, row)| row?.test_accuracy);
    let how = match (state, accuracy) {
        (State::Done, Some(accuracy)) => format!("done, test accuracy {:5.2} %", 100.0 * accuracy),
        (State::Diverged { step }, _) => format!("diverged at step {step}"),
        (State::Failed { problem }, _) => format!("failed: {problem}"),
        (state, _) => state.name().to_owned(),
    };
    format!("{} {how}", labels.label(cell))
}

/// Seconds as a person says them.
pub fn duration(seconds: f64) -> String {
    let whole = Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_secs();
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..172_800 => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} days", whole / 86_400),
    }
}
