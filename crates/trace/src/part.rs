//! The parts of a trace on disk: `trace/part-00000.parquet` and its successors.
//!
//! Part `k` holds the steps `k * PART_STEPS + 1` to `(k + 1) * PART_STEPS`; only the last one may end early. The
//! borders depend on the step alone, so an interrupted and resumed run publishes the very parts of a run that was
//! never interrupted. When parts are written is the business of [`TraceWriter`](crate::TraceWriter).

use crate::atomic::write_atomically;
use crate::error::{Result, TraceError};
use crate::layout::RunDir;
use crate::schema::{FIXED_COLUMNS, Schema};
use crate::table::Table;
use crate::trace::Trace;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The number of steps in a part (the last one may have fewer).
///
/// A constant of the format: 1000 rows are 0.7 MB for twelve signals and two epochs of CIFAR-10 at
/// batch size 100, so that a part is worth a file and the rows that wait for one are a small burden to a checkpoint.
pub const PART_STEPS: i64 = 1000;

const TABLE: &str = "trace";
const KEY_SITES: &str = "seismograd.sites";

/// The index of the part that a step belongs to.
///
/// ```
/// use seismograd_trace::{PART_STEPS, part_of};
///
/// assert_eq!(part_of(1), 0);
/// assert_eq!(part_of(PART_STEPS), 0);
/// assert_eq!(part_of(PART_STEPS + 1), 1);
/// ```
///
/// # Panics
///
/// If `step` is below 1.
#[track_caller]
pub fn part_of(step: i64) -> usize {
    assert!(step >= 1, "part_of: steps are counted from 1, found {step}");
    ((step - 1) / PART_STEPS) as usize
}

/// The first step of a part.
pub(crate) fn first_step(part: usize) -> i64 {
    part as i64 * PART_STEPS + 1
}

/// `part-00000.parquet`.
pub(crate) fn part_name(part: usize) -> String {
    format!("part-{part:05}.parquet")
}

/// The index in a part's file name, and `None` for other files.
fn part_index(name: &str) -> Option<usize> {
    let part = name.strip_prefix("part-")?.strip_suffix(".parquet")?.parse().ok()?;
    (part_name(part) == name).then_some(part)
}

/// The parts of a directory, by index; other files are passed over.
pub(crate) fn list_parts(trace_dir: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(trace_dir).map_err(TraceError::io("list", trace_dir))? {
        let path = entry.map_err(TraceError::io("list", trace_dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        parts.extend(part_index(&name).map(|part| (part, path)));
    }
    parts.sort();
    Ok(parts)
}

/// The rows as the bytes of a Parquet file: the same rows give the same bytes.
pub fn encode_part(rows: &Trace) -> Vec<u8> {
    let mut table = Table::new(TABLE)
        .with("step", rows.steps.clone())
        .with("epoch", rows.epochs.clone())
        .with("loss", rows.losses.clone())
        .with("accuracy", rows.accuracies.clone())
        .with("learning_rate", rows.learning_rates.clone());
    for (name, column) in rows.schema.names().iter().zip(&rows.signals) {
        table = table.with(name, column.clone());
    }
    table.notes.push((KEY_SITES, rows.schema.sites().join(" ")));
    table.encode()
}

/// Publishes the rows as the part that they belong to, replacing it whole, and says where it is.
///
/// # Panics
///
/// If the rows are not the beginning of one part: no rows, rows from the middle, rows of two parts.
#[track_caller]
pub fn write_part(trace_dir: &Path, rows: &Trace) -> Result<PathBuf> {
    let first = rows.steps.first().copied().unwrap_or_default();
    let whole = (first - 1).rem_euclid(PART_STEPS) == 0 && rows.len() as i64 <= PART_STEPS;
    assert!(whole, "write_part: {} rows from step {first} are not the beginning of one part", rows.len());
    let path = trace_dir.join(part_name(part_of(first)));
    write_atomically(&path, |file| file.write_all(&encode_part(rows)))?;
    Ok(path)
}

/// Reads one part.
pub fn read_part(path: &Path) -> Result<Trace> {
    let mut table = Table::read(path, TABLE, &[KEY_SITES])?;
    let [step, epoch, loss, accuracy, learning_rate] = FIXED_COLUMNS;
    let steps = table.take(path, step)?;
    let epochs = table.take(path, epoch)?;
    let losses = table.take(path, loss)?;
    let accuracies = table.take(path, accuracy)?;
    let learning_rates = table.take(path, learning_rate)?;
    let schema = read_schema(path, &table)?;
    let names = schema.names().iter();
    let signals = names.map(|name| table.take(path, name)).collect::<Result<_>>()?;
    let rows = Trace { schema, steps, epochs, losses, accuracies, learning_rates, signals };
    rows.check_steps(|problem| TraceError::file(path, problem))?;
    Ok(rows)
}

fn read_schema(path: &Path, table: &Table) -> Result<Schema> {
    let sites: Vec<&str> = table.note(KEY_SITES).split(' ').collect();
    let schema = Schema::from_names(&table.names(), &sites);
    schema.map_err(|error| TraceError::file(path, error.to_string()))
}

/// Reads a run's whole trace, `<run_dir>/trace/part-*.parquet`, and checks that no step is missing.
pub fn read_trace(run_dir: &Path) -> Result<Trace> {
    let trace_dir = RunDir::at(run_dir).trace();
    let mut whole: Option<Trace> = None;
    for (place, (part, path)) in list_parts(&trace_dir)?.into_iter().enumerate() {
        if part != place {
            let problem = format!("expected {} before it: the trace has a gap", part_name(place));
            return Err(TraceError::file(&path, problem));
        }
        let rows = read_part(&path)?;
        match &mut whole {
            None => {
                check_follows(&path, None, &rows)?;
                whole = Some(rows);
            }
            Some(whole) => {
                check_follows(&path, Some(whole), &rows)?;
                whole.append(rows);
            }
        }
    }
    let none = "no part-*.parquet in it: a run publishes one every 1000 steps and at its end";
    whole.ok_or_else(|| TraceError::file(&trace_dir, none))
}

fn check_follows(path: &Path, before: Option<&Trace>, rows: &Trace) -> Result<()> {
    let expected = before.and_then(|before| before.steps.last()).map_or(1, |last| last + 1);
    let Some(&found) = rows.steps.first() else {
        return Err(TraceError::file(path, "holds no rows"));
    };
    if found != expected {
        let problem = format!("begins with step {found}, expected {expected}: the trace has a gap");
        return Err(TraceError::file(path, problem));
    }
    if before.is_some_and(|before| before.schema != rows.schema) {
        return Err(TraceError::file(path, "has other columns than the parts before it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{schema, trace};
    use crate::trace::Row;
    use proptest::prelude::*;
    use tempfile::TempDir;

    /// A run of 2,300 steps in three parts.
    fn run() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let trace_dir = RunDir::at(dir.path()).trace();
        fs::create_dir(&trace_dir).unwrap();
        for steps in [1..=1000, 1001..=2000, 2001..=2300] {
            write_part(&trace_dir, &trace(steps)).unwrap();
        }
        dir
    }

    fn part(run: &TempDir, part: usize) -> PathBuf {
        RunDir::at(run.path()).trace().join(part_name(part))
    }

    /// The trace must be refused in one line that names `file` and says `message`.
    fn check_refused(run: &TempDir, file: &str, message: &str) {
        let error = read_trace(run.path()).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains(message) && !error.contains('\n'), "{error}");
    }

    #[test]
    fn parts_read_back_as_one_trace() {
        assert_eq!(read_trace(run().path()).unwrap(), trace(1..=2300));
    }

    #[test]
    fn other_files_are_passed_over() {
        let run = run();
        fs::write(part(&run, 0).with_file_name("part-1.parquet"), b"?").unwrap();
        fs::write(part(&run, 0).with_file_name(".part-00003.parquet.1.0.tmp"), b"?").unwrap();
        assert_eq!(read_trace(run.path()).unwrap().len(), 2300);
    }

    #[test]
    fn a_gap_between_parts_is_refused() {
        let run = run();
        fs::remove_file(part(&run, 1)).unwrap();
        check_refused(&run, "part-00002.parquet", "expected part-00001.parquet before it");
        fs::rename(part(&run, 2), part(&run, 1)).unwrap();
        check_refused(&run, "part-00001.parquet", "begins with step 2001, expected 1001");
    }

    #[test]
    fn a_short_part_in_the_middle_is_refused() {
        let run = run();
        write_part(&RunDir::at(run.path()).trace(), &trace(1001..=1900)).unwrap();
        check_refused(&run, "part-00002.parquet", "begins with step 2001, expected 1901");
    }

    #[test]
    fn a_part_with_other_columns_is_refused() {
        let run = run();
        let mut rows = Trace::new(Schema::new([]).unwrap());
        rows.push(Row { step: 2001, epoch: 1, loss: 0.0, accuracy: 0.0, learning_rate: 0.0, signals: &[] });
        write_part(&RunDir::at(run.path()).trace(), &rows).unwrap();
        check_refused(&run, "part-00002.parquet", "other columns");
    }

    #[test]
    fn an_empty_run_says_when_parts_appear() {
        let run = tempfile::tempdir().unwrap();
        check_refused(&run, "trace", "cannot list");
        fs::create_dir(run.path().join("trace")).unwrap();
        check_refused(&run, "trace", "no part-*.parquet");
    }

    #[test]
    fn a_truncated_part_is_refused_at_every_length() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("part-00000.parquet");
        let bytes = encode_part(&trace(1..=3));
        for length in (0..bytes.len()).step_by(7) {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = read_part(&path).unwrap_err().to_string();
            assert!(error.contains("part-00000.parquet") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn another_parquet_file_is_refused() {
        let run = run();
        let table = Table::new("runs").with("step", vec![1i64]);
        fs::write(part(&run, 2), table.encode()).unwrap();
        check_refused(&run, "part-00002.parquet", "holds the runs table, expected trace");
    }

    #[test]
    fn the_same_rows_give_the_same_bytes() {
        let bytes = encode_part(&trace(1..=1000));
        assert_eq!(bytes, encode_part(&trace(1..=1000)));
    }

    #[test]
    fn a_flipped_bit_is_refused_wherever_it_is() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("part-00000.parquet");
        let bytes = encode_part(&trace(1..=3));
        for at in (0..bytes.len()).step_by(5) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            let error = read_part(&path).unwrap_err().to_string();
            assert!(error.contains("part-00000.parquet: ") && error.contains("damaged"), "{error}");
        }
    }

    #[test]
    #[should_panic(expected = "are not the beginning of one part")]
    fn rows_of_two_parts_are_refused() {
        let _ = write_part(Path::new("."), &trace(1..=1001));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_floats_come_back_bit_for_bit(
            rows in proptest::collection::vec(proptest::collection::vec(any::<u32>(), 15), 1..40),
        ) {
            let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MIN_POSITIVE / 2.0];
            let mut trace = Trace::new(schema());
            for (step, bits) in (1..).zip(&rows) {
                let mut signals: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits)).collect();
                signals[..special.len()].copy_from_slice(&special);
                let learning_rate = f64::from(signals[9]);
                trace.push(Row { step, epoch: 7, loss: signals[10], accuracy: 0.5, learning_rate, signals: &signals });
            }
            let dir = tempfile::tempdir().unwrap();
            let back = read_part(&write_part(dir.path(), &trace).unwrap()).unwrap();
            prop_assert_eq!(back.encode(), trace.encode());
        }
    }
}
