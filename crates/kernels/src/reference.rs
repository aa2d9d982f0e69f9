//! The naive truth: every loop written as its definition, in `f64`. Nothing here is fast.
//!
//! Layouts are those of the fast bodies: activations `[n, h, w, c]`, weights `(out, in, kh, kw)`.

use crate::geometry::{Conv2d, Pool2d, Window};

/// Calls `visit(output pixel, input pixel, tap)` for every pair of pixels that a window joins. Pixels and taps are row-major indices.
fn each_tap(window: &Window, mut visit: impl FnMut(usize, usize, usize)) {
    let [height, width] = window.output();
    let [kernel_height, kernel_width] = window.kernel;
    for (oh, ow) in grid(height, width) {
        for (kh, kw) in grid(kernel_height, kernel_width) {
            if let (Some(ih), Some(iw)) = (window.tap(0, oh, kh), window.tap(1, ow, kw)) {
                visit(oh * width + ow, ih * window.input[1] + iw, kh * kernel_width + kw);
            }
        }
    }
}

fn grid(height: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..height).flat_map(move |row| (0..width).map(move |column| (row, column)))
}

/// Calls `visit(input, weight, output)` with the three flat indices of every product of a convolution of `n` samples.
fn each_product(g: &Conv2d, n: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let taps = g.window.kernel[0] * g.window.kernel[1];
    for sample in 0..n {
        each_tap(&g.window, |out, input, tap| {
            for (co, ci) in grid(g.channels_out, g.channels_in) {
                visit(
                    sample * g.input_len() + input * g.channels_in + ci,
                    (co * g.channels_in + ci) * taps + tap,
                    sample * g.output_len() + out * g.channels_out + co,
                );
            }
        });
    }
}

/// Convolution: `y[n, oh, ow, co] = bias[co] + sum x[n, ih, iw, ci] w[co, ci, kh, kw]`.
pub fn conv2d(g: &Conv2d, x: &[f64], weight: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
    let n = x.len() / g.input_len();
    let mut y: Vec<f64> =
        (0..n * g.output_len()).map(|at| bias.map_or(0.0, |bias| bias[at % g.channels_out])).collect();
    each_product(g, n, |i, w, o| y[o] += x[i] * weight[w]);
    y
}

/// The convolution's gradient with respect to its input.
pub fn conv2d_input_gradient(g: &Conv2d, upstream: &[f64], weight: &[f64]) -> Vec<f64> {
    let n = upstream.len() / g.output_len();
    let mut gradient = vec![0.0; n * g.input_len()];
    each_product(g, n, |i, w, o| gradient[i] += upstream[o] * weight[w]);
    gradient
}

/// The convolution's gradient with respect to its weight, `(out, in, kh, kw)`.
pub fn conv2d_weight_gradient(g: &Conv2d, x: &[f64], upstream: &[f64]) -> Vec<f64> {
    let n = x.len() / g.input_len();
    let mut gradient = vec![0.0; g.weight_len()];
    each_product(g, n, |i, w, o| gradient[w] += upstream[o] * x[i]);
    gradient
}

/// Max pooling; padding never wins.
pub fn max_pool2d(g: &Pool2d, x: &[f64]) -> Vec<f64> {
    let n = x.len() / g.input_len();
    let mut y = vec![f64::NEG_INFINITY; n * g.output_len()];
    each_pooled(g, n, |i, o| y[o] = y[o].max(x[i]));
    y
}

/// The gradient of max pooling: the first greatest element of a window, in row-major order, takes it all.
pub fn max_pool2d_gradient(g: &Pool2d, x: &[f64], upstream: &[f64]) -> Vec<f64> {
    let n = x.len() / g.input_len();
    let y = max_pool2d(g, x);
    let mut taken = vec![false; y.len()];
    let mut gradient = vec![0.0; x.len()];
    each_pooled(g, n, |i, o| {
        if x[i] == y[o] && !taken[o] {
            taken[o] = true;
            gradient[i] += upstream[o];
        }
    });
    gradient
}

/// Average pooling; padding counts as zeros, as PyTorch's `count_include_pad=True`.
pub fn avg_pool2d(g: &Pool2d, x: &[f64]) -> Vec<f64> {
    let n = x.len() / g.input_len();
    let area = (g.window.kernel[0] * g.window.kernel[1]) as f64;
    let mut y = vec![0.0; n * g.output_len()];
    each_pooled(g, n, |i, o| y[o] += x[i] / area);
    y
}

/// The gradient of average pooling.
pub fn avg_pool2d_gradient(g: &Pool2d, upstream: &[f64]) -> Vec<f64> {
    let n = upstream.len() / g.output_len();
    let area = (g.window.kernel[0] * g.window.kernel[1]) as f64;
    let mut gradient = vec![0.0; n * g.input_len()];
    each_pooled(g, n, |i, o| gradient[i] += upstream[o] / area);
    gradient
}

/// Calls `visit(input, output)` with the flat indices of every element a pooling window covers.
fn each_pooled(g: &Pool2d, n: usize, mut visit: impl FnMut(usize, usize)) {
    for sample in 0..n {
        each_tap(&g.window, |out, input, _| {
            for c in 0..g.channels {
                visit(sample * g.input_len() + input * g.channels + c, sample * g.output_len() + out * g.channels + c);
            }
        });
    }
}

/// Logarithm of softmax over rows of `classes`, by its definition.
pub fn log_softmax(x: &[f64], classes: usize) -> Vec<f64> {
    let row = |row: &[f64]| {
        let log_sum = row.iter().map(|x| x.exp()).sum::<f64>().ln();
        row.iter().map(|x| x - log_sum).collect::<Vec<_>>()
    };
    x.chunks_exact(classes).flat_map(row).collect()
}

/// The sum of the cross-entropies of rows of logits against one class each, and its gradient, softmax minus target.
pub fn cross_entropy(x: &[f64], classes: usize, labels: &[u8], smoothing: f64) -> (f64, Vec<f64>) {
    let log_p = log_softmax(x, classes);
    let target = |at: usize| {
        let label = usize::from(labels[at / classes]) == at % classes;
        smoothing / classes as f64 + if label { 1.0 - smoothing } else { 0.0 }
    };
    let loss = (0..x.len()).map(|at| -target(at) * log_p[at]).sum();
    (loss, (0..x.len()).map(|at| log_p[at].exp() - target(at)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convolution_worked_by_hand() {
        // A 2x2 image [[1, 2], [3, 4]] under the kernel [[1, 10], [100, 1000]], padding 1: the nine windows in order.
        let window = Window { input: [2, 2], kernel: [2, 2], stride: [1, 1], padding: [1, 1] };
        let g = Conv2d { window, channels_in: 1, channels_out: 1 };
        let y = conv2d(&g, &[1.0, 2.0, 3.0, 4.0], &[1.0, 10.0, 100.0, 1000.0], Some(&[0.5]));
        assert_eq!(y, [1000.5, 2100.5, 200.5, 3010.5, 4321.5, 402.5, 30.5, 43.5, 4.5]);
    }

    #[test]
    fn a_tie_in_max_pooling_goes_to_the_first() {
        let window = Window { input: [2, 2], kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
        let g = Pool2d { window, channels: 1 };
        assert_eq!(max_pool2d_gradient(&g, &[1.0, 7.0, 7.0, 0.0], &[5.0]), [0.0, 5.0, 0.0, 0.0]);
    }
}
