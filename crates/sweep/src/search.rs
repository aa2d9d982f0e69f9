//! The search for each optimizer's learning rate, with the same budget for all.
//!
//! Decades first, then the two neighbours of the best at a third of a decade's distance: the same six rates for every optimizer, whatever
//! its scale.

use crate::engine::threads::{Watcher, carry};
use crate::grid::{Grid, SEARCH_SEED};
use seismograd_analysis::{Choice, Search, Trial};
use seismograd_cifar10::Dataset;
use seismograd_train::{Outcome, Report, Settings, TrainError};

/// The rates of the first round.
const DECADES: [f64; 4] = [1e-4, 1e-3, 1e-2, 1e-1];

/// How far the second round's rates lie from the best of the first.
const FINER: f64 = 3.0;

/// The trials that a search makes of each optimizer.
pub fn trials_each(grid: &Grid) -> usize {
    (DECADES.len() + 2) * extremes(&grid.batch_sizes).len()
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Tried {
    /// Every optimizer has its rate.
    Chosen(Search),
    /// The search was asked to stop; the same call goes on.
    Interrupted,
}

/// Tries learning rates of `optimizers` at the smallest and the largest batch size of `grid`, `epochs` each, in the grid's directory.
///
/// # Errors
/// The first error of a trial, or an optimizer that diverged at every rate.
pub fn search(
    grid: &Grid,
    optimizers: &[String],
    dataset: &Dataset,
    threads: Option<usize>,
    watcher: &mut dyn Watcher,
    should_stop: &(dyn Fn() -> bool + Sync),
) -> Result<Tried, TrainError> {
    let mut trials: Vec<Vec<Trial>> = vec![Vec::new(); optimizers.len()];
    let sizes = extremes(&grid.batch_sizes);
    for round in 0..2 {
        let mut runs = Vec::new();
        for (optimizer, trials) in optimizers.iter().zip(&trials) {
            for rate in rates(round, optimizer, trials)? {
                for &size in &sizes {
                    runs.push(grid.run(optimizer, Some(rate), size, SEARCH_SEED)?);
                }
            }
        }
        let Some(reports) = carry(&runs, dataset, threads, watcher, should_stop)? else {
            return Ok(Tried::Interrupted);
        };
        for (run, report) in runs.iter().zip(&reports) {
            let at = optimizers.iter().position(|name| *name == run.config.optimizer).expect("it was planned for one");
            trials[at].push(trial(run, report));
        }
    }
    let choices = optimizers.iter().zip(trials).map(|(optimizer, trials)| choose(optimizer, trials));
    Ok(Tried::Chosen(Search {
        epochs: grid.epochs,
        batch_sizes: sizes,
        seed: SEARCH_SEED,
        rule: format!(
            "decades from {} to {}, then {FINER} times less and more than the best; the least mean test loss wins, of rates at which no trial diverged",
            DECADES[0],
            DECADES[DECADES.len() - 1]
        ),
        choices: choices.collect::<Result<_, _>>()?,
    }))
}

/// The smallest and the largest batch size: a rate must serve both.
pub(crate) fn extremes(sizes: &[usize]) -> Vec<usize> {
    let mut extremes: Vec<usize> = sizes.iter().min().into_iter().chain(sizes.iter().max()).copied().collect();
    extremes.dedup();
    extremes
}

/// The rates of a round.
fn rates(round: usize, optimizer: &str, trials: &[Trial]) -> Result<Vec<f64>, TrainError> {
    if round == 0 {
        return Ok(DECADES.to_vec());
    }
    let best = choose(optimizer, trials.to_vec())?.lr;
    Ok(vec![short(best / FINER), short(best * FINER)])
}

/// The nearest number of one significant digit, so that a path stays readable: 0.003 rather than 0.0033333.
fn short(rate: f64) -> f64 {
    format!("{rate:.0e}").parse().expect("a printed number reads back")
}

fn trial(run: &Settings, report: &Report) -> Trial {
    let loss = report.row.test_loss.map(f64::from);
    Trial {
        lr: run.config.lr,
        batch_size: run.config.batch_size,
        test_loss: loss.filter(|loss| report.outcome == Outcome::Completed && loss.is_finite()),
    }
}

fn choose(optimizer: &str, trials: Vec<Trial>) -> Result<Choice, TrainError> {
    Choice::among(optimizer, trials).ok_or_else(|| TrainError::Setting {
        setting: "--lr",
        value: optimizer.to_owned(),
        rule: format!("diverged at every rate that was tried; name a lower one, as in --lr {optimizer}=1e-7"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_round_lies_about_the_best_of_the_first() {
        let trial = |lr: f64| Trial { lr, batch_size: 50, test_loss: Some((lr.log10() + 2.0).abs()) };
        let first: Vec<Trial> = DECADES.map(trial).to_vec();
        assert_eq!(rates(0, "sgd", &[]).unwrap(), DECADES);
        assert_eq!(rates(1, "sgd", &first).unwrap(), [0.003, 0.03]);
    }

    #[test]
    fn rates_are_tried_at_both_ends() {
        assert_eq!(extremes(&[100, 50, 200]), [50, 200]);
        assert_eq!(extremes(&[100]), [100]);
    }
}
