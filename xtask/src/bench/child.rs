//! A program that is timed: a child process that answers one line of JSON with another.

use super::median;
use anyhow::Context;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

/// What is timed.
pub(super) trait Work {
    /// What all programs are asked.
    fn request(&self) -> Value;

    /// Threads to compute on.
    fn threads(&self) -> usize;

    /// Whether another program is timed beside ours.
    fn has_peer(&self) -> bool;

    /// One number for the milliseconds of a turn.
    fn summary(&self, ms: Vec<f64>) -> f64 {
        median(ms)
    }
}

/// Steps that are timed in a turn: the first of them is slow, since threads that have slept share a processor until the system moves one of them.
const STEPS: usize = 5;

/// Training steps of the paper's CNN.
#[derive(Clone)]
pub(super) struct Step {
    pub batch_size: usize,
    pub width: usize,
    /// Height and width of the images.
    pub side: usize,
    pub threads: usize,
    pub record: &'static str,
}

impl Step {
    /// The output layer is recorded.
    pub(super) fn new(batch_size: usize, threads: usize) -> Step {
        Step { batch_size, width: 32, side: 32, threads, record: "output" }
    }
}

impl Work for Step {
    fn request(&self) -> Value {
        let Step { batch_size, width, side, threads, record } = self;
        json!({ "step": {
            "batch_size": batch_size, "steps": STEPS, "width": width, "side": side, "threads": threads, "record": record,
        } })
    }

    fn threads(&self) -> usize {
        self.threads
    }

    /// The other records nothing, so it is not where recording is what is looked at.
    fn has_peer(&self) -> bool {
        self.record == "output"
    }
}

/// A running child process.
pub(super) struct Child {
    who: &'static str,
    process: std::process::Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Child {
    pub(super) fn start(mut command: Command, who: &'static str) -> anyhow::Result<Child> {
        let program = command.get_program().to_owned();
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = spawned.with_context(|| format!("cannot start {who} ({})", program.display()))?;
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("a piped stdout")?);
        Ok(Child { who, process, requests, answers })
    }

    fn ask(&mut self, request: &Value) -> anyhow::Result<Value> {
        let mut answer = String::new();
        let requests = self.requests.as_mut().context("a piped stdin")?;
        // A child that has died is noticed by its silence.
        let _ = writeln!(requests, "{request}").and_then(|()| requests.flush());
        self.answers.read_line(&mut answer).with_context(|| format!("no answer from {}", self.who))?;
        serde_json::from_str(&answer).map_err(|_| unexpected(self.who, &answer))
    }

    /// GFLOP/s that the machine delivers now.
    pub(super) fn calibrate(&mut self, threads: usize) -> anyhow::Result<f64> {
        let answer = self.ask(&json!({ "calibrate": { "threads": threads } }))?;
        answer["gflops"].as_f64().ok_or_else(|| unexpected(self.who, &answer.to_string()))
    }

    /// Milliseconds of ours, and the most memory held so far, in MB.
    pub(super) fn ours(&mut self, work: &impl Work) -> anyhow::Result<(f64, f64)> {
        let answer = self.ask(&work.request())?;
        let ms =
            numbers(&answer).filter(|ms| !ms.is_empty()).ok_or_else(|| unexpected(self.who, &answer.to_string()))?;
        Ok((work.summary(ms), answer["peak_mb"].as_f64().unwrap_or(0.0)))
    }

    /// Milliseconds of PyTorch's, unless it has no such thing, and its version.
    pub(super) fn torchs(&mut self, work: &impl Work) -> anyhow::Result<(Option<f64>, String)> {
        let answer = self.ask(&work.request())?;
        let ms = numbers(&answer).ok_or_else(|| unexpected(self.who, &answer.to_string()))?;
        let version = answer["version"].as_str().unwrap_or_default().to_owned();
        Ok(((!ms.is_empty()).then(|| work.summary(ms)), version))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The end of its requests ends it.
        self.requests = None;
        let _ = self.process.wait();
    }
}

/// The times of an answer.
fn numbers(answer: &Value) -> Option<Vec<f64>> {
    answer["ms"].as_array()?.iter().map(Value::as_f64).collect()
}

/// A child's answer that is not what was asked for.
fn unexpected(who: &str, answer: &str) -> anyhow::Error {
    let shown: String = answer.trim().chars().take(200).collect();
    anyhow::anyhow!("{who} answered `{shown}`; run it by hand to see why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_times_is_shown() {
        assert_eq!(numbers(&json!({ "ms": [1.5, 2] })), Some(vec![1.5, 2.0]));
        assert_eq!(numbers(&json!({ "oops": 1 })), None);
        let error = unexpected("PyTorch", "{\"oops\":1}\n").to_string();
        assert_eq!(error, "PyTorch answered `{\"oops\":1}`; run it by hand to see why");
    }
}
