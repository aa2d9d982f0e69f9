//! `cargo xtask slurm-test`: a sweep through a real Slurm, a cluster of two nodes on loopback that lives in a temporary directory.
//!
//! Tasks are killed and told that their time is up; the same command then submits what is missing. In the end every cell is done, was
//! done once, and the report is there. Where Slurm is not installed (`xtask/slurm/install.sh`) the test says so.

mod cluster;

use anyhow::{Context, ensure};
use cluster::Cluster;
use seismograd_sweep::{Plan, State, standing};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Flags of the task.
#[derive(clap::Args)]
pub struct Args {
    /// A directory with the built programs train and characterize; they are built if left out
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

/// Eight runs of a few seconds each, so that two nodes meet several.
const SWEEP: &str = "epochs = 4\nlimit = 1000\nbatch_sizes = [200]\nseeds = 4\n\
    [optimizers.sgd]\nlr = [0.03]\n[optimizers.adam]\nlr = [1e-3]\n\
    [cell]\ncheckpoint_seconds = 0\n[slurm]\ntimeout_min = 10\nmem_gb = 0.5\ncpus_per_task = 1\n";

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs the task.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(why) = cluster::absent() {
        eprintln!("skipped: {why}");
        return Ok(());
    }
    let programs = crate::sweep::Programs::find(args.programs.as_deref())?;
    let cluster = Cluster::start()?;
    println!("{}", cluster.run("sinfo", &["-N", "-o", "%N %T %C"])?.trim());
    let file = cluster.directory().join("sweep.toml");
    fs::write(&file, SWEEP).context("cannot write the sweep's file")?;
    let test = Test { out: cluster.directory().join("out"), file, programs: programs.directory().to_owned(), cluster };
    let ended = test.run();
    if ended.is_err() {
        test.cluster.print_logs(&test.out.join("slurm"));
    }
    ended
}

struct Test {
    cluster: Cluster,
    file: PathBuf,
    out: PathBuf,
    programs: PathBuf,
}

impl Test {
    fn run(&self) -> anyhow::Result<()> {
        println!("{}", self.submit()?.trim());
        let again = self.submit()?;
        ensure!(again.contains("0 of 8 cells submitted, 8 in the queue"), "submitted twice: {again}");
        self.disturb()?;
        self.drain()?;
        let missing = self.left()?;
        println!("after a kill and a time limit {missing} of 8 cells are missing; the same command again:");
        ensure!((1..=2).contains(&missing), "{missing} cells are missing, not the disturbed ones");
        println!("{}", self.submit()?.trim());
        self.drain()?;
        ensure!(self.left()? == 0, "{} cells are not done", self.left()?);
        self.check_done_once()?;
        self.check_nodes()?;
        ensure!(self.out.join("report.html").exists(), "the dependent job left no report");
        println!("8 cells done, each of them once, on both nodes; report: the dependent job's");
        Ok(())
    }

    fn submit(&self) -> anyhow::Result<String> {
        let own = std::env::current_exe().context("this program does not know where it is")?;
        let paths = [&self.file, &self.out, &self.programs].map(|path| path.to_string_lossy().into_owned());
        let [file, out, programs] = &paths;
        self.cluster
            .run(&own.to_string_lossy(), &["sweep", file, "--engine", "slurm", "--out", out, "--programs", programs])
    }

    /// Kills the task of one node and tells that of the other that its time is up, both while their cells are under way.
    fn disturb(&self) -> anyhow::Result<()> {
        let [killed, told] = self.wait("two tasks with checkpoints", || {
            let tasks = self.tasks();
            let nodes: BTreeSet<&String> = tasks.iter().map(|task| &task.node).collect();
            (nodes.len() == 2).then(|| tasks.try_into().ok()).flatten()
        })?;
        println!("killed: cell {} on {}; time is up: cell {} on {}", killed.cell, killed.node, told.cell, told.node);
        self.cluster.run("kill", &["-KILL", &killed.process.to_string()])?;
        // As Slurm does before a time limit, to the batch process alone.
        self.cluster.run("kill", &["-USR1", &told.process.to_string()])?;
        let queue = ["-h", "-r", "-o", "%F_%K %T"];
        self.wait("the task in the queue again", || {
            let states = self.cluster.run("squeue", &queue).ok()?;
            states
                .lines()
                .any(|line| line.starts_with(&format!("{} ", told.job)) && line.ends_with("PENDING"))
                .then_some(())
        })?;
        // Slurm would start it again after a delay of two minutes.
        self.cluster.run("scancel", &[&told.job]).map(drop)
    }

    /// The tasks whose cells have left a checkpoint, as their processes tell.
    fn tasks(&self) -> Vec<Task> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut tasks: Vec<Task> = processes.filter_map(|entry| Task::of(&entry.path())).collect();
        let plan = Plan::read(&self.out).ok();
        let begun = |task: &Task| {
            let cell = plan.as_ref()?.cell(&task.cell).ok()?;
            Some(
                cell.directory(&self.out).ok()?.checkpoint().exists()
                    && standing(&self.out, cell).ok()?.0 == State::Running,
            )
        };
        tasks.retain(|task| begun(task) == Some(true));
        tasks
    }

    /// Waits until the queue is empty.
    fn drain(&self) -> anyhow::Result<()> {
        self.wait("the end of the queue", || {
            let queue = self.cluster.run("squeue", &["-h", "-r", "-o", "%i %T %r"]).ok()?;
            queue.trim().is_empty().then_some(())
        })
    }

    fn wait<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(found) = found() {
                return Ok(found);
            }
            ensure!(begun.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
            sleep(Duration::from_millis(100));
        }
    }

    /// Cells that are not done.
    fn left(&self) -> anyhow::Result<usize> {
        let plan = Plan::read(&self.out)?;
        let states: Result<Vec<_>, _> = plan.cells.iter().map(|cell| standing(&self.out, cell)).collect();
        Ok(states?.iter().filter(|(state, _)| *state != State::Done).count())
    }

    /// Each journal has one end that says done, and nothing after it.
    fn check_done_once(&self) -> anyhow::Result<()> {
        for cell in Plan::read(&self.out)?.cells {
            let journal = cell.directory(&self.out)?.root().join("attempts.jsonl");
            let text = fs::read_to_string(&journal).with_context(|| format!("cannot read {}", journal.display()))?;
            let done = text.matches("\"done\"").count();
            let last = text.lines().next_back().unwrap_or_default();
            ensure!(done == 1 && last.contains("\"done\""), "{} was done {done} times:\n{text}", cell.name());
        }
        Ok(())
    }

    /// The tasks' logs name both nodes.
    fn check_nodes(&self) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        for entry in fs::read_dir(self.out.join("slurm")).context("cannot list the logs")?.flatten() {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            lines.extend(
                text.lines().filter(|line| line.starts_with("task ") && line.contains(" on n")).map(str::to_owned),
            );
        }
        lines.sort();
        lines.iter().for_each(|line| println!("{line}"));
        ensure!(
            ["on n1", "on n2"].iter().all(|node| lines.iter().any(|line| line.ends_with(node))),
            "one node only had tasks"
        );
        Ok(())
    }
}

/// A task under way: the process that Slurm started.
struct Task {
    process: u32,
    cell: String,
    node: String,
    /// As Slurm spells it: job and place.
    job: String,
}

impl Task {
    fn of(process: &Path) -> Option<Task> {
        let words = |name: &str| {
            let bytes = fs::read(process.join(name)).ok()?;
            Some(bytes.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>())
        };
        let line = words("cmdline")?;
        let at = line
            .iter()
            .position(|word| word == "--cell")
            .filter(|_| line.get(1).is_some_and(|word| word == "sweep"))?;
        let environment = words("environ")?;
        let variable = |name: &str| {
            environment.iter().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
        };
        Some(Task {
            process: process.file_name()?.to_str()?.parse().ok()?,
            cell: line.get(at + 1)?.clone(),
            node: variable("SLURMD_NODENAME")?,
            job: format!("{}_{}", variable("SLURM_ARRAY_JOB_ID")?, variable("SLURM_ARRAY_TASK_ID")?),
        })
    }
}
