//! Where the images come from.

use crate::error::TrainError;
use seismograd_cifar10::{Dataset, Split, default_cache_directory};
use std::{fmt, path::PathBuf, str::FromStr};

/// A data set, as `--data` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataSource {
    /// The embedded sample: 2,000 training and 500 test images.
    Sample,
    /// The full data set, in the user's cache directory.
    Full,
    /// A directory of the six files, or the archive.
    Path(PathBuf),
}

impl DataSource {
    /// Reads the images.
    ///
    /// # Errors
    /// A missing, truncated, oversized or corrupt file, or a label above 9.
    pub fn load(&self) -> Result<Dataset, TrainError> {
        let dataset = match self {
            DataSource::Sample => Dataset {
                train: Split::read(seismograd_cifar10_sample::TRAIN, "embedded training sample")?,
                test: Split::read(seismograd_cifar10_sample::TEST, "embedded test sample")?,
            },
            DataSource::Full => Dataset::open(default_cache_directory()?)?,
            DataSource::Path(path) => Dataset::open(path)?,
        };
        Ok(dataset)
    }
}

impl FromStr for DataSource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<DataSource, Self::Err> {
        Ok(match text {
            "sample" => DataSource::Sample,
            "full" => DataSource::Full,
            path => DataSource::Path(path.into()),
        })
    }
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataSource::Sample => f.write_str("sample"),
            DataSource::Full => f.write_str("full"),
            DataSource::Path(path) => path.display().fmt(f),
        }
    }
}
