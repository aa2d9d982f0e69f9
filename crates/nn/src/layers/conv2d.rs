//! The convolutional layer.

use super::Layer;
use crate::builder::{Builder, ParameterId};
use crate::forward::Forward;
use seismograd_autodiff::{Var, Window};

/// A convolution of `[n, h, w, in]` to `[n, oh, ow, out]`, with `weight` `(out, in, k, k)` and, unless it is left out, `bias` `(out)`.
#[derive(Clone, Copy, Debug)]
pub struct Conv2d {
    weight: ParameterId,
    bias: Option<ParameterId>,
    window: Window,
}

impl Conv2d {
    /// A layer with a bias and a square kernel.
    pub fn new(builder: &mut Builder, channels: [usize; 2], kernel: usize, stride: usize, padding: usize) -> Conv2d {
        let layer = Conv2d::without_bias(builder, channels, kernel, stride, padding);
        let bias = builder.bias(channels[1], channels[0] * kernel * kernel);
        Conv2d { bias: Some(bias), ..layer }
    }

    /// A layer without a bias, as it stands before a batch normalisation.
    pub fn without_bias(
        builder: &mut Builder,
        [channels_in, channels_out]: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Conv2d {
        let area = kernel * kernel;
        let shape = [channels_out, channels_in, kernel, kernel];
        let weight = builder.weight(&shape, channels_in * area, channels_out * area);
        Conv2d { weight, bias: None, window: Window::square(stride, padding) }
    }
}

impl Layer for Conv2d {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        let weight = forward.parameter(self.weight);
        let bias = self.bias.map(|bias| forward.parameter(bias));
        forward.graph().conv2d(x, weight, bias, self.window)
    }
}
