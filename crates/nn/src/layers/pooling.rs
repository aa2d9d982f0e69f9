//! Pooling layers.

use super::Layer;
use crate::forward::Forward;
use seismograd_autodiff::{Var, Window};

/// Max pooling of `[n, h, w, c]`.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d {
    kernel: usize,
    window: Window,
}

impl MaxPool2d {
    /// A square window that moves by its own size, without padding.
    pub fn new(kernel: usize) -> MaxPool2d {
        MaxPool2d::strided(kernel, kernel, 0)
    }

    /// A square window of any stride and padding.
    pub fn strided(kernel: usize, stride: usize, padding: usize) -> MaxPool2d {
        MaxPool2d { kernel, window: Window::square(stride, padding) }
    }
}

impl Layer for MaxPool2d {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        forward.graph().max_pool2d(x, [self.kernel; 2], self.window)
    }
}

/// Average pooling of `[n, h, w, c]`; padding counts as zeros.
#[derive(Clone, Copy, Debug)]
pub struct AvgPool2d {
    kernel: usize,
    window: Window,
}

impl AvgPool2d {
    /// A square window that moves by its own size, without padding.
    pub fn new(kernel: usize) -> AvgPool2d {
        AvgPool2d::strided(kernel, kernel, 0)
    }

    /// A square window of any stride and padding.
    pub fn strided(kernel: usize, stride: usize, padding: usize) -> AvgPool2d {
        AvgPool2d { kernel, window: Window::square(stride, padding) }
    }
}

impl Layer for AvgPool2d {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        forward.graph().avg_pool2d(x, [self.kernel; 2], self.window)
    }
}
