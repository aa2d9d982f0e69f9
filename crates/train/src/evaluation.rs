//! Loss and accuracy on a split, without dropout and gradients.

use crate::batch::{Batch, Shards, correct};
use rayon::prelude::*;
use seismograd_autodiff::Graph;
use seismograd_cifar10::{Normalization, Split};
use seismograd_nn::{CrossEntropyLoss, Forward, Mode, Model, Reduction};
use seismograd_tensor::Tensor;

/// What a model makes of a split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluated {
    /// The mean of the samples' losses.
    pub loss: f64,
    /// The fraction classified rightly.
    pub accuracy: f64,
}

/// Evaluates a model on a whole split, in shards of at most `shard_size` samples.
pub fn evaluate(
    model: &Model,
    parameters: &[Tensor],
    buffers: &[Tensor],
    split: &Split,
    normalization: Normalization,
    shard_size: usize,
) -> Evaluated {
    let indices: Vec<u32> = (0..split.len() as u32).collect();
    let ranges = Shards { size: shard_size, seed: 0, step: 0 }.ranges(indices.len(), false);
    let shards: Vec<(f64, usize)> = ranges
        .into_par_iter()
        .map(|range| {
            let batch = Batch::Split { split, indices: &indices[range.clone()], normalization };
            evaluate_shard(model, parameters, buffers, batch.images(0..range.len()), &split.labels[range])
        })
        .collect();
    let n = split.len() as f64;
    Evaluated {
        loss: shards.iter().map(|(loss, _)| loss).sum::<f64>() / n,
        accuracy: shards.iter().map(|(_, correct)| *correct).sum::<usize>() as f64 / n,
    }
}

/// The sum of the losses, and the number of samples classified rightly.
fn evaluate_shard(
    model: &Model,
    parameters: &[Tensor],
    buffers: &[Tensor],
    images: Tensor,
    labels: &[u8],
) -> (f64, usize) {
    let mut graph = Graph::new();
    let images = graph.constant(images);
    let mut forward = Forward::with_parameters(&mut graph, parameters, buffers, Mode::Evaluate);
    let logits = model.forward(&mut forward, images);
    let loss = CrossEntropyLoss { reduction: Reduction::Sum, label_smoothing: 0.0 };
    let loss = loss.forward(&mut forward, logits, labels);
    (f64::from(graph.value(loss).item()), correct(graph.value(logits), labels))
}
