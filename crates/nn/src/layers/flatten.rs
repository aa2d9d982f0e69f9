//! From images to rows of features.

use super::Layer;
use crate::forward::Forward;
use seismograd_autodiff::Var;

/// `[n, h, w, c]` to `[n, c h w]`, in the order c, h, w: the order of PyTorch's features, so that a linear layer's weight is
/// PyTorch's.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

impl Layer for Flatten {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        let graph = forward.graph();
        let &[n, height, width, channels] = graph.value(x).shape() else {
            panic!("flatten: {:?} is to be [n, h, w, c]", graph.value(x).shape())
        };
        let channels_first = graph.transpose(x, &[0, 3, 1, 2]);
        graph.reshape(channels_first, &[n, channels * height * width])
    }
}
