//! The binary format: records of 1 label byte and 3,072 pixel bytes.
//!
//! A record's pixels are three planes (red, green, blue) of 32 rows of 32; everything above this module has channels
//! innermost, and the conversion happens here, once. Which files there are, and where, is not this module's business.

use crate::{CLASSES, Error};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// Rows of an image, and columns.
pub const SIDE: usize = 32;

/// Channels of a pixel: red, green, blue.
pub const CHANNELS: usize = 3;

/// Bytes of an image's pixels.
pub const IMAGE_BYTES: usize = SIDE * SIDE * CHANNELS;

/// Bytes of a record: the label, then the pixels.
pub const RECORD_BYTES: usize = 1 + IMAGE_BYTES;

/// Records one after the other from a byte stream, with the file's name for errors.
pub(crate) struct Records<'a, R> {
    reader: R,
    file: &'a str,
    read: usize,
    record: [u8; RECORD_BYTES],
}

impl<'a, R: Read> Records<'a, R> {
    pub(crate) fn new(reader: R, file: &'a str) -> Self {
        Records { reader, file, read: 0, record: [0; RECORD_BYTES] }
    }

    /// The next record's label; its pixels go to `image` (`[32, 32, 3]`). `None` at the end of the stream.
    pub(crate) fn next_into(&mut self, image: &mut [u8]) -> Result<Option<u8>, Error> {
        let found = read_fully(&mut self.reader, &mut self.record).map_err(|error| Error::reading(self.file, error))?;
        match found {
            0 => return Ok(None),
            RECORD_BYTES => {}
            _ => return Err(Error::Truncated { file: self.file.into(), record: self.read, found }),
        }
        let label = self.record[0];
        if usize::from(label) >= CLASSES.len() {
            return Err(Error::Label { file: self.file.into(), record: self.read, label });
        }
        interleave(&self.record[1..], image);
        self.read += 1;
        Ok(Some(label))
    }

    /// Whether the stream ends here. Reads a byte, so it comes last.
    pub(crate) fn at_end(&mut self) -> Result<bool, Error> {
        let found = read_fully(&mut self.reader, &mut [0]);
        Ok(found.map_err(|error| Error::reading(self.file, error))? == 0)
    }
}

/// Three planes of 1,024 bytes to 1,024 pixels of three bytes.
fn interleave(planes: &[u8], image: &mut [u8]) {
    let (red, rest) = planes.split_at(SIDE * SIDE);
    let (green, blue) = rest.split_at(SIDE * SIDE);
    for (i, pixel) in image.chunks_exact_mut(CHANNELS).enumerate() {
        pixel.copy_from_slice(&[red[i], green[i], blue[i]]);
    }
}

/// Fills `buffer` as far as the stream goes, and says how far. (`read_exact` would not say.)
fn read_fully(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The stream itself, or what it unpacks to if it begins with gzip's two magic bytes.
///
/// No ambiguity: the first byte of plain records is a label, at most 9, and gzip's first byte is 31.
pub(crate) fn decompressed<'r>(mut reader: impl Read + 'r) -> io::Result<Box<dyn BufRead + 'r>> {
    let mut magic = [0; 2];
    let found = read_fully(&mut reader, &mut magic)?;
    let whole = BufReader::with_capacity(1 << 16, io::Cursor::new(magic).take(found as u64).chain(reader));
    if magic[..found] == [0x1f, 0x8b] {
        Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(whole))))
    } else {
        Ok(Box::new(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_pixels() {
        let planes: Vec<u8> = (0..IMAGE_BYTES).map(|i| (i / 1024 * 100 + i % 1024 % 7) as u8).collect();
        let mut image = vec![0; IMAGE_BYTES];
        interleave(&planes, &mut image);
        assert_eq!(image[..6], [0, 100, 200, 1, 101, 201]);
        assert_eq!(image[3 * 1023..], [1, 101, 201]);
    }

    #[test]
    fn plain_and_gzipped_streams_give_the_same_bytes() {
        let mut gzipped = flate2::read::GzEncoder::new(&b"\x03seismograd"[..], flate2::Compression::fast());
        let mut bytes = Vec::new();
        gzipped.read_to_end(&mut bytes).unwrap();
        for stream in [&b"\x03seismograd"[..], &bytes] {
            let mut found = Vec::new();
            decompressed(stream).unwrap().read_to_end(&mut found).unwrap();
            assert_eq!(found, b"\x03seismograd");
        }
        assert_eq!(decompressed(&b"\x1f"[..]).unwrap().read(&mut [0; 4]).unwrap(), 1);
    }
}
