//! The search for a learning rate: what was tried, and which rate it chose.
//!
//! Optimizers are compared fairly only when each had the same budget to find its learning rate, and when the runs that chose it are not
//! those that are compared. This module holds the record and the rule; it trains nothing.

use crate::findings::Arm;
use serde::{Deserialize, Serialize};

/// A search, as it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Epochs of each trial.
    pub epochs: u64,
    /// The batch sizes that each rate was tried at.
    pub batch_sizes: Vec<usize>,
    /// The seed of all trials, which no compared run has.
    pub seed: u64,
    /// How the rates were chosen, in words.
    pub rule: String,
    /// Each optimizer's choice.
    pub choices: Vec<Choice>,
}

/// What the search found for one optimizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The optimizer's name.
    pub optimizer: String,
    /// The rate that it found.
    pub lr: f64,
    /// Whether the rate is the lowest or highest that was tried, so that a better one may lie beyond.
    pub at_edge: bool,
    /// What was tried, by rate and batch size.
    pub trials: Vec<Trial>,
}

/// One short run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its learning rate.
    pub lr: f64,
    /// Its batch size.
    pub batch_size: usize,
    /// The mean loss on the test set after its last epoch; none if it diverged.
    pub test_loss: Option<f64>,
}

impl Search {
    /// Without the optimizers whose runs have another learning rate than the one that was found; none if nothing is left.
    pub fn of(mut self, arms: &[Arm]) -> Option<Search> {
        let holds = |choice: &Choice| {
            let mut own = arms.iter().filter(|arm| arm.optimizer == choice.optimizer).peekable();
            own.peek().is_some() && own.all(|arm| arm.lr == choice.lr)
        };
        self.choices.retain(holds);
        (!self.choices.is_empty()).then_some(self)
    }

    /// What must be known before quoting results at these rates.
    pub fn cautions(&self) -> Vec<String> {
        let epochs = if self.epochs == 1 { "one epoch".to_owned() } else { format!("{} epochs", self.epochs) };
        let mut cautions = vec![format!(
            "The learning rates come from one run of {epochs} for each rate and batch size, judged by the test loss: test accuracies are a little \
             optimistic, and longer runs might have chosen others."
        )];
        for choice in self.choices.iter().filter(|choice| choice.at_edge) {
            let Choice { optimizer, lr, .. } = choice;
            cautions.push(format!(
                "The learning rate of {optimizer}, {lr}, is at the edge of what was tried: a better one may lie beyond."
            ));
        }
        cautions
    }
}

impl Choice {
    /// The rate with the least mean test loss over its trials, of those at which none diverged; the lower one of equals. None if every
    /// rate diverged somewhere.
    pub fn among(optimizer: &str, trials: Vec<Trial>) -> Option<Choice> {
        let mut rates: Vec<f64> = trials.iter().map(|trial| trial.lr).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let losses = rates.iter().filter_map(|&rate| Some((rate, mean_loss(&trials, rate)?)));
        let (lr, _) = losses.reduce(|best, next| if next.1 < best.1 { next } else { best })?;
        let at_edge = rates.first() == Some(&lr) || rates.last() == Some(&lr);
        Some(Choice { optimizer: optimizer.to_owned(), lr, at_edge, trials })
    }

    /// The mean test loss of each rate in rising order; none where a trial diverged.
    pub fn curve(&self) -> Vec<(f64, Option<f64>)> {
        let mut rates: Vec<f64> = self.trials.iter().map(|trial| trial.lr).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates.into_iter().map(|rate| (rate, mean_loss(&self.trials, rate))).collect()
    }
}

/// The mean over the trials at a rate; none if one of them diverged.
fn mean_loss(trials: &[Trial], rate: f64) -> Option<f64> {
    let at_rate = trials.iter().filter(|trial| trial.lr == rate);
    let losses: Vec<f64> = at_rate.map(|trial| trial.test_loss).collect::<Option<_>>()?;
    Some(losses.iter().sum::<f64>() / losses.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(trials: &[(f64, usize, Option<f64>)]) -> Option<Choice> {
        let trial = |&(lr, batch_size, test_loss): &(f64, usize, Option<f64>)| Trial { lr, batch_size, test_loss };
        Choice::among("sgd", trials.iter().map(trial).collect())
    }

    #[test]
    fn the_least_mean_loss_wins_where_nothing_diverged() {
        let trials = [
            (0.01, 50, Some(2.2)),
            (0.01, 200, Some(2.3)),
            (0.1, 50, Some(1.5)),
            (0.1, 200, Some(2.5)),
            (1.0, 50, Some(1.0)),
            (1.0, 200, None),
        ];
        let choice = choose(&trials).unwrap();
        assert_eq!((choice.lr, choice.at_edge), (0.1, false));
        assert_eq!(choice.curve(), [(0.01, Some(2.25)), (0.1, Some(2.0)), (1.0, None)]);
    }

    #[test]
    fn a_choice_at_the_edge_says_so() {
        assert!(choose(&[(0.1, 50, Some(2.0)), (0.01, 50, Some(1.0))]).unwrap().at_edge);
    }

    #[test]
    fn of_equals_the_lower_rate_wins() {
        assert_eq!(choose(&[(0.1, 50, Some(1.0)), (0.01, 50, Some(1.0))]).unwrap().lr, 0.01);
    }

    #[test]
    fn where_every_rate_diverged_there_is_no_choice() {
        assert_eq!(choose(&[(0.1, 50, None), (0.01, 50, None)]), None);
    }
}
