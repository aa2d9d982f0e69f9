//! The sample pixel by pixel, and against the full data set. Expected values were computed from the records by a Python
//! program that shares no code with the reader.

use ndarray::Axis;
use seismograd_cifar10::{Dataset, Split, default_cache_directory, digests::sha256_of};
use seismograd_cifar10_sample::{TEST, TRAIN};
use std::io::Write;

struct Expect {
    length: usize,
    labels: [u8; 10],
    /// Image, row, column; red, green, blue.
    pixels: [([usize; 3], [u8; 3]); 6],
    /// SHA-256 of the `[n, 32, 32, 3]` bytes.
    digest: &'static str,
}

fn check(gzipped: &[u8], expect: &Expect) {
    let split = Split::read(gzipped, "the embedded sample").unwrap();
    assert_eq!(split.len(), expect.length);
    assert_eq!(split.labels[..10], expect.labels);
    for ([image, row, column], rgb) in expect.pixels {
        let found = [0, 1, 2].map(|channel| split.images[(image, row, column, channel)]);
        assert_eq!(found, rgb, "image {image}, row {row}, column {column}");
    }
    let bytes = split.images.as_slice().expect("the reader gives standard layout");
    assert_eq!(sha256_of(bytes).unwrap(), expect.digest);
}

#[test]
fn golden_pixels_of_the_training_sample() {
    check(
        TRAIN,
        &Expect {
            length: 2000,
            labels: [6, 9, 9, 4, 1, 1, 2, 7, 8, 3],
            pixels: [
                ([0, 0, 0], [59, 62, 63]),
                ([0, 0, 31], [148, 124, 103]),
                ([0, 31, 0], [177, 144, 116]),
                ([0, 5, 17], [97, 63, 32]),
                ([1999, 17, 5], [203, 147, 65]),
                ([1999, 31, 31], [27, 53, 67]),
            ],
            digest: "4e5ac895e46a9b569a45d0220f845bd1c317a6bbb96ae905af26bf5b6ca10a16",
        },
    );
}

#[test]
fn golden_pixels_of_the_test_sample() {
    check(
        TEST,
        &Expect {
            length: 500,
            labels: [3, 8, 8, 0, 6, 6, 1, 6, 3, 1],
            pixels: [
                ([0, 0, 0], [158, 112, 49]),
                ([0, 0, 31], [116, 85, 33]),
                ([0, 31, 0], [54, 107, 160]),
                ([0, 5, 17], [66, 56, 45]),
                ([499, 17, 5], [48, 71, 49]),
                ([499, 31, 31], [88, 87, 92]),
            ],
            digest: "b130bd64837d7ea45dc3fbd2d32f1f70eda695648ee6ceacee1ee0a41dc4202a",
        },
    );
}

#[test]
fn both_files_together_fit_a_published_crate() {
    assert!(TRAIN.len() + TEST.len() < 9_500_000);
}

/// The first `each` images of each class, in order.
fn first_of_each_class(split: &Split, each: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..10u8)
        .flat_map(|class| (0..split.len()).filter(move |&image| split.labels[image] == class).take(each))
        .collect();
    chosen.sort_unstable();
    chosen
}

fn check_drawn(gzipped: &[u8], full: &Split, each: usize) {
    let sample = Split::read(gzipped, "the embedded sample").unwrap();
    let chosen = first_of_each_class(full, each);
    let labels: Vec<u8> = chosen.iter().map(|&image| full.labels[image]).collect();
    assert_eq!(sample.labels, labels);
    assert!(sample.images == full.images.select(Axis(0), &chosen), "pixels differ");
}

#[test]
fn the_sample_is_drawn_from_the_full_data_set() {
    let Some(directory) = default_cache_directory().ok().filter(|directory| directory.is_dir()) else {
        let line = b"skipped: the full CIFAR-10 is absent; run `cargo xtask data`, then test again\n";
        return std::io::stderr().write_all(line).expect("standard error is open");
    };
    let full = Dataset::open(directory).unwrap();
    check_drawn(TRAIN, &full.train, 200);
    check_drawn(TEST, &full.test, 50);
}
