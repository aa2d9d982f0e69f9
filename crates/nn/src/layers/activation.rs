//! Elementwise nonlinearities.

use super::Layer;
use crate::forward::Forward;
use seismograd_autodiff::Var;

/// `max(x, 0)`, of any shape.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

impl Layer for Relu {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        forward.graph().relu(x)
    }
}

/// The hyperbolic tangent, of any shape.
#[derive(Clone, Copy, Debug)]
pub struct Tanh;

impl Layer for Tanh {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        forward.graph().tanh(x)
    }
}
