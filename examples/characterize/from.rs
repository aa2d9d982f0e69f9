//! `--from DIR`: an answer from runs that exist.

use super::files::Files;
use super::{Arguments, Result, conclude, request};
use seismograd_analysis::Selection;
use seismograd_sweep::Plan as Sweep;
use seismograd_trace::{RunKey, find_runs};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Analyses them, or those that the options choose.
pub fn run(arguments: &Arguments, directory: PathBuf) -> Result<ExitCode> {
    let runs = Files::at(directory);
    let chosen = chosen(arguments, runs.directory())?;
    if let (Some(options), None) = (&chosen, &arguments.out) {
        return Err(format!(
            "--from with {options} gives another answer than all runs do; name a directory for it with --out"
        )
        .into());
    }
    let written = Files::at(arguments.out.clone().unwrap_or_else(|| runs.directory().to_owned()));
    // Of a sweep's directory those runs are meant that are in its plan now.
    let sweep = Sweep::begun(runs.directory()).then(|| Sweep::read(runs.directory())).transpose()?;
    let selection = Selection {
        optimizers: arguments
            .optimizers
            .clone()
            .or(sweep.as_ref().map(|plan| plan.optimizers.clone()))
            .or(runs.request()?.map(|request| request.optimizers().to_vec()))
            .unwrap_or_default(),
        batch_sizes: arguments.batch_sizes.clone().unwrap_or_default(),
        rates: request::rates(arguments.lr.as_deref().unwrap_or_default())?,
        directories: sweep.map(|plan| plan.directories()).transpose()?,
    };
    let plan = runs.plan()?;
    conclude(&runs, &written, &plan, &selection, chosen.map(chosen_by_hand))
}

/// The options that leave some of the runs out, if any do. Refuses optimizers and batch sizes of which there is no run.
fn chosen(arguments: &Arguments, directory: &Path) -> Result<Option<String>> {
    let keys: Vec<RunKey> = find_runs(directory)?.into_iter().filter_map(|(_, row)| Some(row.ok()?.key)).collect();
    let sizes = arguments.batch_sizes.as_ref().map(|sizes| sizes.iter().map(usize::to_string).collect::<Vec<_>>());
    let mut options = Vec::new();
    let mut choose = |option, wanted: Option<&Vec<String>>, what: &str, of: &dyn Fn(&RunKey) -> String| {
        let Some(wanted) = wanted else { return Ok(()) };
        let there: BTreeSet<String> = keys.iter().map(of).collect();
        if let Some(absent) = wanted.iter().find(|name| !there.contains(*name) && !there.is_empty()) {
            let there = there.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("{}: no run is {what} {absent}; there are runs {what} {there}", directory.display()));
        }
        if there.iter().any(|name| !wanted.contains(name)) {
            options.push(option);
        }
        Ok(())
    };
    choose("--optimizers", arguments.optimizers.as_ref(), "of", &|key| key.optimizer.clone())?;
    choose("--batch-sizes", sizes.as_ref(), "at batch size", &|key| key.batch_size.to_string())?;
    let rates = request::rates(arguments.lr.as_deref().unwrap_or_default())?;
    let others = |(name, rate): &(String, f64)| keys.iter().any(|key| key.optimizer == *name && key.lr != *rate);
    if rates.iter().any(others) {
        options.push("--lr");
    }
    Ok((!options.is_empty()).then(|| options.join(", ")))
}

fn chosen_by_hand(options: String) -> String {
    format!(
        "What is compared was chosen with {options}, among runs that were there: p-values are corrected over these comparisons alone, and hold \
         where the choice was made before a look at the others."
    )
}
