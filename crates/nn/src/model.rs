//! An architecture, and the numbers that fill it.

use crate::builder::{BufferId, Builder, Specification};
use crate::forward::Forward;
use crate::layers::{Layer, Sequential};
use seismograd_autodiff::Var;
use seismograd_tensor::Tensor;

/// The numbers of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What the optimizer trains, in the model's order.
    pub parameters: Vec<Tensor>,
    /// What training changes beside it, such as running means, in the model's order.
    pub buffers: Vec<Tensor>,
}

impl State {
    /// Makes the buffers what a forward pass says they are to be (see [`Forward::finish`]).
    pub fn apply(&mut self, updates: Vec<(BufferId, Tensor)>) {
        for (id, value) in updates {
            self.buffers[id.0] = value;
        }
    }
}

/// An architecture: layers, and the names and shapes of their tensors. It holds no number; see [`State`].
pub struct Model {
    layers: Sequential,
    /// Layers before the head.
    trunk: usize,
    output_layer: String,
    parameters: Vec<Specification>,
    buffers: Vec<Specification>,
    parameter_names: Vec<String>,
    buffer_names: Vec<String>,
    scopes: Vec<String>,
}

impl Builder {
    /// The model of these layers, the child `output_layer` of which gives the logits.
    ///
    /// # Panics
    /// When there is no such child.
    #[track_caller]
    pub fn finish(self, layers: Sequential, output_layer: &str) -> Model {
        assert!(
            self.scopes.iter().any(|scope| scope == output_layer),
            "model: no layer {output_layer} among {:?}",
            self.scopes
        );
        let names = |list: &[Specification]| list.iter().map(|tensor| tensor.name.clone()).collect();
        Model {
            layers,
            trunk: 0,
            output_layer: output_layer.to_owned(),
            parameter_names: names(&self.parameters),
            buffer_names: names(&self.buffers),
            parameters: self.parameters,
            buffers: self.buffers,
            scopes: self.scopes,
        }
    }
}

impl Model {
    /// The initial numbers that a seed gives.
    pub fn initialise(&self, seed: u64) -> State {
        let draw = |(index, tensor): (usize, &Specification)| {
            tensor.start.draw(&tensor.shape, seed, u32::try_from(index).expect("a model has fewer than 2^32 tensors"))
        };
        State {
            parameters: self.parameters.iter().enumerate().map(draw).collect(),
            buffers: self.buffers.iter().enumerate().map(draw).collect(),
        }
    }

    /// The logits `[n, classes]` of images `[n, h, w, c]`.
    pub fn forward(&self, forward: &mut Forward<'_>, images: Var) -> Var {
        self.layers.forward(forward, images)
    }

    /// Says at which layer the head begins (see [`Model::trunk`]).
    ///
    /// # Panics
    /// When there is no such layer.
    #[track_caller]
    pub fn with_head(mut self, first: &str) -> Model {
        let trunk = self.layers.position(first);
        self.trunk = trunk.unwrap_or_else(|| panic!("model: no layer {first} to begin the head with"));
        self
    }

    /// The features that the head takes, of images `[n, h, w, c]`. The layers of the trunk have large activations and small weights, so a few samples are
    /// best carried through all of them while they are in the cache; those of the head have it the other way round. A model without a declared
    /// head is all head, and its features are the images.
    pub fn trunk(&self, forward: &mut Forward<'_>, images: Var) -> Var {
        self.layers.forward_part(..self.trunk, forward, images)
    }

    /// The logits `[n, classes]` of the trunk's features.
    pub fn head(&self, forward: &mut Forward<'_>, features: Var) -> Var {
        self.layers.forward_part(self.trunk.., forward, features)
    }

    /// Whether there is a layer before the head.
    pub fn has_trunk(&self) -> bool {
        self.trunk > 0
    }

    /// Whether a sample's training gradient depends on its batch, so that the batch must not be cut into shards.
    pub fn mixes_samples(&self) -> bool {
        self.layers.mixes_samples()
    }

    /// The scope of the layer that gives the logits.
    pub fn output_layer(&self) -> &str {
        &self.output_layer
    }

    /// Every named scope, in the order of construction.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The parameters' names in order, as in PyTorch's `state_dict`.
    pub fn parameter_names(&self) -> &[String] {
        &self.parameter_names
    }

    /// The buffers' names in order.
    pub fn buffer_names(&self) -> &[String] {
        &self.buffer_names
    }

    /// The number of trainable elements.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum()
    }

    /// The shapes of the parameters, in order.
    pub fn parameter_shapes(&self) -> impl Iterator<Item = &[usize]> {
        self.parameters.iter().map(|tensor| tensor.shape.as_slice())
    }

    /// The shapes of the buffers, in order.
    pub fn buffer_shapes(&self) -> impl Iterator<Item = &[usize]> {
        self.buffers.iter().map(|tensor| tensor.shape.as_slice())
    }
}
