//! The official files' names, sizes and SHA-256 digests, and checks against them.
//!
//! Reading needs no digest: a subset of one's own is as readable as the official files. Whoever wants to know that the
//! data are the official ones asks [`verify`].

use crate::Error;
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read},
    path::Path,
};

/// One official file of the binary version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficialFile {
    /// Its name inside `cifar-10-batches-bin/`.
    pub name: &'static str,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: &'static str,
}

/// The directory that the official archive unpacks to.
pub const DIRECTORY: &str = "cifar-10-batches-bin";

/// Bytes of each of the six files: 10,000 records.
pub const FILE_BYTES: u64 = 30_730_000;

/// The five training files in order, then the test file.
pub const FILES: [OfficialFile; 6] = [
    file("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    file("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    file("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    file("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    file("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    file("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
];

/// SHA-256 of `cifar-10-binary.tar.gz`.
pub const ARCHIVE: &str = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd";

/// Bytes of `cifar-10-binary.tar.gz`.
pub const ARCHIVE_BYTES: u64 = 170_052_171;

const fn file(name: &'static str, sha256: &'static str) -> OfficialFile {
    OfficialFile { name, sha256 }
}

/// The SHA-256 of a file's bytes, 64 lower-case hexadecimal digits, read as a stream.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Io`].
pub fn sha256(path: &Path) -> Result<String, Error> {
    let file = File::open(path).map_err(|error| Error::opening(path, error))?;
    sha256_of(file).map_err(|error| Error::Io { file: path.display().to_string(), error })
}

/// The SHA-256 of everything that `reader` gives, 64 lower-case hexadecimal digits.
///
/// # Errors
/// What the reader reports.
///
/// ```
/// let digest = seismograd_cifar10::digests::sha256_of(&b""[..])?;
/// assert_eq!(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sha256_of(mut reader: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(hexadecimal(&hasher.finalize())),
            Ok(count) => hasher.update(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Checks that `directory` holds the six official files, byte for byte.
///
/// # Errors
/// The first file that is missing ([`Error::Missing`], [`Error::LacksFile`]), unreadable ([`Error::Io`]) or different
/// ([`Error::Digest`]).
pub fn verify(directory: &Path) -> Result<(), Error> {
    if !directory.is_dir() {
        return Err(Error::Missing { path: directory.to_owned() });
    }
    FILES.iter().try_for_each(|official| verify_file(directory, official))
}

fn verify_file(directory: &Path, official: &OfficialFile) -> Result<(), Error> {
    let path = directory.join(official.name);
    let found = sha256(&path).map_err(|error| match error {
        Error::Missing { .. } => Error::LacksFile { place: directory.to_owned(), name: official.name },
        other => other,
    })?;
    if found == official.sha256 {
        return Ok(());
    }
    Err(Error::Digest { file: path.display().to_string(), expected: official.sha256, found })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
