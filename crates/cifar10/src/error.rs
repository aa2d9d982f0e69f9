//! What can go wrong with files and settings: one clear line each, with the fix.
//!
//! Misuse by a program (an index beyond the split, an output slice of another length) is no error value: it panics.

use crate::{Shuffle, format::RECORD_BYTES};
use std::{io, path::PathBuf};

/// A failure to find, read or check CIFAR-10, or a setting that no order can obey.
///
/// `file` is the path, and for a member of an archive the archive's path and the member's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing is there.
    #[error("{}: no such file or directory; fetch the data set with `cargo xtask data`", path.display())]
    Missing {
        /// Where the data were looked for.
        path: PathBuf,
    },
    /// A directory or archive has no such member.
    #[error("{}: lacks {name}, one of the six files of CIFAR-10; fetch them with `cargo xtask data`", place.display())]
    LacksFile {
        /// The directory or archive.
        place: PathBuf,
        /// The missing file's official name.
        name: &'static str,
    },
    /// The operating system refused to read.
    #[error("cannot read {file}: {error}; check its permissions and the disk")]
    Io {
        /// The file.
        file: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// One of the six files was named in place of all.
    #[error("{} is one of six files; name the directory that holds them all", file.display())]
    OneOfSix {
        /// The file.
        file: PathBuf,
    },
    /// The gzip or tar layer is damaged.
    #[error("{file}: corrupt gzip or tar data ({}); fetch it again with `cargo xtask data`", readable(error))]
    Corrupt {
        /// The file.
        file: String,
        /// What the decoder said.
        error: io::Error,
    },
    /// A file without a single record.
    #[error("{file}: holds no record; expected a whole number of {RECORD_BYTES}-byte records, at least one")]
    Empty {
        /// The file.
        file: String,
    },
    /// The last record is incomplete: the file is cut short, or something was appended to it.
    #[error(
        "{file}: record {record} (counted from 0) holds {found} of {RECORD_BYTES} bytes; the file is cut short or has \
         trailing bytes, fetch it again with `cargo xtask data`"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Position of the incomplete record, from 0.
        record: usize,
        /// Bytes of it that are there.
        found: usize,
    },
    /// One of the six official files ends after a whole number of records, but too early.
    #[error(
        "{file}: holds {found} records, expected {expected}; fetch it again with `cargo xtask data` (a subset of your own \
         is read file by file, with `Split::open`)"
    )]
    TooShort {
        /// The file.
        file: String,
        /// Whole records found.
        found: usize,
        /// Whole records expected.
        expected: usize,
    },
    /// One of the six official files goes on after its last record.
    #[error("{file}: goes on after record {expected}, the last one expected; fetch it again with `cargo xtask data`")]
    Oversized {
        /// The file.
        file: String,
        /// Records expected.
        expected: usize,
    },
    /// A label that names no class.
    #[error(
        "{file}: record {record} (counted from 0) has label {label}, expected 0 to 9; these are not CIFAR-10 records"
    )]
    Label {
        /// The file.
        file: String,
        /// Position of the record, from 0.
        record: usize,
        /// The label found.
        label: u8,
    },
    /// A file's bytes are not the official ones.
    #[error("{file}: SHA-256 is {found}, expected {expected}; delete the file and run `cargo xtask data`")]
    Digest {
        /// The file.
        file: String,
        /// The official digest, 64 hexadecimal digits.
        expected: &'static str,
        /// The digest of what is there.
        found: String,
    },
    /// No environment variable says where caches live.
    #[error("no cache directory: set SEISMOGRAD_DATA to the directory that holds (or shall hold) cifar-10-batches-bin")]
    NoCacheDirectory,
    /// A batch size of zero.
    #[error("batch size 0 asks for batches without samples; use 1 or more")]
    ZeroBatchSize,
    /// No batch at all would come out.
    #[error(
        "no batch in an epoch: {samples} samples do not fill one batch of {batch_size} and incomplete batches are dropped; \
         use a smaller batch size or more samples"
    )]
    NoBatch {
        /// Samples in the split.
        samples: usize,
        /// Samples in a batch.
        batch_size: usize,
    },
    /// No shuffling scheme has this name.
    #[error("unknown shuffle {0:?}; use {names}", names = Shuffle::NAMES.join(", "))]
    UnknownShuffle(String),
}

/// What a decoder said, without the bytes of the file that it quotes.
fn readable(error: &io::Error) -> String {
    let is_readable = |letter: &char| !letter.is_control() && *letter != char::REPLACEMENT_CHARACTER;
    error.to_string().chars().filter(is_readable).collect()
}

impl Error {
    /// Sorts an error met while reading `file`: decoders report damage by these kinds, operating systems do not.
    pub(crate) fn reading(file: &str, error: io::Error) -> Error {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let file = file.to_owned();
        let damaged = error.raw_os_error().is_none()
            && matches!(error.kind(), InvalidData | InvalidInput | Other | UnexpectedEof);
        if damaged { Error::Corrupt { file, error } } else { Error::Io { file, error } }
    }

    /// Sorts an error met while opening `path`.
    pub(crate) fn opening(path: &std::path::Path, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
            _ => Error::Io { file: path.display().to_string(), error },
        }
    }
}
