//! Sizes of convolutions and poolings, said once and shared by forward, gradients, tests and benches.

use std::fmt::Debug;

/// The most elements of a sample, and of a weight, with what surrounds them: below it no sum of sizes overflows.
const MOST: usize = usize::MAX >> 8;

/// A window sliding over an image: `[height, width]` pairs throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Size of the input image.
    pub input: [usize; 2],
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Step of the window.
    pub stride: [usize; 2],
    /// Rows and columns added on each side of the image.
    pub padding: [usize; 2],
}

impl Window {
    /// Size of the output image: `(input + 2 padding - kernel) / stride + 1`, rounded down.
    ///
    /// # Panics
    /// Maybe, or gives nonsense, where there is a [`Window::problem`].
    pub fn output(&self) -> [usize; 2] {
        [self.output_along(0), self.output_along(1)]
    }

    /// Says what is wrong with these sizes, if anything is.
    pub fn problem(&self) -> Option<String> {
        let Window { input, kernel, stride, padding } = *self;
        (0..2).find_map(|axis| {
            let axis_name = ["height", "width"][axis];
            if kernel[axis] == 0 || stride[axis] == 0 {
                Some(format!("the {axis_name} of kernel {kernel:?} and of stride {stride:?} must be at least 1"))
            } else if padding[axis] >= kernel[axis] {
                Some(format!("padding {padding:?} must be smaller than the kernel {kernel:?}"))
            } else if input[axis] > MOST || kernel[axis] > MOST {
                Some(format!("input {input:?} and kernel {kernel:?} are too large"))
            } else if input[axis] + 2 * padding[axis] < kernel[axis] {
                Some(format!("kernel {kernel:?} does not fit input {input:?} with padding {padding:?}"))
            } else {
                None
            }
        })
    }

    /// The input row (axis 0) or column (axis 1) under kernel offset `tap` at output position `out`, unless it is padding.
    pub fn tap(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        (out * self.stride[axis] + tap).checked_sub(self.padding[axis]).filter(|&at| at < self.input[axis])
    }

    /// The same for samples and weights of so many channels.
    fn problem_with(&self, channels: [usize; 2]) -> Option<String> {
        self.problem().or_else(|| {
            let padded = [0, 1].map(|axis| self.input[axis] + 2 * self.padding[axis]);
            let count = |sizes: [usize; 2], channels: &[usize]| {
                sizes.iter().chain(channels).try_fold(1, |count: usize, &size| count.checked_mul(size))
            };
            let sample = count(padded, &[channels[0].max(channels[1])]);
            let weight = count(self.kernel, &channels);
            if channels.contains(&0) {
                Some(format!("channels {channels:?} must be at least 1"))
            } else if [sample, weight].iter().any(|count| count.is_none_or(|count| count > MOST)) {
                Some(format!(
                    "input {:?} and kernel {:?} of channels {channels:?} are too large",
                    self.input, self.kernel
                ))
            } else {
                None
            }
        })
    }

    fn output_along(&self, axis: usize) -> usize {
        (self.input[axis] + 2 * self.padding[axis] - self.kernel[axis]) / self.stride[axis] + 1
    }
}

/// A two-dimensional convolution: input `[n, h, w, channels_in]`, weight `(channels_out, channels_in, kh, kw)`,
/// output `[n, oh, ow, channels_out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// The sliding window.
    pub window: Window,
    /// Channels of the input.
    pub channels_in: usize,
    /// Channels of the output.
    pub channels_out: usize,
}

impl Conv2d {
    /// Says what is wrong with these sizes, if anything is.
    pub fn problem(&self) -> Option<String> {
        self.window.problem_with([self.channels_in, self.channels_out])
    }

    /// Panics unless inputs and outputs of so many elements are as many whole samples.
    #[track_caller]
    pub(crate) fn check_lengths(&self, input: usize, output: usize) {
        check_lengths("conv2d", self, self.problem(), [input, output], || [self.input_len(), self.output_len()]);
    }

    /// The shape of `n` input samples.
    pub fn input_shape(&self, n: usize) -> [usize; 4] {
        images(n, self.window.input, self.channels_in)
    }

    /// The shape of `n` output samples.
    pub fn output_shape(&self, n: usize) -> [usize; 4] {
        images(n, self.window.output(), self.channels_out)
    }

    /// The shape of the weight.
    pub fn weight_shape(&self) -> [usize; 4] {
        let [height, width] = self.window.kernel;
        [self.channels_out, self.channels_in, height, width]
    }

    /// Elements of one input sample.
    pub fn input_len(&self) -> usize {
        self.input_shape(1).iter().product()
    }

    /// Elements of one output sample.
    pub fn output_len(&self) -> usize {
        self.output_shape(1).iter().product()
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.weight_shape().iter().product()
    }
}

/// A two-dimensional pooling: input `[n, h, w, channels]`, output `[n, oh, ow, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// The sliding window.
    pub window: Window,
    /// Channels of input and output.
    pub channels: usize,
}

impl Pool2d {
    /// Says what is wrong with these sizes, if anything is.
    pub fn problem(&self) -> Option<String> {
        self.window.problem_with([self.channels; 2])
    }

    /// Panics unless inputs and outputs of so many elements are as many whole samples.
    #[track_caller]
    pub(crate) fn check_lengths(&self, input: usize, output: usize) {
        check_lengths("pooling", self, self.problem(), [input, output], || [self.input_len(), self.output_len()]);
    }

    /// The shape of `n` input samples.
    pub fn input_shape(&self, n: usize) -> [usize; 4] {
        images(n, self.window.input, self.channels)
    }

    /// The shape of `n` output samples.
    pub fn output_shape(&self, n: usize) -> [usize; 4] {
        images(n, self.window.output(), self.channels)
    }

    /// Elements of one input sample.
    pub fn input_len(&self) -> usize {
        self.input_shape(1).iter().product()
    }

    /// Elements of one output sample.
    pub fn output_len(&self) -> usize {
        self.output_shape(1).iter().product()
    }
}

fn images(n: usize, [height, width]: [usize; 2], channels: usize) -> [usize; 4] {
    [n, height, width, channels]
}

#[track_caller]
fn check_lengths(
    operation: &str,
    geometry: &dyn Debug,
    problem: Option<String>,
    [input, output]: [usize; 2],
    of_sample: impl Fn() -> [usize; 2],
) {
    if let Some(problem) = problem {
        panic!("{operation}: {problem}");
    }
    let [input_len, output_len] = of_sample();
    let n = input / input_len.max(1);
    let fits = n * input_len == input && n.checked_mul(output_len) == Some(output);
    assert!(fits, "{operation}: {input} input and {output} output elements are no whole samples of {geometry:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(input: usize, kernel: usize, stride: usize, padding: usize) -> Window {
        Window { input: [input; 2], kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2] }
    }

    #[test]
    fn output_sizes_are_pytorchs() {
        for (sizes, expect) in [((32, 3, 1, 1), 32), ((32, 3, 2, 1), 16), ((5, 2, 2, 0), 2), ((1, 1, 1, 0), 1)] {
            let (input, kernel, stride, padding) = sizes;
            assert_eq!(window(input, kernel, stride, padding).output(), [expect; 2], "{sizes:?}");
        }
    }

    #[test]
    fn impossible_sizes_are_named() {
        assert!(window(2, 5, 1, 1).problem().unwrap().contains("does not fit"));
        assert!(window(4, 2, 1, 2).problem().unwrap().contains("smaller than the kernel"));
        assert!(window(4, 2, 0, 0).problem().unwrap().contains("at least 1"));
        assert_eq!(window(4, 3, 2, 1).problem(), None);
        assert!(window(usize::MAX - 3, 3, 1, 1).problem().unwrap().contains("too large"));
        // Both wrap around to small numbers of elements.
        let pool = |input, channels| Pool2d { window: window(input, 2, 2, 0), channels };
        assert!(pool((1 << 60) + 2, 16).problem().unwrap().contains("too large"));
        assert!(pool(4, 0).problem().unwrap().contains("at least 1"));
        let conv = Conv2d { window: window(4, 1, 1, 0), channels_in: 1 << 40, channels_out: 1 << 40 };
        assert!(conv.problem().unwrap().contains("too large"));
    }
}
