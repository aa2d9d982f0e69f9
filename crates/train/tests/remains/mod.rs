//! What a run leaves behind, and whether two runs left the same.

use safetensors::SafeTensors;
use seismograd_nn::State;
use seismograd_trace::{EpochRow, Epochs, RunDir, RunRow};
use seismograd_train::{Report, RunConfig, write_weights};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Named contents.
type Contents = BTreeMap<String, Vec<u8>>;

/// Everything that two runs of one configuration must have in common.
pub struct Remains {
    /// The trace's parts by name, byte for byte.
    parts: Contents,
    /// The tensors of the checkpoint by name: parameters, buffers, the optimizer's, and the rows that are in no full part.
    checkpoint: Contents,
    /// `epochs.parquet`, the seconds left out.
    epochs: Vec<EpochRow>,
    /// `run.json`, the seconds left out.
    row: RunRow,
    /// The file that `write_weights` makes of the final state.
    weights: Vec<u8>,
}

impl Remains {
    /// What the run that gave this report left in its directory.
    pub fn of(config: &RunConfig, report: &Report) -> Remains {
        let directory = RunDir::at(&report.directory);
        let epochs = Epochs::read(&directory.epochs()).unwrap();
        Remains {
            parts: files(&directory.trace()),
            checkpoint: tensors(&directory.checkpoint()),
            epochs: epochs.rows().iter().map(|row| EpochRow { seconds: 0.0, ..row.clone() }).collect(),
            row: RunRow { seconds: 0.0, ..RunRow::read(&directory.summary()).unwrap() },
            weights: weights(config, report.state.as_ref().expect("a run of this process")),
        }
    }

    /// Checks that two runs left the same.
    #[track_caller]
    pub fn check_same(&self, other: &Remains, what: &str) {
        assert_eq!(self.differences(other), [""; 0], "{what}");
    }

    /// The names of what differs.
    pub fn differences(&self, other: &Remains) -> Vec<String> {
        let mut differences = differences(&self.parts, &other.parts);
        differences.extend(differences_of_numbers(self, other));
        differences.extend((self.epochs != other.epochs).then(|| "epochs.parquet".to_owned()));
        differences.extend((self.row != other.row).then(|| "run.json".to_owned()));
        differences.extend((self.checkpoint != other.checkpoint).then(|| "checkpoint.safetensors".to_owned()));
        differences
    }

    /// Checks that two runs of different recordings have the same numbers: model, optimizer, evaluation.
    #[track_caller]
    pub fn check_same_numbers(&self, other: &Remains, what: &str) {
        let evaluations = |remains: &Remains| -> Vec<[u32; 4]> {
            let row = |row: &EpochRow| [row.train_loss, row.train_accuracy, row.test_loss, row.test_accuracy];
            remains.epochs.iter().map(|epoch| row(epoch).map(f32::to_bits)).collect()
        };
        assert_eq!(differences_of_numbers(self, other), [""; 0], "{what}");
        assert_eq!(evaluations(self), evaluations(other), "{what}");
    }

    /// The names of the trace's parts.
    pub fn parts(&self) -> Vec<&str> {
        self.parts.keys().map(String::as_str).collect()
    }

    /// The names of the checkpoint's tensors.
    pub fn tensors(&self) -> Vec<&str> {
        self.checkpoint.keys().map(String::as_str).collect()
    }
}

/// The names of the tensors of model and optimizer that differ, and whether saved weights do.
fn differences_of_numbers(ours: &Remains, theirs: &Remains) -> Vec<String> {
    let numbers = |remains: &Remains| -> Contents {
        let tensors = remains.checkpoint.clone().into_iter();
        tensors.filter(|(name, _)| ["model.", "optimizer."].iter().any(|head| name.starts_with(head))).collect()
    };
    let mut differences = differences(&numbers(ours), &numbers(theirs));
    differences.extend((ours.weights != theirs.weights).then(|| "the saved weights".to_owned()));
    differences
}

/// The names of contents that differ, or that only one side has.
fn differences(ours: &Contents, theirs: &Contents) -> Vec<String> {
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).cloned().collect()
}

/// The files of a directory.
pub fn files(directory: &Path) -> Contents {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// The tensors of a safetensors file, as bytes.
pub fn tensors(path: &Path) -> Contents {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
}

fn weights(config: &RunConfig, state: &State) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.safetensors");
    write_weights(&path, &config.model().unwrap(), state).unwrap();
    fs::read(path).unwrap()
}

/// Copies a directory and all below it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => fs::copy(entry.path(), target).map(drop).unwrap(),
        }
    }
}
