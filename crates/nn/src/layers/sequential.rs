//! Layers one after the other, each in a scope of its name.

use super::Layer;
use crate::builder::Builder;
use crate::forward::Forward;
use seismograd_autodiff::Var;
use std::ops::RangeBounds;

/// Named layers, the output of each the input of the next.
pub struct Sequential(Vec<(String, Box<dyn Layer>)>);

/// A [`Sequential`] that is still being made.
pub struct Children<'b> {
    builder: &'b mut Builder,
    layers: Vec<(String, Box<dyn Layer>)>,
}

impl Sequential {
    /// Begins a sequence.
    #[expect(clippy::new_ret_no_self, reason = "the sequence is complete at `build`")]
    pub fn new(builder: &mut Builder) -> Children<'_> {
        Children { builder, layers: Vec::new() }
    }
}

impl Children<'_> {
    /// Appends the layer that `make` builds under this name.
    pub fn add<L: Layer + 'static>(mut self, name: &str, make: impl FnOnce(&mut Builder) -> L) -> Self {
        let layer = self.builder.named(name, make);
        self.layers.push((name.to_owned(), Box::new(layer)));
        self
    }

    /// The finished sequence.
    pub fn build(self) -> Sequential {
        Sequential(self.layers)
    }
}

impl Sequential {
    /// The place of the layer of this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(own, _)| own == name)
    }

    /// Some of the layers, one after the other.
    pub(crate) fn forward_part(&self, part: impl RangeBounds<usize>, forward: &mut Forward<'_>, x: Var) -> Var {
        let layers = &self.0[(part.start_bound().cloned(), part.end_bound().cloned())];
        layers.iter().fold(x, |x, (name, layer)| forward.scope(name, x, |forward, x| layer.forward(forward, x)))
    }
}

impl Layer for Sequential {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        self.forward_part(.., forward, x)
    }

    fn mixes_samples(&self) -> bool {
        self.0.iter().any(|(_, layer)| layer.mixes_samples())
    }
}
