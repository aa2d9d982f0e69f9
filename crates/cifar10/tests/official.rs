//! The six official files: their layout in a directory and in the archive, and what damage to either says.
//!
//! The files are stand-ins of the official size, black images of class 0 but for marked labels; directories hold them as
//! sparse files.

use flate2::{Compression, write::GzEncoder};
use seismograd_cifar10::{Dataset, Error, digests::FILES, verify};
use std::{
    fs::{self, File, OpenOptions},
    io::{Cursor, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const FILE_BYTES: u64 = 10_000 * 3073;

/// A directory of the six files; the first label of file `i` is `i`.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (position, official) in FILES.iter().enumerate() {
        let mut file = File::create(directory.path().join(official.name)).unwrap();
        file.write_all(&[position as u8]).unwrap();
        file.set_len(FILE_BYTES).unwrap();
    }
    directory
}

/// Changes one file of a good directory and checks the error, whose text may speak of `{dir}`.
fn check_damage(name: &str, damage: impl FnOnce(&mut File), expect: &str) {
    let directory = directory();
    let path = directory.path().join(name);
    damage(&mut OpenOptions::new().write(true).open(&path).unwrap());
    let line = Dataset::open(directory.path()).unwrap_err().to_string();
    assert_eq!(line, expect.replace("{dir}", &directory.path().display().to_string()));
}

/// An archive of `members` (name, first label, bytes), the official directory before their names.
fn archive(directory: &Path, members: &[(&str, u8, u64)]) -> PathBuf {
    let path = directory.join("archive.tar.gz");
    let mut tar = tar::Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
    for &(name, label, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o644);
        let contents = Cursor::new([label]).chain(std::io::repeat(0)).take(bytes);
        tar.append_data(&mut header, format!("cifar-10-batches-bin/{name}"), contents).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
    path
}

fn first_labels(dataset: &Dataset) -> Vec<u8> {
    dataset.train.labels.iter().step_by(10_000).chain(&dataset.test.labels[..1]).copied().collect()
}

#[test]
fn a_directory_gives_the_files_in_order() {
    let directory = directory();
    let dataset = Dataset::open(directory.path()).unwrap();
    assert_eq!((dataset.train.len(), dataset.test.len()), (50_000, 10_000));
    assert_eq!(dataset.train.images.dim(), (50_000, 32, 32, 3));
    assert_eq!(first_labels(&dataset), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn an_archive_in_any_order_gives_the_files_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut members: Vec<(&str, u8, u64)> = (0..6).map(|i| (FILES[i].name, i as u8, FILE_BYTES)).collect();
    members.reverse();
    members.insert(2, ("batches.meta.txt", 77, 61));
    members.insert(4, ("nested/data_batch_1.bin", 99, 10));
    let dataset = Dataset::open(archive(directory.path(), &members)).unwrap();
    assert_eq!(first_labels(&dataset), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn damaged_directories_are_errors_in_one_line() {
    let again = "fetch it again with `cargo xtask data`";
    check_damage(
        "data_batch_1.bin",
        |file| file.set_len(FILE_BYTES - 1).unwrap(),
        &format!(
            "{{dir}}/data_batch_1.bin: record 9999 (counted from 0) holds 3072 of 3073 bytes; the file is cut short or has \
             trailing bytes, {again}"
        ),
    );
    check_damage(
        "data_batch_2.bin",
        |file| file.set_len(FILE_BYTES - 3073).unwrap(),
        &format!(
            "{{dir}}/data_batch_2.bin: holds 9999 records, expected 10000; {again} (a subset of your own is read file by \
             file, with `Split::open`)"
        ),
    );
    check_damage(
        "data_batch_1.bin",
        |file| file.set_len(FILE_BYTES + 3073).unwrap(),
        &format!("{{dir}}/data_batch_1.bin: goes on after record 10000, the last one expected; {again}"),
    );
    check_damage(
        "test_batch.bin",
        |file| {
            file.seek(SeekFrom::Start(3073 * 17)).unwrap();
            file.write_all(&[200]).unwrap();
        },
        "{dir}/test_batch.bin: record 17 (counted from 0) has label 200, expected 0 to 9; these are not CIFAR-10 records",
    );
}

#[test]
fn a_missing_file_or_directory_is_named() {
    let directory = directory();
    fs::remove_file(directory.path().join("data_batch_3.bin")).unwrap();
    let expect = format!(
        "{}: lacks data_batch_3.bin, one of the six files of CIFAR-10; fetch them with `cargo xtask data`",
        directory.path().display()
    );
    assert_eq!(Dataset::open(directory.path()).unwrap_err().to_string(), expect);
    assert!(matches!(Dataset::open("no/such/place"), Err(Error::Missing { .. })));
    assert!(matches!(verify(Path::new("no/such/place")), Err(Error::Missing { .. })));
}

#[test]
fn one_of_the_six_is_no_data_set() {
    let directory = directory();
    let error = Dataset::open(directory.path().join("data_batch_1.bin")).unwrap_err().to_string();
    assert!(error.ends_with("data_batch_1.bin is one of six files; name the directory that holds them all"), "{error}");
    // What a decoder quotes of a file that is none of them is left out.
    let other = directory.path().join("mine.bin");
    fs::write(&other, [0x81; 3073]).unwrap();
    let error = Dataset::open(&other).unwrap_err().to_string();
    assert!(error.contains("corrupt gzip or tar data") && !error.contains(char::is_control), "{error:?}");
}

#[test]
fn damaged_archives_are_errors_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let check = |path: &Path, expect: &str| {
        let line = Dataset::open(path).unwrap_err().to_string();
        assert!(line.contains(expect) && line.contains("archive.tar.gz") && !line.contains('\n'), "{line}");
    };
    let test = FILES[5].name;
    let path = archive(directory.path(), &[(test, 5, FILE_BYTES)]);
    check(&path, "lacks data_batch_1.bin");

    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    check(&path, "corrupt gzip or tar data");
    fs::write(&path, &whole[..whole.len() - 4]).unwrap();
    check(&path, "corrupt gzip or tar data");
    fs::write(&path, b"\x05 these are no records, and this is no archive either").unwrap();
    check(&path, "corrupt gzip or tar data");

    check(&archive(directory.path(), &[(test, 5, FILE_BYTES + 1)]), "archive.tar.gz: test_batch.bin: goes on after");
    check(&archive(directory.path(), &[(test, 5, 3073 * 2)]), "archive.tar.gz: test_batch.bin: holds 2 records");
    check(&archive(directory.path(), &[(test, 12, 3073)]), "test_batch.bin: record 0 (counted from 0) has label 12");
}

#[test]
fn a_wrong_digest_is_named() {
    let directory = directory();
    let line = verify(directory.path()).unwrap_err().to_string();
    let start = format!("{}/data_batch_1.bin: SHA-256 is ", directory.path().display());
    assert!(line.starts_with(&start), "{line}");
    assert!(
        line.ends_with(&format!("expected {}; delete the file and run `cargo xtask data`", FILES[0].sha256)),
        "{line}"
    );
}
