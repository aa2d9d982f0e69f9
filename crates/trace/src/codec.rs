//! A trace as plain bytes, so that the rows since the last part can travel inside a checkpoint.
//!
//! Little-endian: magic `SGTRACE\n`; u32 version; u32 length and text of the schema (the sites joined by
//! spaces, then one column's name a line); u64 number of rows; each column in turn (steps i64, epochs i32, losses
//! f32, accuracies f32, learning rates f64, signals f32); u32 CRC-32C of all before it. On disk
//! a trace is Parquet; this form is for the inside of one program's checkpoint.

use crate::error::{Result, TraceError};
use crate::schema::Schema;
use crate::trace::Trace;
use byteorder::{ByteOrder, LittleEndian, ReadBytesExt, WriteBytesExt};

const MAGIC: &[u8; 8] = b"SGTRACE\n";
/// Raised when the layout changes, and when a statistic is made otherwise: all rows of a resumed run are to be of one kind.
const VERSION: u32 = 2;
const CHECKSUM_BYTES: usize = 4;
/// Bytes of a row before its signals: i64, i32, f32, f32, f64.
const FIXED_BYTES: usize = 28;
const PROOF: &str = "a write into memory does not fail";

impl Trace {
    /// The rows as bytes: the same rows give the same bytes, NaN payloads and all.
    ///
    /// ```
    /// use seismograd_trace::{Schema, Trace};
    ///
    /// let empty = Trace::new(Schema::new([])?);
    /// assert_eq!(Trace::decode(&empty.encode())?, empty);
    /// assert!(Trace::decode(b"not a trace").is_err());
    /// # Ok::<(), seismograd_trace::TraceError>(())
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let schema = [&[self.schema.sites().join(" ")], self.schema.names()].concat().join("\n");
        let mut out = MAGIC.to_vec();
        out.write_u32::<LittleEndian>(VERSION).expect(PROOF);
        out.write_u32::<LittleEndian>(schema.len() as u32).expect(PROOF);
        out.extend_from_slice(schema.as_bytes());
        out.write_u64::<LittleEndian>(self.len() as u64).expect(PROOF);
        put(&mut out, &self.steps, LittleEndian::write_i64_into);
        put(&mut out, &self.epochs, LittleEndian::write_i32_into);
        put(&mut out, &self.losses, LittleEndian::write_f32_into);
        put(&mut out, &self.accuracies, LittleEndian::write_f32_into);
        put(&mut out, &self.learning_rates, LittleEndian::write_f64_into);
        for column in &self.signals {
            put(&mut out, column, LittleEndian::write_f32_into);
        }
        let checksum = crc32c::crc32c(&out);
        out.write_u32::<LittleEndian>(checksum).expect(PROOF);
        out
    }

    /// The rows of [`Trace::encode`]; bytes that are damaged, cut short or of another version are refused.
    pub fn decode(bytes: &[u8]) -> Result<Trace> {
        let mut rest = checked_body(bytes)?;
        let length = number(rest.read_u32::<LittleEndian>())? as usize;
        let (schema, mut rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
        let mut trace = Trace::new(decode_schema(schema)?);
        let rows = number(rest.read_u64::<LittleEndian>())?;
        let row = FIXED_BYTES + 4 * trace.schema.len();
        if rows.checked_mul(row as u64) != Some(rest.len() as u64) {
            let found = rest.len();
            return Err(TraceError::Rows(format!("{found} bytes for {rows} rows of {row} bytes each")));
        }
        // No overflow: the rows' bytes are in memory.
        let rows = rows as usize;
        trace.steps = get(&mut rest, rows, LittleEndian::read_i64_into);
        trace.epochs = get(&mut rest, rows, LittleEndian::read_i32_into);
        trace.losses = get(&mut rest, rows, LittleEndian::read_f32_into);
        trace.accuracies = get(&mut rest, rows, LittleEndian::read_f32_into);
        trace.learning_rates = get(&mut rest, rows, LittleEndian::read_f64_into);
        for column in &mut trace.signals {
            *column = get(&mut rest, rows, LittleEndian::read_f32_into);
        }
        trace.check_steps(TraceError::Rows)?;
        Ok(trace)
    }
}

/// What lies between the version and the checksum, when both are as they should be.
fn checked_body(bytes: &[u8]) -> Result<&[u8]> {
    let refuse = |problem: String| Err(TraceError::Rows(problem));
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        return refuse("expected bytes that begin with SGTRACE, found others".to_owned());
    };
    let version = number(rest.read_u32::<LittleEndian>())?;
    if version != VERSION {
        return refuse(format!("version {version}, expected {VERSION}; resume with the release that wrote it"));
    }
    let (body, checksum) = rest.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(cut_short)?;
    let expected = u32::from_le_bytes(*checksum);
    let found = crc32c::crc32c(&bytes[..bytes.len() - CHECKSUM_BYTES]);
    if found != expected {
        return refuse(format!("CRC-32C is {found:08x}, expected {expected:08x}: damaged or cut short"));
    }
    Ok(body)
}

fn decode_schema(bytes: &[u8]) -> Result<Schema> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|error| TraceError::Rows(format!("the columns' names: {error}")))?;
    let mut lines = text.split('\n');
    let sites: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let names: Vec<String> = lines.map(str::to_owned).collect();
    Schema::from_names(&names, &sites)
}

fn cut_short() -> TraceError {
    TraceError::Rows("cut short".to_owned())
}

fn number<T>(read: std::io::Result<T>) -> Result<T> {
    read.map_err(|_| cut_short())
}

/// Appends `values` through one of byteorder's slice writers.
fn put<T>(out: &mut Vec<u8>, values: &[T], write: fn(&[T], &mut [u8])) {
    let start = out.len();
    out.resize(start + size_of_val(values), 0);
    write(values, &mut out[start..]);
}

/// Takes `rows` values off the front of `bytes`, which the caller has found long enough.
fn get<T: Clone + Default>(bytes: &mut &[u8], rows: usize, read: fn(&[u8], &mut [T])) -> Vec<T> {
    let mut values = vec![T::default(); rows];
    let (front, rest) = bytes.split_at(rows * size_of::<T>());
    read(front, &mut values);
    *bytes = rest;
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{schema, trace};
    use crate::trace::Row;
    use proptest::prelude::*;

    fn check_refused(bytes: &[u8], message: &str) {
        let error = Trace::decode(bytes).unwrap_err().to_string();
        assert!(error.contains(message) && !error.contains('\n'), "{error}");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let bytes = trace(5..=6).encode();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(Trace::decode(&damaged).is_err(), "byte {at}");
            assert!(Trace::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_reason_is_told() {
        let bytes = trace(5..=6).encode();
        check_refused(b"", "begin with SGTRACE");
        check_refused(&bytes[..10], "cut short");
        check_refused(&bytes[..bytes.len() - 1], "damaged or cut short");
        let mut older = bytes.clone();
        older[8] = 1;
        check_refused(&older, "version 1, expected 2");
        let mut gap = trace(1..=2);
        gap.steps[1] = 3;
        check_refused(&gap.encode(), "step 3 follows step 1");
    }

    #[test]
    fn the_layout_is_fixed() {
        let mut rows = Trace::new(Schema::new([]).unwrap());
        rows.push(Row { step: 1, epoch: 2, loss: 0.5, accuracy: 0.25, learning_rate: 1.0, signals: &[] });
        let bytes = rows.encode();
        let expected = [
            &b"SGTRACE\n\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"[..],
            b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x3f\0\0\x80\x3e\0\0\0\0\0\0\xf0\x3f",
        ];
        assert_eq!(bytes[..bytes.len() - 4], expected.concat());
    }

    #[test]
    fn a_trace_without_signals_decodes() {
        let rows = Trace::new(Schema::new([]).unwrap());
        assert_eq!(Trace::decode(&rows.encode()).unwrap(), rows);
    }

    proptest! {
        #[test]
        fn any_floats_come_back_bit_for_bit(
            rows in proptest::collection::vec(proptest::collection::vec(any::<u32>(), 15), 0..20),
            first in 1i64..1_000_000,
        ) {
            let mut trace = Trace::new(schema());
            for (step, bits) in (first..).zip(&rows) {
                let signals: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits)).collect();
                let (loss, learning_rate) = (signals[0], f64::from(signals[1]));
                trace.push(Row { step, epoch: 1, loss, accuracy: 0.0, learning_rate, signals: &signals });
            }
            let bytes = trace.encode();
            let back = Trace::decode(&bytes).unwrap();
            prop_assert_eq!(back.encode(), bytes);
            prop_assert_eq!(back.steps(), trace.steps());
        }
    }
}
