//! A batch through forward and backward: in shards, side by side, reduced in shard order.

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use rayon::prelude::*;
use seismograd_autodiff::{CrossEntropy, Graph, Observer, Var};
use seismograd_cifar10::{Normalization, Split};
use seismograd_nn::{BufferId, Forward, Mode, Model, Moment, Reduction};
use seismograd_tensor::Tensor;
use std::ops::Range;

/// What a step trains on.
#[derive(Clone, Copy)]
pub enum Batch<'a> {
    /// Some images of a split.
    Split {
        /// The images and labels to choose from.
        split: &'a Split,
        /// Which of them, in order.
        indices: &'a [u32],
        /// How pixels become numbers.
        normalization: Normalization,
    },
    /// Images as the model takes them.
    Tensor {
        /// `[n, h, w, c]`.
        images: &'a Tensor,
        /// The class of each.
        labels: &'a [u8],
    },
}

impl Batch<'_> {
    /// The number of images.
    pub(crate) fn len(&self) -> usize {
        match self {
            Batch::Split { indices, .. } => indices.len(),
            Batch::Tensor { labels, .. } => labels.len(),
        }
    }

    /// The images `[n, h, w, c]` at these positions of the batch.
    pub(crate) fn images(&self, range: Range<usize>) -> Tensor {
        match self {
            Batch::Split { split, indices, normalization } => {
                let mut images = Tensor::zeros(&[range.len(), 32, 32, 3]);
                split.batch_into(&indices[range], normalization, images.as_mut_slice());
                images
            }
            Batch::Tensor { images, .. } => images.slice(0, range),
        }
    }

    /// The labels at these positions of the batch.
    fn labels(&self, range: Range<usize>) -> Vec<u8> {
        match self {
            Batch::Split { split, indices, .. } => split.labels(&indices[range]),
            Batch::Tensor { labels, .. } => labels[range].to_vec(),
        }
    }
}

/// The labels that the loss compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// The batch's own.
    True,
    /// Drawn from the model's predictions (Gauss-Newton-Bartlett).
    Sampled,
}

/// How a batch is cut, and the moment of training that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Shards {
    /// The most samples of a shard.
    pub size: usize,
    /// The run's seed.
    pub seed: u64,
    /// The step, counted over the run.
    pub step: u64,
}

impl Shards {
    /// The shards of `n` samples: as few as their size allows, as even as can be.
    pub(crate) fn ranges(&self, n: usize, whole: bool) -> Vec<Range<usize>> {
        let count = if whole { 1 } else { n.div_ceil(self.size).max(1) };
        (0..count).map(|shard| shard * n / count..(shard + 1) * n / count).collect()
    }
}

/// What a batch gives.
pub struct BatchResult<O> {
    /// Gradients of the samples' mean loss, or of its sum, in the parameters' order.
    pub gradients: Vec<Tensor>,
    /// Which of them is the first that is not finite, if any.
    pub not_finite: Option<usize>,
    /// The sum of the samples' losses.
    pub loss: f64,
    /// How many samples were classified rightly.
    pub correct: usize,
    /// The observers of each shard, in the order of the shards: those of the trunk's pieces, then that of the head.
    pub observers: Vec<Vec<O>>,
    /// What the buffers are to be after the step.
    pub buffer_updates: Vec<(BufferId, Tensor)>,
}

/// A batch on its way forward and backward through a model.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// The architecture.
    pub model: &'a Model,
    /// Its parameters, at which the gradients are.
    pub parameters: &'a [Tensor],
    /// Its buffers.
    pub buffers: &'a [Tensor],
    /// The images and labels.
    pub batch: &'a Batch<'a>,
    /// How they are cut.
    pub shards: Shards,
    /// What the loss compares with.
    pub labels: Labels,
    /// Whether gradients are those of the samples' mean loss or of its sum.
    pub reduction: Reduction,
}

struct Shard {
    gradients: Vec<Tensor>,
    loss: f64,
    correct: usize,
    buffer_updates: Vec<(BufferId, Tensor)>,
}

/// Samples that are carried through the trunk together: as many as leave their activations in a second-level cache.
const PIECE: usize = 5;

/// A part of the model on some samples, forward: a graph of its own.
struct Part {
    graph: Graph,
    leaves: Vec<Var>,
    input: Var,
    output: Var,
    buffer_updates: Vec<(BufferId, Tensor)>,
}

impl Part {
    fn samples(&self) -> usize {
        self.graph.value(self.output).shape()[0]
    }

    /// The gradients of the parameters, of those that the part uses, from the upstream gradient of its output. The graph's memory is free afterwards.
    fn backward(self, upstream: Tensor, observer: &mut dyn Observer) -> Vec<Option<Tensor>> {
        let mut found = self.graph.backward_from(self.output, upstream, observer);
        self.leaves.iter().map(|&leaf| found.take(leaf)).collect()
    }
}

impl Pass<'_> {
    /// Runs the batch, watched by one observer a graph, made for the samples at some positions of the batch.
    ///
    /// Inside, the loss is the sum over the samples, so that gradients of activations are per sample.
    pub fn run<O: Observer + Send>(&self, observer: impl Fn(Range<usize>) -> O + Sync) -> BatchResult<O> {
        let ranges = self.shards.ranges(self.batch.len(), self.model.mixes_samples());
        let shards: Vec<_> = ranges.into_par_iter().map(|range| self.run_shard(range, &observer)).collect();
        let (shards, observers) = shards.into_iter().unzip();
        self.reduce(shards, observers)
    }

    /// Runs a shard: piece by piece through the trunk, together through the head and back, and piece by piece back. Pieces lie side
    /// by side, where there are threads for them, and their gradients are added in order.
    fn run_shard<O: Observer + Send>(
        &self,
        range: Range<usize>,
        observer: impl Fn(Range<usize>) -> O + Sync,
    ) -> (Shard, Vec<O>) {
        let own = self.batch.labels(range.clone());
        let pieces = Shards { size: PIECE, ..self.shards }.ranges(range.len(), !self.model.has_trunk());
        let trunk = |piece: Range<usize>| {
            let piece = range.start + piece.start..range.start + piece.end;
            self.forward(Stage::Trunk, self.batch.images(piece.clone()), piece.start, observer(piece))
        };
        let trunks: Vec<(Part, O)> = pieces.into_par_iter().map(trunk).collect();
        let features: Vec<&Tensor> = trunks.iter().map(|(trunk, _)| trunk.graph.value(trunk.output)).collect();
        let features = Tensor::concatenate(&features, 0);
        let (mut head, mut head_observer) = self.forward(Stage::Head, features, range.start, observer(range.clone()));
        let (logits, moment) = (head.graph.value(head.output).clone(), self.moment(range.start));
        let labels = match self.labels {
            Labels::True => own,
            Labels::Sampled => sampled_labels(&logits, moment),
        };
        let options = CrossEntropy { reduction: Reduction::Sum, label_smoothing: 0.0 };
        let loss = head.graph.cross_entropy(head.output, &labels, options);
        let features = head.input;
        let mut found = head.graph.backward_from(loss, Tensor::scalar(1.0), &mut head_observer);
        let mut gradients: Vec<Option<Tensor>> = head.leaves.iter().map(|&leaf| found.take(leaf)).collect();
        let (found, observers) = back_through_trunk(trunks, found.take(features));
        found.into_iter().for_each(|found| add_found(&mut gradients, found));
        let gradients = gradients.into_iter().zip(self.parameters);
        let shard = Shard {
            gradients: gradients.map(|(sum, of)| sum.unwrap_or_else(|| Tensor::zeros(of.shape()))).collect(),
            loss: f64::from(head.graph.value(loss).item()),
            correct: correct(&logits, &labels),
            buffer_updates: std::mem::take(&mut head.buffer_updates),
        };
        (shard, observers.into_iter().chain([head_observer]).collect())
    }

    /// Adds the shards' gradients in their order.
    fn reduce<O>(&self, mut shards: Vec<Shard>, observers: Vec<Vec<O>>) -> BatchResult<O> {
        let share = 1.0 / self.averaged_over() as f32;
        let mut gradients = std::mem::take(&mut shards[0].gradients);
        let mut not_finite = None;
        for (at, sum) in gradients.iter_mut().enumerate() {
            let others: Vec<&Tensor> = shards[1..].iter().map(|shard| &shard.gradients[at]).collect();
            if !sum.accumulate_all(&others, share) {
                not_finite = not_finite.or(Some(at));
            }
        }
        BatchResult {
            gradients,
            not_finite,
            loss: shards.iter().map(|shard| shard.loss).sum(),
            correct: shards.iter().map(|shard| shard.correct).sum(),
            observers,
            // Only a model that mixes samples has buffers to update, and it is not cut.
            buffer_updates: std::mem::take(&mut shards[0].buffer_updates),
        }
    }

    /// The number of samples that the gradients are the mean of; 1 where they are the sum.
    pub(crate) fn averaged_over(&self) -> usize {
        match self.reduction {
            Reduction::Mean => self.batch.len(),
            Reduction::Sum => 1,
        }
    }

    /// One stage of the model forward on samples that begin at this position of the batch.
    fn forward<O: Observer>(&self, stage: Stage, input: Tensor, first_sample: usize, mut observer: O) -> (Part, O) {
        let mut graph = Graph::new();
        // The head's gradient goes on into the trunk; nobody wants that of the images.
        let whole = stage == Stage::Trunk || !self.model.has_trunk();
        let input = if whole { graph.constant(input) } else { graph.leaf(input) };
        let mode = Mode::Train(self.moment(first_sample));
        let mut forward =
            Forward::with_parameters(&mut graph, self.parameters, self.buffers, mode).watched_by(&mut observer);
        let output = match stage {
            Stage::Trunk => self.model.trunk(&mut forward, input),
            Stage::Head => self.model.head(&mut forward, input),
        };
        let leaves = forward.parameters().to_vec();
        let buffer_updates = forward.finish();
        (Part { graph, leaves, input, output, buffer_updates }, observer)
    }

    fn moment(&self, first_sample: usize) -> Moment {
        Moment { seed: self.shards.seed, step: self.shards.step, first_sample }
    }
}

/// A part of a model.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Trunk,
    Head,
}

/// The gradients that each piece of the trunk finds, from the upstream gradient of all their outputs together: none where nobody wants them.
fn back_through_trunk<O: Observer + Send>(
    trunks: Vec<(Part, O)>,
    upstream: Option<Tensor>,
) -> (Vec<Vec<Option<Tensor>>>, Vec<O>) {
    let first = trunks.iter().scan(0, |next, (trunk, _)| Some(std::mem::replace(next, *next + trunk.samples())));
    let first: Vec<usize> = first.collect();
    let back = |((trunk, mut observer), first): ((Part, O), usize)| {
        let upstream = upstream.as_ref().map(|upstream| upstream.slice(0, first..first + trunk.samples()));
        (upstream.map(|upstream| trunk.backward(upstream, &mut observer)).unwrap_or_default(), observer)
    };
    trunks.into_par_iter().zip(first).map(back).unzip()
}

/// Adds gradients to sums that may not have begun.
fn add_found(sums: &mut [Option<Tensor>], found: Vec<Option<Tensor>>) {
    for (sum, gradient) in sums.iter_mut().zip(found) {
        match (sum, gradient) {
            (Some(sum), Some(gradient)) => sum.accumulate(&gradient),
            (sum @ None, gradient) => *sum = gradient,
            (Some(_), None) => {}
        }
    }
}

/// How many rows of `logits` have their greatest element, the first if there are several, at the label.
pub(crate) fn correct(logits: &Tensor, labels: &[u8]) -> usize {
    let classes = logits.shape()[1];
    let greatest =
        |row: &[f32]| (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
    logits
        .as_slice()
        .chunks_exact(classes)
        .zip(labels)
        .filter(|(row, label)| greatest(row) == usize::from(**label))
        .count()
}

/// A label for each row, drawn by its softmax: a function of (seed, step, sample).
fn sampled_labels(logits: &Tensor, moment: Moment) -> Vec<u8> {
    let mut graph = Graph::new();
    let logits = graph.constant(logits.clone());
    let p = graph.softmax(logits);
    let p = graph.value(p);
    let rows = p.as_slice().chunks_exact(p.shape()[1]).enumerate();
    rows.map(|(sample, p)| {
        let mut rng = ChaCha8Rng::seed_from_u64(moment.seed);
        // Streams 1 and 2 of the upper word are the model's own.
        rng.set_stream(3 << 32 | (moment.first_sample + sample) as u64);
        rng.set_word_pos(u128::from(moment.step));
        let mut left = (rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
        let drawn = p.iter().position(|&p| {
            left -= p;
            left < 0.0
        });
        drawn.unwrap_or(p.len() - 1) as u8
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_even_and_whole() {
        let shards = Shards { size: 13, seed: 0, step: 0 };
        let sizes = |n| shards.ranges(n, false).iter().map(Range::len).collect::<Vec<_>>();
        assert_eq!(sizes(50), [12, 13, 12, 13]);
        assert_eq!((sizes(100).len(), sizes(150).len(), sizes(200).len()), (8, 12, 16));
        assert_eq!(sizes(1), [1]);
        assert_eq!(shards.ranges(50, true).len(), 1);
        assert_eq!(sizes(27).iter().sum::<usize>(), 27);
    }

    #[test]
    fn the_first_of_equal_logits_is_the_prediction() {
        let logits = Tensor::new(&[2, 3], vec![1.0, 1.0, 0.0, 0.0, 2.0, 5.0]);
        assert_eq!(correct(&logits, &[0, 2]), 2);
        assert_eq!(correct(&logits, &[1, 2]), 1);
    }

    #[test]
    fn sampled_labels_follow_the_predictions() {
        // ln 3 against 0: three quarters of the labels are 0. Four standard errors of 4,000 draws are 110.
        let logits = Tensor::new(&[4000, 2], [3f32.ln(), 0.0].repeat(4000));
        let labels = sampled_labels(&logits, Moment { seed: 1, step: 5, first_sample: 0 });
        let zeros = labels.iter().filter(|&&label| label == 0).count();
        assert!((2890..3110).contains(&zeros), "{zeros}");
    }
}
