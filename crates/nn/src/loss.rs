//! Losses.

use crate::forward::Forward;
use seismograd_autodiff::{CrossEntropy, Reduction, Var};

/// Softmax cross-entropy against class indices (PyTorch's `CrossEntropyLoss`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropyLoss {
    /// How the samples' losses become one number.
    pub reduction: Reduction,
    /// Share of the target that is spread evenly over all classes, in [0, 1].
    pub label_smoothing: f32,
}

impl CrossEntropyLoss {
    /// The loss of `logits` `[n, classes]` against one class a sample: a scalar.
    ///
    /// # Panics
    /// When there are not as many rows as labels, or a label is no class.
    #[track_caller]
    pub fn forward(&self, forward: &mut Forward<'_>, logits: Var, labels: &[u8]) -> Var {
        let options = CrossEntropy { reduction: self.reduction, label_smoothing: self.label_smoothing };
        forward.graph().cross_entropy(logits, labels, options)
    }
}
