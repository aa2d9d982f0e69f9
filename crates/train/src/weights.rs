//! Weights in safetensors files, with PyTorch's names, shapes and layout: `load_state_dict` takes them.

use crate::error::TrainError;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use seismograd_nn::{Model, State};
use seismograd_tensor::Tensor;
use seismograd_trace::write_atomically;
use std::{fs, io::Write, path::Path};

/// The end of the names of PyTorch's integer buffers.
const COUNTER: &str = "num_batches_tracked";

/// Writes a model's parameters and buffers.
///
/// # Errors
/// When the file cannot be written.
pub fn write_weights(path: &Path, model: &Model, state: &State) -> Result<(), TrainError> {
    let names = model.parameter_names().iter().chain(model.buffer_names());
    let tensors = state.parameters.iter().chain(&state.buffers);
    let entries: Vec<Entry> = names.zip(tensors).map(|(name, tensor)| Entry::of(name, tensor)).collect();
    let bytes = encode(&entries, None)?;
    Ok(write_atomically(path, |file| file.write_all(&bytes))?)
}

/// Reads a model's parameters and buffers.
///
/// # Errors
/// When the file is no safetensors file, or a tensor is missing, unexpected, misshapen, not f32 or not finite.
pub fn read_weights(path: &Path, model: &Model) -> Result<State, TrainError> {
    let bytes =
        fs::read(path).map_err(|error| TrainError::file(path, format!("cannot read: {error}; check --init")))?;
    let file = decode(path, &bytes)?;
    let state = take_state(path, &file, model, "")?;
    let expected = || model.parameter_names().iter().chain(model.buffer_names());
    if let Some(extra) = file.names().into_iter().find(|name| !expected().any(|known| known == name)) {
        let problem = format!("holds {extra}, which the model has not; expected {}", list(expected()));
        return Err(TrainError::file(path, problem));
    }
    Ok(state)
}

/// Reads the parameters and buffers whose names begin with `prefix`.
pub(crate) fn take_state(
    path: &Path,
    file: &SafeTensors<'_>,
    model: &Model,
    prefix: &str,
) -> Result<State, TrainError> {
    let take = |(name, shape): (&String, &[usize])| take_tensor(path, file, &format!("{prefix}{name}"), shape);
    Ok(State {
        parameters: model.parameter_names().iter().zip(model.parameter_shapes()).map(take).collect::<Result<_, _>>()?,
        buffers: model.buffer_names().iter().zip(model.buffer_shapes()).map(take).collect::<Result<_, _>>()?,
    })
}

fn take_tensor(path: &Path, file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Tensor, TrainError> {
    let problem = |problem: String| TrainError::file(path, problem);
    let view = file.tensor(name).map_err(|_| problem(format!("lacks {name}, a tensor of shape {shape:?}")))?;
    if view.shape() != shape {
        return Err(problem(format!("{name} has shape {:?}, expected {shape:?}", view.shape())));
    }
    let elements: Vec<f32> = match (view.dtype(), name.ends_with(COUNTER)) {
        (Dtype::F32, _) => view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        (Dtype::I64, true) => view.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as f32).collect(),
        (other, _) => return Err(problem(format!("{name} is {other:?}, expected F32; convert it with `.float()`"))),
    };
    match elements.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(problem(format!("{name} holds {} at element {at}; weights must be finite", elements[at]))),
        None => Ok(Tensor::new(shape, elements)),
    }
}

/// The first few names, for an error.
fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.len() <= 16 {
        names.join(", ")
    } else {
        format!("{}, ... ({} tensors)", names[..8].join(", "), names.len())
    }
}

/// A tensor on its way into a file.
pub(crate) struct Entry {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Entry {
    /// A tensor of floats, or PyTorch's counter of batches.
    pub(crate) fn of(name: &str, tensor: &Tensor) -> Entry {
        let (dtype, bytes) = if name.ends_with(COUNTER) {
            (Dtype::I64, tensor.as_slice().iter().flat_map(|&x| (x as i64).to_le_bytes()).collect())
        } else {
            (Dtype::F32, tensor.as_slice().iter().flat_map(|x| x.to_le_bytes()).collect())
        };
        Entry { name: name.to_owned(), dtype, shape: tensor.shape().to_vec(), bytes }
    }

    /// What it is called and what it holds.
    pub(crate) fn name_and_bytes(&self) -> (&str, &[u8]) {
        (&self.name, &self.bytes)
    }

    /// Plain bytes.
    pub(crate) fn bytes(name: &str, bytes: Vec<u8>) -> Entry {
        Entry { name: name.to_owned(), dtype: Dtype::U8, shape: vec![bytes.len()], bytes }
    }
}

/// A safetensors file of these entries. At most one note, so that the bytes do not depend on a map's order.
pub(crate) fn encode(entries: &[Entry], note: Option<(&str, String)>) -> Result<Vec<u8>, TrainError> {
    let views = entries.iter().map(|entry| {
        let view = TensorView::new(entry.dtype, entry.shape.clone(), &entry.bytes);
        (entry.name.as_str(), view.expect("an entry has the bytes of its shape"))
    });
    let note = note.map(|(key, text)| [(key.to_owned(), text)].into());
    Ok(safetensors::serialize(views, note).expect("entries of distinct names serialise"))
}

/// Opens the bytes of a safetensors file.
pub(crate) fn decode<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, TrainError> {
    SafeTensors::deserialize(bytes)
        .map_err(|error| TrainError::file(path, format!("is no safetensors file ({error}); save one with --save")))
}
