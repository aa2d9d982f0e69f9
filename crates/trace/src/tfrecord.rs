//! TFRecord framing: how TensorFlow's files tell one record from the next, and a damaged one from a whole one.
//!
//! A record is u64 length, u32 masked CRC-32C of the length, the payload, u32 masked CRC-32C of the
//! payload, all little-endian. The mask (a rotation and a constant) keeps a checksum of data that itself holds
//! checksums from being weak. Source: TensorFlow, `tensorflow/core/lib/io/record_writer.h` and `lib/hash/crc32c.h`.
//! What a payload means is not known here.

use crate::error::{Result, TraceError};
use byteorder::{LittleEndian, ReadBytesExt, WriteBytesExt};
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Writes one record and returns the bytes that it takes.
pub(crate) fn write_record(writer: &mut impl Write, payload: &[u8]) -> io::Result<u64> {
    let length = (payload.len() as u64).to_le_bytes();
    writer.write_all(&length)?;
    writer.write_u32::<LittleEndian>(masked_crc(&length))?;
    writer.write_all(payload)?;
    writer.write_u32::<LittleEndian>(masked_crc(payload))?;
    Ok(8 + 4 + payload.len() as u64 + 4)
}

/// The payloads of a TFRecord file: an event file's encoded `Event` messages, in order.
///
/// A file that ends inside a record, or whose checksums do not hold, is refused with the record's number.
pub fn read_records(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = fs::read(path).map_err(TraceError::io("read", path))?;
    split_records(path, &bytes)
}

/// The payloads in `bytes`, which are the beginning of the file `path` or all of it.
pub(crate) fn split_records(path: &Path, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut rest = bytes;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let refuse = |problem: io::Error| {
            let record = records.len() + 1;
            TraceError::file(path, format!("record {record}, at byte {at}, {problem}"))
        };
        let payload = read_record(&mut rest).map_err(refuse)?;
        records.push(payload);
    }
    Ok(records)
}

fn read_record(rest: &mut &[u8]) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    rest.read_exact(&mut length).map_err(cut_short)?;
    check_crc(rest, &length, "length")?;
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
    let Some((payload, after)) = rest.split_at_checked(length) else {
        return Err(io::Error::other("is cut short"));
    };
    *rest = after;
    check_crc(rest, payload, "payload")?;
    Ok(payload.to_vec())
}

fn check_crc(rest: &mut &[u8], bytes: &[u8], what: &str) -> io::Result<()> {
    let expected = rest.read_u32::<LittleEndian>().map_err(cut_short)?;
    let found = masked_crc(bytes);
    if found == expected {
        return Ok(());
    }
    let problem = format!("is damaged: its {what}'s CRC is {found:08x}, expected {expected:08x}");
    Err(io::Error::other(problem))
}

fn cut_short(_: io::Error) -> io::Error {
    io::Error::other("is cut short")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            let before = bytes.len() as u64;
            let length = write_record(&mut bytes, payload).unwrap();
            assert_eq!(before + length, bytes.len() as u64);
        }
        bytes
    }

    fn check_refused(bytes: &[u8], message: &str) {
        let error = split_records(Path::new("events"), bytes).unwrap_err().to_string();
        assert!(error.starts_with("events: record 2") && error.contains(message), "{error}");
    }

    #[test]
    fn the_frame_is_tensorflows() {
        // The first record of event files in the wild: `file_version` "brain.Event:2" is 24 bytes long.
        let bytes = framed(&[vec![0; 24]]);
        assert_eq!(bytes[..12], [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn damage_is_told_with_the_record() {
        let bytes = framed(&[b"first".to_vec(), b"second".to_vec()]);
        let second = framed(&[b"first".to_vec()]).len();
        check_refused(&bytes[..bytes.len() - 1], "cut short");
        check_refused(&bytes[..second + 3], "cut short");
        let flipped = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 4;
            bytes
        };
        check_refused(&flipped(second), "its length's CRC");
        check_refused(&flipped(second + 13), "its payload's CRC");
    }

    proptest! {
        #[test]
        fn records_come_back(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..10),
        ) {
            let bytes = framed(&payloads);
            prop_assert_eq!(split_records(Path::new("events"), &bytes).unwrap(), payloads);
        }
    }
}
