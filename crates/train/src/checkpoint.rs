//! A run's whole state in one file, so that a resumed run has the same bits as one never interrupted.

use crate::config::hexadecimal;
use crate::error::TrainError;
use crate::weights::{Entry, encode, take_state};
use safetensors::SafeTensors;
use seismograd_nn::{Model, State};
use seismograd_optim::State as OptimizerState;
use seismograd_tensor::Tensor;
use seismograd_trace::{Trace, write_atomically};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::{fs, io::Write, path::Path};

/// Where a run stands, besides its tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Updates done.
    pub step: u64,
    /// The epoch under way, from 0; one past the last when all are done.
    pub epoch: u64,
    /// Batches of it that are done.
    pub batch: usize,
    /// The sum over its samples so far of the losses.
    pub loss: f64,
    /// Its samples so far that were classified rightly.
    pub correct: usize,
    /// Its samples so far.
    pub samples: usize,
    /// Seconds spent in it so far.
    pub epoch_seconds: f64,
    /// Seconds spent in the run so far.
    pub seconds: f64,
    /// The length of the TensorBoard file.
    pub events: u64,
}

/// Everything that the next step depends on, and the rows that are in no part yet.
pub(crate) struct Checkpoint {
    pub position: Position,
    pub state: State,
    pub optimizer: OptimizerState,
    pub pending: Trace,
}

/// What the safetensors header notes beside the tensors.
#[derive(Clone, Serialize, Deserialize)]
struct Note {
    config: String,
    position: Position,
    optimizer: String,
    optimizer_step: u64,
    /// Names and bits of the optimizer's numbers.
    optimizer_scalars: Vec<(String, u64)>,
    /// Names of its tensors, in its order.
    optimizer_tensors: Vec<String>,
    /// SHA-256 of the tensors, by name, and of this note without it. Checkpoints of earlier builds have none.
    #[serde(default)]
    digest: String,
}

impl Note {
    /// The digest of the note with these tensors.
    fn digest<'a>(&self, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
        let note = Note { digest: String::new(), ..self.clone() };
        let mut digest = Sha256::new_with_prefix(note.json());
        // In a file they lie in an order of its own.
        for (name, bytes) in tensors.collect::<BTreeMap<_, _>>() {
            digest.update(format!("\0{name}\0{}\0", bytes.len()));
            digest.update(bytes);
        }
        hexadecimal(&digest.finalize())
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect("a note of plain fields is JSON")
    }
}

const NOTE: &str = "seismograd";
const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const PENDING: &str = "trace.pending";

impl Checkpoint {
    /// Writes the checkpoint of the run with this configuration's digest.
    pub(crate) fn write(&self, path: &Path, model: &Model, config: &str) -> Result<(), TrainError> {
        let names = model.parameter_names().iter().chain(model.buffer_names());
        let tensors = self.state.parameters.iter().chain(&self.state.buffers);
        let mut entries: Vec<Entry> =
            names.zip(tensors).map(|(name, tensor)| Entry::of(&format!("{MODEL}{name}"), tensor)).collect();
        entries.extend(
            self.optimizer.tensors.iter().map(|(name, tensor)| Entry::of(&format!("{OPTIMIZER}{name}"), tensor)),
        );
        entries.push(Entry::bytes(PENDING, self.pending.encode()));
        let mut note = Note {
            config: config.to_owned(),
            position: self.position.clone(),
            optimizer: self.optimizer.optimizer.clone(),
            optimizer_step: self.optimizer.step,
            optimizer_scalars: self.optimizer.scalars.iter().map(|(name, x)| (name.clone(), x.to_bits())).collect(),
            optimizer_tensors: self.optimizer.tensors.iter().map(|(name, _)| name.clone()).collect(),
            digest: String::new(),
        };
        note.digest = note.digest(entries.iter().map(Entry::name_and_bytes));
        let bytes = encode(&entries, Some((NOTE, note.json())))?;
        Ok(write_atomically(path, |file| file.write_all(&bytes))?)
    }

    /// Reads the checkpoint of the run with this configuration's digest.
    pub(crate) fn read(path: &Path, model: &Model, config: &str) -> Result<Checkpoint, TrainError> {
        let damaged =
            |what: String| TrainError::file(path, format!("{what}; delete the run's directory to start it anew"));
        let bytes = fs::read(path).map_err(|error| damaged(format!("cannot read the checkpoint: {error}")))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(format!("is damaged ({error})")))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
        let note = header.metadata().as_ref().and_then(|notes| notes.get(NOTE));
        let note: Note = note
            .and_then(|note| serde_json::from_str(note).ok())
            .ok_or_else(|| damaged("is no checkpoint of a run".to_owned()))?;
        let tensors = file.iter().map(|(name, tensor)| (name, tensor.data()));
        if !note.digest.is_empty() && note.digest != note.digest(tensors) {
            return Err(damaged("is damaged (its numbers are not those that were written)".to_owned()));
        }
        if note.config != config {
            return Err(damaged(format!("belongs to the configuration {}, not {config}", note.config)));
        }
        let pending = file.tensor(PENDING).map_err(|_| damaged("lacks the trace's pending rows".to_owned()))?;
        let tensors = note.optimizer_tensors.iter().map(|name| optimizer_tensor(path, &file, name));
        Ok(Checkpoint {
            state: take_state(path, &file, model, MODEL)?,
            optimizer: OptimizerState {
                optimizer: note.optimizer,
                step: note.optimizer_step,
                scalars: note.optimizer_scalars.into_iter().map(|(name, bits)| (name, f64::from_bits(bits))).collect(),
                tensors: tensors.collect::<Result<_, _>>()?,
            },
            pending: Trace::decode(pending.data()).map_err(|error| damaged(error.to_string()))?,
            position: note.position,
        })
    }
}

fn optimizer_tensor(path: &Path, file: &SafeTensors<'_>, name: &str) -> Result<(String, Tensor), TrainError> {
    let missing = |_| TrainError::file(path, format!("lacks the optimizer's {name}"));
    let view = file.tensor(&format!("{OPTIMIZER}{name}")).map_err(missing)?;
    let elements = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok((name.to_owned(), Tensor::new(view.shape(), elements)))
}
