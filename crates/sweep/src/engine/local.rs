//! Workers on this machine, each with a process at a time.
//!
//! There is no queue on disk: a worker takes the next cell that nobody has locked. So two sweeps in one directory share its cells.

use crate::attempt::{Carried, Launch, carry_cell};
use crate::cell::{Beat, Cell};
use crate::plan::Plan;
use crate::state::State;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// Is told how the cells go. `()` watches nothing.
pub trait Observer {
    /// A worker has taken up a cell.
    fn begin(&mut self, _worker: usize, _cell: &Cell) {}

    /// The cell of a worker has made progress.
    fn beat(&mut self, _worker: usize, _beat: &Beat) {}

    /// A worker has left a cell: over, failed, stopped or carried elsewhere.
    fn end(&mut self, _worker: usize, _cell: &Cell, _carried: &Carried) {}
}

impl Observer for () {}

/// What came of the cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Cells that are done.
    pub done: usize,
    /// Cells that diverged.
    pub diverged: usize,
    /// Cells that failed, with their last error.
    pub failed: Vec<(Cell, String)>,
    /// Cells that are left.
    pub left: usize,
}

/// What a worker tells.
enum Event {
    Begin(usize),
    Beat(Beat),
    End(usize, Carried),
}

/// How long a worker waits before it asks again for cells that another process carries.
const PAUSE: Duration = Duration::from_millis(300);

/// Carries the cells through with so many processes at a time. Cells of another process are waited for; a stop leaves checkpoints.
pub fn run(plan: &Plan, launch: &Launch, workers: usize, observer: &mut dyn Observer, stop: &AtomicBool) -> Tally {
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..plan.cells.len()).collect());
    let (sender, events) = channel();
    thread::scope(|scope| {
        for worker in 0..workers.clamp(1, plan.cells.len().max(1)) {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || work(worker, plan, launch, queue, &sender, stop));
        }
        drop(sender);
        follow(plan, &events, observer)
    })
}

fn work(
    worker: usize,
    plan: &Plan,
    launch: &Launch,
    queue: &Mutex<VecDeque<usize>>,
    sender: &Sender<(usize, Event)>,
    stop: &AtomicBool,
) {
    // Nobody listens any more when the observer has panicked; the cells go on to their checkpoints.
    let tell = |event: Event| drop(sender.send((worker, event)));
    while !stop.load(Ordering::SeqCst) {
        let next = queue.lock().expect("no worker panics with the queue").pop_front();
        let Some(at) = next else { return };
        let mut begun = false;
        let mut begin = |beat: Option<Beat>| {
            if !begun {
                begun = true;
                tell(Event::Begin(at));
            }
            beat.into_iter().for_each(|beat| tell(Event::Beat(beat)));
        };
        let carried = carry_cell(launch, &plan.cells[at], &mut |beat| begin(Some(beat)), stop);
        if carried == Carried::Elsewhere {
            queue.lock().expect("no worker panics with the queue").push_back(at);
            thread::sleep(PAUSE);
        } else {
            tell(Event::End(at, carried));
        }
    }
}

/// Passes on what the workers tell until the last has gone.
fn follow(plan: &Plan, events: &Receiver<(usize, Event)>, observer: &mut dyn Observer) -> Tally {
    let mut tally = Tally { left: plan.cells.len(), ..Tally::default() };
    for (worker, event) in events {
        match event {
            Event::Begin(at) => observer.begin(worker, &plan.cells[at]),
            Event::Beat(beat) => observer.beat(worker, &beat),
            Event::End(at, carried) => {
                let cell = &plan.cells[at];
                observer.end(worker, cell, &carried);
                tally.count(cell, carried);
            }
        }
    }
    tally
}

impl Tally {
    /// Takes a cell that a worker has left into account.
    pub(crate) fn count(&mut self, cell: &Cell, carried: Carried) {
        match carried {
            Carried::Ended(State::Done) => self.done += 1,
            Carried::Ended(State::Diverged { .. }) => self.diverged += 1,
            Carried::Ended(State::Failed { problem }) => self.failed.push((cell.clone(), problem)),
            _ => return,
        }
        self.left -= 1;
    }
}
