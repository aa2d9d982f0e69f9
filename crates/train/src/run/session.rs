//! The loop over epochs and batches, and what is written when.
//!
//! The order that makes a kill harmless: a part of the trace is published first, `epochs.parquet` next, then the
//! checkpoint, then `run.json`. Whatever is newer than the checkpoint is written again on resume, with the same bytes.

use super::{Monitor, Outcome, Progress, Report, Settings};
use crate::batch::{Batch, Shards};
use crate::checkpoint::{Checkpoint, Position};
use crate::error::TrainError;
use crate::evaluation::{Evaluated, evaluate};
use crate::step::{Divergence, StepResult, Trainer};
use rayon::ThreadPool;
use seismograd_cifar10::{Dataset, Shuffle, batches_per_epoch, epoch_batches};
use seismograd_nn::State;
use seismograd_optim::Schedule;
use seismograd_trace::{
    EpochRow, Epochs, EventWriter, Measure, Row, RunDir, RunRow, RunStatus, Schema, Statistic, Trace, TraceWriter,
    over_steps, write_atomically, write_runs,
};
use std::io::Write;
use std::time::{Instant, SystemTime};

/// A run under way.
pub(super) struct Session<'a> {
    settings: &'a Settings,
    dataset: &'a Dataset,
    directory: RunDir,
    digest: String,
    shuffle: Shuffle,
    schedule: Option<Schedule>,
    trainer: Trainer,
    position: Position,
    trace: TraceWriter,
    epochs: Epochs,
    events: EventWriter,
    /// Columns of the trace that TensorBoard gets too, with their tags.
    tags: Vec<(usize, String)>,
    last_checkpoint: Instant,
}

impl<'a> Session<'a> {
    /// Opens a run in its directory: at its beginning, or at its checkpoint.
    pub(super) fn open(
        settings: &'a Settings,
        dataset: &'a Dataset,
        directory: RunDir,
        mut trainer: Trainer,
        resumed: bool,
    ) -> Result<Session<'a>, TrainError> {
        let config = &settings.config;
        let schema = trainer.recorder.schema().clone();
        let digest = config.digest();
        let checkpoint = match resumed && directory.checkpoint().exists() {
            true => Some(Checkpoint::read(&directory.checkpoint(), &trainer.model, &digest)?),
            false => None,
        };
        if resumed && checkpoint.is_none() && RunRow::read(&directory.summary())?.steps > 0 {
            // To begin again would delete the trace of the steps that were done.
            let problem = "its checkpoint is gone, so it cannot go on; move its directory away to train it again";
            return Err(TrainError::run(directory.root(), problem));
        }
        let (position, pending) = match checkpoint {
            Some(checkpoint) => {
                let parameters = &checkpoint.state.parameters;
                let taken = trainer.optimizer.load_state(checkpoint.optimizer, parameters);
                taken.map_err(|error| TrainError::file(&directory.checkpoint(), error.to_string()))?;
                trainer.state = checkpoint.state;
                (checkpoint.position, checkpoint.pending)
            }
            None => (Position::default(), Trace::new(schema.clone())),
        };
        let trained = position.epoch + u64::from(position.batch > 0);
        if trained > settings.epochs {
            // Weights and trace would be those of another number of epochs than the run says.
            let problem = format!(
                "it has begun epoch {trained}, and --epochs {} asks for fewer; use --epochs {trained}, or more",
                settings.epochs
            );
            return Err(TrainError::run(directory.root(), problem));
        }
        let mut epochs = Epochs::new(schema.clone());
        if position.epoch > 0 {
            epochs = Epochs::read(&directory.epochs()).map_err(|error| {
                TrainError::run(directory.root(), format!("{error}; move the run's directory away to train it again"))
            })?;
            epochs.truncate(usize::try_from(position.epoch).unwrap_or(usize::MAX));
        }
        let session = Session {
            trace: match resumed {
                true => TraceWriter::resume(&directory.trace(), position.step as i64, pending)?,
                false => TraceWriter::create(&directory.trace(), schema.clone())?,
            },
            events: events(&directory, position.events)?,
            tags: tags(&schema),
            shuffle: config.shuffle()?,
            schedule: config.schedule()?,
            last_checkpoint: Instant::now(),
            settings,
            dataset,
            directory,
            digest,
            trainer,
            position,
            epochs,
        };
        session.write_config()?;
        session.write_row(RunStatus::Running, None)?;
        Ok(session)
    }

    /// Trains until all epochs are done, the monitor asks to stop, or the run diverges.
    pub(super) fn run(&mut self, pool: &ThreadPool, monitor: &mut dyn Monitor) -> Result<Report, TrainError> {
        monitor.begin(&self.progress()?);
        while self.position.epoch < self.settings.epochs {
            let ended = self.epoch(pool, monitor)?;
            if let Some(outcome) = ended {
                return self.finish(outcome);
            }
        }
        self.finish(Outcome::Completed)
    }

    /// The rest of the epoch under way; says why the run ends if it does.
    fn epoch(&mut self, pool: &ThreadPool, monitor: &mut dyn Monitor) -> Result<Option<Outcome>, TrainError> {
        let config = &self.settings.config;
        let train = self.dataset.train.len();
        let epoch = self.position.epoch;
        let batches =
            epoch_batches(train, config.batch_size, self.shuffle, config.seed, epoch, config.drop_incomplete)?;
        for indices in &batches[self.position.batch..] {
            if monitor.should_stop() {
                return Ok(Some(Outcome::Interrupted));
            }
            let started = Instant::now();
            match pool.install(|| self.step(indices))? {
                Ok(result) => self.record(&result, indices.len())?,
                Err(divergence) => return Ok(Some(Outcome::Diverged(divergence))),
            }
            self.take_time(started);
            monitor.step(&self.progress()?);
            if self.last_checkpoint.elapsed() >= self.settings.checkpoint_every {
                self.checkpoint()?;
            }
        }
        let started = Instant::now();
        let test = self.evaluate(pool);
        self.take_time(started);
        if !test.loss.is_finite() {
            let (step, what) = (self.position.step, "the test loss".to_owned());
            return Ok(Some(Outcome::Diverged(Divergence { step, what })));
        }
        self.close_epoch(test, batches.len())?;
        monitor.epoch(self.epochs.rows().last().expect("the epoch just closed"));
        Ok(None)
    }

    fn step(&mut self, indices: &[u32]) -> Result<Result<StepResult, Divergence>, TrainError> {
        let config = &self.settings.config;
        let batch = Batch::Split { split: &self.dataset.train, indices, normalization: config.normalization() };
        let shards = Shards { size: config.shard_size, seed: config.seed, step: self.position.step + 1 };
        if let Some(schedule) = &self.schedule {
            self.trainer.optimizer.set_lr(config.lr * schedule.factor(shards.step));
        }
        self.trainer.step(&batch, shards)
    }

    /// Adds a step's row to the trace and to TensorBoard, and moves on.
    fn record(&mut self, result: &StepResult, samples: usize) -> Result<(), TrainError> {
        let position = &mut self.position;
        position.step += 1;
        position.batch += 1;
        position.samples += samples;
        position.correct += result.correct;
        position.loss += result.loss * samples as f64;
        let row = Row {
            step: position.step as i64,
            epoch: position.epoch as i32 + 1,
            loss: result.loss as f32,
            accuracy: (result.correct as f64 / samples as f64) as f32,
            learning_rate: self.trainer.optimizer.lr(),
            signals: &result.row,
        };
        self.trace.push(row)?;
        let now = wall_time();
        for (tag, value) in
            [("train/loss", row.loss), ("train/accuracy", row.accuracy), ("train/lr", row.learning_rate as f32)]
        {
            self.events.scalar(tag, row.step, now, value)?;
        }
        for (column, tag) in &self.tags {
            self.events.scalar(tag, row.step, now, result.row[*column])?;
        }
        Ok(())
    }

    fn evaluate(&self, pool: &ThreadPool) -> Evaluated {
        let (config, test) = (&self.settings.config, &self.dataset.test);
        let Trainer { model, state, optimizer, .. } = &self.trainer;
        let own = optimizer.evaluation_parameters(&state.parameters);
        let parameters = own.as_deref().unwrap_or(&state.parameters);
        pool.install(|| evaluate(model, parameters, &state.buffers, test, config.normalization(), config.shard_size))
    }

    /// The numbers that the evaluation was made with.
    fn evaluated_state(&self) -> State {
        let mut state = self.trainer.state.clone();
        if let Some(own) = self.trainer.optimizer.evaluation_parameters(&state.parameters) {
            state.parameters = own;
        }
        state
    }

    /// Writes the epoch's row and a checkpoint at the next epoch's beginning.
    fn close_epoch(&mut self, test: Evaluated, batches: usize) -> Result<(), TrainError> {
        let position = &self.position;
        debug_assert_eq!(position.batch, batches, "an epoch is closed after its last batch");
        let samples = position.samples as f64;
        let epoch = position.epoch as i32 + 1;
        self.epochs.push(EpochRow {
            epoch,
            steps: position.step as i64,
            train_loss: (position.loss / samples) as f32,
            train_accuracy: (position.correct as f64 / samples) as f32,
            test_loss: test.loss as f32,
            test_accuracy: test.accuracy as f32,
            seconds: position.epoch_seconds,
            learning_rate: self.trainer.optimizer.lr(),
            signals: over_steps(&self.trace.epoch(epoch)?),
        });
        let now = wall_time();
        self.events.scalar("test/loss", position.step as i64, now, test.loss as f32)?;
        self.events.scalar("test/accuracy", position.step as i64, now, test.accuracy as f32)?;
        self.position = Position {
            epoch: position.epoch + 1,
            step: position.step,
            seconds: position.seconds,
            ..Position::default()
        };
        self.epochs.write(&self.directory.epochs())?;
        self.checkpoint()?;
        self.write_row(RunStatus::Running, None).map(drop)
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        self.position.events = self.events.flush()?;
        let checkpoint = Checkpoint {
            position: self.position.clone(),
            state: self.trainer.state.clone(),
            optimizer: self.trainer.optimizer.state(),
            pending: self.trace.pending().clone(),
        };
        checkpoint.write(&self.directory.checkpoint(), &self.trainer.model, &self.digest)?;
        self.last_checkpoint = Instant::now();
        Ok(())
    }

    /// Publishes what is still in memory and says how the run ended.
    fn finish(&mut self, outcome: Outcome) -> Result<Report, TrainError> {
        if outcome == Outcome::Interrupted {
            self.checkpoint()?;
        }
        self.events.flush()?;
        self.trace.finish()?;
        let row = match &outcome {
            Outcome::Completed => self.write_row(RunStatus::Completed, None)?,
            Outcome::Interrupted => self.write_row(RunStatus::Interrupted, None)?,
            Outcome::Diverged(divergence) => self.write_row(RunStatus::Diverged, Some(divergence.step as i64))?,
        };
        if self.settings.table {
            write_runs(&self.settings.out)?.map_or(Ok(()), Err)?;
        }
        let epochs = self.epochs.rows().to_vec();
        Ok(Report {
            outcome,
            row,
            directory: self.directory.root().to_owned(),
            epochs,
            state: Some(self.evaluated_state()),
        })
    }

    fn write_config(&self) -> Result<(), TrainError> {
        let json =
            serde_json::to_string_pretty(&self.settings.config).expect("a configuration of plain fields is JSON");
        Ok(write_atomically(&self.directory.config(), |file| writeln!(file, "{json}"))?)
    }

    fn write_row(&self, status: RunStatus, diverged_at_step: Option<i64>) -> Result<RunRow, TrainError> {
        let last = self.epochs.rows().last();
        let row = RunRow {
            key: self.settings.config.key(),
            protocol: self.settings.config.protocol.clone(),
            epochs: self.position.epoch as i32,
            steps: self.position.step as i64,
            status,
            diverged_at_step,
            train_loss: last.map(|epoch| epoch.train_loss),
            train_accuracy: last.map(|epoch| epoch.train_accuracy),
            test_loss: last.map(|epoch| epoch.test_loss),
            test_accuracy: last.map(|epoch| epoch.test_accuracy),
            parameters: self.trainer.model.parameter_count() as i64,
            seconds: self.position.seconds,
        };
        row.write(&self.directory.summary())?;
        Ok(row)
    }

    fn progress(&self) -> Result<Progress, TrainError> {
        let (config, position) = (&self.settings.config, &self.position);
        let samples = position.samples.max(1) as f64;
        Ok(Progress {
            epoch: position.epoch + 1,
            epochs: self.settings.epochs,
            batch: position.batch,
            batches: batches_per_epoch(self.dataset.train.len(), config.batch_size, config.drop_incomplete)?,
            samples: position.samples,
            loss: position.loss / samples,
            accuracy: position.correct as f64 / samples,
        })
    }

    fn take_time(&mut self, started: Instant) {
        let seconds = started.elapsed().as_secs_f64();
        self.position.seconds += seconds;
        self.position.epoch_seconds += seconds;
    }
}

/// The TensorBoard file, from its beginning or behind what the checkpoint knows of. The curves are no part of a run's result: a file
/// that is gone is begun anew.
fn events(directory: &RunDir, length: u64) -> Result<EventWriter, TrainError> {
    let path = directory.events();
    let resumed = if length > 0 { EventWriter::resume(&path, length).ok() } else { None };
    Ok(match resumed {
        Some(events) => events,
        None => EventWriter::create(&path, wall_time())?,
    })
}

/// The columns worth a curve: mean, deviation and norm of each signal.
fn tags(schema: &Schema) -> Vec<(usize, String)> {
    let shown = [Statistic::Mean, Statistic::Std, Statistic::L2Norm].map(Measure::from);
    let columns = schema.columns().iter().enumerate().filter(|(_, column)| shown.contains(&column.measure));
    let tag = |column: &seismograd_trace::Column| {
        format!("{}/{}/{}", column.signal.site(), column.signal.quantity().name(), column.measure)
    };
    columns.map(|(at, column)| (at, tag(column))).collect()
}

/// Seconds since 1970.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
