//! A program that is timed: a child process that answers one line of JSON with another.

use super::{numbers, unexpected};
use anyhow::Context;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

/// What is timed.
#[derive(Clone)]
pub(super) struct Work {
    pub batch_size: usize,
    pub width: usize,
    /// Height and width of the images.
    pub side: usize,
    pub threads: usize,
    pub record: &'static str,
}

impl Work {
    /// The paper's CNN, its output layer recorded.
    pub(super) fn new(batch_size: usize, threads: usize) -> Work {
        Work { batch_size, width: 32, side: 32, threads, record: "output" }
    }

    /// Whether another program is timed beside ours: it records nothing, so not where recording is what is looked at.
    pub(super) fn has_peer(&self) -> bool {
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

    /// Milliseconds of our steps, and the most memory held so far, in MB.
    pub(super) fn step(&mut self, work: &Work, steps: usize) -> anyhow::Result<(Vec<f64>, f64)> {
        let Work { batch_size, width, side, threads, record } = work;
        let request = json!({
            "batch_size": batch_size, "steps": steps, "width": width, "side": side, "threads": threads, "record": record,
        });
        let answer = self.ask(&json!({ "step": request }))?;
        Ok((numbers(self.who, &answer)?, answer["peak_mb"].as_f64().unwrap_or(0.0)))
    }

    /// Milliseconds of PyTorch's steps, and its version.
    pub(super) fn torch_step(&mut self, work: &Work, steps: usize) -> anyhow::Result<(Vec<f64>, String)> {
        let Work { batch_size, width, side, threads, .. } = work;
        let request =
            json!({ "batch_size": batch_size, "steps": steps, "width": width, "side": side, "threads": threads });
        let answer = self.ask(&request)?;
        Ok((numbers(self.who, &answer)?, answer["version"].as_str().unwrap_or_default().to_owned()))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The end of its requests ends it.
        self.requests = None;
        let _ = self.process.wait();
    }
}
