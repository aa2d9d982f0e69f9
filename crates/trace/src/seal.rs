//! A checksum over the whole of a Parquet file, inside the file.
//!
//! Parquet's own page checksums are optional, leave the footer out, and our library does not write them; fed a
//! damaged page it may even panic. So eight bytes, `SGCK` and a little-endian CRC-32C of all the file's other
//! bytes, lie between the last page and the footer. That place is free in the format (page indexes would
//! be there): pages are found by their offsets and the footer from the file's end, so every reader passes over it.

use crate::error::{Result, TraceError};
use std::path::Path;

const MAGIC: &[u8; 4] = b"PAR1";
const MARK: &[u8; 4] = b"SGCK";
/// The mark and the checksum.
const SEAL_BYTES: usize = 8;
/// The footer's length and the magic at the end of a file.
const TAIL_BYTES: usize = 8;

/// Where the footer begins, if the bytes are framed as a Parquet file.
fn footer_start(bytes: &[u8]) -> Option<usize> {
    let body = bytes.strip_prefix(MAGIC)?.strip_suffix(MAGIC)?;
    let (_, length) = body.split_last_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let start = bytes.len().checked_sub(TAIL_BYTES)?.checked_sub(length)?;
    (start >= MAGIC.len()).then_some(start)
}

fn checksum(before: &[u8], after: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(before), after)
}

/// Puts the seal into a Parquet file.
///
/// # Panics
///
/// If the bytes are not a Parquet file.
pub(crate) fn seal(bytes: &[u8]) -> Vec<u8> {
    let (pages, footer) = bytes.split_at(footer_start(bytes).expect("the bytes of a Parquet file"));
    [pages, MARK, &checksum(pages, footer).to_le_bytes(), footer].concat()
}

/// Refuses a file that is not whole, is damaged anywhere, or was never sealed.
pub(crate) fn check_seal(path: &Path, bytes: &[u8]) -> Result<()> {
    let Some(start) = footer_start(bytes) else {
        let problem = "not a whole Parquet file: cut short, damaged, or of another format; restore it";
        return Err(TraceError::file(path, problem));
    };
    let (pages, footer) = bytes.split_at(start);
    let seal = pages.split_last_chunk::<SEAL_BYTES>();
    let Some((pages, [b'S', b'G', b'C', b'K', expected @ ..])) = seal else {
        let problem = "a Parquet file without our checksum: damaged, or written by another program";
        return Err(TraceError::file(path, problem));
    };
    let (found, expected) = (checksum(pages, footer), u32::from_le_bytes(*expected));
    if found != expected {
        let problem = format!("damaged: its CRC-32C is {found:08x}, expected {expected:08x}; restore it");
        return Err(TraceError::file(path, problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three bytes of pages, two of footer.
    const FILE: &[u8] = b"PAR1abcxy\x02\0\0\0PAR1";

    fn check(bytes: &[u8], expect: Option<&str>) {
        let found = check_seal(Path::new("part"), bytes).err().map(|error| error.to_string());
        match (&found, expect) {
            (None, None) => {}
            (Some(found), Some(message)) if found.contains(message) => {}
            _ => panic!("{found:?}, expected {expect:?}"),
        }
    }

    #[test]
    fn a_sealed_file_is_accepted_and_damage_is_not() {
        let sealed = seal(FILE);
        assert!(sealed.starts_with(b"PAR1abcSGCK") && sealed.ends_with(b"xy\x02\0\0\0PAR1"));
        check(&sealed, None);
        check(FILE, Some("without our checksum"));
        check(b"", Some("not a whole Parquet file"));
        check(b"PAR1", Some("not a whole Parquet file"));
        check(b"PAR1\xff\xff\xff\xffPAR1", Some("not a whole Parquet file"));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1 << (at % 8);
            check(&damaged, Some("damaged"));
        }
    }
}
