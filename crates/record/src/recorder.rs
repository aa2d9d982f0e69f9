//! From the watched tensors of a step to a row of the trace.

use crate::digest::{Cut, Digest};
use crate::elements::{self, Element};
use crate::error::{RecordError, Result};
use crate::selection::Selection;
use crate::sites::{LOGITS, OUTPUT, Site, Source, Wiring};
use crate::statistics::{summarize, summarize_change, summarize_pieces, summarize_sampled};
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
        let mut distinct: Vec<usize> = Vec::new();
        let mut which = Vec::with_capacity(found.len());
        for (at, (_, seen)) in found.iter().enumerate() {
            let known = distinct.iter().position(|&other| found[other].1.is_twin_of(seen));
            which.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(at);
            }
        }
        let measure = |&at: &usize| found[at].0.measure(&found[at].1);
        let columns: Vec<Vec<f32>> = distinct.par_iter().with_max_len(1).map(measure).collect();
        Ok(Activations(which.into_iter().map(|at| columns[at].clone()).collect()))
    }

    /// The columns of the parameters' gradients, as the optimizer gets them. Nothing here waits for the update: both may be done at once.
    ///
    /// # Panics
    /// When the number of gradients is not that of the model's parameters.
    #[track_caller]
    pub fn gradients(&self, gradients: &[Tensor]) -> ParameterGradients {
        self.check_count("gradients", "gradients", gradients.len());
        let columns = |signal: &Tracked, at: usize, _| signal.of(gradients[at].as_slice(), 1);
        ParameterGradients(self.of_parameters(Quantity::Gradient, gradients, columns))
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
        let columns = |signal: &Tracked, at: usize, kept: usize| {
            signal.of_change(parameters[at].as_slice(), snapshot.0[kept].as_slice())
        };
        let after = self.of_parameters(Quantity::Value, parameters, columns);
        let (values, updates): (Vec<_>, Vec<_>) = after.into_iter().map(|[value, update]| (value, update)).unzip();
        let [mut activations, mut gradients, mut values, mut updates] =
            [activations.0, gradients.0, values, updates].map(Vec::into_iter);
        let row = self.signals.iter().flat_map(|signal| {
            let columns = match (signal.place, signal.signal.quantity()) {
                (Place::Slot(_), _) => activations.next(),
                (Place::Parameter { .. }, Quantity::Gradient) => gradients.next(),
                (Place::Parameter { .. }, Quantity::Value) => values.next(),
                (Place::Parameter { .. }, Quantity::Update) => updates.next(),
            };
            columns.expect("row: activations and gradients of this recorder")
        });
        let row: Vec<f32> = row.collect();
        assert_eq!(row.len(), self.schema.len(), "row: activations or gradients of another recorder");
        row
    }

    /// What is found of each recorded parameter, in the order of the signals: in parallel, from the signal of a quantity, its place among all parameters and in
    /// the snapshot. `all` has a tensor as long as each parameter.
    fn of_parameters<R: Send>(
        &self,
        quantity: Quantity,
        all: &[Tensor],
        find: impl Fn(&Tracked, usize, usize) -> R + Sync,
    ) -> Vec<R> {
        let places = self.signals.iter().filter_map(|signal| match signal.place {
            Place::Parameter { at, kept } if signal.signal.quantity() == quantity => Some((signal, at, kept)),
            _ => None,
        });
        let places: Vec<_> = places.collect();
        // The longest are begun first: one of them has most of the elements, and whoever came to it last would be waited for.
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|&place| Reverse(all[places[place].1].len()));
        let found = order.into_par_iter().with_max_len(1).map(|place| {
            let (signal, at, kept) = places[place];
            (place, find(signal, at, kept))
        });
        let mut found: Vec<(usize, R)> = found.collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, found)| found).collect()
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
    /// The watches that have digests, in sample order, and these digests' numbers.
    Digests(Vec<(&'a Watch, usize)>),
}

impl Found<'_> {
    fn is_twin_of(&self, other: &Found<'_>) -> bool {
        match (self, other) {
            (Found::Digests(a), Found::Digests(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| std::ptr::eq(a.0, b.0) && a.1 == b.1)
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
                    Some(Kept::Digest(digest)) => digests.push((watch, *digest)),
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
            Found::Digests(digests) => {
                let pieces: Vec<Digest<'_>> = digests.iter().map(|(watch, digest)| watch.digest(*digest)).collect();
                Digest::columns(&pieces)
            }
            Found::Whole(pieces) => {
                let samples = pieces.iter().map(|piece| piece.shape().first().copied().unwrap_or(1)).sum();
                let pieces: Vec<&[f32]> = pieces.iter().map(|piece| piece.as_slice()).collect();
                let fixed = self.elements.iter().map(|element| element.among(&pieces, samples));
                summarize_pieces(&pieces).into_iter().chain(fixed).collect()
            }
        }
    }

    /// The columns of elements that belong to a number of samples.
    fn of(&self, elements: &[f32], samples: usize) -> Vec<f32> {
        let statistics = if self.is_exact() { summarize(elements) } else { summarize_sampled(elements) };
        let fixed = self.elements.iter().map(|element| element.of(elements, samples));
        statistics.into_iter().chain(fixed).collect()
    }

    /// The columns of a parameter's elements after an update, and of what they are more than before.
    fn of_change(&self, after: &[f32], before: &[f32]) -> [Vec<f32>; 2] {
        if self.is_exact() {
            let change: Vec<f32> = after.iter().zip(before).map(|(after, before)| after - before).collect();
            return [after, &change].map(|elements| self.of(elements, 1));
        }
        let [values, updates] = summarize_change(after, before);
        let fixed = |of: fn(f32, f32) -> f32| {
            let pair = |element: &Element| (element.of(after, 1), element.of(before, 1));
            self.elements.iter().map(pair).map(move |(after, before)| of(after, before))
        };
        [
            values.into_iter().chain(fixed(|after, _| after)).collect(),
            updates.into_iter().chain(fixed(|after, before| after - before)).collect(),
        ]
    }

    /// Whether quantiles are of all elements: at the output layer. Elsewhere they are of a sample.
    fn is_exact(&self) -> bool {
        self.signal.site().starts_with(OUTPUT)
    }

    fn silent(&self) -> RecordError {
        RecordError::Silent { site: self.signal.site().to_owned(), quantity: self.signal.quantity() }
    }
}
