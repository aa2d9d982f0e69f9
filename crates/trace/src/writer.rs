//! A run's trace while it grows: rows wait in memory, full parts are published, a resumed run goes on.
//!
//! The order that makes a crash harmless: the part is published first (by [`TraceWriter::push`]), then the
//! caller writes its checkpoint with [`TraceWriter::pending`] in it. A run that is killed between the
//! two resumes from the older checkpoint, deletes the newer part, and writes the same one again. When to
//! checkpoint is not decided here.

use crate::atomic::{create_directories, remove, sweep_temporaries};
use crate::error::{Result, TraceError};
use crate::part::{PART_STEPS, first_step, list_parts, part_name, part_of, read_part, write_part};
use crate::schema::Schema;
use crate::trace::{Row, Trace};
use std::path::{Path, PathBuf};

/// Writes the trace of one run into its `trace/` directory.
#[derive(Debug)]
pub struct TraceWriter {
    trace_dir: PathBuf,
    pending: Trace,
}

impl TraceWriter {
    /// Begins a trace at step 1; a directory that already holds parts is refused.
    pub fn create(trace_dir: &Path, schema: Schema) -> Result<TraceWriter> {
        create_directories(trace_dir)?;
        sweep_temporaries(trace_dir)?;
        if let Some((_, path)) = list_parts(trace_dir)?.first() {
            let problem = "already there: resume the run, or delete its directory to begin again";
            return Err(TraceError::file(path, problem));
        }
        Ok(TraceWriter { trace_dir: trace_dir.to_owned(), pending: Trace::new(schema) })
    }

    /// Goes on after `step`, the last step of a checkpoint, with the rows that the checkpoint carried.
    ///
    /// Parts newer than the checkpoint are deleted (a short last one among them); an older one that is missing,
    /// or that has other columns, is an error.
    pub fn resume(trace_dir: &Path, step: i64, pending: Trace) -> Result<TraceWriter> {
        let published = usize::try_from(step / PART_STEPS).unwrap_or_default();
        check_pending(step, first_step(published), &pending)?;
        create_directories(trace_dir)?;
        sweep_temporaries(trace_dir)?;
        let parts = list_parts(trace_dir)?;
        let (kept, newer): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(part, _)| *part < published);
        check_kept(trace_dir, &kept, published, pending.schema())?;
        // From the end, so that a crash in between leaves a trace without a gap.
        for (_, path) in newer.iter().rev() {
            remove(path)?;
        }
        Ok(TraceWriter { trace_dir: trace_dir.to_owned(), pending })
    }

    /// Adds the next step, and publishes the part that it completes.
    ///
    /// An error means that a full part could not be published, by a full disk say. Stop the run without a new
    /// checkpoint; the last one resumes it. (A caller that goes on instead has the part tried again first.)
    ///
    /// # Panics
    ///
    /// If the row does not fit the schema or is not the next step, as [`Trace::push`].
    #[track_caller]
    pub fn push(&mut self, row: Row<'_>) -> Result<()> {
        self.publish_full()?;
        self.pending.push(row);
        self.publish_full()
    }

    /// The rows since the last part: they belong into the checkpoint.
    pub fn pending(&self) -> &Trace {
        &self.pending
    }

    /// Publishes the rows since the last part as a short last part, at the end of a run.
    ///
    /// The rows stay pending too, so that a run that is prolonged later replaces the short part by a full one.
    pub fn finish(&self) -> Result<()> {
        if !self.pending.is_empty() {
            write_part(&self.trace_dir, &self.pending)?;
        }
        Ok(())
    }

    /// The rows of one of the last epochs, from the published parts and the rows since.
    ///
    /// An epoch may lie across parts; reading it back keeps the statistics over its steps
    /// independent of when the run was interrupted.
    pub fn epoch(&self, epoch: i32) -> Result<Trace> {
        let mut rows = Trace::new(self.pending.schema().clone());
        for mut chunk in self.chunks_back_to(epoch)?.into_iter().rev() {
            let before = chunk.epochs.partition_point(|found| *found < epoch);
            chunk.split_front(before);
            let inside = chunk.epochs.partition_point(|found| *found <= epoch);
            rows.append(chunk.split_front(inside));
        }
        Ok(rows)
    }

    /// The pending rows and then the parts, latest first, until one begins before the epoch.
    fn chunks_back_to(&self, epoch: i32) -> Result<Vec<Trace>> {
        let mut chunks = vec![self.pending.clone()];
        // The last part is full, or it is short and repeats the rows that are pending.
        let full = |part: &usize| self.pending.steps.first().is_none_or(|first| *part < part_of(*first));
        let parts = list_parts(&self.trace_dir)?;
        for (_, path) in parts.into_iter().rev().filter(|(part, _)| full(part)) {
            let later = &chunks[chunks.len() - 1];
            if later.epochs.first().is_some_and(|first| *first < epoch) {
                break;
            }
            let rows = read_part(&path)?;
            let next = rows.steps.last().map(|last| last + 1);
            let follows = later.is_empty() || later.steps.first().copied() == next;
            if !follows || rows.schema() != self.pending.schema() {
                return Err(TraceError::file(&path, "is not of this run: it was changed while the run went on"));
            }
            chunks.push(rows);
        }
        Ok(chunks)
    }

    fn publish_full(&mut self) -> Result<()> {
        let last = self.pending.steps.last().copied();
        if last.is_some_and(|last| last % PART_STEPS == 0) {
            write_part(&self.trace_dir, &self.pending)?;
            self.pending = Trace::new(self.pending.schema().clone());
        }
        Ok(())
    }
}

/// The rows of a checkpoint at `step` must be those from `first`, where the next part begins, to `step`.
fn check_pending(step: i64, first: i64, pending: &Trace) -> Result<()> {
    let begins = pending.steps.first().is_none_or(|found| *found == first);
    if step >= 0 && begins && pending.len() as i64 == step - first + 1 {
        return Ok(());
    }
    let found = match (pending.steps.first(), pending.steps.last()) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "none".to_owned(),
    };
    Err(TraceError::Rows(format!("steps {found}, expected {first} to {step}, the checkpoint's")))
}

fn check_kept(trace_dir: &Path, kept: &[(usize, PathBuf)], expected: usize, schema: &Schema) -> Result<()> {
    if let Some(missing) = (0..expected).find(|part| kept.get(*part).is_none_or(|(found, _)| found != part)) {
        let path = trace_dir.join(part_name(missing));
        return Err(TraceError::file(&path, "missing, and the checkpoint is newer: restore it or begin again"));
    }
    let Some((part, path)) = kept.last() else { return Ok(()) };
    let last = read_part(path)?;
    if last.steps.last().map(|step| (part_of(*step), step % PART_STEPS)) != Some((*part, 0)) {
        return Err(TraceError::file(path, "ends early, and the checkpoint is newer: begin the run again"));
    }
    if last.schema() != schema {
        return Err(TraceError::file(path, "has other columns than the checkpoint"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{schema, trace};
    use std::fs;

    fn push(writer: &mut TraceWriter, steps: std::ops::RangeInclusive<i64>) {
        let rows = trace(steps);
        for (k, &step) in rows.steps.iter().enumerate() {
            let signals: Vec<f32> = rows.signals.iter().map(|column| column[k]).collect();
            let (epoch, loss) = (rows.epochs[k], rows.losses[k]);
            let row = Row { step, epoch, loss, accuracy: 0.25, learning_rate: 1e-3, signals: &signals };
            writer.push(row).unwrap();
        }
    }

    fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let parts = list_parts(directory).unwrap().into_iter();
        parts.map(|(_, path)| (path.file_name().unwrap().into(), fs::read(&path).unwrap())).collect()
    }

    /// A run of `steps` that was never interrupted.
    fn straight(steps: i64) -> (tempfile::TempDir, TraceWriter) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = TraceWriter::create(dir.path(), schema()).unwrap();
        push(&mut writer, 1..=steps);
        (dir, writer)
    }

    /// A run that is killed at `killed`, resumed from its checkpoint at `checkpoint`, and ends with the same bytes.
    fn check_resume(checkpoint: i64, killed: i64) {
        let (expected, writer) = straight(2300);
        writer.finish().unwrap();
        let (dir, writer) = straight(checkpoint);
        let carried = writer.pending().encode();
        let mut writer = writer;
        push(&mut writer, checkpoint + 1..=killed);
        drop(writer);
        fs::write(dir.path().join(".part-00001.parquet.9.0.tmp"), b"half").unwrap();
        let pending = Trace::decode(&carried).unwrap();
        let mut writer = TraceWriter::resume(dir.path(), checkpoint, pending).unwrap();
        push(&mut writer, checkpoint + 1..=2300);
        writer.finish().unwrap();
        assert_eq!(files(dir.path()), files(expected.path()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_resumed_run_ends_with_the_same_bytes() {
        check_resume(0, 0);
        check_resume(0, 2100);
        check_resume(999, 1000);
        check_resume(1000, 1000);
        check_resume(1001, 2150);
        check_resume(2000, 2300);
    }

    #[test]
    fn a_finished_run_can_be_prolonged() {
        let (expected, writer) = straight(3000);
        drop(writer);
        let (dir, writer) = straight(2300);
        writer.finish().unwrap();
        let pending = writer.pending().clone();
        let mut writer = TraceWriter::resume(dir.path(), 2300, pending).unwrap();
        push(&mut writer, 2301..=3000);
        assert_eq!(files(dir.path()), files(expected.path()));
    }

    #[test]
    fn an_epoch_is_gathered_across_parts() {
        let (_dir, writer) = straight(2300);
        for epoch in 1..=4 {
            let first = i64::from(epoch - 1) * 600 + 1;
            let expected = trace(first..=(first + 599).min(2300));
            assert_eq!(writer.epoch(epoch).unwrap(), expected, "epoch {epoch}");
            writer.finish().unwrap();
        }
        assert!(writer.epoch(9).unwrap().is_empty());
    }

    #[test]
    fn a_part_that_was_changed_meanwhile_is_refused() {
        let (dir, writer) = straight(1500);
        write_part(dir.path(), &trace(1..=900)).unwrap();
        let error = writer.epoch(1).unwrap_err().to_string();
        assert!(error.contains("part-00000.parquet: is not of this run"), "{error}");
    }

    #[test]
    fn a_directory_with_parts_is_not_begun_again() {
        let (dir, _writer) = straight(1000);
        let error = TraceWriter::create(dir.path(), schema()).unwrap_err().to_string();
        assert!(error.contains("part-00000.parquet: already there"), "{error}");
    }

    fn check_not_resumed(dir: &Path, step: i64, pending: Trace, message: &str) {
        let error = TraceWriter::resume(dir, step, pending).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn a_checkpoint_that_does_not_fit_is_refused() {
        let (dir, writer) = straight(1500);
        let pending = writer.pending();
        check_not_resumed(dir.path(), 1400, pending.clone(), "steps 1001 to 1500, expected 1001 to 1400");
        check_not_resumed(dir.path(), 1000, pending.clone(), "expected 1001 to 1000");
        check_not_resumed(dir.path(), 2000, Trace::new(schema()), "part-00001.parquet: missing");
        check_not_resumed(dir.path(), -5, Trace::new(schema()), "expected 1 to -5");
        let other = Trace::new(Schema::new([]).unwrap());
        check_not_resumed(dir.path(), 1000, other, "other columns");
        write_part(dir.path(), &trace(1..=9)).unwrap();
        check_not_resumed(dir.path(), 1500, pending.clone(), "part-00000.parquet: ends early");
    }

    #[test]
    fn a_failed_publication_loses_no_row() {
        let (dir, mut writer) = straight(999);
        let blocked = dir.path().join(part_name(0));
        fs::create_dir(&blocked).unwrap();
        let signals = vec![0.0; schema().len()];
        let row = |step| Row { step, epoch: 2, loss: 0.0, accuracy: 0.0, learning_rate: 0.0, signals: &signals };
        writer.push(row(1000)).unwrap_err();
        writer.push(row(1001)).unwrap_err();
        assert_eq!(writer.pending().len(), 1000);
        fs::remove_dir(&blocked).unwrap();
        writer.push(row(1001)).unwrap();
        assert_eq!(writer.pending().steps(), [1001]);
        assert_eq!(read_part(&blocked).unwrap().len(), 1000);
    }
}
