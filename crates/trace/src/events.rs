//! TensorBoard event files: scalars over steps, for those who want to watch a run in TensorBoard.
//!
//! An event file is a sequence of [TFRecords](crate::tfrecord), each an `Event` message of protocol buffers.
//! Of the messages only the fields that a scalar needs are written, by hand (see [`message`]). Source:
//! TensorBoard, `tensorboard/compat/proto/event.proto` and `summary.proto`. The trace itself is in Parquet; nothing
//! reads it back from here.

use crate::atomic::{directory_of, sync_directory};
use crate::error::{Result, TraceError};
use crate::tfrecord::{split_records, write_record};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What the first record of every event file says.
const FILE_VERSION: &str = "brain.Event:2";

/// Appends scalars to one event file.
///
/// ```
/// use seismograd_trace::{EventWriter, read_records};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("events.out.tfevents.0.seismograd");
/// let mut events = EventWriter::create(&path, 0.0)?;
/// events.scalar("train/loss", 1, 0.5, 2.3)?;
/// let length = events.flush()?; // into the checkpoint
/// events.scalar("train/loss", 2, 1.0, 2.2)?;
/// drop(events);
///
/// let mut events = EventWriter::resume(&path, length)?;
/// events.flush()?;
/// assert_eq!(read_records(&path)?.len(), 2); // the version and the first scalar
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    writer: BufWriter<File>,
    length: u64,
}

impl EventWriter {
    /// Begins a new file, in place of any old one. Times are in seconds since 1970.
    pub fn create(path: &Path, wall_time: f64) -> Result<EventWriter> {
        let file = File::create(path).map_err(TraceError::io("create", path))?;
        sync_directory(directory_of(path))?;
        let mut events = EventWriter::over(path, file, 0);
        events.append(&message::version_event(wall_time, FILE_VERSION))?;
        Ok(events)
    }

    /// Goes on behind the first `length` bytes, as [`EventWriter::flush`] returned them; what was written
    /// later is cut off, because a resumed run writes it again. A file that is gone is an error: the curves are
    /// no part of a run's result, so the caller may begin a new one.
    pub fn resume(path: &Path, length: u64) -> Result<EventWriter> {
        let open = OpenOptions::new().read(true).write(true).open(path);
        let mut file = open.map_err(TraceError::io("open", path))?;
        let mut kept = Vec::new();
        let read = Read::by_ref(&mut file).take(length).read_to_end(&mut kept);
        read.map_err(TraceError::io("read", path))?;
        if (kept.len() as u64) < length {
            let problem = format!("has {} bytes, the checkpoint expects {length}: restore it", kept.len());
            return Err(TraceError::file(path, problem));
        }
        split_records(path, &kept)?;
        file.set_len(length).map_err(TraceError::io("truncate", path))?;
        file.seek(SeekFrom::Start(length)).map_err(TraceError::io("seek in", path))?;
        Ok(EventWriter::over(path, file, length))
    }

    /// Adds a point of the curve `tag` (slashes group tags in TensorBoard: `train/loss`).
    pub fn scalar(&mut self, tag: &str, step: i64, wall_time: f64, value: f32) -> Result<()> {
        self.append(&message::scalar_event(wall_time, step, tag, value))
    }

    /// Makes everything written so far last, and returns the file's length for [`EventWriter::resume`].
    pub fn flush(&mut self) -> Result<u64> {
        let flushed = self.writer.flush().and_then(|()| self.writer.get_ref().sync_data());
        flushed.map_err(TraceError::io("write", &self.path))?;
        Ok(self.length)
    }

    fn over(path: &Path, file: File, length: u64) -> EventWriter {
        EventWriter { path: path.to_owned(), writer: BufWriter::new(file), length }
    }

    fn append(&mut self, event: &[u8]) -> Result<()> {
        let written = write_record(&mut self.writer, event).map_err(TraceError::io("write", &self.path))?;
        self.length += written;
        Ok(())
    }
}

/// The few protocol-buffer messages that a scalar needs.
///
/// ```text
/// message Event {
///   double wall_time = 1;
///   int64 step = 2;
///   oneof what { string file_version = 3; Summary summary = 5; }
/// }
/// message Summary { repeated Value value = 1; }
/// message Value { string tag = 1; float simple_value = 2; }  // inside Summary
/// ```
///
/// A field is a key, `number << 3 | wire type`, and its value; the wire types in use are below. Fields that have
/// their default (step 0) are written all the same, which every reader accepts.
mod message {
    /// A variable-length integer: seven bits a byte, low ones first.
    const VARINT: u8 = 0;
    /// Eight bytes, little-endian.
    const I64: u8 = 1;
    /// A length and that many bytes: strings and messages.
    const LEN: u8 = 2;
    /// Four bytes, little-endian.
    const I32: u8 = 5;

    pub fn version_event(wall_time: f64, version: &str) -> Vec<u8> {
        [f64_field(1, wall_time), bytes_field(3, version.as_bytes())].concat()
    }

    pub fn scalar_event(wall_time: f64, step: i64, tag: &str, value: f32) -> Vec<u8> {
        let value = [bytes_field(1, tag.as_bytes()), f32_field(2, value)].concat();
        let summary = bytes_field(1, &value);
        [f64_field(1, wall_time), i64_field(2, step), bytes_field(5, &summary)].concat()
    }

    fn key(number: u8, wire_type: u8) -> u8 {
        number << 3 | wire_type
    }

    fn f64_field(number: u8, value: f64) -> Vec<u8> {
        [&[key(number, I64)][..], &value.to_le_bytes()].concat()
    }

    fn f32_field(number: u8, value: f32) -> Vec<u8> {
        [&[key(number, I32)][..], &value.to_le_bytes()].concat()
    }

    fn i64_field(number: u8, value: i64) -> Vec<u8> {
        // A negative int64 is its two's complement, ten bytes long.
        [vec![key(number, VARINT)], varint(value as u64)].concat()
    }

    fn bytes_field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[key(number, LEN)][..], &varint(bytes.len() as u64), bytes].concat()
    }

    fn varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfrecord::read_records;
    use std::fs;

    fn temporary() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.out.tfevents.0.seismograd");
        (dir, path)
    }

    /// Writes the points of these steps and returns the file's length.
    fn write(events: &mut EventWriter, steps: std::ops::RangeInclusive<i64>) -> u64 {
        for step in steps {
            events.scalar("train/loss", step, step as f64, 1.0 / step as f32).unwrap();
        }
        events.flush().unwrap()
    }

    #[test]
    fn messages_are_as_derived_by_hand() {
        let (_dir, path) = temporary();
        let mut events = EventWriter::create(&path, 0.0).unwrap();
        events.scalar("a", 300, 1.0, -2.0).unwrap();
        events.scalar("a", -1, 1.0, 0.0).unwrap();
        let length = events.flush().unwrap();
        let records = read_records(&path).unwrap();
        assert_eq!(records[0], b"\x09\0\0\0\0\0\0\0\0\x1a\x0dbrain.Event:2");
        let scalar = b"\x09\0\0\0\0\0\0\xf0\x3f\x10\xac\x02\x2a\x0a\x0a\x08\x0a\x01a\x15\0\0\0\xc0";
        assert_eq!(records[1], scalar);
        assert_eq!(records[2][9..20], *b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
        assert_eq!(length, fs::metadata(&path).unwrap().len());
    }

    #[test]
    fn a_resumed_file_ends_with_the_same_bytes() {
        let (_dir, path) = temporary();
        write(&mut EventWriter::create(&path, 0.0).unwrap(), 1..=9);
        let expected = fs::read(&path).unwrap();
        let mut events = EventWriter::create(&path, 0.0).unwrap();
        let length = write(&mut events, 1..=4);
        write(&mut events, 5..=6);
        drop(events);
        let whole = fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(whole - 5).unwrap();
        write(&mut EventWriter::resume(&path, length).unwrap(), 5..=9);
        assert_eq!(fs::read(&path).unwrap(), expected);
    }

    fn check_not_resumed(path: &Path, length: u64, message: &str) {
        let before = fs::read(path).ok();
        let error = EventWriter::resume(path, length).unwrap_err().to_string();
        assert!(error.contains("tfevents") && error.contains(message), "{error}");
        assert_eq!(fs::read(path).ok(), before);
    }

    #[test]
    fn a_length_that_does_not_fit_the_file_is_refused() {
        let (_dir, path) = temporary();
        check_not_resumed(&path, 0, "cannot open");
        let length = write(&mut EventWriter::create(&path, 0.0).unwrap(), 1..=4);
        check_not_resumed(&path, length + 1, "the checkpoint expects");
        check_not_resumed(&path, length - 1, "record 5");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let mut events = EventWriter::create(Path::new("/dev/full"), 0.0).unwrap();
        let error = events.flush().unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: No space left"), "{error}");
    }
}
