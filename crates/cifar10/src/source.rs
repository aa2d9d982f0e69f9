//! The six official files, from a directory or straight from `cifar-10-binary.tar.gz`.
//!
//! Each must hold exactly 10,000 records: a file cut at a record's end would otherwise train on fewer images and tell
//! nobody. Members are taken by allow-listed names and read into memory; nothing is unpacked to disk.

use crate::{
    Dataset, Error, Split,
    digests::{self, DIRECTORY, FILES},
    format::{IMAGE_BYTES, Records, decompressed},
};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Records of each official file.
const RECORDS: usize = 10_000;

/// Training files; they come first in [`FILES`].
const TRAIN_FILES: usize = 5;

impl Dataset {
    /// Reads the six official files: from a directory that holds them, or from `cifar-10-binary.tar.gz` itself.
    ///
    /// Digests are not checked; see [`digests::verify`]. A file of one's own is read with [`Split::open`].
    ///
    /// # Errors
    /// A missing place or file, one of the six alone, damaged compression, a file without exactly 10,000 records, or a label above 9.
    ///
    /// ```no_run
    /// let directory = seismograd_cifar10::default_cache_directory()?;
    /// let dataset = seismograd_cifar10::Dataset::open(&directory)?;
    /// assert_eq!(dataset.train.images.dim(), (50_000, 32, 32, 3));
    /// # Ok::<(), seismograd_cifar10::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Dataset, Error> {
        let path = path.as_ref();
        let metadata = std::fs::metadata(path).map_err(|error| Error::opening(path, error))?;
        let mut files = Files::new();
        if metadata.is_dir() {
            files.read_directory(path)?
        } else if path.file_name().is_some_and(|name| FILES.iter().any(|official| name == official.name)) {
            return Err(Error::OneOfSix { file: path.to_owned() });
        } else {
            files.read_archive(path)?
        }
        files.into_dataset(path)
    }
}

/// The six files as they come in, in whatever order.
struct Files {
    train: Buffers,
    test: Buffers,
    seen: [bool; FILES.len()],
}

/// Interleaved pixels and labels of whole files, zero until read.
struct Buffers {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Buffers {
    fn new(files: usize) -> Buffers {
        Buffers { pixels: vec![0; files * RECORDS * IMAGE_BYTES], labels: vec![0; files * RECORDS] }
    }
}

impl Files {
    fn new() -> Files {
        Files { train: Buffers::new(TRAIN_FILES), test: Buffers::new(1), seen: [false; FILES.len()] }
    }

    fn read_directory(&mut self, directory: &Path) -> Result<(), Error> {
        for (position, official) in FILES.iter().enumerate() {
            let path = directory.join(official.name);
            let file = File::open(&path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Error::LacksFile { place: directory.to_owned(), name: official.name },
                _ => Error::opening(&path, error),
            })?;
            let reader = io::BufReader::with_capacity(1 << 16, file);
            self.read_file(position, reader, &path.display().to_string())?;
        }
        Ok(())
    }

    fn read_archive(&mut self, path: &Path) -> Result<(), Error> {
        let file = path.display().to_string();
        let corrupt = |error| Error::reading(&file, error);
        let stream = File::open(path).map_err(|error| Error::opening(path, error))?;
        let mut archive = tar::Archive::new(decompressed(stream).map_err(corrupt)?);
        for entry in archive.entries().map_err(corrupt)? {
            let mut entry = entry.map_err(corrupt)?;
            if let Some(position) = position_of(&entry) {
                self.read_file(position, &mut entry, &format!("{file}: {}", FILES[position].name))?;
            }
        }
        // The checksum of the compressed stream is behind the last member.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(corrupt)?;
        Ok(())
    }

    /// Reads the file that stands at `position` in [`FILES`] to its place.
    fn read_file(&mut self, position: usize, reader: impl Read, file: &str) -> Result<(), Error> {
        let (buffers, slot) = match position {
            ..TRAIN_FILES => (&mut self.train, position),
            _ => (&mut self.test, position - TRAIN_FILES),
        };
        let images = buffers.pixels[slot * RECORDS * IMAGE_BYTES..].chunks_exact_mut(IMAGE_BYTES);
        let labels = &mut buffers.labels[slot * RECORDS..][..RECORDS];
        let mut records = Records::new(reader, file);
        for (found, (label, image)) in labels.iter_mut().zip(images).enumerate() {
            let next = records.next_into(image)?;
            *label = next.ok_or_else(|| Error::TooShort { file: file.to_owned(), found, expected: RECORDS })?;
        }
        if !records.at_end()? {
            return Err(Error::Oversized { file: file.to_owned(), expected: RECORDS });
        }
        self.seen[position] = true;
        Ok(())
    }

    fn into_dataset(self, place: &Path) -> Result<Dataset, Error> {
        if let Some(missing) = self.seen.iter().position(|seen| !seen) {
            return Err(Error::LacksFile { place: place.to_owned(), name: FILES[missing].name });
        }
        let [train, test] = [self.train, self.test].map(|buffers| Split::from_parts(buffers.pixels, buffers.labels));
        Ok(Dataset { train, test })
    }
}

/// Where an archive's member stands in [`digests::FILES`], if it is one of the six and an ordinary file.
fn position_of(entry: &tar::Entry<'_, impl Read>) -> Option<usize> {
    let path = entry.path().ok()?;
    let path = path.strip_prefix(".").unwrap_or(&path);
    let listed = |official: &digests::OfficialFile| path == Path::new(DIRECTORY).join(official.name);
    entry.header().entry_type().is_file().then(|| FILES.iter().position(listed))?
}
