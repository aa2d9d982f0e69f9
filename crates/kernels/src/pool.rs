//! Max and average pooling and their gradients.
//!
//! The inner loops run over the channels of one pixel, which are contiguous; no element depends on its neighbours. So plain loops,
//! compiled under each level's instructions and vectorised by the compiler, give the same bits everywhere.

use crate::elementwise::zip_in_place;
use crate::geometry::{Pool2d, Window};
use crate::level::{Kernel, run};
use crate::vector::{LANES, Vector};

/// `output[n, oh, ow, c] = max of input under the window`; padding never wins, a NaN does, so that a diverging run is seen.
///
/// # Panics
/// When a length does not fit the geometry.
pub fn max_forward(g: &Pool2d, input: &[f32], output: &mut [f32]) {
    g.check_lengths(input.len(), output.len());
    if quarters(g) {
        return run(QuarterForward { g, input, output });
    }
    output.fill(f32::NEG_INFINITY);
    run(MaxForward { g, input, output });
}

/// The gradient of [`max_forward`], whose result `output` shows where the greatest element was: the first one in row-major order
/// takes it all. With `through_relu`, of an input that a ReLU has made, the gradient is that with respect to what the ReLU was given: zero where the
/// greatest element is not above zero.
///
/// # Panics
/// When a length does not fit the geometry.
pub fn max_gradient(
    g: &Pool2d,
    input: &[f32],
    output: &[f32],
    upstream: &[f32],
    through_relu: bool,
    gradient: &mut [f32],
) {
    g.check_lengths(input.len(), upstream.len());
    assert_eq!(
        (output.len(), gradient.len()),
        (upstream.len(), input.len()),
        "max pooling gradient: lengths for {g:?}"
    );
    if quarters(g) {
        return run(QuarterGradient { g, input, output, upstream, through_relu, gradient });
    }
    gradient.fill(0.0);
    // What is still to be given away: an output's upstream gradient, once.
    let mut left = upstream.to_vec();
    if through_relu {
        zip_in_place(&mut left, output, |u, y| if y > 0.0 { u } else { 0.0 });
    }
    run(MaxGradient { g, input, output, left: &mut left, gradient });
}

/// [`max_gradient`] through a ReLU, and the elements at some places, in ascending order, of what it is without one, where windows are next to each other:
/// kernels as large as their strides, without padding.
///
/// # Panics
/// When a length does not fit the geometry, a place does not exist, places do not ascend, or windows overlap.
pub fn max_gradient_seen(
    g: &Pool2d,
    input: &[f32],
    output: &[f32],
    upstream: &[f32],
    places: &[usize],
    gradient: &mut [f32],
) -> Vec<f32> {
    let Window { kernel, stride, padding, .. } = g.window;
    g.check_lengths(input.len(), upstream.len());
    assert!(kernel == stride && padding == [0, 0], "max pooling gradient: overlapping windows in {g:?}");
    assert!(places.is_sorted(), "max pooling gradient: places that do not ascend");
    assert!(places.last().is_none_or(|&last| last < input.len()), "max pooling gradient: a place behind the input");
    let (mut elements, mut left, mut first) = (Vec::with_capacity(places.len()), places, 0);
    let samples = input.chunks_exact(g.input_len().max(1)).zip(gradient.chunks_exact_mut(g.input_len().max(1)));
    let outputs = output.chunks_exact(g.output_len().max(1)).zip(upstream.chunks_exact(g.output_len().max(1)));
    // A sample's elements are picked while they are in a near cache.
    for ((input, gradient), (output, upstream)) in samples.zip(outputs) {
        max_gradient(g, input, output, upstream, true, gradient);
        let places = &left[..left.iter().take_while(|&&place| place < first + input.len()).count()];
        let sample = Sample { g, input, output, upstream, gradient };
        places.chunks(PICKED).for_each(|places| sample.pick(places, first, &mut elements));
        (left, first) = (&left[places.len()..], first + input.len());
    }
    elements
}

/// Elements that are picked together.
const PICKED: usize = 64;

/// One sample, and its gradient through a ReLU.
struct Sample<'a> {
    g: &'a Pool2d,
    input: &'a [f32],
    output: &'a [f32],
    upstream: &'a [f32],
    gradient: &'a [f32],
}

impl Sample<'_> {
    /// Adds the elements at some places of what the gradient is without the ReLU: at most [`PICKED`], counted from `start` elements before the sample on.
    fn pick(&self, places: &[usize], start: usize, elements: &mut Vec<f32>) {
        let places = places.iter().map(|place| place - start);
        let first = elements.len();
        // Where the greatest element of a window is above zero, the ReLU changes nothing. No branch asks whether one is, since it could not be predicted.
        elements.extend(places.clone().map(|place| self.gradient[place]));
        let (mut others, mut count) = ([(0, 0); PICKED], 0);
        for (at, place) in (first..).zip(places) {
            others[count] = (at, place);
            count += 1 - usize::from(self.input[place] > 0.0);
        }
        others[..count].iter().for_each(|&(at, place)| elements[at] = self.upstream_at(place));
    }

    /// What a place takes of the upstream gradient.
    fn upstream_at(&self, place: usize) -> f32 {
        let Window { input: [_, width], kernel, .. } = self.g.window;
        let (channels, row, [rows, columns]) = (self.g.channels, width * self.g.channels, self.g.window.output());
        let (pixel, channel) = (place / channels, place % channels);
        let (y, x) = (pixel / width, pixel % width);
        let [oh, ow] = [y / kernel[0], x / kernel[1]];
        if oh >= rows || ow >= columns {
            return 0.0;
        }
        let window = (oh * columns + ow) * channels + channel;
        // The first of the greatest takes it all.
        let (above, left) = (y - oh * kernel[0], x - ow * kernel[1]);
        let mut before = (0..=above).flat_map(|i| (0..if i == above { left } else { kernel[1] }).map(move |j| (i, j)));
        let takes = self.input[place] == self.output[window] && {
            let first = place - above * row - left * channels;
            !before.any(|(i, j)| self.input[first + i * row + j * channels] == self.input[place])
        };
        if takes { self.upstream[window] } else { 0.0 }
    }
}

/// `output[n, oh, ow, c] = mean of input under the window`; padding counts as zeros (PyTorch's `count_include_pad=True`).
///
/// # Panics
/// When a length does not fit the geometry.
pub fn avg_forward(g: &Pool2d, input: &[f32], output: &mut [f32]) {
    g.check_lengths(input.len(), output.len());
    output.fill(0.0);
    run(AvgForward { g, input, output });
}

/// The gradient of [`avg_forward`].
///
/// # Panics
/// When a length does not fit the geometry.
pub fn avg_gradient(g: &Pool2d, upstream: &[f32], gradient: &mut [f32]) {
    g.check_lengths(gradient.len(), upstream.len());
    gradient.fill(0.0);
    run(AvgGradient { g, upstream, gradient });
}

struct MaxForward<'a> {
    g: &'a Pool2d,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for MaxForward<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.g.channels;
        each_tap(self.g, self.output.len() / self.g.output_len(), |i, o| {
            for (y, &x) in self.output[o..][..channels].iter_mut().zip(&self.input[i..][..channels]) {
                *y = if x > *y || x.is_nan() { x } else { *y };
            }
        });
    }
}

struct MaxGradient<'a> {
    g: &'a Pool2d,
    input: &'a [f32],
    output: &'a [f32],
    left: &'a mut [f32],
    gradient: &'a mut [f32],
}

impl Kernel for MaxGradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.g.channels;
        each_tap(self.g, self.output.len() / self.g.output_len(), |i, o| {
            let (input, gradient) = (&self.input[i..][..channels], &mut self.gradient[i..][..channels]);
            let (output, left) = (&self.output[o..][..channels], &mut self.left[o..][..channels]);
            for (((&x, &y), gradient), left) in input.iter().zip(output).zip(gradient).zip(left) {
                let here = x == y;
                *gradient += if here { *left } else { 0.0 };
                *left = if here { 0.0 } else { *left };
            }
        });
    }
}

/// Whether windows of 2 x 2 cut the image into quarters of whole vectors of channels: every pixel lies in one window.
fn quarters(g: &Pool2d) -> bool {
    let Window { input: [height, width], kernel, stride, padding } = g.window;
    let two = kernel == [2, 2] && stride == [2, 2] && padding == [0, 0];
    two && height.is_multiple_of(2) && width.is_multiple_of(2) && g.channels.is_multiple_of(LANES)
}

/// Calls `visit(starts of four input vectors, start of the output vector)` for every window that [`quarters`] makes.
#[inline(always)]
fn each_quarter(g: &Pool2d, samples: usize, mut visit: impl FnMut([usize; 4], usize)) {
    let ([height, width], channels) = (g.window.output(), g.channels);
    let row = 2 * width * channels;
    for oh in 0..samples * height {
        for ow in 0..width {
            for channel in (0..channels).step_by(LANES) {
                let first = 2 * oh * row + 2 * ow * channels + channel;
                let output = (oh * width + ow) * channels + channel;
                visit([first, first + channels, first + row, first + row + channels], output);
            }
        }
    }
}

/// Max pooling under [`quarters`].
struct QuarterForward<'a> {
    g: &'a Pool2d,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for QuarterForward<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let samples = self.output.len() / self.g.output_len();
        assert_eq!(self.input.len(), samples * self.g.input_len());
        each_quarter(self.g, samples, |taps, output| {
            // SAFETY: the caller vouches for the level; windows of whole vectors lie in the slices by the lengths asserted above.
            unsafe {
                let [a, b, c, d] = taps.map(|tap| V::load(self.input.as_ptr().add(tap)));
                d.max(c.max(b.max(a))).store(self.output.as_mut_ptr().add(output));
            }
        });
    }
}

/// The gradient of max pooling under [`quarters`].
struct QuarterGradient<'a> {
    g: &'a Pool2d,
    input: &'a [f32],
    output: &'a [f32],
    upstream: &'a [f32],
    through_relu: bool,
    gradient: &'a mut [f32],
}

impl Kernel for QuarterGradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let samples = self.output.len() / self.g.output_len();
        assert!(self.input.len() == samples * self.g.input_len() && self.gradient.len() == self.input.len());
        assert_eq!(self.upstream.len(), self.output.len());
        let rows = 2 * self.g.window.input[1] * self.g.channels;
        each_quarter(self.g, samples, |taps, output| {
            // SAFETY: the caller vouches for the level; windows of whole vectors lie in the slices by the lengths asserted above.
            unsafe {
                for tap in taps {
                    // What the next row of windows writes to.
                    V::prefetch_far(self.gradient.as_ptr().wrapping_add(tap + rows));
                }
                let max = V::load(self.output.as_ptr().add(output));
                let upstream = V::load(self.upstream.as_ptr().add(output));
                let mut left = if self.through_relu { upstream.where_positive(max) } else { upstream };
                for tap in taps {
                    let (here, rest) = left.split_where_equal(V::load(self.input.as_ptr().add(tap)), max);
                    here.store(self.gradient.as_mut_ptr().add(tap));
                    left = rest;
                }
            }
        });
    }
}

struct AvgForward<'a> {
    g: &'a Pool2d,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for AvgForward<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (channels, share) = (self.g.channels, share(self.g));
        each_tap(self.g, self.output.len() / self.g.output_len(), |i, o| {
            for (y, &x) in self.output[o..][..channels].iter_mut().zip(&self.input[i..][..channels]) {
                *y += x * share;
            }
        });
    }
}

struct AvgGradient<'a> {
    g: &'a Pool2d,
    upstream: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for AvgGradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (channels, share) = (self.g.channels, share(self.g));
        each_tap(self.g, self.upstream.len() / self.g.output_len(), |i, o| {
            for (x, &y) in self.gradient[i..][..channels].iter_mut().zip(&self.upstream[o..][..channels]) {
                *x += y * share;
            }
        });
    }
}

fn share(g: &Pool2d) -> f32 {
    1.0 / (g.window.kernel[0] * g.window.kernel[1]) as f32
}

/// Calls `visit(start of input pixel, start of output pixel)` for every pair of pixels that a window joins, taps in row-major order.
#[inline(always)]
fn each_tap(g: &Pool2d, samples: usize, mut visit: impl FnMut(usize, usize)) {
    let ([height, width], [kernel_height, kernel_width]) = (g.window.output(), g.window.kernel);
    for sample in 0..samples {
        let (input, output) = (sample * g.input_len(), sample * g.output_len());
        for oh in 0..height {
            for ow in 0..width {
                for kh in 0..kernel_height {
                    let Some(ih) = g.window.tap(0, oh, kh) else { continue };
                    for kw in 0..kernel_width {
                        let Some(iw) = g.window.tap(1, ow, kw) else { continue };
                        visit(
                            input + (ih * g.window.input[1] + iw) * g.channels,
                            output + (oh * width + ow) * g.channels,
                        );
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    const SIZES: [(usize, usize, usize, usize, usize); 6] =
        [(31, 2, 2, 0, 32), (5, 2, 2, 0, 3), (7, 3, 2, 1, 17), (4, 3, 1, 1, 1), (1, 1, 1, 0, 5), (6, 5, 3, 2, 16)];

    /// Few distinct values, so that ties are frequent.
    fn values(len: usize, modulus: usize) -> Vec<f32> {
        (0..len).map(|at| ((at * 7919 + at / 5) % modulus) as f32 - 4.0).collect()
    }

    fn wide(x: &[f32]) -> Vec<f64> {
        x.iter().map(|&x| f64::from(x)).collect()
    }

    /// Sums of at most 25 terms, each below 9 and rounded: 1e-5 is far above their error and far below any mistake.
    fn assert_close(got: &[f32], expect: &[f64], what: &str) {
        for (&got, &expect) in got.iter().zip(expect) {
            assert!((f64::from(got) - expect).abs() < 1e-5, "{what}: {got} is not {expect}");
        }
    }

    #[test]
    fn pooling_agrees_with_the_reference() {
        for (size, kernel, stride, padding, channels) in SIZES {
            let window =
                Window { input: [size, size + 1], kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2] };
            let g = Pool2d { window, channels };
            let what = format!("{g:?}");
            let (x, u) = (values(2 * g.input_len(), 9), values(2 * g.output_len(), 7));
            let (mut y, mut dx) = (vec![0.0; u.len()], vec![0.0; x.len()]);
            max_forward(&g, &x, &mut y);
            assert_close(&y, &reference::max_pool2d(&g, &wide(&x)), &what);
            max_gradient(&g, &x, &y, &u, false, &mut dx);
            assert_close(&dx, &reference::max_pool2d_gradient(&g, &wide(&x), &wide(&u)), &what);
            avg_forward(&g, &x, &mut y);
            assert_close(&y, &reference::avg_pool2d(&g, &wide(&x)), &what);
            avg_gradient(&g, &u, &mut dx);
            assert_close(&dx, &reference::avg_pool2d_gradient(&g, &wide(&u)), &what);
        }
    }

    #[test]
    fn quarters_are_pooled_like_everything_else() {
        let window = Window { input: [6, 4], kernel: [2; 2], stride: [2; 2], padding: [0; 2] };
        let g = Pool2d { window, channels: 48 };
        assert!(quarters(&g));
        let (x, u) = (values(3 * g.input_len(), 5), values(3 * g.output_len(), 7));
        let (mut y, mut dx) = (vec![f32::NAN; u.len()], vec![f32::NAN; x.len()]);
        max_forward(&g, &x, &mut y);
        assert_close(&y, &reference::max_pool2d(&g, &wide(&x)), "quarters");
        max_gradient(&g, &x, &y, &u, false, &mut dx);
        assert_close(&dx, &reference::max_pool2d_gradient(&g, &wide(&x), &wide(&u)), "quarters");
        for at in [0, 48, 4 * 48, 5 * 48] {
            let mut x = x.clone();
            x[at] = f32::NAN;
            max_forward(&g, &x, &mut y);
            assert!(y[0].is_nan() && !y[1].is_nan(), "tap at {at}");
        }
    }

    #[test]
    fn a_nan_in_the_window_is_kept() {
        let window = Window { input: [1, 3], kernel: [1, 3], stride: [1, 1], padding: [0, 0] };
        let mut y = [0.0];
        max_forward(&Pool2d { window, channels: 1 }, &[1.0, f32::NAN, 2.0], &mut y);
        assert!(y[0].is_nan());
    }
}
