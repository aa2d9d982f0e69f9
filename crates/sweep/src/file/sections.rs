//! The sections of a sweep's file: optimizers, exclusions, a cell's limits, the cluster, tuning.

use super::axis::{self, Rates};
use serde::{Deserialize, Serialize};
use toml::Value;

/// `[optimizers.<name>]`: its learning rates, and its options, each an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    /// The optimizer's name.
    pub name: String,
    /// Its learning rates.
    pub rates: Rates,
    /// Its other options with their values.
    pub options: Vec<(String, Vec<String>)>,
}

impl Optimizer {
    pub(super) fn read(name: &str, section: &Value) -> Result<Optimizer, String> {
        let refused = |problem: String| format!("[optimizers.{name}]: {problem}");
        let section = section.as_table().ok_or_else(|| refused("is to be a section".to_owned()))?;
        let options = section.iter().filter(|(option, _)| *option != "lr");
        let options = options.flat_map(|(option, value)| flat(option.clone(), value));
        let options = options.map(|(option, value)| axis::texts(&option, value).map(|texts| (option, texts)));
        Ok(Optimizer {
            name: name.to_owned(),
            rates: Rates::read(section.get("lr")).map_err(refused)?,
            options: options.collect::<Result<_, String>>().map_err(refused)?,
        })
    }

    /// Every combination of its options.
    pub(crate) fn combinations(&self) -> Vec<Vec<(String, String)>> {
        self.options.iter().fold(vec![Vec::new()], |combinations, (name, values)| {
            let with = |before: &Vec<(String, String)>, value: &String| {
                before.iter().cloned().chain([(name.clone(), value.clone())]).collect()
            };
            combinations.iter().flat_map(|before| values.iter().map(move |value| with(before, value))).collect()
        })
    }
}

/// An option by its whole name: TOML makes sections of the dots in one that is not quoted.
fn flat(name: String, value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Table(section) => {
            section.iter().flat_map(|(part, value)| flat(format!("{name}.{part}"), value)).collect()
        }
        value => vec![(name, value)],
    }
}

/// `[[exclude]]`: cells with all of these are left out.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exclusion {
    pub optimizer: Option<String>,
    pub batch_size: Option<usize>,
    pub lr: Option<f64>,
    pub seed: Option<u64>,
}

/// `[cell]`: what a cell may use, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Threads of a cell; the machine's cores shared among the workers if left out.
    pub threads: Option<usize>,
    /// How often a cell that dies is tried before it is reported.
    pub attempts: u32,
    /// The longest time of one attempt, in seconds.
    pub limit_seconds: Option<f64>,
    /// The longest time without a step done, in seconds: a cell that hangs is ended.
    pub silence_seconds: f64,
    /// The longest time between two checkpoints, in seconds.
    pub checkpoint_seconds: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { threads: None, attempts: 3, limit_seconds: None, silence_seconds: 600.0, checkpoint_seconds: 30 }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), String> {
        let seconds = |seconds: f64| seconds > 0.0 && seconds <= 1e9;
        if !(1..=100).contains(&self.attempts) {
            return Err(format!("[cell] attempts = {}: use 1 to 100", self.attempts));
        }
        if !seconds(self.limit_seconds.unwrap_or(1.0)) || !seconds(self.silence_seconds) {
            return Err("[cell]: limit_seconds and silence_seconds are to be above 0".to_owned());
        }
        Ok(())
    }
}

/// `[slurm]`: what a cluster is asked for, in submitit's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Slurm {
    /// The partition.
    pub partition: Option<String>,
    /// The account that pays.
    pub account: Option<String>,
    /// The quality of service.
    pub qos: Option<String>,
    /// What nodes must have.
    pub constraint: Option<String>,
    /// The time limit of a task, in minutes.
    pub timeout_min: Option<u64>,
    /// The memory of a task, in gigabytes.
    pub mem_gb: Option<f64>,
    /// The cores of a task, and the threads of its cell.
    pub cpus_per_task: usize,
    /// The most tasks that run at once.
    pub array_parallelism: Option<usize>,
    /// How long before the time limit a task is told to leave a checkpoint, in seconds.
    pub signal_delay_s: u64,
    /// How often a task that met its time limit is queued again.
    pub max_num_timeout: u32,
    /// Lines of shell before a task, such as `module load`.
    pub setup: Vec<String>,
    /// Further options of sbatch by name.
    pub additional_parameters: std::collections::BTreeMap<String, String>,
}

impl Default for Slurm {
    fn default() -> Slurm {
        Slurm {
            partition: None,
            account: None,
            qos: None,
            constraint: None,
            timeout_min: None,
            mem_gb: None,
            cpus_per_task: 1,
            array_parallelism: None,
            signal_delay_s: 90,
            max_num_timeout: 100,
            setup: Vec::new(),
            additional_parameters: std::collections::BTreeMap::new(),
        }
    }
}

impl Slurm {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.cpus_per_task == 0 || self.array_parallelism == Some(0) || self.timeout_min == Some(0) {
            return Err("[slurm]: cpus_per_task, array_parallelism and timeout_min are to be 1 or more".to_owned());
        }
        let texts = [&self.partition, &self.account, &self.qos, &self.constraint].into_iter().flatten();
        let options = self.additional_parameters.iter().flat_map(|(name, value)| [name, value]);
        match texts.chain(options).find(|text| text.is_empty() || text.chars().any(|c| c.is_control())) {
            Some(text) => Err(format!("[slurm]: {text:?} is to be one line, not empty")),
            None => Ok(()),
        }
    }
}

/// How configurations to try are chosen and thinned out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Every value of the file's lists.
    Grid,
    /// Draws, each trained for the whole budget.
    Random,
    /// Draws, of which the best go on from rung to rung.
    #[default]
    Halving,
}

/// `[tune]`: the search for each optimizer's learning rate and options, with the same budget for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tune {
    /// How.
    pub method: Method,
    /// Configurations drawn of each optimizer, by `random` and `halving`.
    pub trials: usize,
    /// Epochs at which configurations are compared, rising. `grid` and `random` train to the last.
    pub rungs: Vec<u64>,
    /// One in so many goes on to the next rung.
    pub reduction: usize,
    /// The batch sizes that a configuration must serve; the smallest and the largest of the sweep if left out.
    pub batch_sizes: Vec<usize>,
    /// Runs of a configuration at each batch size.
    pub seeds: u64,
    /// The seed of the draws.
    pub draw: u64,
}

impl Default for Tune {
    fn default() -> Tune {
        let method = Method::default();
        Tune { method, trials: 9, rungs: vec![1, 3], reduction: 3, batch_sizes: Vec::new(), seeds: 1, draw: 0 }
    }
}

impl Tune {
    pub(super) fn check(&self) -> Result<(), String> {
        let refused = |problem: &str| Err(format!("[tune]: {problem}"));
        if !(1..=10_000).contains(&self.trials) || !(1..=1000).contains(&self.seeds) {
            return refused("trials are to be 1 to 10000, seeds 1 to 1000");
        }
        if self.reduction < 2 {
            return refused("reduction is to be 2 or more: one in so many goes on");
        }
        if self.rungs.is_empty() || self.rungs[0] == 0 || self.rungs.windows(2).any(|pair| pair[0] >= pair[1]) {
            return refused("rungs are to be rising numbers of epochs, such as [1, 3]");
        }
        if !self.batch_sizes.is_empty() {
            axis::each_once("[tune] batch_sizes", &self.batch_sizes)?;
        }
        Ok(())
    }
}
