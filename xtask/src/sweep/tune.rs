//! `cargo xtask sweep tune FILE`: each optimizer's learning rate and options, found with the same budget for all.

use super::stop::Stop;
use super::view::View;
use super::{Engine, INTERRUPTED, Sweep, cores, launch, say};
use anyhow::bail;
use seismograd_sweep::{Plan, Tuned, run as carry, tune, write_text};
use std::process::ExitCode;

/// Tunes in `tune/` of the sweep's directory and writes `best.toml`, the file with the best of each optimizer.
pub fn run(sweep: &Sweep) -> anyhow::Result<ExitCode> {
    if sweep.engine != Engine::Local || sweep.cell.is_some() || sweep.report || sweep.dry_run {
        bail!(
            "tune takes FILE, --out, --data, --epochs, --set, --workers and --programs; its trials run on this machine"
        );
    }
    let file = sweep.source()?;
    let request = file.request()?;
    let dataset = request.dataset()?;
    // What could not be compared afterwards is told before.
    request.plan(&dataset)?;
    let programs = sweep.programs()?;
    let stop = Stop::listen()?;
    let (out, trials) = (sweep.out(), sweep.out().join("tune"));
    let tuned = tune(&request, &dataset, &trials, &mut |plan: &Plan| {
        say(&format!("{} trials of {} epochs in {}", plan.cells.len(), plan.cells[0].epochs, trials.display()));
        let workers = sweep.workers().min(plan.cells.len()).max(1);
        let launch = launch(plan, &trials, &programs, cores() / workers);
        let mut view = View::new(plan, &trials, workers, &stop);
        Ok(carry(plan, &launch, workers, &mut view, stop.flag()))
    })?;
    let Some(tuned) = tuned else {
        eprintln!("stopped; the same command goes on");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    print(&tuned);
    write_text(&out.join("tune.json"), &(serde_json::to_string_pretty(&tuned.tried)? + "\n"))?;
    if let Some(search) = &tuned.search {
        write_text(&out.join("search.json"), &(serde_json::to_string_pretty(search)? + "\n"))?;
    }
    let best = out.join("best.toml");
    write_text(&best, &tuned.apply(&file)?.text())?;
    say(&format!("now: cargo xtask sweep {} --out {}", best.display(), out.display()));
    Ok(ExitCode::SUCCESS)
}

fn print(tuned: &Tuned) {
    for scored in &tuned.tried {
        let candidate = &scored.candidate;
        let options: String = candidate.options.iter().map(|(name, value)| format!(" {name} {value}")).collect();
        let loss = match scored.mean() {
            loss if loss.is_finite() => format!("test loss {loss:.4}"),
            _ => "diverged".to_owned(),
        };
        let goes_on = if scored.goes_on { "  goes on" } else { "" };
        let name = format!("{} lr {}{options}", candidate.optimizer, candidate.lr);
        say(&format!("{name:<32} {:>3} epochs  {loss}{goes_on}", scored.epochs));
    }
}
