//! A real sample of CIFAR-10, embedded, so that a first training run needs neither a network nor a download.
//!
//! Data only: two gzipped files of CIFAR-10 records (1 label byte, then 1,024 red, 1,024 green and 1,024 blue bytes, each
//! plane in row-major order). Reading them is the business of `seismograd-cifar10`, on which this crate does not depend.
//! `cargo xtask data --write-sample` writes the files anew from the full data set.
//!
//! The images are **not** under this project's licence. They come from CIFAR-10 (A. Krizhevsky, "Learning Multiple Layers of
//! Features from Tiny Images", 2009); see `NOTICE.md`.
//!
//! ```
//! use seismograd_cifar10::Split;
//!
//! let train = Split::read(seismograd_cifar10_sample::TRAIN, "the embedded training sample")?;
//! assert_eq!(train.images.dim(), (2000, 32, 32, 3));
//! assert_eq!(train.labels[..5], [6, 9, 9, 4, 1]);
//! # Ok::<(), seismograd_cifar10::Error>(())
//! ```

/// The first 200 training images of each class, in the order of `data_batch_1.bin` to `data_batch_5.bin`: 2,000 gzipped
/// records.
pub static TRAIN: &[u8] = include_bytes!("../data/train.bin.gz");

/// The first 50 test images of each class, in the order of `test_batch.bin`: 500 gzipped records.
pub static TEST: &[u8] = include_bytes!("../data/test.bin.gz");
