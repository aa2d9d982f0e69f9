//! Where layers say which numbers they need, while a model is built.

use crate::initialization::{Initialization, Start};

/// A parameter of a model: an index into its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterId(pub(crate) usize);

/// A buffer of a model, a tensor that no optimizer touches: an index into its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferId(pub(crate) usize);

/// Name, shape and beginning of one tensor.
#[derive(Clone, Debug)]
pub(crate) struct Specification {
    pub name: String,
    pub shape: Vec<usize>,
    pub start: Start,
}

/// Collects the parameters, buffers and scopes of a model while its layers are made.
///
/// ```
/// use seismograd_nn::{Builder, Initialization, Linear, Sequential, Tanh};
///
/// let mut builder = Builder::new(Initialization::PyTorch);
/// let layers = Sequential::new(&mut builder)
///     .add("hidden", |builder| Linear::new(builder, 4, 8))
///     .add("tanh", |_| Tanh)
///     .add("out", |builder| Linear::new(builder, 8, 2))
///     .build();
/// let model = builder.finish(layers, "out");
/// assert_eq!(model.parameter_names(), ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]);
/// ```
#[derive(Debug)]
pub struct Builder {
    initialization: Initialization,
    path: Vec<String>,
    pub(crate) parameters: Vec<Specification>,
    pub(crate) buffers: Vec<Specification>,
    pub(crate) scopes: Vec<String>,
    streams: u32,
}

impl Builder {
    /// A builder of a model whose weights begin by this scheme.
    pub fn new(initialization: Initialization) -> Builder {
        Builder { initialization, path: vec![], parameters: vec![], buffers: vec![], scopes: vec![], streams: 0 }
    }

    /// A layer's weight, `fan_in` and `fan_out` of which the scheme makes its spread.
    pub fn weight(&mut self, shape: &[usize], fan_in: usize, fan_out: usize) -> ParameterId {
        self.parameter("weight", shape, self.initialization.weight(fan_in, fan_out))
    }

    /// A layer's bias.
    pub fn bias(&mut self, len: usize, fan_in: usize) -> ParameterId {
        self.parameter("bias", &[len], self.initialization.bias(fan_in))
    }

    /// A parameter that begins as one value throughout.
    pub fn constant(&mut self, name: &str, shape: &[usize], value: f32) -> ParameterId {
        self.parameter(name, shape, Start::Constant(value))
    }

    /// A buffer that begins as one value throughout.
    pub fn buffer(&mut self, name: &str, shape: &[usize], value: f32) -> BufferId {
        let specification = self.specify(name, shape, Start::Constant(value));
        self.buffers.push(specification);
        BufferId(self.buffers.len() - 1)
    }

    /// The number of a random stream of the layer's own, for its masks.
    pub fn stream(&mut self) -> u32 {
        self.streams += 1;
        self.streams - 1
    }

    /// `make` under a name: its parameters are `<name>.weight` and so on, its scope is `<name>`.
    pub fn named<L>(&mut self, name: &str, make: impl FnOnce(&mut Builder) -> L) -> L {
        self.path.push(name.to_owned());
        self.scopes.push(self.path.join("."));
        let layer = make(self);
        self.path.pop();
        layer
    }

    fn parameter(&mut self, name: &str, shape: &[usize], start: Start) -> ParameterId {
        let specification = self.specify(name, shape, start);
        self.parameters.push(specification);
        ParameterId(self.parameters.len() - 1)
    }

    fn specify(&self, name: &str, shape: &[usize], start: Start) -> Specification {
        let path: Vec<&str> = self.path.iter().map(String::as_str).chain([name]).collect();
        Specification { name: path.join("."), shape: shape.to_vec(), start }
    }
}
