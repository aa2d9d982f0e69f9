//! Observers and statistics that fill a trace from a graph and a training step.
//!
//! A [`Recorder`] is made once a run, from a [`Selection`] and a model's names ([`Wiring`]). At each step every graph that computes samples of
//! the batch is lent a [`Watch`], which digests what flows through the selected sites as it is shown. [`Recorder::activations`] puts the
//! digests together in sample order, [`Recorder::gradients`] looks at the parameters' gradients, and after the update [`Recorder::row`] makes
//! one row of the trace of them and the parameters: each signal's [`statistics`], then its [`elements`] of fixed name. Nothing here changes a
//! bit of what it watches, trains anything or writes a file.
//!
//! A model of two layers, its batch cut into two shards:
//!
//! ```
//! use seismograd_autodiff::{Graph, Tensor, Var};
//! use seismograd_record::{Recorder, Selection, Watch, Wiring};
//!
//! fn forward(graph: &mut Graph, samples: Tensor, parameters: &[Tensor]) -> (Var, Vec<Var>) {
//!     let leaves: Vec<Var> = parameters.iter().map(|p| graph.leaf(p.clone())).collect();
//!     let x = graph.constant(samples);
//!     let hidden = graph.scope("fc1", x, |graph, x| graph.matmul(x, leaves[0]));
//!     (graph.scope("fc2", hidden, |graph, x| graph.matmul(x, leaves[1])), leaves)
//! }
//!
//! fn shard(mut watch: Watch, samples: Tensor, parameters: &[Tensor]) -> (Watch, Vec<Tensor>) {
//!     let mut graph = Graph::new();
//!     let (logits, leaves) = forward(&mut graph, samples, parameters);
//!     let loss = graph.sum(logits, &[0, 1]);
//!     graph.observe_values(&mut watch);
//!     let mut gradients = graph.backward_from(loss, Tensor::scalar(1.0), &mut watch);
//!     (watch, leaves.into_iter().map(|leaf| gradients.take(leaf).expect("it is used")).collect())
//! }
//!
//! let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
//! let (scopes, parameters) = (names(&["fc1", "fc2"]), names(&["fc1.weight", "fc2.weight"]));
//! let wiring = Wiring { output_layer: "fc2", scopes: &scopes, parameters: &parameters };
//! let recorder = Recorder::new(&Selection::Output, &wiring)?;
//!
//! let mut weights = [Tensor::full(&[2, 2], 0.5), Tensor::full(&[2, 3], 2.0)];
//! let (first, mut gradients) = shard(recorder.watch(0..1, 4), Tensor::full(&[1, 2], 1.0), &weights);
//! let (second, more) = shard(recorder.watch(1..4, 4), Tensor::full(&[3, 2], 3.0), &weights);
//! gradients.iter_mut().zip(&more).for_each(|(sum, more)| sum.accumulate(more));
//!
//! let snapshot = recorder.snapshot(&weights);
//! weights.iter_mut().zip(&gradients).for_each(|(w, g)| *w = w.zip(g, |w, g| w - 0.25 * g));
//! let activations = recorder.activations(&[first, second])?;
//! let row = recorder.row(activations, recorder.gradients(&gradients), &snapshot, &weights);
//!
//! let column = |name| row[recorder.schema().position(name).expect("a column")];
//! assert_eq!(column("output_logits__value__mean"), (4.0 + 3.0 * 12.0) / 4.0);
//! assert_eq!(column("output_logits__value__at_sample0_class0"), 4.0);
//! assert_eq!(column("output_weight__gradient__max"), 1.0 + 3.0 * 3.0);
//! assert_eq!(column("output_weight__update__at_element0"), -0.25 * 10.0);
//! # Ok::<(), seismograd_record::RecordError>(())
//! ```

pub mod elements;
pub mod statistics;

mod digest;
mod error;
mod order;
mod recorder;
mod selection;
mod sites;
mod watch;

pub use error::{RecordError, Result};
pub use recorder::{Activations, ParameterGradients, Recorder, Snapshot};
pub use selection::Selection;
pub use sites::Wiring;
pub use watch::Watch;
