//! Convolution and pooling on one thread, at the sizes of the paper's CNN.
//!
//! ```text
//! cargo bench -p benches --bench kernels
//! SEISMOGRAD_LEVEL=avx2 cargo bench -p benches --bench kernels
//! ```

use divan::{Bencher, counter::ItemsCount};
use seismograd_kernels::geometry::{Conv2d, Pool2d, Window};
use seismograd_kernels::{conv, pool};

/// Samples of one call: a shard's.
const SAMPLES: usize = 13;

/// The convolutions of the paper's CNN: side of the image, channels in. All have 32 channels out.
const CONVOLUTIONS: [(usize, usize); 4] = [(32, 3), (32, 32), (16, 32), (8, 32)];

fn main() {
    divan::main();
}

fn conv2d((side, channels_in): (usize, usize)) -> Conv2d {
    let window = Window { input: [side; 2], kernel: [3; 2], stride: [1; 2], padding: [1; 2] };
    Conv2d { window, channels_in, channels_out: 32 }
}

/// Operations of one pass, so that the throughput reads in FLOP a second.
fn flop(g: &Conv2d) -> ItemsCount {
    ItemsCount::new(2 * SAMPLES * g.output_len() * g.weight_len() / g.channels_out)
}

#[divan::bench(args = CONVOLUTIONS)]
fn forward(bencher: Bencher<'_, '_>, size: (usize, usize)) {
    let g = conv2d(size);
    let (input, weight) = (vec![0.5; SAMPLES * g.input_len()], vec![0.1; g.weight_len()]);
    let (packed, mut output) = (conv::pack_forward(&g, &weight), vec![0.0; SAMPLES * g.output_len()]);
    bencher.counter(flop(&g)).bench_local(|| conv::forward(&g, &input, &packed, None, &mut output));
}

#[divan::bench(args = CONVOLUTIONS)]
fn input_gradient(bencher: Bencher<'_, '_>, size: (usize, usize)) {
    let g = conv2d(size);
    let (upstream, weight) = (vec![0.5; SAMPLES * g.output_len()], vec![0.1; g.weight_len()]);
    let (packed, mut gradient) = (conv::pack_input_gradient(&g, &weight), vec![0.0; SAMPLES * g.input_len()]);
    bencher.counter(flop(&g)).bench_local(|| conv::input_gradient(&g, &upstream, &packed, &mut gradient));
}

#[divan::bench(args = CONVOLUTIONS)]
fn weight_gradient(bencher: Bencher<'_, '_>, size: (usize, usize)) {
    let g = conv2d(size);
    let (input, upstream) = (vec![0.5; SAMPLES * g.input_len()], vec![0.1; SAMPLES * g.output_len()]);
    let mut gradient = vec![0.0; g.weight_len()];
    bencher.counter(flop(&g)).bench_local(|| conv::weight_gradient(&g, &input, &upstream, &mut gradient));
}

#[divan::bench(args = [32, 16, 8])]
fn max_pool(bencher: Bencher<'_, '_>, side: usize) {
    let window = Window { input: [side; 2], kernel: [2; 2], stride: [2; 2], padding: [0; 2] };
    let g = Pool2d { window, channels: 32 };
    let (input, mut output) = (vec![0.5; SAMPLES * g.input_len()], vec![0.0; SAMPLES * g.output_len()]);
    bencher.counter(ItemsCount::new(input.len())).bench_local(|| pool::max_forward(&g, &input, &mut output));
}
