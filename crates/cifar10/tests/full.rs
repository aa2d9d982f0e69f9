//! The full data set, where `cargo xtask data` has stored it: digests, class balance, the constants of normalisation, and
//! pixels read from the official files by another program.

use seismograd_cifar10::{CHANNEL_DEVIATIONS, CHANNEL_MEANS, Dataset, Split, default_cache_directory, verify};
use std::{io::Write, path::PathBuf};

/// The directory, or a line on standard error that says why nothing is tested.
fn directory() -> Option<PathBuf> {
    let directory = default_cache_directory().ok().filter(|directory| directory.is_dir());
    if directory.is_none() {
        let line = b"skipped: the full CIFAR-10 is absent; run `cargo xtask data`, then test again\n";
        std::io::stderr().write_all(line).expect("standard error is open");
    }
    directory
}

fn check_classes(split: &Split, each: usize) {
    for class in 0..10 {
        assert_eq!(split.labels.iter().filter(|label| **label == class).count(), each, "class {class}");
    }
}

fn check_pixel(split: &Split, (image, row, column): (usize, usize, usize), expect: [u8; 3]) {
    let found = [0, 1, 2].map(|channel| split.images[(image, row, column, channel)]);
    assert_eq!(found, expect, "image {image}, row {row}, column {column}");
}

/// Mean and standard deviation of a channel / 255, summed exactly in integers.
fn moments(split: &Split, channel: usize) -> (f64, f64) {
    let (mut sum, mut squares) = (0u64, 0u64);
    for pixel in split.images.as_slice().expect("the reader gives standard layout").chunks_exact(3) {
        let value = u64::from(pixel[channel]);
        sum += value;
        squares += value * value;
    }
    let count = (split.len() * 1024) as f64;
    let mean = sum as f64 / count / 255.0;
    (mean, (squares as f64 / count / 255.0 / 255.0 - mean * mean).sqrt())
}

#[test]
fn the_official_files_have_the_official_digests() {
    let Some(directory) = directory() else { return };
    verify(&directory).unwrap();
}

#[test]
fn the_official_data_have_their_known_contents() {
    let Some(directory) = directory() else { return };
    let Dataset { train, test } = Dataset::open(directory).unwrap();
    check_classes(&train, 5000);
    check_classes(&test, 1000);
    check_pixel(&train, (0, 0, 0), [59, 62, 63]);
    check_pixel(&train, (0, 5, 17), [97, 63, 32]);
    check_pixel(&test, (0, 17, 5), [94, 102, 105]);
    for channel in 0..3 {
        // Half a unit of the constants' fifth digit, and what rounding them to f32 adds.
        let tolerance = 5e-6 + 1e-7;
        let (mean, deviation) = moments(&train, channel);
        assert!((mean - f64::from(CHANNEL_MEANS[channel])).abs() < tolerance, "channel {channel}: mean {mean}");
        assert!(
            (deviation - f64::from(CHANNEL_DEVIATIONS[channel])).abs() < tolerance,
            "channel {channel}: {deviation}"
        );
    }
}
