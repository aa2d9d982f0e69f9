//! A cell carried through: a child process, started, listened to, stopped, killed when it hangs, tried again when it dies.
//!
//! The child ends with its parent, whatever ended that: it leaves a checkpoint when its standard input closes, and only the parent holds the
//! other end.

use crate::cell::{Beat, Cell};
use crate::error::SweepError;
use crate::file::Limits;
use crate::state::{Entry, Outcome, Place, State};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What all cells of a sweep are started with.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The sweep's directory.
    pub out: PathBuf,
    /// The program that trains a cell.
    pub program: PathBuf,
    /// Threads of each cell.
    pub threads: usize,
    /// How long it may take, and how often it is tried.
    pub limits: Limits,
}

/// How a cell was left.
#[derive(Clone, Debug, PartialEq)]
pub enum Carried {
    /// It is over, or failed for good.
    Ended(State),
    /// It was stopped on request and has left a checkpoint.
    Stopped,
    /// Another process carries it.
    Elsewhere,
}

/// A stop closes a cell's standard input; a cell that is not gone so much later is killed.
const GRACE: Duration = Duration::from_secs(30);

/// How often a worker looks at the clock and at whether it is to stop.
const TICK: Duration = Duration::from_millis(20);

/// How long the child of a sweep that was killed is waited for: it leaves a checkpoint first.
const ORPHAN: Duration = Duration::from_secs(10);

/// Lines of a cell's errors that are kept.
const KEPT: usize = 50;

/// Carries a cell through, trying it as often as its limits say. What it tells goes to `beat`.
pub fn carry_cell(launch: &Launch, cell: &Cell, beat: &mut dyn FnMut(Beat), stop: &AtomicBool) -> Carried {
    match try_carry(launch, cell, beat, stop) {
        Ok(carried) => carried,
        // A disk that takes no journal costs this cell; others may lie elsewhere, or find room again.
        Err(error) => Carried::Ended(State::Failed { problem: error.to_string() }),
    }
}

fn try_carry(
    launch: &Launch,
    cell: &Cell,
    beat: &mut dyn FnMut(Beat),
    stop: &AtomicBool,
) -> Result<Carried, SweepError> {
    let place = Place::of(&launch.out, cell)?;
    let Some(_lock) = place.claim()? else { return Ok(Carried::Elsewhere) };
    let orphaned = Instant::now();
    while place.is_locked("lock") {
        if orphaned.elapsed() > ORPHAN {
            return Ok(Carried::Elsewhere);
        }
        thread::sleep(TICK);
    }
    let (state, _) = place.recorded(cell.epochs);
    if state.is_over() {
        return Ok(Carried::Ended(state));
    }
    let mut problem = String::new();
    for attempt in 1..=launch.limits.attempts {
        if stop.load(Ordering::SeqCst) {
            return Ok(Carried::Stopped);
        }
        place.note(&Entry::Begun { attempt, process: std::process::id() })?;
        let begun = Instant::now();
        let how = try_once(launch, cell, &place, beat, stop);
        place.note(&Entry::Ended { attempt, how: how.clone(), seconds: begun.elapsed().as_secs_f64() })?;
        match how {
            Outcome::Done | Outcome::Diverged => return Ok(Carried::Ended(place.recorded(cell.epochs).0)),
            Outcome::Interrupted => return Ok(Carried::Stopped),
            Outcome::Failed(found) => problem = found,
        }
    }
    Ok(Carried::Ended(State::Failed { problem }))
}

/// One attempt, from the start of the process to its end.
fn try_once(launch: &Launch, cell: &Cell, place: &Place, beat: &mut dyn FnMut(Beat), stop: &AtomicBool) -> Outcome {
    let mut command = Command::new(&launch.program);
    command.args(cell.arguments(&launch.out, launch.threads, launch.limits.checkpoint_seconds));
    command.env_remove("RUST_BACKTRACE").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    apart(&mut command);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Outcome::Failed(format!("cannot start {}: {error}", launch.program.display())),
    };
    let (sender, beats) = channel();
    let stdout = BufReader::new(child.stdout.take().expect("it was piped"));
    let told = thread::spawn(move || {
        let lines = stdout.lines().map_while(Result::ok);
        // A worker that has gone needs no beats, but the pipe must not fill.
        lines.filter_map(|line| serde_json::from_str::<Beat>(&line).ok()).for_each(|beat| _ = sender.send(beat));
    });
    let stderr = child.stderr.take().expect("it was piped");
    let complained = thread::spawn(move || last_lines(stderr));
    let (status, ended) = watch(&mut child, &launch.limits, &beats, beat, stop);
    let _ = told.join();
    let lines = complained.join().unwrap_or_default();
    match (place.recorded(cell.epochs).0, ended) {
        (State::Done, _) => Outcome::Done,
        (State::Diverged { .. }, _) => Outcome::Diverged,
        (_, Some(Ended::Stopped)) => Outcome::Interrupted,
        (_, Some(Ended::Hung(why))) => Outcome::Failed(why),
        (_, None) => Outcome::Failed(said(status, &lines)),
    }
}

/// Why the worker ended a process.
enum Ended {
    Stopped,
    Hung(String),
}

/// Listens until the process is gone; ends it when asked to stop, or when it hangs.
fn watch(
    child: &mut Child,
    limits: &Limits,
    beats: &Receiver<Beat>,
    beat: &mut dyn FnMut(Beat),
    stop: &AtomicBool,
) -> (Option<ExitStatus>, Option<Ended>) {
    let begun = Instant::now();
    let (mut last, mut ended, mut stopped_at) = (begun, None, None);
    // The other end of its standard input; dropped, it asks for a checkpoint.
    let mut held = child.stdin.take();
    loop {
        match beats.recv_timeout(TICK) {
            Ok(told) => {
                last = Instant::now();
                beat(told);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
        }
        if let Ok(Some(status)) = child.try_wait() {
            return (Some(status), ended);
        }
        if stopped_at.is_none() && stop.load(Ordering::SeqCst) {
            held = None;
            (stopped_at, ended) = (Some(Instant::now()), Some(Ended::Stopped));
        }
        let overdue = stopped_at.is_some_and(|at| at.elapsed() > GRACE);
        let why = hangs(limits, begun, last);
        if overdue || why.is_some() {
            if let Some(why) = why.filter(|_| ended.is_none()) {
                ended = Some(Ended::Hung(why));
            }
            drop(held);
            let _ = child.kill();
            return (child.wait().ok(), ended);
        }
    }
}

fn hangs(limits: &Limits, begun: Instant, last: Instant) -> Option<String> {
    let limit = limits.limit_seconds.filter(|limit| begun.elapsed().as_secs_f64() > *limit);
    let silence = Some(limits.silence_seconds).filter(|limit| last.elapsed().as_secs_f64() > *limit);
    limit.map(|limit| format!("took longer than {limit} s and was killed; raise limit_seconds in [cell]")).or_else(
        || silence.map(|limit| format!("made no step for {limit} s and was killed; raise silence_seconds in [cell]")),
    )
}

/// A process group of its own: a Ctrl-C is the sweep's to answer, which lets its cells leave checkpoints.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn apart(_: &mut Command) {}

/// The last lines of what a process complains of; it is read to its end, so that the process never waits.
fn last_lines(stderr: impl Read) -> Vec<String> {
    let mut lines = std::collections::VecDeque::new();
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        if lines.len() > KEPT {
            lines.pop_front();
        }
    }
    lines.into()
}

/// What a process said before it died, in one line.
fn said(status: Option<ExitStatus>, lines: &[String]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    if let Some(error) = lines.iter().rev().find_map(|line| line.strip_prefix("error: ")) {
        return error.replace("go on with --resume", "start the sweep again");
    }
    let how = status.map_or_else(|| "is gone".to_owned(), |status| status.to_string());
    if let Some(at) = lines.iter().position(|line| line.contains("panicked at")) {
        return format!("{} ({how})", lines[at..].iter().take(2).copied().collect::<Vec<_>>().join(" "));
    }
    match lines.last() {
        Some(last) => format!("{last} ({how})"),
        None => format!("died without a word ({how})"),
    }
}

/// The program of this name beside others, as Cargo builds it.
pub fn program(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expect: &str) {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(said(None, &lines), expect);
    }

    #[test]
    fn a_death_is_told_in_one_line() {
        check(&["warning: x", "error: disk: No space left"], "disk: No space left");
        check(
            &["", "thread 'main' (7) panicked at src/a.rs:1:2:", "index out of bounds", "note: run with"],
            "thread 'main' (7) panicked at src/a.rs:1:2: index out of bounds (is gone)",
        );
        check(&["Segmentation fault", ""], "Segmentation fault (is gone)");
        check(&[], "died without a word (is gone)");
    }
}
