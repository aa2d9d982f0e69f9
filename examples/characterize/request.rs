//! What was asked for, as `characterize.json` records it, so that `--resume` needs no other option.

use super::{Arguments, Result};
use seismograd_sweep::Grid;
use seismograd_train::{DataSource, Protocol, TrainError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The options that decide what is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    optimizers: Vec<String>,
    batch_sizes: Vec<usize>,
    seeds: u64,
    epochs: u64,
    lr: Vec<(String, String)>,
    data: String,
    protocol: String,
    /// How many seeds there were when results were looked at before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    looks: BTreeSet<u64>,
}

impl Default for Request {
    /// The paper's comparison on the embedded sample.
    fn default() -> Request {
        Request {
            optimizers: vec!["sgd".to_owned(), "adam".to_owned()],
            batch_sizes: vec![50, 100, 150, 200],
            seeds: 5,
            epochs: 5,
            lr: Vec::new(),
            data: DataSource::Sample.to_string(),
            protocol: Protocol::Standard.to_string(),
            looks: BTreeSet::new(),
        }
    }
}

impl Request {
    /// The arguments, with these for those left out.
    pub fn of(arguments: &Arguments, default: Request) -> Result<Request> {
        let or = |given: &Option<u64>, default| given.unwrap_or(default);
        let request = Request {
            optimizers: arguments.optimizers.clone().unwrap_or(default.optimizers),
            batch_sizes: arguments.batch_sizes.clone().unwrap_or(default.batch_sizes),
            seeds: or(&arguments.seeds, default.seeds),
            epochs: or(&arguments.epochs, default.epochs),
            lr: arguments.lr.clone().unwrap_or(default.lr),
            data: arguments.data.as_ref().map_or(default.data, DataSource::to_string),
            protocol: arguments.protocol.map_or(default.protocol, |protocol| protocol.to_string()),
            looks: default.looks,
        };
        for (at, (name, rate)) in request.lr.iter().enumerate() {
            if request.lr[..at].iter().any(|(other, _)| other == name) {
                return Err(refuse("--lr", &format!("{name}={rate}"), format!("{name} has a rate already; name one")));
            }
            if !request.optimizers.contains(name) {
                let names = request.optimizers.join(" or ");
                return Err(refuse("--lr", name, format!("is no rate of {names}; name an optimizer of --optimizers")));
            }
        }
        Ok(request)
    }

    /// What makes it another question than an earlier one, rather than the same with more seeds or batch sizes.
    pub fn differs(&self, before: &Request) -> Option<String> {
        let pairs = [
            ("--optimizers", self.optimizers.join(","), before.optimizers.join(",")),
            ("--epochs", self.epochs.to_string(), before.epochs.to_string()),
            ("--lr", listed(&self.lr), listed(&before.lr)),
            ("--data", self.data.clone(), before.data.clone()),
            ("--protocol", self.protocol.clone(), before.protocol.clone()),
        ];
        let found = pairs.into_iter().find(|(_, now, before)| now != before);
        found.map(|(option, now, before)| format!("{option} {before} rather than {now}"))
    }

    /// Remembers that an earlier request was answered.
    pub fn after(&self, before: &Request) -> Request {
        let mut looks = before.looks.clone();
        looks.insert(before.seeds);
        looks.remove(&self.seeds);
        Request { looks, ..self.clone() }
    }

    /// What a reader must know of how many runs there are.
    pub fn caution(&self) -> Option<String> {
        let looks: Vec<String> = self.looks.iter().map(ToString::to_string).collect();
        (!looks.is_empty()).then(|| {
            format!(
                "These runs were looked at before, when there were {} of each optimizer at each batch size: p-values hold for a number of \
                 runs that was fixed beforehand.",
                looks.join(" and ")
            )
        })
    }

    /// The optimizers, in the order in which they were named.
    pub fn optimizers(&self) -> &[String] {
        &self.optimizers
    }

    /// The grid of runs in this directory.
    pub fn grid(&self, out: &Path) -> Result<Grid> {
        Ok(Grid {
            protocol: self.protocol.parse()?,
            data: self.data.clone(),
            optimizers: self.optimizers.clone(),
            batch_sizes: self.batch_sizes.clone(),
            seeds: self.seeds,
            epochs: self.epochs,
            out: out.to_owned(),
        })
    }

    /// Where the images come from.
    pub fn data(&self) -> Result<DataSource> {
        Ok(self.data.parse()?)
    }

    /// The learning rates that were given.
    pub fn rates(&self) -> Result<Vec<(String, f64)>> {
        rates(&self.lr)
    }
}

fn listed(rates: &[(String, String)]) -> String {
    let rates: Vec<String> = rates.iter().map(|(name, rate)| format!("{name}={rate}")).collect();
    if rates.is_empty() { "by search".to_owned() } else { rates.join(",") }
}

/// Reads the rates of `--lr`.
pub fn rates(given: &[(String, String)]) -> Result<Vec<(String, f64)>> {
    let rate = |(name, rate): &(String, String)| match rate.parse() {
        Ok(number) => Ok((name.clone(), number)),
        Err(_) => Err(refuse("--lr", &format!("{name}={rate}"), "the rate is no number".to_owned())),
    };
    given.iter().map(rate).collect()
}

fn refuse(setting: &'static str, value: &str, rule: String) -> Box<dyn std::error::Error> {
    Box::new(TrainError::Setting { setting, value: value.to_owned(), rule })
}
