//! What is fixed before a run is looked at: which signals, which series, which features, which level of error.

use crate::error::AnalysisError;
use crate::features::Feature;
use crate::stats::permutation::Permutations;
use crate::summary::{read_json, write_json};
use seismograd_trace::{Quantity, Signal, Statistic};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The endpoint of an analysis and how it is judged: written beside the runs before they are looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The signals of the primary verdict.
    pub primary: Vec<Signal>,
    /// The signals of the secondary verdict, which is given apart: an update names its rule too easily.
    pub secondary: Vec<Signal>,
    /// The series of each signal: a statistic over its elements, step by step.
    pub statistics: Vec<Statistic>,
    /// What each series is reduced to.
    pub features: Vec<Feature>,
    /// The single numbers whose effect size is given whatever stands out.
    pub headlines: Vec<Measure>,
    /// The rate of false verdicts that is accepted over all comparisons of one kind.
    pub alpha: f64,
    /// The confidence of intervals.
    pub confidence: f64,
    /// How labels are permuted.
    pub permutations: Permutations,
}

/// One feature of one series of one signal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What is followed.
    pub signal: Signal,
    /// The statistic over its elements at each step.
    pub statistic: Statistic,
    /// What the series is reduced to.
    pub feature: Feature,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measure { signal, statistic, feature } = self;
        write!(f, "{} {} of {}", signal.site(), signal.quantity().name(), statistic.name())?;
        write!(f, ": {}", feature.name())
    }
}

fn signal(site: &str, quantity: Quantity) -> Signal {
    Signal::new(site, quantity).expect("a site of the plan is a valid name")
}

impl Default for Plan {
    /// The value and the gradient of what flows into the output layer and of the logits; how large the signal is at each step (the mean
    /// absolute value) and how heavy its tails are (the kurtosis); every feature; 5 % over all batch sizes together.
    fn default() -> Plan {
        let primary: Vec<Signal> = ["output.input", "output.logits"]
            .into_iter()
            .flat_map(|site| [signal(site, Quantity::Value), signal(site, Quantity::Gradient)])
            .collect();
        let level = |signal: &Signal| Measure {
            signal: signal.clone(),
            statistic: Statistic::MeanAbs,
            feature: Feature::Level,
        };
        Plan {
            headlines: primary.iter().map(level).collect(),
            primary,
            secondary: ["output.weight", "output.bias"].map(|site| signal(site, Quantity::Update)).to_vec(),
            statistics: vec![Statistic::MeanAbs, Statistic::Kurtosis],
            features: Feature::ALL.to_vec(),
            alpha: 0.05,
            confidence: 0.95,
            permutations: Permutations { limit: 100_000, draws: 100_000, seed: 0 },
        }
    }
}

impl Plan {
    /// The measures of some signals, in the order of a run's feature vector.
    pub fn measures(&self, signals: &[Signal]) -> Vec<Measure> {
        let mut measures = Vec::new();
        for signal in signals {
            for &statistic in &self.statistics {
                let measure = |&feature| Measure { signal: signal.clone(), statistic, feature };
                measures.extend(self.features.iter().map(measure));
            }
        }
        measures
    }

    /// Reads a plan; none if there is no such file.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds no plan an analysis could follow.
    pub fn read(path: &Path) -> Result<Option<Plan>, AnalysisError> {
        let plan: Option<Plan> = read_json(path)?;
        if let Some(problem) = plan.as_ref().and_then(|plan| plan.check().err()) {
            return Err(AnalysisError::runs(format!("{}: no plan: {problem}", path.display())));
        }
        Ok(plan)
    }

    /// Writes the plan.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), AnalysisError> {
        write_json(self, path)
    }

    fn check(&self) -> Result<(), String> {
        let measures = self.measures(&self.primary);
        let inside = |x: f64| x > 0.0 && x < 1.0;
        let strange = self.headlines.iter().find(|headline| !measures.contains(headline));
        let most = 10_000_000;
        let Permutations { limit, draws, .. } = self.permutations;
        let signals: Vec<&Signal> = self.primary.iter().chain(&self.secondary).collect();
        let checks = [
            (once(&signals) && once(&self.statistics) && once(&self.features), "it names something twice".to_owned()),
            (limit <= most && draws <= most, format!("it permutes labels more than {most} times")),
            (!measures.is_empty(), "it names no signal, no statistic or no feature".to_owned()),
            (inside(self.alpha), format!("alpha {} is not between 0 and 1", self.alpha)),
            (inside(self.confidence), format!("confidence {} is not between 0 and 1", self.confidence)),
            (self.permutations.draws > 0, "no labelings are drawn".to_owned()),
            (strange.is_none(), format!("headline {strange:?} is none of its own measures")),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, problem)| Err(problem))
    }
}

fn once<T: PartialEq>(items: &[T]) -> bool {
    items.iter().enumerate().all(|(at, item)| !items[..at].contains(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_written_and_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        Plan::default().write(&path).unwrap();
        assert_eq!(Plan::read(&path).unwrap(), Some(Plan::default()));
        assert_eq!(Plan::read(&dir.path().join("none.json")).unwrap(), None);
    }

    #[test]
    fn a_plan_that_cannot_be_followed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        let check = |change: &dyn Fn(&mut Plan), expect: &str| {
            let mut plan = Plan::default();
            change(&mut plan);
            plan.write(&path).unwrap();
            let error = Plan::read(&path).unwrap_err().to_string();
            assert!(error.contains("plan.json: no plan") && error.contains(expect), "{error}");
        };
        check(&|plan| plan.alpha = 0.0, "alpha 0 is not");
        check(&|plan| plan.features.clear(), "no feature");
        check(&|plan| plan.primary.truncate(1), "headline");
        check(&|plan| plan.features.push(Feature::Level), "names something twice");
        check(&|plan| plan.permutations.limit = u64::MAX, "more than 10000000 times");
        std::fs::write(&path, "{").unwrap();
        assert!(Plan::read(&path).unwrap_err().to_string().contains("not what this program wrote"));
    }

    #[test]
    fn a_vector_has_a_place_for_each_measure() {
        let plan = Plan::default();
        let measures = plan.measures(&plan.primary);
        assert_eq!(measures.len(), 4 * 2 * 9);
        assert_eq!(measures[0].to_string(), "output.input value of mean_abs: level");
        assert!(plan.headlines.iter().all(|headline| measures.contains(headline)));
    }
}
