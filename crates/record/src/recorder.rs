//! From the watched tensors of a step to a row of the trace.

use crate::digest::{Cut, Digest};
use crate::elements::{self, Element};
use crate::error::{RecordError, Result};
use crate::selection::Selection;
use crate::sites::{LOGITS, OUTPUT, Site, Source, Wiring};
use crate::statistics::{summarize, summarize_sampled};
use crate::watch::{Kept, Watch, Watched};
use rayon::prelude::*;
use seismograd_autodiff::Tensor;
use seismograd_trace::{Coordinate, Quantity, Schema, Signal};
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

/// Turns what a training step shows into one row of f32 columns.
///
/// The quantities of an activation are its value and its gradient: `[n, ...]` of each shard, put together along the first axis in the
/// order of the shards. A gradient is recorded as the graph shows it; seed the reverse pass with the gradient of the sum of the samples'
/// losses to have it per sample, which is `p - y` at the logits. The quantities of a parameter are its value after the update, its gradient
/// as the optimizer got it, and the update, after minus before. See [`crate`] for an example.
#[derive(Debug)]
pub struct Recorder {
    schema: Schema,
    signals: Vec<Tracked>,
    watched: Arc<Watched>,
    /// The recorded parameters, by their place among all parameters.
    kept: Vec<usize>,
    parameters: usize,
}

/// One recorded signal.
#[derive(Debug)]
struct Tracked {
    signal: Signal,
    place: Place,
    elements: &'static [Element],
}

/// Where a recorded site's tensors are at each step.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// A slot of every watch.
    Slot(usize),
    /// A parameter: its place among all, and in the snapshot.
    Parameter { at: usize, kept: usize },
}

/// The recorded parameters before an update. Elements are shared with the parameters until the update writes to these.
#[derive(Clone, Debug)]
pub struct Snapshot(Vec<Tensor>);

/// The columns of a step's activations, which [`Recorder::activations`] gives.
#[derive(Clone, Debug)]
pub struct Activations(Vec<Vec<f32>>);

/// The columns of the gradients of a step's parameters, which [`Recorder::gradients`] gives.
#[derive(Clone, Debug)]
pub struct ParameterGradients(Vec<Vec<f32>>);

impl Recorder {
    /// A recorder of the selected sites of a model.
    ///
    /// # Errors
    /// When a selected site does not exist, or a name of the model cannot become part of a column.
    pub fn new(selection: &Selection, wiring: &Wiring<'_>) -> Result<Recorder> {
        let (mut watched, mut kept, mut signals) = (Watched::default(), Vec::new(), Vec::new());
        for Site { name, source } in wiring.select(selection)? {
            let (place, quantities, elements) = match source {
                Source::Activation { scope, port, gradient } => {
                    let quantities = &[Quantity::Value, Quantity::Gradient][..if gradient { 2 } else { 1 }];
                    let elements = if name == LOGITS { &elements::LOGITS } else { &elements::ACTIVATION };
                    let whole = name.starts_with(OUTPUT);
                    (Place::Slot(watched.add(&scope, port, whole)), quantities, &elements[..])
                }
                Source::Parameter(at) => {
                    kept.push(at);
                    let place = Place::Parameter { at, kept: kept.len() - 1 };
                    (place, &Quantity::ALL[..], &elements::PARAMETER[..])
                }
            };
            for &quantity in quantities {
                signals.push(Tracked { signal: Signal::new(name.clone(), quantity)?, place, elements });
            }
        }
        let parameters = wiring.parameters.len();
        Ok(Recorder { schema: schema(&signals)?, signals, watched: Arc::new(watched), kept, parameters })
    }

    /// The columns of a row, in order; none when nothing is recorded.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// An observer for the graph that computes these samples of a batch of `of` at one step.
    pub fn watch(&self, samples: Range<usize>, of: usize) -> Watch {
        Watch::new(&self.watched, Cut { samples, of })
    }

    /// Keeps the recorded parameters, to be called before the update with all of the model's.
    ///
    /// # Panics
    /// When the number of parameters is not the model's.
    #[track_caller]
    pub fn snapshot(&self, parameters: &[Tensor]) -> Snapshot {
        self.check_count("snapshot", "parameters", parameters.len());
        Snapshot(self.kept.iter().map(|&at| parameters[at].clone()).collect())
    }

    /// The columns of what the watches of each shard saw, in the order of the shards. A shard that is computed in several graphs has a watch for each, in the
    /// order of its samples; every recorded site is to be in one of them at least. Nothing here waits for the update: both may be done at once.
    ///
    /// Signals are computed in parallel; the bits depend neither on the number of threads nor on how the batch was cut.
    ///
    /// # Errors
    /// When a recorded site did not report in one of the shards.
    ///
    /// # Panics
    /// When there is no watch, or one of another recorder.
    #[track_caller]
    pub fn activations<S: AsRef<[Watch]>>(&self, shards: &[S]) -> Result<Activations> {
        let watches: Vec<&[Watch]> = shards.iter().map(AsRef::as_ref).collect();
        let is_mine = watches.iter().copied().flatten().all(|watch| watch.is_of(&self.watched));
        assert!(is_mine, "activations: a watch of another recorder");
        assert!(!watches.is_empty() || self.signals.is_empty(), "activations: no shard was watched");
        let slots = self.signals.iter().filter_map(|signal| match signal.place {
            Place::Slot(slot) => Some((signal, slot)),
            Place::Parameter { .. } => None,
        });
        let found = slots.map(|(signal, slot)| Ok((signal, signal.seen(slot, &watches)?)));
        let found: Vec<(&Tracked, Found<'_>)> = found.collect::<Result<_>>()?;
        // What is one scope's output is the next one's input: its columns are computed once.
        let first = |at: usize| (0..at).find(|&other| found[other].1.is_twin_of(&found[at].1)).unwrap_or(at);
        let first: Vec<usize> = (0..found.len()).map(first).collect();
        let measure = |at: usize| match &found[at] {
            (signal, found) if first[at] == at => signal.measure(found),
            _ => Vec::new(),
        };
        let columns: Vec<Vec<f32>> = (0..found.len()).into_par_iter().with_max_len(1).map(measure).collect();
        Ok(Activations(first.into_iter().map(|at| columns[at].clone()).collect()))
    }

    /// The columns of the parameters' gradients, as the optimizer gets them. Nothing here waits for the update: both may be done at once.
    ///
    /// # Panics
    /// When the number of gradients is not that of the model's parameters.
    #[track_caller]
    pub fn gradients(&self, gradients: &[Tensor]) -> ParameterGradients {
        self.check_count("gradients", "gradients", gradients.len());
        let columns = |signal: &Tracked, at: usize, _| signal.of(gradients[at].as_slice(), 1);
        ParameterGradients(self.of_parameters(gradients, |quantity| quantity == Quantity::Gradient, columns))
    }

    /// The step's row, in the order of [`Recorder::schema`]: `parameters` after the update.
    ///
    /// Finite tensors make a finite row, so check a step before recording it. Signals are computed in parallel; the bits do not depend on the number of
    /// threads.
    ///
    /// # Panics
    /// When the activations, the gradients or the snapshot are of another recorder, or the number of parameters is not the model's, or a parameter
    /// has changed its shape.
    #[track_caller]
    pub fn row(
        &self,
        activations: Activations,
        gradients: ParameterGradients,
        snapshot: &Snapshot,
        parameters: &[Tensor],
    ) -> Vec<f32> {
        assert_eq!(snapshot.0.len(), self.kept.len(), "row: a snapshot of another recorder");
        self.check_count("row", "parameters", parameters.len());
        for (before, &at) in snapshot.0.iter().zip(&self.kept) {
            let after = &parameters[at];
            assert_eq!(before.shape(), after.shape(), "row: shapes of a parameter before and after the update");
        }
        let columns = |signal: &Tracked, at: usize, kept: usize| match signal.signal.quantity() {
            Quantity::Update => signal.of((&parameters[at] - &snapshot.0[kept]).as_slice(), 1),
            _ => signal.of(parameters[at].as_slice(), 1),
        };
        let after = self.of_parameters(parameters, |quantity| quantity != Quantity::Gradient, columns);
        let [mut activations, mut gradients, mut after] = [activations.0, gradients.0, after].map(Vec::into_iter);
        let row = self.signals.iter().flat_map(|signal| {
            let columns = match (signal.place, signal.signal.quantity()) {
                (Place::Slot(_), _) => activations.next(),
                (Place::Parameter { .. }, Quantity::Gradient) => gradients.next(),
                (Place::Parameter { .. }, _) => after.next(),
            };
            columns.expect("row: activations and gradients of this recorder")
        });
        let row: Vec<f32> = row.collect();
        assert_eq!(row.len(), self.schema.len(), "row: activations or gradients of another recorder");
        row
    }

    /// The columns of some quantities of the parameters, in the order of their signals: found in parallel, from a parameter's place among all and in the
    /// snapshot. `all` has a tensor as long as each parameter.
    fn of_parameters(
        &self,
        all: &[Tensor],
        wanted: impl Fn(Quantity) -> bool,
        columns: impl Fn(&Tracked, usize, usize) -> Vec<f32> + Sync,
    ) -> Vec<Vec<f32>> {
        let places = self.signals.iter().filter_map(|signal| match signal.place {
            Place::Parameter { at, kept } if wanted(signal.signal.quantity()) => Some((signal, at, kept)),
            _ => None,
        });
        let places: Vec<_> = places.collect();
        // The longest are begun first: one of them has most of the elements, and whoever came to it last would be waited for.
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|&place| Reverse(all[places[place].1].len()));
        let found = order.into_par_iter().with_max_len(1).map(|place| {
            let (signal, at, kept) = places[place];
            (place, columns(signal, at, kept))
        });
        let mut found: Vec<(usize, Vec<f32>)> = found.collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, columns)| columns).collect()
    }

    #[track_caller]
    fn check_count(&self, operation: &str, what: &str, found: usize) {
        assert_eq!(found, self.parameters, "{operation}: number of {what}, and of the model's parameters");
    }
}

/// The columns of the signals.
fn schema(signals: &[Tracked]) -> Result<Schema> {
    let mut entries = Vec::new();
    for tracked in signals {
        let coordinates: Result<Vec<Coordinate>, _> =
            tracked.elements.iter().map(|element| Coordinate::new(element.name())).collect();
        entries.push((tracked.signal.clone(), coordinates?));
    }
    Ok(Schema::new(entries)?)
}

/// What a step shows of an activation.
enum Found<'a> {
    /// All elements, in pieces.
    Whole(Vec<&'a Tensor>),
    /// Their digests, in sample order.
    Digests(Vec<Digest<'a>>),
}

impl Found<'_> {
    fn is_twin_of(&self, other: &Found<'_>) -> bool {
        match (self, other) {
            (Found::Digests(a), Found::Digests(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| std::ptr::eq(a.moments, b.moments))
            }
            _ => false,
        }
    }
}

impl Tracked {
    /// What the watches of all shards saw in a slot, in sample order.
    fn seen<'a>(&self, slot: usize, shards: &[&'a [Watch]]) -> Result<Found<'a>> {
        let watches = shards.iter().map(|shard| shard.len()).sum();
        let (mut tensors, mut digests) = (Vec::new(), Vec::with_capacity(watches));
        for shard in shards {
            let before = tensors.len() + digests.len();
            for watch in *shard {
                let seen = watch.seen(slot);
                match if self.signal.quantity() == Quantity::Value { &seen.value } else { &seen.gradient } {
                    Some(Kept::Whole(tensor)) => tensors.push(tensor),
                    Some(Kept::Digest(digest)) => digests.push(watch.digest(*digest)),
                    None => {}
                }
            }
            if tensors.len() + digests.len() == before {
                return Err(self.silent());
            }
        }
        Ok(if digests.is_empty() { Found::Whole(tensors) } else { Found::Digests(digests) })
    }

    /// The statistics and the fixed elements, in the order of the columns.
    fn measure(&self, found: &Found<'_>) -> Vec<f32> {
        match found {
            Found::Digests(pieces) => Digest::columns(pieces),
            Found::Whole(pieces) => {
                let all = if let [whole] = pieces[..] { whole.clone() } else { Tensor::concatenate(pieces, 0) };
                self.of(all.as_slice(), all.shape().first().copied().unwrap_or(1))
            }
        }
    }

    /// The columns of elements that belong to a number of samples. Quantiles are exact at the output layer, elsewhere of a sample.
    fn of(&self, elements: &[f32], samples: usize) -> Vec<f32> {
        let fixed: Vec<f32> = self.elements.iter().map(|element| element.of(elements, samples)).collect();
        let exact = self.signal.site().starts_with(OUTPUT);
        let statistics = if exact { summarize(elements) } else { summarize_sampled(elements) };
        statistics.into_iter().chain(fixed).collect()
    }

    fn silent(&self) -> RecordError {
        RecordError::Silent { site: self.signal.site().to_owned(), quantity: self.signal.quantity() }
    }
}
