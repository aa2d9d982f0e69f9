//! CIFAR-10: reader of the binary format, the official files' digests, and batching and shuffling orders.
//!
//! The result is plain [`ndarray`] arrays with channels innermost, useful without anything else of this project.
//!
//! - [`Dataset::open`] reads the six official files, from a directory or straight from `cifar-10-binary.tar.gz`;
//!   [`Split::open`] and [`Split::read`] read any records, plain or gzipped.
//! - [`digests::verify`] says whether a directory holds the official files byte for byte, and
//!   [`default_cache_directory`] where `cargo xtask data` stores them.
//! - [`epoch_batches`] says which images make which batch of which epoch, and [`Split::batch_into`] turns a batch of
//!   indices into numbers.
//!
//! It downloads nothing, augments nothing, and knows no tensor but ndarray's.

mod cache;
pub mod digests;
mod error;
pub mod format;
mod normalization;
mod order;
mod source;
mod split;

pub use cache::default_cache_directory;
pub use digests::verify;
pub use error::Error;
pub use normalization::{CHANNEL_DEVIATIONS, CHANNEL_MEANS, Normalization};
pub use order::{Shuffle, batches_per_epoch, epoch_batches};
pub use split::{Dataset, Split};

/// The classes' names, by label.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
