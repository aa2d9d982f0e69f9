//! Where a run's files are: a directory per run in hive style, so that DuckDB, polars and Spark read a whole
//! sweep as one table, and fixed names inside it.
//!
//! This module spells and reads paths; it opens no file.

use crate::error::{Result, TraceError};
use crate::part::part_name;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The directory of all runs, inside a sweep's.
pub(crate) const RUNS: &str = "runs";
/// The name of a run's summary, by which runs are found.
pub(crate) const RUN_JSON: &str = "run.json";
/// The names of the key's fields in a path, outermost first.
const FIELDS: [&str; 5] = ["optimizer", "batch_size", "lr", "seed", "config"];

/// What tells one run of a sweep from another.
///
/// A number has one spelling, Rust's `{}`: the shortest decimal digits that read back as the same
/// number, never with an exponent (`0.001`, `0.0000001`, `1`). So a path determines its key, one learning rate
/// cannot have two directories, and every reader of hive paths can parse it as a number.
///
/// ```
/// use seismograd_trace::RunKey;
/// use std::path::Path;
///
/// let (optimizer, config) = ("adam".to_owned(), "1a2b3c4d".to_owned());
/// let key = RunKey { optimizer, batch_size: 100, lr: 1e-3, seed: 0, config };
/// let directory = key.directory()?;
/// let expected = "runs/optimizer=adam/batch_size=100/lr=0.001/seed=0/config=1a2b3c4d";
/// assert_eq!(directory, Path::new(expected));
/// assert_eq!(RunKey::of_directory(&directory)?, key);
/// # Ok::<(), seismograd_trace::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunKey {
    /// The optimizer's name: lower-case ASCII letters, digits, `_`, `-`.
    pub optimizer: String,
    /// Samples a batch, at least 1.
    pub batch_size: i32,
    /// The base learning rate: finite, not negative.
    pub lr: f64,
    /// The seed, not negative.
    pub seed: i64,
    /// The first 8 hexadecimal digits, lower case, of the canonical configuration's SHA-256.
    pub config: String,
}

impl RunKey {
    /// The run's directory, relative to the sweep's; a key outside its fields' ranges is refused.
    pub fn directory(&self) -> Result<PathBuf> {
        self.check()?;
        let fields = FIELDS.iter().zip(self.values());
        let components = fields.map(|(field, value)| format!("{field}={value}"));
        Ok(std::iter::once(RUNS.to_owned()).chain(components).collect())
    }

    /// Reads the key back from the last five components of a run's directory.
    ///
    /// A number that is not in its one spelling is refused, as is a field that is missing or out of place.
    pub fn of_directory(directory: &Path) -> Result<RunKey> {
        let mut components: Vec<_> = directory.components().rev().take(FIELDS.len()).collect();
        components.reverse();
        let wrong = |problem: String| TraceError::file(directory, problem);
        let value = |place: usize| {
            let component = components.get(place).and_then(|component| component.as_os_str().to_str());
            let value = component.and_then(|text| text.strip_prefix(FIELDS[place])?.strip_prefix('='));
            value.ok_or_else(|| wrong(format!("not a run's directory, expected .../{}/", pattern())))
        };
        let key = RunKey {
            optimizer: value(0)?.to_owned(),
            batch_size: number(value(1)?).map_err(wrong)?,
            lr: number(value(2)?).map_err(wrong)?,
            seed: number(value(3)?).map_err(wrong)?,
            config: value(4)?.to_owned(),
        };
        key.check().map_err(|error| wrong(error.to_string()))?;
        for (place, expected) in key.values().iter().enumerate() {
            if value(place)? != expected {
                let found = value(place)?;
                let problem = format!("{}={found} is not spelled as {expected}", FIELDS[place]);
                return Err(wrong(problem));
            }
        }
        Ok(key)
    }

    fn values(&self) -> [String; 5] {
        let RunKey { optimizer, batch_size, lr, seed, config } = self;
        [optimizer.clone(), batch_size.to_string(), lr.to_string(), seed.to_string(), config.clone()]
    }

    fn check(&self) -> Result<()> {
        let name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let optimizer = !self.optimizer.is_empty() && self.optimizer.bytes().all(name);
        let config = self.config.len() == 8 && self.config.bytes().all(hex);
        let lr = self.lr.is_finite() && self.lr.is_sign_positive();
        let [optimizer_found, batch_size, lr_found, seed, config_found] = self.values();
        let checks = [
            (optimizer, "optimizer", optimizer_found, "expected lower-case letters, digits, `_` and `-`"),
            (self.batch_size >= 1, "batch_size", batch_size, "expected 1 or more"),
            (lr, "lr", lr_found, "expected a finite number, 0 or more"),
            (self.seed >= 0, "seed", seed, "expected 0 or more"),
            (config, "config", config_found, "expected 8 lower-case hexadecimal digits"),
        ];
        match checks.into_iter().find(|(holds, ..)| !holds) {
            None => Ok(()),
            Some((_, what, found, rule)) => Err(TraceError::name(what, &found, rule)),
        }
    }
}

fn pattern() -> String {
    FIELDS.map(|field| format!("{field}=<{field}>")).join("/")
}

fn number<T: FromStr>(text: &str) -> std::result::Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number of the expected range"))
}

/// The files of one run.
///
/// ```
/// use seismograd_trace::RunDir;
///
/// let run = RunDir::at("out/runs/somewhere");
/// assert!(run.part(2).ends_with("trace/part-00002.parquet"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    root: PathBuf,
}

impl RunDir {
    /// The run whose files are in `root`.
    pub fn at(root: impl Into<PathBuf>) -> RunDir {
        RunDir { root: root.into() }
    }

    /// The directory of the run `key` in the sweep's directory `out`.
    pub fn of(out: &Path, key: &RunKey) -> Result<RunDir> {
        Ok(RunDir::at(out.join(key.directory()?)))
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The run's whole configuration: `config.json`.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    /// One row an epoch: `epochs.parquet`.
    pub fn epochs(&self) -> PathBuf {
        self.root.join("epochs.parquet")
    }

    /// The state to resume from: `checkpoint.safetensors`.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint.safetensors")
    }

    /// The run's row of `runs.parquet`: `run.json`.
    pub fn summary(&self) -> PathBuf {
        self.root.join(RUN_JSON)
    }

    /// The directory of the trace's parts: `trace/`.
    pub fn trace(&self) -> PathBuf {
        self.root.join("trace")
    }

    /// A part of the trace: `trace/part-00000.parquet`.
    pub fn part(&self, part: usize) -> PathBuf {
        self.trace().join(part_name(part))
    }

    /// The TensorBoard events.
    ///
    /// TensorBoard takes any file with `tfevents` in its name; where others put the time and the host, this
    /// name has constants, so that a resumed run finds its file.
    pub fn events(&self) -> PathBuf {
        self.root.join("events.out.tfevents.0.seismograd")
    }
}

/// The table of all runs in a sweep's directory: `runs.parquet`.
pub fn runs_table(out: &Path) -> PathBuf {
    out.join("runs.parquet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(lr: f64) -> RunKey {
        RunKey { optimizer: "sgd".into(), batch_size: 50, lr, seed: 3, config: "00ff00ff".into() }
    }

    fn check_lr(lr: f64, spelled: &str) {
        let directory = key(lr).directory().unwrap();
        let expected = format!("runs/optimizer=sgd/batch_size=50/lr={spelled}/seed=3/config=00ff00ff");
        assert_eq!(directory, Path::new(&expected));
        assert_eq!(RunKey::of_directory(&Path::new("/some/out").join(directory)).unwrap(), key(lr));
    }

    #[test]
    fn a_number_has_one_spelling() {
        check_lr(1e-3, "0.001");
        check_lr(1e-7, "0.0000001");
        check_lr(0.1 + 0.2, "0.30000000000000004");
        check_lr(1.0, "1");
        check_lr(0.0, "0");
    }

    fn check_refused(directory: &str, message: &str) {
        let error = RunKey::of_directory(Path::new(directory)).unwrap_err().to_string();
        assert!(error.contains(directory) && error.contains(message), "{error}");
    }

    #[test]
    fn other_directories_are_refused() {
        let lr = |lr: &str| format!("optimizer=sgd/batch_size=50/lr={lr}/seed=3/config=00ff00ff");
        check_refused(&lr("1e-3"), "lr=1e-3 is not spelled as 0.001");
        check_refused(&lr("0.10"), "lr=0.10 is not spelled as 0.1");
        check_refused(&lr("NaN"), "lr `NaN`");
        check_refused(&lr("-0"), "lr `-0`");
        check_refused(&lr("fast"), "`fast` is not a number");
        check_refused("optimizer=SGD/batch_size=50/lr=1/seed=3/config=00ff00ff", "optimizer `SGD`");
        check_refused("optimizer=sgd/batch_size=0/lr=1/seed=3/config=00ff00ff", "batch_size `0`");
        check_refused("optimizer=sgd/batch_size=+5/lr=1/seed=3/config=00ff00ff", "not spelled as 5");
        check_refused("optimizer=sgd/batch_size=5/lr=1/seed=-3/config=00ff00ff", "seed `-3`");
        check_refused("optimizer=sgd/batch_size=5/lr=1/seed=3/config=00FF00FF", "config `00FF00FF`");
        check_refused("optimizer=sgd/lr=1/batch_size=5/seed=3/config=00ff00ff", "not a run's directory");
        check_refused("seed=3/config=00ff00ff", "not a run's directory");
    }

    #[test]
    fn a_key_that_cannot_be_a_path_is_refused() {
        for optimizer in ["", "a/b", "..", "a=b"] {
            assert!(RunKey { optimizer: optimizer.into(), ..key(0.1) }.directory().is_err(), "{optimizer}");
        }
        assert!(key(f64::NAN).directory().is_err());
        assert!(key(-0.1).directory().is_err());
    }

    proptest! {
        #[test]
        fn every_rate_comes_back(lr in 0.0..1e6f64, small in 0.0..1e-9f64) {
            for lr in [lr, small] {
                let directory = key(lr).directory().unwrap();
                prop_assert_eq!(RunKey::of_directory(&directory).unwrap().lr.to_bits(), lr.to_bits());
            }
        }
    }
}
