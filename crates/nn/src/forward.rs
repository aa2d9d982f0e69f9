//! One forward pass: what the layers may use while they compute.

use crate::builder::{BufferId, ParameterId};
use crate::model::State;
use crate::random::{Purpose, stream};
use rand::rngs::ChaCha8Rng;
use seismograd_autodiff::{Graph, Observer, Port, Var};
use seismograd_tensor::Tensor;

/// Whether layers train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Dropout drops, batch normalisation uses the batch.
    Train(Moment),
    /// Every sample is computed alone, nothing is random.
    Evaluate,
}

/// The moment of training that random masks are a function of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The run's seed.
    pub seed: u64,
    /// The step, counted over the run.
    pub step: u64,
    /// The position in the batch of this graph's first sample.
    pub first_sample: usize,
}

/// A forward pass over a graph.
pub struct Forward<'a> {
    graph: &'a mut Graph,
    parameters: Vec<Var>,
    buffers: &'a [Tensor],
    mode: Mode,
    buffer_updates: Vec<(BufferId, Tensor)>,
    observer: Option<&'a mut dyn Observer>,
}

impl<'a> Forward<'a> {
    /// A pass with these numbers. The parameters join the graph as leaves.
    pub fn new(graph: &'a mut Graph, state: &'a State, mode: Mode) -> Forward<'a> {
        Forward::with_parameters(graph, &state.parameters, &state.buffers, mode)
    }

    /// A pass with other parameters than a state's own.
    pub fn with_parameters(
        graph: &'a mut Graph,
        parameters: &[Tensor],
        buffers: &'a [Tensor],
        mode: Mode,
    ) -> Forward<'a> {
        let parameters = parameters.iter().map(|parameter| graph.leaf(parameter.clone())).collect();
        Forward { graph, parameters, buffers, mode, buffer_updates: Vec::new(), observer: None }
    }

    /// The same pass, watched: the observer sees what flows into a scope before the layer computes, and what flows out of it right after,
    /// or in the pass that rectifies it. [`Forward::finish`] shows what is left.
    pub fn watched_by(mut self, observer: &'a mut dyn Observer) -> Forward<'a> {
        self.observer = Some(observer);
        self
    }

    /// What `body` makes of `input`, in a scope of its own.
    pub(crate) fn scope(&mut self, name: &str, input: Var, body: impl FnOnce(&mut Self, Var) -> Var) -> Var {
        self.graph.open_scope(name, input);
        self.show(Port::Input, input);
        let output = body(self, input);
        self.show(Port::Output, output);
        self.graph.close_scope(output);
        output
    }

    fn show(&mut self, port: Port, node: Var) {
        if let Some(observer) = &mut self.observer {
            self.graph.observe_open_scope(port, node, &mut **observer);
        }
    }

    /// The graph.
    pub fn graph(&mut self) -> &mut Graph {
        self.graph
    }

    /// The leaf of a parameter.
    pub fn parameter(&self, id: ParameterId) -> Var {
        self.parameters[id.0]
    }

    /// The leaves of all parameters, in the model's order.
    pub fn parameters(&self) -> &[Var] {
        &self.parameters
    }

    /// The value of a buffer before this pass.
    pub fn buffer(&self, id: BufferId) -> &'a Tensor {
        &self.buffers[id.0]
    }

    /// Says what a buffer is to be after this pass. The training step decides whether it will.
    pub fn update_buffer(&mut self, id: BufferId, value: Tensor) {
        self.buffer_updates.push((id, value));
    }

    /// Ends the pass: shows the observer what it has not been shown yet, and returns what the buffers are to be.
    pub fn finish(self) -> Vec<(BufferId, Tensor)> {
        if let Some(observer) = self.observer {
            self.graph.show_pending(observer);
        }
        self.buffer_updates
    }

    /// Whether layers train, and at which moment.
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

/// Samples of a batch that masks tell apart.
const SAMPLE_BITS: u32 = 16;
/// Elements of a sample that masks tell apart.
const ELEMENT_BITS: u32 = 20;

impl Moment {
    /// The random numbers of a layer's stream for one sample of this graph: a function of (seed, layer, step, sample), of nothing
    /// else. Up to 2^20 words may be drawn.
    pub(crate) fn random(&self, layer: u32, sample: usize) -> ChaCha8Rng {
        let sample = self.first_sample + sample;
        assert!(sample < 1 << SAMPLE_BITS, "sample {sample} of a batch: at most {} have masks", 1 << SAMPLE_BITS);
        let mut rng = stream(self.seed, Purpose::Dropout, layer);
        rng.set_word_pos(u128::from(self.step) << (SAMPLE_BITS + ELEMENT_BITS) | (sample as u128) << ELEMENT_BITS);
        rng
    }

    /// The most elements of a sample that a mask can cover.
    pub(crate) const ELEMENTS: usize = 1 << ELEMENT_BITS;
}
