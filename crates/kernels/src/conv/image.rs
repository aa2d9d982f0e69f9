//! The zero-bordered image that a convolution slides over, and how a sample is laid into it.

use crate::buffer::Buffer;
use crate::geometry::Conv2d;

/// A correlation's geometry, seen from its padded image: what forward and input gradient have in common.
#[derive(Debug)]
pub(super) struct Image {
    /// Channels of the image.
    pub channels_in: usize,
    /// Channels of the result.
    pub channels_out: usize,
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Step of the kernel.
    pub stride: [usize; 2],
    /// Size of the result.
    pub output: [usize; 2],
    /// Size of the image before padding.
    source: [usize; 2],
    /// Where the source's first pixel lies.
    origin: [usize; 2],
    /// Distance between the source's pixels.
    spread: [usize; 2],
    /// Size of the padded image.
    padded: [usize; 2],
}

impl Image {
    /// The image of a forward pass: the input with its padding.
    pub(super) fn of_input(g: &Conv2d) -> Image {
        let window = &g.window;
        Image {
            channels_in: g.channels_in,
            channels_out: g.channels_out,
            kernel: window.kernel,
            stride: window.stride,
            output: window.output(),
            source: window.input,
            origin: window.padding,
            spread: [1, 1],
            padded: [0, 1].map(|axis| window.input[axis] + 2 * window.padding[axis]),
        }
    }

    /// The image of an input gradient: the upstream gradient, its pixels a stride apart, under a kernel of step one.
    pub(super) fn of_upstream(g: &Conv2d) -> Image {
        let window = &g.window;
        Image {
            channels_in: g.channels_out,
            channels_out: g.channels_in,
            kernel: window.kernel,
            stride: [1, 1],
            output: window.input,
            source: window.output(),
            origin: [0, 1].map(|axis| window.kernel[axis] - 1 - window.padding[axis]),
            spread: window.stride,
            padded: [0, 1].map(|axis| window.input[axis] + window.kernel[axis] - 1),
        }
    }

    /// Elements of one sample before padding.
    pub(super) fn source_len(&self) -> usize {
        self.source[0] * self.source[1] * self.channels_in
    }

    /// Elements of one sample of the result.
    pub(super) fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.channels_out
    }

    /// Elements of one row of the padded image.
    pub(super) fn row(&self) -> usize {
        self.padded[1] * self.channels_in
    }

    /// Elements under one row of the kernel.
    pub(super) fn span(&self) -> usize {
        self.kernel[1] * self.channels_in
    }

    /// Elements between two neighbouring pixels of the result, in the padded image.
    pub(super) fn step(&self) -> usize {
        self.stride[1] * self.channels_in
    }

    /// Elements under the whole kernel.
    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.span()
    }

    /// A padded image of zeros.
    pub(super) fn blank(&self) -> Buffer {
        Buffer::zeros(self.padded[0] * self.row())
    }

    /// Lays `sample` into `padded`, whose border and gaps are zero already and stay so.
    pub(super) fn fill(&self, sample: &[f32], padded: &mut [f32]) {
        let channels = self.channels_in;
        for (y, source) in sample.chunks_exact(self.source[1] * channels).enumerate() {
            let start = (self.origin[0] + y * self.spread[0]) * self.row() + self.origin[1] * channels;
            if self.spread[1] == 1 {
                padded[start..][..source.len()].copy_from_slice(source);
            } else {
                for (x, pixel) in source.chunks_exact(channels).enumerate() {
                    padded[start + x * self.spread[1] * channels..][..channels].copy_from_slice(pixel);
                }
            }
        }
    }
}
