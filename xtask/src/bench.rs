//! `cargo xtask bench`: times training steps of the paper's CNN, beside PyTorch's where a Python with torch is given.
//!
//! Machines disturb each other, and at times a core delivers half of what it did. So everything that is compared is timed in turns within one
//! round, a loop of multiply-adds before and after tells what the machine delivers, and rounds in which it falls behind its best are thrown
//! away. The programs that are timed are child processes that answer requests (`benches/timer.rs`, `xtask/bench/torch_step.py`); this file asks,
//! counts and prints.

mod chart;
mod child;
mod optimizers;

use crate::bench::child::{Child, Step, Work};
use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Flags of the task.
#[derive(ClapArgs)]
pub struct Args {
    /// A Python interpreter with torch, to be timed beside
    #[arg(long, value_name = "PYTHON")]
    torch: Option<PathBuf>,
    /// Where to save the figures
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to save a chart of them
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Rounds that are to be kept
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Threads to compute on
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=512))]
    threads: u32,
    /// Leave out how the cost grows with width and threads, and what recording costs
    #[arg(long)]
    quick: bool,
    /// Time the optimizers alone instead, on one parameter each
    #[arg(long, conflicts_with_all = ["quick", "svg"])]
    optimizers: bool,
}

/// The batch sizes of the paper.
const BATCH_SIZES: [usize; 4] = [50, 100, 150, 200];
/// Floating-point operations of a sample's direct convolutions and linear layers, forward and backward, at width 32.
const FLOP: f64 = 97_155_072.0;
/// What a round's calibrations must reach of the best one.
const UNDISTURBED: f64 = 0.9;

/// Runs the task.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut programs = Programs::start(args)?;
    let threads = args.threads as usize;
    let saved = match args.optimizers {
        true => optimizers::race(&mut programs, args.rounds as usize, threads)?,
        false => steps(&mut programs, args)?,
    };
    match &args.json {
        Some(path) => write(path, &(serde_json::to_string_pretty(&saved)? + "\n")),
        None => Ok(()),
    }
}

/// Times training steps.
fn steps(programs: &mut Programs, args: &Args) -> anyhow::Result<serde_json::Value> {
    let threads = args.threads as usize;
    let works = BATCH_SIZES.map(|batch_size| Step::new(batch_size, threads));
    let measured = programs.measure(&works, args.rounds as usize, Process::OfAllRounds)?;
    let steps: Vec<Row> = works.iter().enumerate().map(|(at, work)| Row::of(&measured, at, work)).collect();
    print_steps(&steps, &measured);
    let mut saved = json!({
        "threads": threads,
        "gflops": measured.best,
        "rounds_tried": measured.tried,
        "torch": programs.version,
        "peak_mb": programs.peak_mb,
        "steps": steps.iter().map(Row::json).collect::<Vec<_>>(),
    });
    if !args.quick {
        saved["growth"] = programs.growth(args.rounds as usize, threads)?;
    }
    if let Some(path) = &args.svg {
        write(path, &chart::chart(&steps))?;
    }
    Ok(saved)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The programs that are timed against each other.
struct Programs {
    ours: Child,
    /// PyTorch tuned, and as installed.
    torch: Option<[Child; 2]>,
    version: Option<String>,
    /// The most memory that ours has held, in MB.
    peak_mb: f64,
}

/// Which process of ours computes. Where its memory lies makes one process faster than another by some percent, at one work and not at the next: of what is
/// to be told apart by less, every round asks a new one.
#[derive(Clone, Copy, PartialEq)]
enum Process {
    OfAllRounds,
    OfTheRound,
}

fn timer() -> anyhow::Result<Child> {
    let mut timer = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    timer.args(["run", "--quiet", "--release", "--package", "benches", "--bin", "timer"]);
    Child::start(timer, "the timer")
}

/// The milliseconds of one kind of work in every kept round: ours, PyTorch tuned, PyTorch as installed.
type Times = [Vec<f64>; 3];

/// What the kept rounds gave.
struct Measured {
    times: Vec<Times>,
    /// The best calibration, in GFLOP/s.
    best: f64,
    kept: usize,
    tried: usize,
}

impl Programs {
    fn start(args: &Args) -> anyhow::Result<Programs> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/torch_step.py");
        let torch = args.torch.as_ref().map(|python| {
            let start = |tuned: bool| {
                let mut command = Command::new(python);
                command.arg(&script).args(tuned.then_some("--tuned"));
                Child::start(command, "PyTorch")
            };
            anyhow::Ok([start(true)?, start(false)?])
        });
        Ok(Programs { ours: timer()?, torch: torch.transpose()?, version: None, peak_mb: 0.0 })
    }

    /// Times every work in rounds until as many are kept as are wanted, or three times as many were tried.
    fn measure(&mut self, works: &[impl Work], wanted: usize, ours: Process) -> anyhow::Result<Measured> {
        let threads = works[0].threads();
        let mut rounds: Vec<(f64, Vec<[Option<f64>; 3]>)> = Vec::new();
        loop {
            if ours == Process::OfTheRound {
                self.ours = timer()?;
            }
            if ours == Process::OfTheRound || rounds.is_empty() {
                // What is built and loaded at the first request is not timed.
                self.round(works, rounds.len())?;
            }
            let before = self.ours.calibrate(threads)?;
            let round = self.round(works, rounds.len())?;
            rounds.push((before.min(self.ours.calibrate(threads)?), round));
            let best = rounds.iter().map(|(gflops, _)| *gflops).fold(0.0, f64::max);
            let kept: Vec<_> = rounds.iter().filter(|(gflops, _)| *gflops >= UNDISTURBED * best).collect();
            if kept.len() >= wanted || rounds.len() >= 3 * wanted {
                if kept.len() < wanted {
                    eprintln!("only {} of {} rounds were undisturbed", kept.len(), rounds.len());
                }
                let times = |work: usize| {
                    std::array::from_fn(|program| kept.iter().filter_map(|(_, round)| round[work][program]).collect())
                };
                let times = (0..works.len()).map(times).collect();
                return Ok(Measured { times, best, kept: kept.len(), tried: rounds.len() });
            }
        }
    }

    /// Every work once by every program, in turns. Each round begins with another: the first one comes out slower, behind a calibration.
    fn round(&mut self, works: &[impl Work], number: usize) -> anyhow::Result<Vec<[Option<f64>; 3]>> {
        let mut round = vec![[None; 3]; works.len()];
        for place in 0..works.len() {
            let at = (number + place) % works.len();
            let work = &works[at];
            let (ms, peak_mb) = self.ours.ours(work)?;
            self.peak_mb = self.peak_mb.max(peak_mb);
            let mut medians = [Some(ms), None, None];
            if let Some(torch) = self.torch.as_mut().filter(|_| work.has_peer()) {
                for (child, to) in torch.iter_mut().zip(&mut medians[1..]) {
                    let (ms, version) = child.torchs(work)?;
                    self.version = Some(version);
                    *to = ms;
                }
            }
            round[at] = medians;
        }
        Ok(round)
    }

    /// How the cost grows with the width of the network and the side of the images and falls with threads, and what recording costs, at batch size 100.
    fn growth(&mut self, wanted: usize, threads: usize) -> anyhow::Result<serde_json::Value> {
        let base = Step::new(100, threads);
        let widths = [16, 32, 64, 128].map(|width| Step { width, ..base.clone() });
        let sides = [16, 32, 64].map(|side| Step { side, ..base.clone() });
        let mut saved = json!({ "threads": [], "record": [] });
        saved["width"] = self.growth_over("channels", &widths, |work| work.width, wanted)?;
        saved["side"] = self.growth_over("side of the images", &sides, |work| work.side, wanted)?;
        println!("\nThreads, batch size 100:\n\n| threads | ms | PyTorch tuned | ratio |\n|---|---|---|---|");
        let counts: Vec<usize> = (0..).map(|power| 1 << power).take_while(|&count| count <= threads).collect();
        for count in counts {
            let work = Step { threads: count, ..base.clone() };
            let measured = self.measure(std::slice::from_ref(&work), wanted, Process::OfAllRounds)?;
            let [ours, tuned, _] = measured.times[0].each_ref().map(|times| centre(times));
            println!("| {count} | {ours:.1} | {} | {} |", shown(tuned), ratio(tuned, ours));
            push(&mut saved["threads"], json!({ "threads": count, "ours_ms": ours, "torch_tuned_ms": known(tuned) }));
        }
        let records = ["off", "output", "all"].map(|record| Step { record, ..base.clone() });
        // Without the peers' turns, which would leave the caches cold for one of them.
        let torch = self.torch.take();
        let measured = self.measure(&records, 2 * wanted, Process::OfTheRound);
        self.torch = torch;
        let measured = measured?;
        println!(
            "\nRecording, batch size 100, against the same round without:\n\n| recorded | ms | cost, with its quartiles |\n|---|---|---|"
        );
        for (work, times) in records.iter().zip(&measured.times) {
            let costs = times[0].iter().zip(&measured.times[0][0]).map(|(ms, off)| 100.0 * (ms / off - 1.0));
            let [low, middle, high] = quartiles(costs.collect());
            println!("| {} | {:.1} | {middle:.1} % ({low:.1} to {high:.1}) |", work.record, centre(&times[0]));
            let row = json!({ "record": work.record, "ours_ms": centre(&times[0]), "percent": [low, middle, high] });
            push(&mut saved["record"], row);
        }
        Ok(saved)
    }
}

impl Programs {
    /// A table of the cost over one of the sizes.
    fn growth_over(
        &mut self,
        what: &str,
        works: &[Step],
        size: impl Fn(&Step) -> usize,
        wanted: usize,
    ) -> anyhow::Result<serde_json::Value> {
        let measured = self.measure(works, wanted.min(6), Process::OfAllRounds)?;
        println!("\nBatch size 100:\n\n| {what} | ms | PyTorch tuned | ratio |\n|---|---|---|---|");
        let rows = works.iter().zip(&measured.times).map(|(work, times)| {
            let [ours, tuned, _] = times.each_ref().map(|times| centre(times));
            println!("| {} | {ours:.1} | {} | {} |", size(work), shown(tuned), ratio(tuned, ours));
            json!({ "size": size(work), "ours_ms": ours, "torch_tuned_ms": known(tuned) })
        });
        Ok(rows.collect())
    }
}

fn push(list: &mut serde_json::Value, row: serde_json::Value) {
    list.as_array_mut().expect("made as a list").push(row);
}

/// One batch size's line.
struct Row {
    batch_size: usize,
    /// Quartiles of the kept rounds.
    ours: [f64; 3],
    tuned: f64,
    default: f64,
    percent_of_peak: f64,
    rounds_kept: usize,
}

impl Row {
    fn of(measured: &Measured, at: usize, work: &Step) -> Row {
        let [ours, tuned, default] = &measured.times[at];
        let ours = quartiles(ours.clone());
        let percent_of_peak = 100.0 * FLOP * work.batch_size as f64 / (ours[1] * 1e6) / measured.best;
        let (tuned, default) = (centre(tuned), centre(default));
        Row { batch_size: work.batch_size, ours, tuned, default, percent_of_peak, rounds_kept: measured.kept }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "batch_size": self.batch_size,
            "ours_ms": self.ours[1],
            "ours_quartiles_ms": [self.ours[0], self.ours[2]],
            "torch_tuned_ms": known(self.tuned),
            "torch_default_ms": known(self.default),
            "percent_of_peak": self.percent_of_peak,
            "rounds_kept": self.rounds_kept,
        })
    }
}

fn print_steps(rows: &[Row], measured: &Measured) {
    println!(
        "{} of {} rounds kept; the multiply-add loop reached {:.0} GFLOP/s.\n",
        measured.kept, measured.tried, measured.best
    );
    println!("| batch size | ms a step (quartiles) | of the peak | PyTorch tuned | ratio | as installed | ratio |");
    println!("|---|---|---|---|---|---|---|");
    for row in rows {
        let [low, ours, high] = row.ours;
        println!(
            "| {} | {ours:.1} ({low:.1} to {high:.1}) | {:.0} % | {} | {} | {} | {} |",
            row.batch_size,
            row.percent_of_peak,
            shown(row.tuned),
            ratio(row.tuned, ours),
            shown(row.default),
            ratio(row.default, ours),
        );
    }
}

/// The median, or NaN of nothing.
fn centre(times: &[f64]) -> f64 {
    quartiles(times.to_vec())[1]
}

fn median(times: Vec<f64>) -> f64 {
    quartiles(times)[1]
}

/// The quartiles by linear interpolation; NaN of nothing.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|p| {
        let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
        let place = p * last as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        below + (above - below) * place.fract()
    })
}

fn known(ms: f64) -> Option<f64> {
    ms.is_finite().then_some(ms)
}

fn shown(ms: f64) -> String {
    known(ms).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
}

fn ratio(theirs: f64, ours: f64) -> String {
    known(theirs).map_or_else(|| "-".to_owned(), |theirs| format!("{:.2}", theirs / ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_interpolate() {
        assert_eq!(quartiles(vec![4.0, 1.0, 2.0, 3.0]), [1.75, 2.5, 3.25]);
        assert!(centre(&[]).is_nan());
        assert_eq!((shown(f64::NAN), ratio(3.0, 2.0)), ("-".to_owned(), "1.50".to_owned()));
    }
}
