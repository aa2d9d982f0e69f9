//! `cargo xtask sweep`: a grid of runs from one file, carried through on this machine or on a cluster, and analysed.
//!
//! What a sweep is, how its cells stand and who may carry them is the business of the `sweep` crate; here are flags, processes and what a
//! person sees.

mod cluster;
mod dry_run;
mod programs;
mod report;
mod status;
mod stop;
mod tune;
mod view;

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
pub use programs::Programs;
use seismograd_sweep::{Carried, Launch, Plan, Request, State, SweepFile, carry_cell, line, missing};
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use stop::Stop;
use view::View;

/// Flags of the task.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    sweep: Sweep,
}

#[derive(Subcommand)]
enum Task {
    /// Say how the cells of a sweep stand, while it runs or after
    Status(status::Args),
    /// Find each optimizer's learning rate and options with the same budget for all
    Tune(Sweep),
}

/// Flags of a sweep.
#[derive(clap::Args, Clone)]
struct Sweep {
    /// The sweep's file; the paper's experiment on the embedded sample if left out
    #[arg(value_name = "FILE.toml")]
    file: Option<PathBuf>,
    /// The directory of the sweep [default: out/ and the file's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The images: sample (embedded), full (cargo xtask data) or a path
    #[arg(long, value_name = "sample|full|PATH")]
    data: Option<String>,
    /// Epochs of each run
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Change a value of the file, such as optimizer.lr=0.01 or optimizers.adam.lr=[1e-3,1e-2]; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the cells, their number and an estimate of the time, and train nothing
    #[arg(long)]
    dry_run: bool,
    /// Processes at a time; as many as the machine has cores if left out
    #[arg(long, value_name = "N")]
    workers: Option<NonZero<usize>>,
    /// What carries the cells through
    #[arg(long, default_value = "local")]
    engine: Engine,
    /// Carry one cell through, by its number in the file's order or by its id, and end
    #[arg(long, value_name = "N")]
    cell: Option<String>,
    /// Train nothing: analyse what is there
    #[arg(long, conflicts_with = "cell")]
    report: bool,
    /// A directory with the built programs train and characterize; they are built if left out
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

/// Engines by name.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// Processes on this machine
    Local,
    /// Job arrays through sbatch
    Slurm,
    /// One shell line a cell on standard output
    Commands,
}

/// A file by which another program knows its directory.
const CHARACTERIZATION: &str = "characterize.json";

/// The file of a sweep without arguments.
const DEFAULT: &str = include_str!("../../examples/sweeps/sample.toml");

/// Exit code after an interrupt: 128 plus the signal's number, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the task.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.task {
        Some(Task::Status(args)) => status::run(args),
        Some(Task::Tune(sweep)) => tune::run(sweep),
        None => args.sweep.run(),
    }
}

impl Sweep {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let out = self.out();
        // A cell or a report of a sweep that was begun needs no file.
        let begun = self.file.is_none() && self.out.is_some() && Plan::begun(&out);
        if self.report && !Plan::begun(&out) {
            // A report makes nothing that is not there.
            Plan::read(&out)?;
        }
        if out.join(CHARACTERIZATION).exists() && !Plan::begun(&out) {
            bail!(
                "{}: a characterization was begun here, whose report would be replaced; choose another --out",
                out.display()
            );
        }
        if begun && (self.cell.is_some() || self.report) {
            let plan = Plan::read(&out)?;
            return self.carry(&plan, &out);
        }
        let request = self.request()?;
        let dataset = request.dataset()?;
        let plan = request.plan(&dataset)?;
        plan.check_against(&out)?;
        if self.dry_run {
            return dry_run::run(&plan, &out, &dataset, self.workers());
        }
        plan.write(&out)?;
        self.carry(&plan, &out)
    }

    fn carry(&self, plan: &Plan, out: &Path) -> anyhow::Result<ExitCode> {
        if let Some(name) = &self.cell {
            return self.one(plan, out, name);
        }
        match self.engine {
            _ if self.report => report::run(plan, out, &self.programs()?),
            Engine::Local => self.local(plan, out),
            Engine::Slurm => cluster::submit(plan, out, &self.programs()?),
            Engine::Commands => self.commands(plan, out),
        }
    }

    /// The file with what the command line changes about it.
    fn source(&self) -> anyhow::Result<SweepFile> {
        let mut file = match &self.file {
            Some(path) => SweepFile::read(path)?,
            None => SweepFile::parse(DEFAULT, "sample.toml")?,
        };
        self.data.iter().try_for_each(|data| file.set(&format!("data={data:?}")))?;
        self.epochs.iter().try_for_each(|epochs| file.set_epochs(*epochs))?;
        self.set.iter().try_for_each(|assignment| file.set(assignment))?;
        Ok(file)
    }

    fn request(&self) -> anyhow::Result<Request> {
        Ok(self.source()?.request()?)
    }

    /// The sweep's directory.
    fn out(&self) -> PathBuf {
        let stem = self.file.as_deref().and_then(Path::file_stem);
        self.out.clone().unwrap_or_else(|| Path::new("out").join(stem.unwrap_or_else(|| "sweep".as_ref())))
    }

    fn workers(&self) -> usize {
        self.workers.map_or_else(cores, NonZero::get)
    }

    fn programs(&self) -> anyhow::Result<Programs> {
        Programs::find(self.programs.as_deref())
    }

    fn local(&self, plan: &Plan, out: &Path) -> anyhow::Result<ExitCode> {
        let programs = self.programs()?;
        let stop = Stop::listen()?;
        // Fewer cells than workers get the cores of those that have nothing to do.
        let workers = self.workers().min(plan.cells.len()).max(1);
        let launch = launch(plan, out, &programs, cores() / workers);
        announce(plan, out)?;
        let tally = {
            let mut view = View::new(plan, out, workers, &stop);
            seismograd_sweep::run(plan, &launch, workers, &mut view, stop.flag())
        };
        if stop.is_asked() && tally.left > 0 {
            eprintln!("stopped with {} of {} cells left; the same command goes on", tally.left, plan.cells.len());
            return Ok(ExitCode::from(INTERRUPTED));
        }
        report::run(plan, out, &programs)
    }

    /// Prints the lines; what else there is to say goes to the other stream.
    fn commands(&self, plan: &Plan, out: &Path) -> anyhow::Result<ExitCode> {
        let programs = self.programs()?;
        let command = programs.sweep(out)?;
        let missing = missing(plan, out)?;
        missing.iter().for_each(|cell| say(&line(&command, cell)));
        let report = command.iter().map(|word| seismograd_sweep::quoted(word)).collect::<Vec<_>>().join(" ");
        eprintln!("{} of {} cells; when they are done: {report} --report", missing.len(), plan.cells.len());
        Ok(ExitCode::SUCCESS)
    }

    /// Carries one cell through.
    fn one(&self, plan: &Plan, out: &Path, name: &str) -> anyhow::Result<ExitCode> {
        let cell = plan.cell(name)?;
        let stop = Stop::listen()?;
        let launch = launch(plan, out, &self.programs()?, self.workers.map_or(plan.slurm.cpus_per_task, NonZero::get));
        say(&cell.name());
        match carry_cell(&launch, cell, &mut |_| {}, stop.flag()) {
            Carried::Ended(State::Failed { problem }) => bail!("{}: {problem}", cell.name()),
            Carried::Ended(state) => say(state.name()),
            Carried::Elsewhere => say("another process carries it"),
            Carried::Stopped if stop.is_time_up() => return cluster::requeue(&plan.slurm),
            Carried::Stopped => return Ok(ExitCode::from(INTERRUPTED)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn launch(plan: &Plan, out: &Path, programs: &Programs, threads: usize) -> Launch {
    let limits = plan.limits.clone();
    let threads = limits.threads.unwrap_or(threads).max(1);
    Launch { out: out.to_owned(), program: programs.train.clone(), threads, limits }
}

fn announce(plan: &Plan, out: &Path) -> anyhow::Result<()> {
    let over = plan.cells.len() - missing(plan, out)?.len();
    let before = if over > 0 { format!(", {over} of them over or under way already") } else { String::new() };
    say(&format!("{} cells in {}{before}", plan.cells.len(), out.display()));
    let strangers = plan.strangers(out)?;
    if strangers > 0 {
        say(&format!(
            "{strangers} other runs are there, which the file does not name: they stay, and the report leaves them out"
        ));
    }
    Ok(())
}

/// Prints a line of results. A reader that has gone, such as `head`, is no reason to end a sweep.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// An absolute path, which holds wherever a command is run.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}
