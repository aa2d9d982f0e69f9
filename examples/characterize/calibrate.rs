//! `--calibrate N`: how often the test rejects where there is nothing to find.

use super::files::Files;
use super::request::Request;
use super::{Arguments, Result, check, directories, label, line};
use examples::{GridBar, INTERRUPTED, Interrupt, complain, number_of, say, say_long};
use seismograd_analysis::{Calibration, Rate, Selection, calibrate, load_keeping};
use seismograd_sweep::{Grid, carry};
use seismograd_train::TrainError;
use std::path::PathBuf;
use std::process::ExitCode;

/// Epochs of each run unless the user says otherwise: many short runs say more about the test than few long ones.
const EPOCHS: u64 = 1;

/// Trains fresh runs of one optimizer for each test, and counts rejections.
pub fn run(arguments: &Arguments, tests: u64) -> Result<ExitCode> {
    let files = Files::at(arguments.out.clone().unwrap_or_else(|| PathBuf::from("out/characterize")));
    let request = Request::of(arguments, files.request()?.unwrap_or_default())?;
    let epochs = arguments.epochs.unwrap_or(EPOCHS);
    let grid = Grid { epochs, out: files.calibration_directory(), ..request.grid(files.directory())? };
    let (optimizer, batch_size) = cell(&grid)?;
    let count = runs(tests, arguments.runs_per_test)?;
    let rate = rate(&files, &request, optimizer)?;
    let runs = grid.null_runs(optimizer, rate, batch_size, count)?;
    let interrupt = Interrupt::listen();
    let dataset = request.data()?.load()?;
    check(&runs[..1], &dataset, arguments.threads)?;
    let plan = files.plan()?;
    let lr = runs[0].config.lr;
    say_long(
        &format!(
            "{} of {optimizer} at batch size {batch_size}, lr {lr}: {} of nothing, {} runs each",
            number_of(count, "run"),
            number_of(tests, "test"),
            arguments.runs_per_test
        ),
        2,
    );
    let mut bar = GridBar::new(count * epochs, interrupt.clone(), label, line);
    bar.stage("calibration");
    if carry(&runs, &dataset, arguments.threads, &mut bar, &|| interrupt.is_asked())?.is_none() {
        drop(bar);
        complain("stopped; the same command goes on");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    drop(bar);
    let selection = Selection { directories: Some(directories(&runs)?), ..Selection::default() };
    let calibration =
        calibrate(&plan, &load_keeping(&grid.out, &plan, &selection, usize::MAX)?, arguments.runs_per_test)?;
    let path = files.write_calibration(&calibration)?;
    print(&calibration);
    say(&format!("\ncalibration {}", path.display()));
    Ok(ExitCode::SUCCESS)
}

/// The first optimizer at the largest batch size.
fn cell(grid: &Grid) -> Result<(&str, usize)> {
    grid.check()?;
    let optimizer = grid.optimizers.first().expect("a checked grid names one");
    let batch_size = grid.batch_sizes.iter().max().expect("a checked grid names one");
    Ok((optimizer, *batch_size))
}

/// The number of runs of all tests together.
fn runs(tests: u64, runs_per_test: usize) -> Result<u64> {
    let refuse =
        |setting, value: String, rule: &str| Err(TrainError::Setting { setting, value, rule: rule.to_owned() }.into());
    match (tests, runs_per_test) {
        (0 | 10_001.., _) => refuse("--calibrate", tests.to_string(), "use 1 to 10000 tests"),
        (_, 4..=1000) if runs_per_test.is_multiple_of(2) => Ok(tests * runs_per_test as u64),
        _ => refuse("--runs-per-test", runs_per_test.to_string(), "use an even number from 4 to 1000, half a side"),
    }
}

/// The learning rate that was given, or that a search here found.
fn rate(files: &Files, request: &Request, optimizer: &str) -> Result<Option<f64>> {
    let given = request.rates()?.into_iter().find(|(name, _)| name == optimizer).map(|(_, rate)| rate);
    let found = |search: seismograd_analysis::Search| {
        search.choices.into_iter().find(|choice| choice.optimizer == optimizer).map(|choice| choice.lr)
    };
    Ok(match given {
        Some(rate) => Some(rate),
        None => files.search()?.and_then(found),
    })
}

fn print(calibration: &Calibration) {
    let Calibration { optimizer, batch_size, runs_per_trial, alpha, .. } = calibration;
    let half = runs_per_trial / 2;
    say(&format!("\nnothing to find: {half} against {half} fresh runs of {optimizer} at batch size {batch_size}"));
    let interval = 100.0 * calibration.confidence;
    say(&format!("{:<50} {:>8}   {:>6}   {interval:.0} % interval", format!("rejected at {alpha}"), "", "rate"));
    say(&rate_line("runs as replicates (this project's test)", &calibration.test));
    if calibration.left_out > 0 {
        say(&format!("{} runs diverged or could not be analysed, and serve in no test", calibration.left_out));
    }
    for (signal, rate) in &calibration.steps {
        say(&rate_line(&format!("steps as replicates (KS), {signal}"), rate));
    }
}

fn rate_line(what: &str, rate: &Rate) -> String {
    let (low, high) = rate.interval;
    let counts = format!("{} of {}", rate.rejections, rate.tests);
    format!("{what:<50} {counts:>8}   {:>4.0} %   {:>3.0} to {:.0} %", 100.0 * rate.rate(), 100.0 * low, 100.0 * high)
}
