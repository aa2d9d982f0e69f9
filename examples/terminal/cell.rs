//! A run as a cell of a sweep: it tells its progress as lines of JSON, for the process that started it.

use crate::{Interrupt, say};
use seismograd_sweep::Beat;
use seismograd_train::{Monitor, Progress};
use std::time::{Duration, Instant};

/// Tells how a run goes, a few times a second.
pub struct CellLines {
    interrupt: Interrupt,
    last: Option<Instant>,
}

/// Steps are told no more often than a terminal is drawn.
const APART: Duration = Duration::from_millis(100);

impl CellLines {
    /// Tells nothing yet.
    pub fn new(interrupt: Interrupt) -> CellLines {
        CellLines { interrupt, last: None }
    }

    fn tell(&mut self, progress: &Progress) {
        if self.last.is_none_or(|last| last.elapsed() >= APART) {
            self.last = Some(Instant::now());
            say(&serde_json::to_string(&Beat::from(progress)).expect("plain numbers are JSON"));
        }
    }
}

impl Monitor for CellLines {
    fn begin(&mut self, progress: &Progress) {
        self.tell(progress);
    }

    fn step(&mut self, progress: &Progress) {
        self.tell(progress);
    }

    fn should_stop(&self) -> bool {
        self.interrupt.is_asked()
    }
}
