//! Every kernel at every level: near the `f64` reference, and with the same bits as at the others.
//!
//! A process runs at one level, so the table is computed by a process for each: this test starts itself again under `SEISMOGRAD_LEVEL`.

use seismograd_kernels::double::{self, EIGHTS, Eight, Reflector, Rotation, Sweep};
use seismograd_kernels::geometry::{Pool2d, Window};
use seismograd_kernels::level::{Level, VARIABLE};
use seismograd_kernels::matmul::{Matrix, multiply};
use seismograd_kernels::moments::Moments;
use seismograd_kernels::{elementwise, order, pool, reference, softmax};
use std::process::Command;

/// Lengths around whole vectors, strides and blocks.
const LENGTHS: [usize; 12] = [0, 1, 15, 16, 17, 31, 127, 256, 1000, 1024, 4097, 9001];

/// Input side, kernel, stride, padding, channels: windows that overlap, leave gaps or pad, and the halving of an image.
const POOLS: [[usize; 5]; 9] = [
    [31, 2, 2, 0, 32],
    [8, 2, 2, 0, 32],
    [6, 2, 2, 0, 48],
    [5, 2, 2, 0, 3],
    [7, 3, 2, 1, 17],
    [4, 3, 1, 1, 1],
    [1, 1, 1, 0, 5],
    [6, 5, 3, 2, 16],
    [9, 2, 3, 0, 15],
];

/// Few distinct values, so that ties and zeros are frequent.
fn values(len: usize, modulus: usize) -> Vec<f32> {
    (0..len).map(|at| (((at * 7919 + at / 5) % modulus) as f32 - 4.0) / 3.0).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// What one level computes: a line for each result, with its name and a hash of its bits (FNV-1a).
struct Results(Vec<String>);

impl Results {
    fn keep(&mut self, name: String, bits: impl IntoIterator<Item = u64>) {
        let hash =
            bits.into_iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, bits| (hash ^ bits).wrapping_mul(0x0100_0000_01b3));
        self.0.push(format!("bits of {name}: {hash:016x}"));
    }

    fn floats(&mut self, name: String, x: &[f32]) {
        self.keep(name, x.iter().map(|x| u64::from(x.to_bits())));
    }

    /// Keeps what is near enough: each element is a sum of at most 25 products of magnitude below 2, each rounded, so 1e-5 is far above its error
    /// and far below any mistake.
    fn near(&mut self, name: String, found: &[f32], expect: &[f64]) {
        assert_eq!(found.len(), expect.len(), "{name}");
        for (found, expect) in found.iter().zip(expect) {
            assert!((f64::from(*found) - expect).abs() < 1e-5, "{name}: {found} is not {expect}");
        }
        self.floats(name, found);
    }
}

fn pools(results: &mut Results) {
    for case @ [side, kernel, stride, padding, channels] in POOLS {
        let input = [side, side + kernel % 2];
        let window = Window { input, kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2] };
        let g = Pool2d { window, channels };
        let (x, u) = (values(3 * g.input_len(), 9), values(3 * g.output_len(), 7));
        let (mut y, mut dx) = (vec![f32::NAN; u.len()], vec![f32::NAN; x.len()]);
        pool::max_forward(&g, &x, &mut y);
        results.near(format!("max {case:?}"), &y, &reference::max_pool2d(&g, &wide(&x)));
        pool::max_gradient(&g, &x, &y, &u, false, &mut dx);
        let mut expect = reference::max_pool2d_gradient(&g, &wide(&x), &wide(&u));
        results.near(format!("max gradient {case:?}"), &dx, &expect);
        // Of the same input behind a ReLU: the greatest of a window is where it was, unless none is above zero.
        let rectified: Vec<f32> = x.iter().map(|x| x.max(0.0)).collect();
        let mut greatest = vec![f32::NAN; u.len()];
        pool::max_forward(&g, &rectified, &mut greatest);
        pool::max_gradient(&g, &rectified, &greatest, &u, true, &mut dx);
        expect.iter_mut().zip(&x).filter(|(_, x)| **x <= 0.0).for_each(|(dx, _)| *dx = 0.0);
        results.near(format!("max gradient through a ReLU {case:?}"), &dx, &expect);
        pool::avg_forward(&g, &x, &mut y);
        results.near(format!("average {case:?}"), &y, &reference::avg_pool2d(&g, &wide(&x)));
        pool::avg_gradient(&g, &u, &mut dx);
        results.near(format!("average gradient {case:?}"), &dx, &reference::avg_pool2d_gradient(&g, &wide(&u)));
    }
}

/// A rectifier and its mask, the scaling of a gradient, and an update of two slots, as training uses them.
fn elementwise(results: &mut Results) {
    for len in LENGTHS {
        let (x, u) = (values(len, 9), values(len, 7));
        let mut y = vec![f32::NAN; len];
        elementwise::map(&x, &mut y, |x| if x < 0.0 { 0.0 } else { x });
        results.near(format!("rectifier {len}"), &y, &wide(&x).iter().map(|x| x.max(0.0)).collect::<Vec<_>>());
        let mut masked = u.clone();
        elementwise::zip_in_place(&mut masked, &y, |u, y| if y > 0.0 { u } else { 0.0 });
        let kept = |(x, u): (&f32, &f32)| if *x > 0.0 { f64::from(*u) } else { 0.0 };
        results.near(format!("mask {len}"), &masked, &x.iter().zip(&u).map(kept).collect::<Vec<_>>());
        elementwise::map_in_place(&mut masked, |x| x * 0.01);
        results.floats(format!("scaled {len}"), &masked);
        let (mut p, mut m, mut v) = (x.clone(), u.clone(), x.iter().map(|x| x * x).collect::<Vec<_>>());
        let (mut elsewhere, mut slots) = (vec![f32::NAN; len], [m.clone(), v.clone()]);
        let rule = |p: f32, g: f32, [m, v]: [f32; 2]| {
            let (m, v) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * (g * g));
            (p - 1e-3 * m / (v.sqrt() + 1e-8), [m, v])
        };
        elementwise::update(&mut p, None, &u, [&mut m, &mut v], rule);
        elementwise::update(&mut elsewhere, Some(&x), &u, slots.each_mut().map(|slot| &mut slot[..]), rule);
        assert_eq!([&p, &m, &v], [&elsewhere, &slots[0], &slots[1]], "update elsewhere {len}");
        let updated = |(x, g): (f64, f64)| x - 1e-3 * g / ((0.999 * x * x + 0.001 * g * g).sqrt() + 1e-8);
        let expect: Vec<f64> = wide(&x).into_iter().zip(wide(&u)).map(updated).collect();
        results.near(format!("update {len}"), &p, &expect);
        results.floats(format!("first moment {len}"), &m);
        results.floats(format!("second moment {len}"), &v);
        assert!(elementwise::all_finite(&p), "update {len}");
    }
}

fn reductions(results: &mut Results) {
    for len in LENGTHS {
        let x = values(len, 1009);
        for (way, m) in
            [("exact", Moments::exact(&x)), ("blocks", Moments::of(&x)), ("rectified", Moments::with_rectified(&x)[1])]
        {
            let numbers = [m.count, m.mean, m.central[0], m.central[1], m.central[2], m.absolutes, m.zeros];
            let extremes = [f64::from(m.min), f64::from(m.max)];
            results.keep(format!("moments {way} {len}"), numbers.into_iter().chain(extremes).map(f64::to_bits));
        }
        let keys: Vec<u32> = x.iter().filter(|x| **x != 0.0).map(|&x| order::key(x)).collect();
        assert_eq!(*order::nonzero_keys(&[&x[..len / 3], &[], &x[len / 3..]]), keys, "keys {len}");
        results.keep(format!("keys {len}"), keys.into_iter().map(u64::from));
    }
}

/// Logits up to 3 in size: each logarithm and each gradient is within 1e-5.
fn losses(results: &mut Results) {
    for (rows, classes, smoothing) in [(1, 1, 0.0), (1, 2, 0.0), (7, 10, 0.1), (25, 10, 0.0), (3, 100, 1.0)] {
        let (x, u) = (values(rows * classes, 13), values(rows * classes, 7));
        let labels: Vec<u8> = (0..rows).map(|row| (row * 3 % classes) as u8).collect();
        let mut y = x.clone();
        softmax::log_softmax(&mut y, classes);
        let log_p = reference::log_softmax(&wide(&x), classes);
        results.near(format!("log softmax {rows} {classes}"), &y, &log_p);
        let mut gradient = u.clone();
        softmax::log_softmax_gradient(&y, &mut gradient, classes);
        let sum = |at: usize| wide(&u)[at / classes * classes..][..classes].iter().sum::<f64>();
        let expect: Vec<f64> = (0..x.len()).map(|at| f64::from(u[at]) - log_p[at].exp() * sum(at)).collect();
        results.near(format!("log softmax gradient {rows} {classes}"), &gradient, &expect);
        let found = softmax::cross_entropy(&mut y, classes, &labels, smoothing, 1.0);
        let (loss, expect) = reference::cross_entropy(&wide(&x), classes, &labels, f64::from(smoothing));
        results.near(format!("cross-entropy gradient {rows} {classes}"), &y, &expect);
        assert!((found - loss).abs() < 1e-5 * rows as f64, "cross-entropy {rows} {classes}: {found} is not {loss}");
        results.keep(format!("cross-entropy {rows} {classes}"), [found.to_bits()]);
    }
}

fn products(results: &mut Results) {
    for (m, k, n) in [(1, 1, 1), (13, 31, 64), (25, 512, 10), (33, 13, 47), (9, 100, 16), (50, 300, 70)] {
        let (a, b) = (values(m * k, 9), values(k * n, 7));
        let mut product = vec![f32::NAN; m * n];
        multiply(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut product);
        results.floats(format!("product {m} {k} {n}"), &product);
        multiply(Matrix::new(&a, k, m).transposed(), Matrix::new(&b, n, k).transposed(), &mut product);
        results.floats(format!("product of transposed {m} {k} {n}"), &product);
    }
}

fn doubles(results: &mut Results) {
    let eights = |len: usize, modulus: usize| -> Vec<Eight> {
        let element = |at: usize| ((at * 7919 + at / 5) % modulus) as f64 / 500.0 - 1.0;
        (0..len).map(|at| std::array::from_fn(|lane| element(8 * at + lane))).collect()
    };
    let mut keep = |name: &str, x: &[Eight]| {
        results.keep(name.to_owned(), x.as_flattened().iter().map(|x| x.to_bits()));
    };
    for rows in [1, 4, 7] {
        let (mut a, v) = (eights(9 * rows, 1009), eights(6, 907));
        let mut sums = vec![[0.0; 8]; rows.div_ceil(8)];
        double::products(&a, 9, 3, &v, &mut sums.as_flattened_mut()[..rows]);
        keep(&format!("products {rows}"), &sums);
        let reflector = Reflector { first: 3, direction: v.iter().map(|eight| eight.map(|x| x / 7.0)).collect() };
        double::reflect(&mut a, 9, &[&reflector, &reflector]);
        keep(&format!("reflections {rows}"), &a);
        double::add_terms(&mut a, &[0.3, -0.7], &[&eights(9 * rows, 13), &eights(9 * rows, 17)]);
        keep(&format!("terms {rows}"), &a);
    }
    let mut columns: Vec<[Eight; EIGHTS]> = eights(9 * EIGHTS, 1009).as_chunks().0.to_vec();
    let rotations = vec![Rotation { sine: 0.6, cosine: 0.8 }; 6];
    double::sweep(&mut columns, &vec![Sweep { from: 7, rotations }; 6]);
    keep("rotations", columns.as_flattened());
}

#[test]
fn every_kernel_is_near_the_reference_at_the_level_of_this_process() {
    let mut results = Results(Vec::new());
    pools(&mut results);
    elementwise(&mut results);
    reductions(&mut results);
    losses(&mut results);
    products(&mut results);
    doubles(&mut results);
    println!("{}\nlevel {}", results.0.join("\n"), Level::current());
}

/// The lines that the test above prints in a process of its own.
fn lines_of(level: Level) -> Vec<String> {
    let test = std::env::current_exe().expect("this test's own file");
    let table = "every_kernel_is_near_the_reference_at_the_level_of_this_process";
    let run = Command::new(test).args(["--exact", table, "--nocapture"]).env(VARIABLE, level.to_string()).output();
    let run = run.expect("this test runs");
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{level}: {text}{}", String::from_utf8_lossy(&run.stderr));
    assert!(text.contains(&format!("level {level}")), "the forced level did not run: {text}");
    text.lines().filter(|line| line.starts_with("bits of ")).map(str::to_owned).collect()
}

#[test]
fn every_level_gives_the_same_bits() {
    let portable = lines_of(Level::Portable);
    assert!(portable.len() > 100, "{portable:?}");
    for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
        for (found, expect) in lines_of(level).iter().zip(&portable) {
            assert_eq!(found, expect, "{level}");
        }
    }
}
