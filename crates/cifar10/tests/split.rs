//! Splits: hand-made records read back pixel by pixel, damaged files, batches.

use flate2::{Compression, write::GzEncoder};
use seismograd_cifar10::{CHANNEL_DEVIATIONS, CHANNEL_MEANS, Error, Normalization, Split, format::RECORD_BYTES};
use std::{fs, io::Write};

/// A byte that differs between neighbours in every direction.
fn pixel(image: usize, row: usize, column: usize, channel: usize) -> u8 {
    (image * 31 + row * 7 + column * 3 + channel * 101) as u8
}

/// The records of `labels.len()` images made of [`pixel`], planes and all.
fn records(labels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (image, &label) in labels.iter().enumerate() {
        bytes.push(label);
        for channel in 0..3 {
            for row in 0..32 {
                bytes.extend((0..32).map(|column| pixel(image, row, column, channel)));
            }
        }
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn check_error(bytes: &[u8], expect: &str) {
    assert_eq!(Split::read(bytes, "my.bin").unwrap_err().to_string(), expect);
}

#[test]
fn every_pixel_is_at_its_place() {
    let bytes = records(&[3, 9, 0]);
    for bytes in [&bytes, &gzip(&bytes)] {
        let split = Split::read(&bytes[..], "three records").unwrap();
        assert_eq!(split.labels, [3, 9, 0]);
        assert_eq!(split.images.dim(), (3, 32, 32, 3));
        for ((image, row, column, channel), &found) in split.images.indexed_iter() {
            assert_eq!(found, pixel(image, row, column, channel), "{image} {row} {column} {channel}");
        }
    }
}

#[test]
fn a_file_of_any_whole_number_of_records_is_readable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.bin");
    fs::write(&path, records(&[1, 2])).unwrap();
    let split = Split::open(&path).unwrap();
    assert_eq!((split.len(), split.is_empty()), (2, false));
}

#[test]
fn damaged_records_are_errors_in_one_line() {
    let bytes = records(&[3, 9, 0]);
    let cut = "fetch it again with `cargo xtask data`";
    check_error(
        &bytes[..2 * RECORD_BYTES + 5],
        &format!(
            "my.bin: record 2 (counted from 0) holds 5 of 3073 bytes; the file is cut short or has trailing bytes, {cut}"
        ),
    );
    check_error(
        &[&bytes[..], &[0]].concat(),
        &format!(
            "my.bin: record 3 (counted from 0) holds 1 of 3073 bytes; the file is cut short or has trailing bytes, {cut}"
        ),
    );
    check_error(&[], "my.bin: holds no record; expected a whole number of 3073-byte records, at least one");
    check_error(
        &records(&[3, 10]),
        "my.bin: record 1 (counted from 0) has label 10, expected 0 to 9; these are not CIFAR-10 records",
    );
}

#[test]
fn damaged_gzip_is_an_error_in_one_line() {
    let whole = gzip(&records(&[3, 9]));
    let mut wrong_checksum = whole.clone();
    let checksum = whole.len() - 8;
    wrong_checksum[checksum] ^= 1;
    for bytes in [&wrong_checksum[..], &whole[..whole.len() / 2], &whole[..whole.len() - 1], &whole[..2]] {
        let error = Split::read(bytes, "my.bin.gz").unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        let line = error.to_string();
        assert!(line.starts_with("my.bin.gz: corrupt gzip or tar data (") && !line.contains('\n'), "{line}");
    }
}

#[test]
fn a_missing_file_is_named_with_the_fix() {
    let line = Split::open("no/such.bin").unwrap_err().to_string();
    assert_eq!(line, "no/such.bin: no such file or directory; fetch the data set with `cargo xtask data`");
}

#[test]
fn truncation_keeps_the_first_images() {
    let mut split = Split::read(&records(&[3, 9, 0])[..], "three records").unwrap();
    split.truncate(7);
    assert_eq!(split.len(), 3);
    split.truncate(2);
    assert_eq!(split, Split::read(&records(&[3, 9])[..], "two records").unwrap());
    split.truncate(0);
    assert!(split.is_empty());
}

#[test]
fn batches_hold_scaled_pixels_with_exact_bits() {
    let split = Split::read(&records(&[3, 9, 0])[..], "three records").unwrap();
    let indices = [2, 0, 2, 1];
    for scale in [Normalization::Unit, Normalization::Standard] {
        let mut batch = vec![f32::NAN; indices.len() * 3072];
        split.batch_into(&indices, &scale, &mut batch);
        for (position, &found) in batch.iter().enumerate() {
            let (image, row, column, channel) =
                (indices[position / 3072] as usize, position / 96 % 32, position / 3 % 32, position % 3);
            let unit = f32::from(pixel(image, row, column, channel)) / 255.0;
            let expect = match scale {
                Normalization::Unit => unit,
                Normalization::Standard => (unit - CHANNEL_MEANS[channel]) / CHANNEL_DEVIATIONS[channel],
            };
            assert_eq!(found.to_bits(), expect.to_bits(), "{position}");
        }
    }
    assert_eq!(split.labels(&indices), [0, 3, 0, 9]);
}

#[test]
#[should_panic(expected = "batch_into: `out` has 3071 elements, [1, 32, 32, 3] needs 3072")]
fn an_output_of_another_length_panics() {
    Split::read(&records(&[3])[..], "a record").unwrap().batch_into(&[0], &Normalization::Unit, &mut [0.0; 3071]);
}

#[test]
#[should_panic(expected = "labels: index 1 in a split of 1 images")]
fn an_index_beyond_the_split_panics() {
    Split::read(&records(&[3])[..], "a record").unwrap().labels(&[1]);
}
