//! A cell: one run of a sweep, and how it is started.
//!
//! Its identity is that of its run: the directory named by the configuration's digest. So a changed configuration is another cell, and the
//! place of a cell in a file, or in an array of jobs, means nothing.

use crate::error::SweepError;
use seismograd_trace::RunDir;
use seismograd_train::{Progress, RunConfig};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The digest of its configuration, which ends its directory's name.
    pub id: String,
    /// The epochs to train; no part of the identity, so that a run can go on.
    pub epochs: u64,
    /// Everything that decides its numbers.
    pub config: RunConfig,
}

/// What a cell tells while it trains: one line of JSON on its standard output.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// The epoch under way, from 1.
    pub epoch: u64,
    /// The epochs to train.
    pub epochs: u64,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// The epoch's mean loss so far.
    pub loss: f64,
}

impl Beat {
    /// Epochs done, the one under way in part.
    pub fn epochs_done(&self) -> f64 {
        let part = self.batch as f64 / self.batches.max(1) as f64;
        (self.epoch.saturating_sub(1) as f64 + part).min(self.epochs as f64)
    }
}

impl From<&Progress> for Beat {
    fn from(progress: &Progress) -> Beat {
        let &Progress { epoch, epochs, batch, batches, loss, .. } = progress;
        Beat { epoch, epochs, batch, batches, loss }
    }
}

impl Cell {
    /// The cell of a configuration.
    pub fn new(config: RunConfig, epochs: u64) -> Cell {
        Cell { id: config.digest(), epochs, config }
    }

    /// Its run's directory below the sweep's.
    ///
    /// # Errors
    /// A configuration that cannot be a path.
    pub fn directory(&self, out: &Path) -> Result<RunDir, SweepError> {
        Ok(RunDir::of(out, &self.config.key())?)
    }

    /// Its run's directory, relative to the sweep's.
    ///
    /// # Errors
    /// As [`Cell::directory`].
    pub fn relative(&self) -> Result<PathBuf, SweepError> {
        Ok(self.config.key().directory()?)
    }

    /// It in a few words.
    pub fn name(&self) -> String {
        let config = &self.config;
        format!("{} batch {} lr {} seed {}", config.optimizer, config.batch_size, config.lr, config.seed)
    }

    /// The arguments of `train` that make this run and no other.
    pub fn arguments(&self, out: &Path, threads: usize, checkpoint_seconds: u64) -> Vec<OsString> {
        let config = &self.config;
        let mut arguments: Vec<OsString> = vec!["--cell".into(), "--out".into(), out.into()];
        let mut add = |flag: &str, value: String| arguments.push(format!("--{flag}={value}").into());
        add("optimizer", config.optimizer.clone());
        add("lr", config.lr.to_string());
        config.options.iter().for_each(|(name, value)| add("set", format!("{name}={value}")));
        add("batch-size", config.batch_size.to_string());
        add("epochs", self.epochs.to_string());
        add("seed", config.seed.to_string());
        add("data", config.data.clone());
        add("protocol", config.protocol.clone());
        add("model", config.model.clone());
        add("dropout", config.dropout.to_string());
        add("shuffle", config.shuffle.clone());
        add("loss-reduction", config.loss_reduction.clone());
        add("record", config.record.clone());
        add("shard-size", config.shard_size.to_string());
        config.limit.iter().for_each(|limit| add("limit", limit.to_string()));
        add("threads", threads.to_string());
        add("checkpoint-every", checkpoint_seconds.to_string());
        if config.normalize {
            arguments.push("--normalize".into());
        }
        arguments
    }
}
