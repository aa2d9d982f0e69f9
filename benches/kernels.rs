//! Kernels on one thread at every instruction-set level of the machine, most at the sizes of the paper's CNN: arithmetic in GFLOP/s and in
//! percent of what multiply-adds on registers reach at the same level in the same run, what is bound by memory in GB/s. Convolutions are counted
//! as if computed directly, so Winograd's may pass the peak; `f64` has half as many lanes, so it reaches half of the peak at most.
//!
//! ```text
//! cargo bench -p benches --bench kernels
//! cargo bench -p benches --bench kernels -- avx2/forward
//! SEISMOGRAD_LEVEL=avx2 cargo bench -p benches --bench kernels
//! ```

mod shared;

use criterion::Criterion;
use seismograd_kernels::conv::{self, Activation};
use seismograd_kernels::double::{self, EIGHTS, Eight, Reflector, Rotation, Sweep};
use seismograd_kernels::geometry::{Conv2d, Pool2d, Window};
use seismograd_kernels::level::{self, Level};
use seismograd_kernels::matmul::{Matrix, multiply};
use seismograd_kernels::moments::Moments;
use seismograd_kernels::{elementwise, pool, sums};
use shared::{Rates, Yardsticks, bench, criterion, floats, flop, peak};
use std::process::Command;
use std::time::Duration;

/// Images of one call: a shard's.
const SHARD: usize = 25;

/// The convolutions of the paper's CNN, and some of other widths: side of the image, channels in, channels out.
const CONVOLUTIONS: [[usize; 3]; 7] =
    [[32, 3, 32], [32, 32, 32], [16, 32, 32], [8, 32, 32], [16, 16, 16], [16, 64, 64], [16, 128, 128]];

/// Sides of the images that the paper's CNN pools, of 32 channels.
const POOLED: [usize; 3] = [32, 16, 8];

/// Rows, inner size, columns: the hidden layer's product, and one such as optimizers of matrices compute.
const PRODUCTS: [[usize; 3]; 2] = [[SHARD, 512, 512], [256, 256, 256]];

/// Rows and columns of the matrices in `f64`.
const SIDE: usize = 512;

/// Reflectors that go through a matrix together.
const PANEL: usize = 16;

fn main() -> anyhow::Result<()> {
    let level = Level::from_environment()?;
    if std::env::var_os(level::VARIABLE).is_some() {
        at_level(level);
        return Ok(());
    }
    // Help and mistakes on the command line end here, once.
    let _ = Criterion::default().configure_from_args();
    // A process has one level, so each level gets a process.
    for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
        let mut command = Command::new(std::env::current_exe()?);
        let status = command.args(std::env::args_os().skip(1)).env(level::VARIABLE, level.to_string()).status()?;
        anyhow::ensure!(status.success(), "level {level}: {status}");
    }
    Ok(())
}

fn at_level(level: Level) {
    let peak = peak(level);
    println!("\nLevel {level}: multiply-adds on registers reach {peak:.3} GFLOP/s on one thread\n");
    // Where a multiply-add is a call into the C library, one image takes longer than a shard elsewhere.
    let (samples, measured, time) = if level == Level::Portable { (1, 10, 800) } else { (SHARD, 20, 400) };
    let criterion = criterion(Yardsticks { peak: Some(peak), triad: None }, measured, Duration::from_millis(time));
    let mut kernels = Kernels { criterion, level, samples };
    CONVOLUTIONS.into_iter().for_each(|size| kernels.convolution(size));
    POOLED.into_iter().for_each(|side| kernels.pooling(side));
    PRODUCTS.into_iter().for_each(|sizes| kernels.product(sizes));
    kernels.linear_algebra();
    kernels.elementwise();
    kernels.reductions();
}

/// The kernels at this process's level.
struct Kernels {
    criterion: Criterion<Rates>,
    level: Level,
    /// Images of one call.
    samples: usize,
}

impl Kernels {
    fn bench<T, R>(
        &mut self,
        [kernel, size]: [&str; 2],
        work: criterion::Throughput,
        prepare: impl FnOnce() -> T,
        run: impl FnMut(&mut T) -> R,
    ) {
        bench(&mut self.criterion, [&format!("{}/{kernel}", self.level), size], work, prepare, run);
    }

    fn convolution(&mut self, [side, channels_in, channels_out]: [usize; 3]) {
        let window = Window { input: [side; 2], kernel: [3; 2], stride: [1; 2], padding: [1; 2] };
        let g = &Conv2d { window, channels_in, channels_out };
        let size = &format!("{side}x{side}_{channels_in}to{channels_out}");
        let [input, output, weight] = [self.samples * g.input_len(), self.samples * g.output_len(), g.weight_len()];
        let work = flop(2 * output * weight / channels_out);
        self.bench(
            ["forward", size],
            work.clone(),
            || (spread(input), conv::pack_forward(g, &spread(weight)), spread(output)),
            |(x, w, y)| conv::forward(g, x, w, None, Activation::Relu, y),
        );
        self.bench(
            ["input_gradient", size],
            work.clone(),
            || (spread(output), conv::pack_input_gradient(g, &spread(weight)), spread(input)),
            |(upstream, w, gradient)| conv::input_gradient(g, upstream, w, None, gradient),
        );
        self.bench(
            ["weight_gradient", size],
            work,
            || (spread(input), spread(output), spread(weight), spread(channels_out)),
            |(x, upstream, gradient, bias)| conv::weight_gradient(g, x, upstream, gradient, bias),
        );
    }

    fn pooling(&mut self, side: usize) {
        let window = Window { input: [side; 2], kernel: [2; 2], stride: [2; 2], padding: [0; 2] };
        let g = &Pool2d { window, channels: 32 };
        let size = &format!("{side}x{side}");
        let [input, output] = [self.samples * g.input_len(), self.samples * g.output_len()];
        let [forward, gradient] = [floats(input + output), floats(2 * (input + output))];
        self.bench(
            ["max_pool", size],
            forward.clone(),
            || (spread(input), spread(output)),
            |(x, y)| pool::max_forward(g, x, y),
        );
        self.bench(
            ["max_pool_gradient", size],
            gradient,
            || {
                let (x, mut y) = (spread(input), spread(output));
                pool::max_forward(g, &x, &mut y);
                (x, y, spread(output), spread(input))
            },
            |(x, y, upstream, gradient)| pool::max_gradient(g, x, y, upstream, false, gradient),
        );
        self.bench(
            ["avg_pool", size],
            forward.clone(),
            || (spread(input), spread(output)),
            |(x, y)| pool::avg_forward(g, x, y),
        );
        self.bench(
            ["avg_pool_gradient", size],
            forward,
            || (spread(output), spread(input)),
            |(upstream, gradient)| pool::avg_gradient(g, upstream, gradient),
        );
    }

    fn product(&mut self, [m, k, n]: [usize; 3]) {
        let (size, work) = (&format!("{m}x{k}x{n}"), flop(2 * m * k * n));
        self.bench(
            ["product", size],
            work.clone(),
            || (spread(m * k), spread(k * n), spread(m * n)),
            |(a, b, c)| multiply(Matrix::new(a, m, k), Matrix::new(b, k, n), c),
        );
        // It picks its instructions itself: it runs beside the level that has them.
        if self.level == Level::best() {
            let array = |rows, columns| ndarray::Array2::from_shape_fn((rows, columns), |(i, j)| wave(i * columns + j));
            self.bench(["product_by_ndarray", size], work, || (array(m, k), array(k, n)), |(a, b)| a.dot(b));
        }
    }

    /// The loops over `f64` on matrices of 512 x 512.
    fn linear_algebra(&mut self) {
        let (width, size) = (SIDE / 8, &format!("{SIDE}x{SIDE}"));
        self.bench(
            ["products_f64", size],
            flop(2 * SIDE * SIDE),
            || (eights(SIDE * width), eights(width), vec![0.0; SIDE]),
            |(rows, vector, products)| double::products(rows, width, 0, vector, products),
        );
        let reflector = Reflector { first: 0, direction: vec![[(SIDE as f64).sqrt().recip(); 8]; width] };
        self.bench(
            ["reflect_f64", size],
            flop(4 * SIDE * SIDE * PANEL),
            || eights(SIDE * width),
            |rows| double::reflect(rows, width, &[&reflector; PANEL]),
        );
        self.bench(
            ["add_terms_f64", size],
            flop(2 * SIDE * SIDE),
            || (eights(width), eights(SIDE * width), vec![1e-9; SIDE]),
            |(y, terms, factors)| double::add_terms(y, factors, &terms.chunks_exact(width).collect::<Vec<_>>()),
        );
        // From the last row upwards, as a step of an iteration for eigenvalues goes. An element takes part in two turns, of three operations each.
        let rotations = vec![Rotation { sine: 0.6, cosine: 0.8 }; SIDE - 1];
        let sweeps = vec![Sweep { from: SIDE - 2, rotations }; 8];
        self.bench(
            ["sweep_f64", &format!("{SIDE}x{}", 8 * EIGHTS)],
            flop(6 * sweeps.len() * (SIDE - 1) * 8 * EIGHTS),
            || vec![[[0.5; 8]; EIGHTS]; SIDE],
            |rows| double::sweep(rows, &sweeps),
        );
    }

    fn elementwise(&mut self) {
        let len = self.samples * 32 * 32 * 32;
        self.bench(
            ["relu", &len.to_string()],
            floats(2 * len),
            || (spread(len), spread(len)),
            |(x, y)| elementwise::map(x, y, |x| x.max(0.0)),
        );
        // The hidden layer's weight: parameter, gradient and two slots are read, all but the gradient written.
        let len = 512 * 512;
        self.bench(
            ["adam", "512x512"],
            floats(7 * len),
            || (spread(len), spread(len), vec![0.0; len], vec![0.0; len]),
            |(p, g, m, v)| {
                elementwise::update(p, None, g, [m, v], |p, g, [m, v]| {
                    let (m, v) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * (g * g));
                    (p - 1e-3 * m / (v.sqrt() + 1e-8), [m, v])
                });
            },
        );
    }

    /// What reads and writes next to nothing.
    fn reductions(&mut self) {
        // A trace's moments: of a whole layer, one pass in `f32` lanes; of the output layer, two passes in `f64`.
        let [layer, output_layer] = [self.samples.min(5) * 32 * 32 * 32, self.samples * 512];
        self.bench(["moments", "layer"], floats(layer), || spread(layer), |x| Moments::of(x));
        self.bench(["moments", "with_rectified"], floats(layer), || spread(layer), |x| Moments::with_rectified(x));
        self.bench(
            ["moments", "with_gated"],
            floats(2 * layer),
            || (spread(layer), spread(layer)),
            |(x, gate)| Moments::with_gated(x, gate),
        );
        self.bench(
            ["moments", "output_layer"],
            floats(2 * output_layer),
            || spread(output_layer),
            |x| Moments::exact(x),
        );
        self.bench(["dot", "layer"], floats(2 * layer), || (spread(layer), spread(layer)), |(x, y)| sums::dot(x, y));
        self.bench(["all_finite", "layer"], floats(layer), || spread(layer), |x| elementwise::all_finite(x));
    }
}

/// Numbers of both signs, neither zero nor denormal.
fn spread(len: usize) -> Vec<f32> {
    (0..len).map(wave).collect()
}

fn wave(at: usize) -> f32 {
    (at * 7919 % 1009) as f32 / 500.0 - 1.001
}

fn eights(len: usize) -> Vec<Eight> {
    (0..len).map(|at| std::array::from_fn(|lane| f64::from(wave(8 * at + lane)))).collect()
}
