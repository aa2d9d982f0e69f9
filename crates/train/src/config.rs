//! Everything that decides a run's numbers.

use crate::error::TrainError;
use crate::source::DataSource;
use seismograd_cifar10::{Dataset, Normalization, Shuffle, batches_per_epoch};
use seismograd_nn::{Model, Reduction, models};
use seismograd_optim::{Optimizer, Schedule, registry};
use seismograd_record::Selection;
use seismograd_trace::RunKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// A preset of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Samples reshuffled each epoch, mean loss, PyTorch's optimizers.
    Standard,
    /// Ando, Fukuhara and Takefuji (2023): batches cut once and their order shuffled, summed gradients, an incomplete batch dropped, and
    /// Adam in its epsilon-hat form.
    Paper,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Standard => "standard",
            Protocol::Paper => "paper",
        })
    }
}

impl FromStr for Protocol {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Protocol, TrainError> {
        match name {
            "standard" => Ok(Protocol::Standard),
            "paper" => Ok(Protocol::Paper),
            _ => Err(TrainError::setting("--protocol", name, "no such protocol; use standard or paper")),
        }
    }
}

/// Everything that decides a run's numbers, and nothing else: neither the number of epochs nor of threads.
///
/// The fields' order is that of the canonical text, whose digest names the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The preset that the options began from.
    pub protocol: String,
    /// The model's name.
    pub model: String,
    /// The data set: `sample`, `full` or a path.
    pub data: String,
    /// SHA-256 of the images and labels, where `data` is a path.
    pub data_digest: Option<String>,
    /// Only so many training images, from the first on.
    pub limit: Option<usize>,
    /// Whether channel means are subtracted and deviations divided by.
    pub normalize: bool,
    /// The optimizer's name.
    pub optimizer: String,
    /// The learning rate.
    pub lr: f64,
    /// The optimizer's other options, all of them, in its order.
    pub options: Vec<(String, String)>,
    /// Samples a step.
    pub batch_size: usize,
    /// The seed of initial weights, orders and masks.
    pub seed: u64,
    /// `samples`, `batches` or `none`.
    pub shuffle: String,
    /// Whether an incomplete batch is left out.
    pub drop_incomplete: bool,
    /// Whether gradients are those of the losses' `mean` or `sum`.
    pub loss_reduction: String,
    /// Probability that a hidden unit is dropped.
    pub dropout: f64,
    /// SHA-256 of the file of initial weights, if they come from one.
    pub init_digest: Option<String>,
    /// What is recorded.
    pub record: String,
    /// The most samples that a shard carries.
    pub shard_size: usize,
    /// The schedule of the learning rate, in canonical text; the rate stays what it is if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
}

/// The most samples of a shard unless the run says otherwise: batches of 50, 100, 150 and 200 fall into 2, 4, 6 and 8 shards, which two
/// threads share evenly, and each of which has work for several.
pub const SHARD_SIZE: usize = 25;

impl RunConfig {
    /// A protocol's configuration for an optimizer, its learning rate (its default if none) and its other options in text.
    ///
    /// # Errors
    /// An unknown optimizer or option, or a value that is not allowed.
    pub fn new(
        protocol: Protocol,
        optimizer: &str,
        lr: Option<f64>,
        options: &[(String, String)],
    ) -> Result<RunConfig, TrainError> {
        let paper = protocol == Protocol::Paper;
        let mut options = options.to_vec();
        let hat = "epsilon_hat";
        let has_hat = registry::find(optimizer)?.options.iter().any(|option| option.name == hat);
        if paper && has_hat && !options.iter().any(|(name, _)| name == hat) {
            options.push((hat.to_owned(), "true".to_owned()));
        }
        let mut options = registry::resolve(optimizer, lr, &options)?;
        let lr = options.iter().position(|(name, _)| name == "lr").map(|at| options.remove(at).1);
        let lr = lr.and_then(|lr| lr.parse().ok()).expect("every optimizer has a learning rate, a number");
        Ok(RunConfig {
            protocol: protocol.to_string(),
            model: "paper_cnn".to_owned(),
            data: "sample".to_owned(),
            data_digest: None,
            limit: None,
            normalize: false,
            optimizer: optimizer.to_owned(),
            lr,
            options,
            batch_size: 100,
            seed: 0,
            shuffle: if paper { Shuffle::Batches } else { Shuffle::Samples }.to_string(),
            drop_incomplete: paper,
            loss_reduction: if paper { "sum" } else { "mean" }.to_owned(),
            dropout: 0.5,
            init_digest: None,
            record: Selection::Output.to_string(),
            shard_size: SHARD_SIZE,
            schedule: None,
        })
    }

    /// Takes another model and, unless it has no dropout layer, its probability of dropout (0.5 if none is given).
    ///
    /// # Errors
    /// A probability for a model that drops nothing.
    pub fn set_model(&mut self, name: &str, dropout: Option<f64>) -> Result<(), TrainError> {
        name.clone_into(&mut self.model);
        match dropout {
            Some(p) if p != 0.0 && models::NAMES.contains(&name) && !models::has_dropout(name) => {
                Err(TrainError::setting("--dropout", p, format!("{name} has no dropout layer; leave it out")))
            }
            _ => {
                self.dropout = dropout.unwrap_or(if models::has_dropout(name) { 0.5 } else { 0.0 });
                Ok(())
            }
        }
    }

    /// Checks every setting against the data that it is for.
    ///
    /// # Errors
    /// The first setting that no run can have.
    pub fn check(&self, dataset: &Dataset) -> Result<(), TrainError> {
        let train = dataset.train.len();
        let refuse = |setting, value: &dyn fmt::Display, rule: String| Err(TrainError::setting(setting, value, rule));
        if !(1..=train).contains(&self.batch_size) {
            return refuse(
                "--batch-size",
                &self.batch_size,
                format!("use 1 to {train}, the number of training images"),
            );
        }
        if i32::try_from(self.batch_size).is_err() || self.batch_size > 1 << 16 {
            return refuse("--batch-size", &self.batch_size, "use at most 65536".to_owned());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("--dropout", &self.dropout, "use a probability of at least 0 and below 1".to_owned());
        }
        if self.shard_size == 0 {
            return refuse("--shard-size", &0, "use 1 or more".to_owned());
        }
        if i64::try_from(self.seed).is_err() {
            return refuse("--seed", &self.seed, format!("use at most {}", i64::MAX));
        }
        self.reduction()?;
        self.selection()?;
        self.model()?;
        self.optimizer()?;
        self.schedule()?;
        batches_per_epoch(train, self.batch_size, self.drop_incomplete)?;
        self.shuffle()?;
        Ok(())
    }

    /// The model.
    ///
    /// # Errors
    /// When its name is unknown.
    pub fn model(&self) -> Result<Model, TrainError> {
        Ok(models::by_name(&self.model, self.dropout)?)
    }

    /// A new optimizer.
    ///
    /// # Errors
    /// When its name or an option is not allowed.
    pub fn optimizer(&self) -> Result<Box<dyn Optimizer>, TrainError> {
        Ok(registry::build(&self.optimizer, Some(self.lr), &self.options)?)
    }

    /// Takes a schedule of the learning rate, in its canonical spelling.
    ///
    /// # Errors
    /// When its text is no schedule.
    pub fn set_schedule(&mut self, text: &str) -> Result<(), TrainError> {
        self.schedule = Some(text.parse::<Schedule>()?.to_string());
        Ok(())
    }

    /// The schedule of the learning rate, if there is one.
    ///
    /// # Errors
    /// When its text is no schedule.
    pub fn schedule(&self) -> Result<Option<Schedule>, TrainError> {
        Ok(self.schedule.as_deref().map(str::parse).transpose()?)
    }

    /// The order of samples and batches.
    ///
    /// # Errors
    /// When its name is unknown.
    pub fn shuffle(&self) -> Result<Shuffle, TrainError> {
        Ok(self.shuffle.parse()?)
    }

    /// What is recorded.
    ///
    /// # Errors
    /// When it does not parse.
    pub fn selection(&self) -> Result<Selection, TrainError> {
        Ok(self.record.parse()?)
    }

    /// How pixels become numbers.
    pub fn normalization(&self) -> Normalization {
        if self.normalize { Normalization::Standard } else { Normalization::Unit }
    }

    /// How the samples' gradients are reduced.
    ///
    /// # Errors
    /// When its name is unknown.
    pub fn reduction(&self) -> Result<Reduction, TrainError> {
        match self.loss_reduction.as_str() {
            "mean" => Ok(Reduction::Mean),
            "sum" => Ok(Reduction::Sum),
            other => Err(TrainError::setting("--loss-reduction", other, "use mean or sum")),
        }
    }

    /// Notes the digest of images that come from a path; the embedded ones and those of `full` are known by their names.
    pub fn identify_data(&mut self, dataset: &Dataset) {
        if let Ok(DataSource::Path(_)) = self.data.parse() {
            self.data_digest = Some(data_digest(dataset));
        }
    }

    /// The canonical text: one JSON object, fields in order, numbers in their one spelling.
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("a configuration of plain fields is JSON")
    }

    /// The first 8 hexadecimal digits of the canonical text's SHA-256.
    pub fn digest(&self) -> String {
        hexadecimal(&Sha256::digest(self.canonical()))[..8].to_owned()
    }

    /// What tells the run from others, and where it is.
    pub fn key(&self) -> RunKey {
        RunKey {
            optimizer: self.optimizer.clone(),
            batch_size: i32::try_from(self.batch_size).unwrap_or(i32::MAX),
            lr: self.lr,
            seed: i64::try_from(self.seed).unwrap_or(i64::MAX),
            config: self.digest(),
        }
    }

    /// The settings in which two configurations differ, each as `name a, not b`.
    pub fn differences(&self, other: &RunConfig) -> Vec<String> {
        let fields = |config: &RunConfig| match serde_json::to_value(config) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => unreachable!("a configuration is a JSON object"),
        };
        let (own, others) = (fields(self), fields(other));
        // A field that is left out where it has no value may be in one of them only.
        let names = own.keys().chain(others.keys().filter(|name| !own.contains_key(*name)));
        let of = |fields: &serde_json::Map<_, _>, name: &String| fields.get(name).cloned().unwrap_or_default();
        names
            .map(|name| (name, of(&own, name), of(&others, name)))
            .filter(|(_, own, other)| own != other)
            .map(|(name, own, other): (_, serde_json::Value, serde_json::Value)| format!("{name} {own}, not {other}"))
            .collect()
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of a data set's images and labels.
fn data_digest(dataset: &Dataset) -> String {
    let mut hasher = Sha256::new();
    for split in [&dataset.train, &dataset.test] {
        hasher.update((split.len() as u64).to_le_bytes());
        hasher.update(&split.labels);
        hasher.update(split.images.as_slice().expect("images are in standard layout"));
    }
    hexadecimal(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(protocol: Protocol) -> RunConfig {
        RunConfig::new(protocol, "adam", None, &[]).expect("a known optimizer")
    }

    #[test]
    fn the_canonical_text_is_pinned() {
        // A change here gives every recorded run another name.
        let expect = concat!(
            r#"{"protocol":"paper","model":"paper_cnn","data":"sample","data_digest":null,"limit":null,"normalize":false,"#,
            r#""optimizer":"adam","lr":0.001,"options":[["betas","0.9,0.999"],["eps","1e-8"],["weight_decay","0"],"#,
            r#"["epsilon_hat","true"]],"batch_size":100,"seed":0,"shuffle":"batches","drop_incomplete":true,"#,
            r#""loss_reduction":"sum","dropout":0.5,"init_digest":null,"record":"output","shard_size":25}"#,
        );
        assert_eq!(config(Protocol::Paper).canonical(), expect);
    }

    #[test]
    fn a_configuration_is_read_back() {
        let config = config(Protocol::Standard);
        assert_eq!(serde_json::from_str::<RunConfig>(&config.canonical()).expect("canonical JSON"), config);
    }

    #[test]
    fn every_number_has_one_spelling() {
        let spelled =
            |lr: &str| RunConfig::new(Protocol::Standard, "sgd", lr.parse().ok(), &[]).expect("a rate").digest();
        assert_eq!(spelled("0.01"), spelled("1e-2"));
        assert_ne!(spelled("0.01"), spelled("0.02"));
    }

    #[test]
    fn differences_are_named() {
        let (mut a, b) = (config(Protocol::Standard), config(Protocol::Standard));
        a.batch_size = 50;
        assert_eq!(a.differences(&b), ["batch_size 50, not 100"]);
    }
}
