//! The embedded sample: the first images of each class in file order, as gzipped records.
//!
//! The same six files give the same records, and with one version of the compressor the same bytes: no time stamp, no
//! file name, no random draw.

use super::{progress::say, publish};
use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use seismograd_cifar10::{CLASSES, digests, format::RECORD_BYTES};
use std::{fs, io::Write, path::Path};

const TRAIN_PER_CLASS: usize = 200;
const TEST_PER_CLASS: usize = 50;

/// Rewrites `train.bin.gz` and `test.bin.gz` from the six files in `directory`.
pub fn write(directory: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the task lives in a workspace")?;
    let target = root.join("crates/cifar10-sample/data");
    fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    let (train, test) = digests::FILES.split_at(5);
    for (files, per_class, name) in [(train, TRAIN_PER_CLASS, "train.bin.gz"), (test, TEST_PER_CLASS, "test.bin.gz")] {
        let records = draw(directory, files, per_class)?;
        let path = target.join(name);
        publish::atomically(&path, |to| gzip(&records, to), |_| Ok(()))?;
        let count = records.len() / RECORD_BYTES;
        say(&format!("{}: {count} records, {} bytes", path.display(), fs::metadata(&path)?.len()));
    }
    Ok(())
}

fn draw(directory: &Path, files: &[digests::OfficialFile], per_class: usize) -> Result<Vec<u8>> {
    let mut drawn = Vec::new();
    let mut counts = [0; CLASSES.len()];
    for file in files {
        let path = directory.join(file.name);
        let records = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        take_first(&records, per_class, &mut counts, &mut drawn);
    }
    Ok(drawn)
}

/// Appends each record whose class has been drawn fewer than `per_class` times. The labels are known to be at most 9: the
/// files' digests have been checked.
fn take_first(records: &[u8], per_class: usize, counts: &mut [usize; CLASSES.len()], drawn: &mut Vec<u8>) {
    for record in records.chunks_exact(RECORD_BYTES) {
        let count = &mut counts[usize::from(record[0])];
        if *count < per_class {
            *count += 1;
            drawn.extend_from_slice(record);
        }
    }
}

fn gzip(records: &[u8], to: &mut dyn Write) -> Result<()> {
    let mut encoder = GzBuilder::new().mtime(0).write(to, Compression::best());
    encoder.write_all(records)?;
    encoder.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_class_are_drawn_in_file_order() {
        let record = |label, pixel| [&[label][..], &[pixel; RECORD_BYTES - 1]].concat();
        let records: Vec<u8> =
            [(1, 10), (1, 11), (1, 12), (0, 13), (1, 14)].into_iter().flat_map(|(l, p)| record(l, p)).collect();
        let (mut counts, mut drawn) = ([0; CLASSES.len()], Vec::new());
        take_first(&records, 2, &mut counts, &mut drawn);
        assert_eq!(drawn, [record(1, 10), record(1, 11), record(0, 13)].concat());
    }

    #[test]
    fn the_same_records_give_the_same_bytes() {
        let gzipped = || {
            let mut bytes = Vec::new();
            gzip(b"records", &mut bytes).map(|()| bytes).unwrap()
        };
        let bytes = gzipped();
        assert_eq!(bytes[4..8], [0; 4], "the header's time stamp");
        assert_eq!(bytes, gzipped());
    }
}
