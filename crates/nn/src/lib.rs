//! Layers, initialisation, losses and the paper's CNN.
//!
//! A [`Model`] is an architecture: layers that hold indices, and the list of what they index. Its numbers are a [`State`]
//! beside it, ordered lists of parameters and buffers, which optimizers and checkpoints handle without knowing a layer. A
//! forward pass runs in a [`Forward`], which lends the layers a graph and says whether this is training; `forward` changes
//! no layer. Containers open named scopes, so that layers never know that they are watched.
//!
//! Layers and parameters bear PyTorch's names, shapes and defaults. Images are `[n, h, w, c]`.
//!
//! ```
//! use seismograd_nn::{CrossEntropyLoss, Forward, Graph, Mode, Tensor, models};
//!
//! let model = models::paper_cnn(0.5);
//! let state = model.initialise(0);
//! let mut graph = Graph::new();
//! let images = graph.constant(Tensor::zeros(&[2, 32, 32, 3]));
//! let mut forward = Forward::new(&mut graph, &state, Mode::Evaluate);
//! let logits = model.forward(&mut forward, images);
//! let loss = CrossEntropyLoss::default().forward(&mut forward, logits, &[3, 7]);
//! assert_eq!(graph.value(logits).shape(), [2, 10]);
//! assert!((graph.value(loss).item() - 10f32.ln()).abs() < 1e-6);
//! ```

pub mod models;

mod builder;
mod forward;
mod initialization;
mod layers;
mod loss;
mod model;
mod random;

pub use builder::{BufferId, Builder, ParameterId};
pub use forward::{Forward, Mode, Moment};
pub use initialization::Initialization;
pub use layers::{AvgPool2d, BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, Relu, Sequential, Tanh};
pub use loss::CrossEntropyLoss;
pub use model::{Model, State};
pub use seismograd_autodiff::{Graph, Reduction, Tensor, Var};
