//! The affine map.

use super::Layer;
use crate::builder::{Builder, ParameterId};
use crate::forward::Forward;
use seismograd_autodiff::Var;
use seismograd_tensor::Side;

/// `x weight^T + bias`: `[n, in]` to `[n, out]`, with `weight` `(out, in)` and `bias` `(out)`.
///
/// ```
/// use seismograd_nn::{Builder, Forward, Graph, Initialization, Layer, Linear, Mode, State, Tensor};
///
/// let mut builder = Builder::new(Initialization::PyTorch);
/// let linear = Linear::new(&mut builder, 2, 1);
/// let parameters = vec![Tensor::new(&[1, 2], vec![2.0, 3.0]), Tensor::new(&[1], vec![0.5])];
/// let state = State { parameters, buffers: vec![] };
/// let mut graph = Graph::new();
/// let x = graph.constant(Tensor::new(&[1, 2], vec![10.0, 100.0]));
/// let y = linear.forward(&mut Forward::new(&mut graph, &state, Mode::Evaluate), x);
/// assert_eq!(graph.value(y).as_slice(), [320.5]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    weight: ParameterId,
    bias: ParameterId,
}

impl Linear {
    /// A layer from `features_in` to `features_out` features.
    pub fn new(builder: &mut Builder, features_in: usize, features_out: usize) -> Linear {
        Linear {
            weight: builder.weight(&[features_out, features_in], features_in, features_out),
            bias: builder.bias(features_out, features_in),
        }
    }
}

impl Layer for Linear {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        let (weight, bias) = (forward.parameter(self.weight), forward.parameter(self.bias));
        let product = forward.graph().matmul_sides(x, Side::Plain, weight, Side::Transposed);
        forward.graph().add(product, bias)
    }
}
