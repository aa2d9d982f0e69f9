//! Kernels on one thread, at the sizes of the paper's CNN, in floating-point operations a second. `peak` is the yardstick: multiply-adds
//! on registers alone, at the same level in the same run. Convolutions are counted as if computed directly, so Winograd's may pass it.
//!
//! ```text
//! cargo bench -p benches --bench kernels
//! SEISMOGRAD_LEVEL=avx2 cargo bench -p benches --bench kernels
//! ```

use divan::{Bencher, counter::ItemsCount};
use seismograd_kernels::conv::{self, Activation};
use seismograd_kernels::geometry::{Conv2d, Pool2d, Window};
use seismograd_kernels::level::Level;
use seismograd_kernels::matmul::{Matrix, multiply};
use seismograd_kernels::moments::Moments;
use seismograd_kernels::{elementwise, peak, pool};

/// Samples of one call: a shard's.
const SAMPLES: usize = 25;

/// The convolutions of the paper's CNN, and some of other widths: side of the image, channels in, channels out.
const CONVOLUTIONS: [(usize, usize, usize); 7] =
    [(32, 3, 32), (32, 32, 32), (16, 32, 32), (8, 32, 32), (16, 16, 16), (16, 64, 64), (16, 128, 128)];

fn main() {
    println!("level {}", Level::current());
    divan::main();
}

#[divan::bench]
fn peak_of_multiply_adds(bencher: Bencher<'_, '_>) {
    let rounds = 100_000;
    let flop = peak::fused_multiply_adds(Level::current(), rounds);
    bencher.counter(ItemsCount::new(flop)).bench_local(|| peak::fused_multiply_adds(Level::current(), rounds));
}

fn conv2d((side, channels_in, channels_out): (usize, usize, usize)) -> Conv2d {
    let window = Window { input: [side; 2], kernel: [3; 2], stride: [1; 2], padding: [1; 2] };
    Conv2d { window, channels_in, channels_out }
}

/// Operations of one pass.
fn flop(g: &Conv2d) -> ItemsCount {
    ItemsCount::new(2 * SAMPLES * g.output_len() * g.weight_len() / g.channels_out)
}

#[divan::bench(args = CONVOLUTIONS)]
fn forward(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    let g = conv2d(size);
    let (input, weight) = (vec![0.5; SAMPLES * g.input_len()], vec![0.1; g.weight_len()]);
    let (packed, mut output) = (conv::pack_forward(&g, &weight), vec![0.0; SAMPLES * g.output_len()]);
    bencher.counter(flop(&g)).bench_local(|| conv::forward(&g, &input, &packed, None, Activation::Relu, &mut output));
}

#[divan::bench(args = CONVOLUTIONS)]
fn input_gradient(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    let g = conv2d(size);
    let (upstream, weight) = (vec![0.5; SAMPLES * g.output_len()], vec![0.1; g.weight_len()]);
    let (packed, mut gradient) = (conv::pack_input_gradient(&g, &weight), vec![0.0; SAMPLES * g.input_len()]);
    bencher.counter(flop(&g)).bench_local(|| conv::input_gradient(&g, &upstream, &packed, &mut gradient));
}

#[divan::bench(args = CONVOLUTIONS)]
fn weight_gradient(bencher: Bencher<'_, '_>, size: (usize, usize, usize)) {
    let g = conv2d(size);
    let (input, upstream) = (vec![0.5; SAMPLES * g.input_len()], vec![0.1; SAMPLES * g.output_len()]);
    let (mut gradient, mut bias) = (vec![0.0; g.weight_len()], vec![0.0; g.channels_out]);
    bencher.counter(flop(&g)).bench_local(|| conv::weight_gradient(&g, &input, &upstream, &mut gradient, &mut bias));
}

#[divan::bench(args = [32, 16, 8])]
fn max_pool(bencher: Bencher<'_, '_>, side: usize) {
    let window = Window { input: [side; 2], kernel: [2; 2], stride: [2; 2], padding: [0; 2] };
    let g = Pool2d { window, channels: 32 };
    let (input, mut output) = (vec![0.5; SAMPLES * g.input_len()], vec![0.0; SAMPLES * g.output_len()]);
    bencher.counter(ItemsCount::new(input.len())).bench_local(|| pool::max_forward(&g, &input, &mut output));
}

/// The hidden layer's product: rows, inner size, columns.
const PRODUCT: [usize; 3] = [SAMPLES, 512, 512];

#[divan::bench]
fn product(bencher: Bencher<'_, '_>) {
    let [m, k, n] = PRODUCT;
    let (a, b, mut c) = (vec![0.5; m * k], vec![0.1; k * n], vec![0.0; m * n]);
    bencher
        .counter(ItemsCount::new(2 * m * k * n))
        .bench_local(|| multiply(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut c));
}

#[divan::bench]
fn product_by_ndarray(bencher: Bencher<'_, '_>) {
    let [m, k, n] = PRODUCT;
    let (a, b) = (ndarray::Array2::from_elem((m, k), 0.5f32), ndarray::Array2::from_elem((k, n), 0.1));
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| a.dot(&b));
}

/// Adam's update of the hidden layer's weight, in elements a second.
#[divan::bench]
fn adam(bencher: Bencher<'_, '_>) {
    let len = 512 * 512;
    let (mut p, g, mut m, mut v) = (vec![0.5; len], vec![0.1; len], vec![0.0; len], vec![0.0; len]);
    bencher.counter(ItemsCount::new(len)).bench_local(|| {
        elementwise::update(&mut p, &g, [&mut m, &mut v], |p, g, [m, v]| {
            let (m, v) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * (g * g));
            (p - 1e-3 * m / (v.sqrt() + 1e-8), [m, v])
        });
    });
}

/// A trace's moments of a whole layer, one pass in `f32` lanes, in elements a second.
#[divan::bench]
fn moments_of_a_layer(bencher: Bencher<'_, '_>) {
    let x = spread(5 * 32 * 32 * 32);
    bencher.counter(ItemsCount::new(x.len())).bench_local(|| Moments::of(&x));
}

/// A trace's moments of the output layer, two passes in `f64`, in elements a second.
#[divan::bench]
fn moments_exact(bencher: Bencher<'_, '_>) {
    let x = spread(SAMPLES * 512);
    bencher.counter(ItemsCount::new(x.len())).bench_local(|| Moments::exact(&x));
}

fn spread(len: usize) -> Vec<f32> {
    (0..len).map(|at| (at * 7919 % 1009) as f32 / 500.0 - 1.0).collect()
}
