//! `--engine slurm`: what is missing goes to the cluster as job arrays, and the report as a job that waits for them.

use super::programs::Programs;
use super::say;
use anyhow::{Context, bail};
use seismograd_sweep::{Array, Cell, Plan, Slurm, SlurmFiles, missing, most_tasks, queued_tasks};
use std::path::Path;
use std::process::{Command, ExitCode};

/// Submits what is neither over nor under way nor in the queue.
pub fn submit(plan: &Plan, out: &Path, programs: &Programs) -> anyhow::Result<ExitCode> {
    let out = super::absolute(out)?;
    let files = SlurmFiles::of(&out)?;
    let queued = files.queued(&queued_tasks(&ask("squeue", &["--me", "-h", "-r", "-o", "%F %K"])?))?;
    let missing = missing(plan, &out)?;
    let cells: Vec<Cell> = missing.into_iter().filter(|cell| !queued.contains(&cell.id)).cloned().collect();
    let most = most_tasks(&ask("scontrol", &["show", "config"])?).max(1);
    let command = programs.sweep(&out)?;
    let mut jobs = Vec::new();
    for part in cells.chunks(most) {
        let (script, list) = files.write_array(part, &plan.slurm, &command)?;
        let job = sbatch(&[], &script)?;
        files.note(&Array { job, list })?;
        jobs.push(job);
    }
    say(&format!("{} of {} cells submitted, {} in the queue already", cells.len(), plan.cells.len(), queued.len()));
    if !jobs.is_empty() || queued.is_empty() {
        let after: Vec<String> = jobs.iter().map(u64::to_string).collect();
        let dependency = format!("--dependency=afterany:{}", after.join(":"));
        let options = if jobs.is_empty() { vec![] } else { vec![dependency.as_str()] };
        let report = sbatch(&options, &files.write_report(&plan.slurm, &command)?)?;
        let arrays = if jobs.is_empty() { "no array".to_owned() } else { format!("arrays {}", after.join(", ")) };
        say(&format!("{arrays}; report: job {report}"));
    }
    say(&format!(
        "watch: cargo xtask sweep status {0}; logs: {0}/slurm; the same command submits what is missing",
        out.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Submits a script and returns its job's number.
fn sbatch(options: &[&str], script: &Path) -> anyhow::Result<u64> {
    let script = script.to_string_lossy();
    let answer = ask("sbatch", &[&["--parsable"], options, &[&script]].concat())?;
    // With several clusters the number is followed by the cluster's name.
    let number = answer.trim().split(';').next().and_then(|number| number.parse().ok());
    number.with_context(|| format!("sbatch answered `{}` rather than a job's number", answer.trim()))
}

/// Queues the task again that this process is, after its time was up; its cell has left a checkpoint.
pub fn requeue(slurm: &Slurm) -> anyhow::Result<ExitCode> {
    let variable = |name: &str| std::env::var(name).ok();
    let restarts = variable("SLURM_RESTART_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0u32);
    let task =
        variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID")).map(|(job, task)| format!("{job}_{task}"));
    let Some(task) = task.or_else(|| variable("SLURM_JOB_ID")) else {
        say("time is up; the same command goes on");
        return Ok(ExitCode::from(super::INTERRUPTED));
    };
    if restarts >= slurm.max_num_timeout {
        bail!("time was up {} times; raise timeout_min or max_num_timeout in [slurm]", restarts + 1);
    }
    say("time is up: the task is queued again");
    ask("scontrol", &["requeue", &task])?;
    Ok(ExitCode::from(super::INTERRUPTED))
}

/// What a program of Slurm prints.
fn ask(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot start {program}: is Slurm installed on this machine?"))?;
    if !output.status.success() {
        let problem = String::from_utf8_lossy(&output.stderr);
        bail!("{program}: {}", problem.trim().lines().next().unwrap_or("failed without a word").trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
