//! The layers, one file a kind.

mod activation;
mod batch_norm;
mod conv2d;
mod dropout;
mod flatten;
mod linear;
mod pooling;
mod sequential;

pub use activation::{Relu, Tanh};
pub use batch_norm::BatchNorm2d;
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use linear::Linear;
pub use pooling::{AvgPool2d, MaxPool2d};
pub use sequential::Sequential;

use crate::forward::Forward;
use seismograd_autodiff::Var;

/// A function with parameters. A layer holds the indices of its tensors, not the tensors.
pub trait Layer: Send + Sync {
    /// Computes the layer's output in the pass's graph.
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var;

    /// Whether a sample's output in training depends on the other samples of its batch.
    fn mixes_samples(&self) -> bool {
        false
    }
}
