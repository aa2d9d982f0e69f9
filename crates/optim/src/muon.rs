//! Muon: Jordan et al. (2024), as PyTorch's `torch.optim.Muon`, with AdamW for what is no matrix.
//!
//! ```text
//! b = momentum b + (1 - momentum) g
//! u = (1 - momentum) g + momentum b                          nesterov; else b
//! o = u / |u|, then ns_steps times  o = 3.4445 o - 4.7750 (o o') o + 2.0315 (o o')^2 o
//! p = p - lr (r o + weight_decay p),   r = sqrt(max(1, rows / columns))
//! ```
//!
//! The iteration (Newton-Schulz) pushes all singular values to between 0.7 and 1.2. A convolution's kernel is a matrix of a row an output channel. PyTorch
//! iterates in bfloat16. Here small matrices do in `f32`, and those from a size on, by their shape alone, in fixed point, whose products are more accurate
//! than bfloat16's ([`seismograd_tensor::fixed`]); what holds of the rule, as that rotations pass through it, then holds up to 0.3 %. Parameters of fewer
//! than two axes take AdamW's step with options of their own; the defaults of those are from the authors' `MuonWithAuxAdam`.

use crate::adam::AdamRule;
use crate::hyperparameters::hyperparameters;
use crate::rates::keep_take;
use crate::{Checked, Rule, Step};
use seismograd_tensor::fixed::{Panels, Symmetric};
use seismograd_tensor::{Side, Tensor, gram};

hyperparameters! {
    /// Hyper-parameters of Muon, not checked yet; the default is PyTorch's, and for AdamW's part the authors'.
    pub struct Muon => PerParameter<2>: "muon",
        "Muon (Jordan et al. 2024): momentum with all singular values made alike; AdamW for what is no matrix",
        "Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; Liu et al., arXiv:2502.16982",
        Some(0), Matrices;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rate of the buffer of gradients.
    momentum: f64 = 0.95, unit;
    /// Whether to look ahead along the buffer.
    nesterov: bool = true, flag;
    /// Steps of the iteration.
    ns_steps: u64 = 5, count;
    /// The least norm that a buffer is divided by.
    eps: f64 = 1e-7, positive;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.1, not_negative;
    /// Whether to scale steps to the size of AdamW's (0.2 times the root of the larger side) rather than by r.
    match_rms_adamw: bool = false, flag;
    /// The length of a matrix's shorter side from which on to iterate in fixed point: faster there than single precision, and more accurate than bfloat16.
    fixed_point_from: u64 = 64, count;
    /// AdamW's learning rate for parameters of fewer than two axes.
    adamw_lr: f64 = 3e-4, not_negative;
    /// AdamW's decay rates for parameters of fewer than two axes.
    adamw_betas: (f64, f64) = (0.9, 0.95), betas;
    /// AdamW's epsilon for parameters of fewer than two axes.
    adamw_eps: f64 = 1e-10, not_negative;
    /// AdamW's weight decay for parameters of fewer than two axes.
    adamw_weight_decay: f64 = 0.0, not_negative;
}

/// The coefficients of the quintic, whose slope at zero is as large as can be.
const QUINTIC: [f32; 3] = [3.4445, -4.775, 2.0315];

/// A matrix with the same singular vectors, and singular values near one.
fn orthogonalised(matrix: &Tensor, steps: u64, eps: f64) -> Tensor {
    let wide = matrix.shape()[0] <= matrix.shape()[1];
    let start = matrix * (1.0 / matrix.norm().max(eps)) as f32;
    let [a, b, c] = QUINTIC;
    // The Gram matrix is taken of the shorter side.
    let start = if wide { start } else { start.transpose(&[1, 0]) };
    let result = (0..steps).fold(start, |x, _| {
        let symmetric = gram(&x, Side::Plain);
        let square = gram(&symmetric, Side::Plain);
        let update = square.into_zip(&symmetric, |square, x| b * x + c * square);
        update.matmul(&x).into_zip(&x, |update, x| a * x + update)
    });
    if wide { result } else { result.transpose(&[1, 0]) }
}

/// The same, but rows and columns are rounded to fixed point where they are multiplied; sums are `f32`.
fn orthogonalised_in_fixed_point(matrix: &Tensor, steps: u64, eps: f64) -> Tensor {
    let side = if matrix.shape()[0] <= matrix.shape()[1] { Side::Plain } else { Side::Transposed };
    let [a, b, c] = QUINTIC;
    let mut x = Panels::scaled(matrix, side, (1.0 / matrix.norm().max(eps)) as f32);
    for _ in 0..steps {
        let [rows, columns] = x.vectors();
        let mut polynomial = Symmetric::gram(&rows);
        polynomial.keep_and_add_gram(b, c, &polynomial.vectors());
        x.keep_and_multiply(a, &polynomial.vectors(), &columns);
    }
    match side {
        Side::Plain => x.to_tensor(),
        Side::Transposed => x.to_tensor().transpose(&[1, 0]),
    }
}

impl Checked<Muon> {
    fn adamw(&self) -> AdamRule {
        let Muon { adamw_betas: betas, adamw_eps: eps, adamw_weight_decay: decoupled, .. } = self.0;
        AdamRule { name: ENTRY.name, betas, eps, coupled: 0.0, decoupled, epsilon_hat: false }
    }

    /// What a step is multiplied by, for its shape.
    fn ratio(&self, rows: f64, columns: f64) -> f64 {
        if self.match_rms_adamw { 0.2 * rows.max(columns).sqrt() } else { (rows / columns).max(1.0).sqrt() }
    }
}

impl Rule<2> for Checked<Muon> {
    const SLOTS: [&'static str; 2] = ["momentum_buffer", "exp_avg_sq"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        Tensor::zeros(if slot == "exp_avg_sq" && parameter.rank() >= 2 { &[0] } else { parameter.shape() })
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, [buffer, squares]: &mut [Tensor; 2]) {
        if parameter.rank() < 2 {
            let ratio = if self.lr > 0.0 { self.adamw_lr / self.lr } else { 0.0 };
            return self.adamw().apply(Step { lr: step.lr * ratio, ..step }, parameter, gradient, buffer, squares);
        }
        let (keep, take) = keep_take(self.momentum);
        let mut ahead = Tensor::zeros(parameter.shape());
        let nesterov = self.nesterov;
        buffer.update(gradient, [&mut ahead], |b, g, [_]| {
            let b = keep * b + take * g;
            (b, [if nesterov { take * g + keep * b } else { b }])
        });
        let (rows, columns) = (parameter.shape()[0], parameter.len() / parameter.shape()[0].max(1));
        let in_fixed_point = rows.min(columns) as u64 >= self.fixed_point_from;
        let iterate = if in_fixed_point { orthogonalised_in_fixed_point } else { orthogonalised };
        let direction = iterate(&ahead.reshape(&[rows, columns]), self.ns_steps, self.eps);
        let lr = (step.lr * self.ratio(rows as f64, columns as f64)) as f32;
        let decay = (step.lr * self.weight_decay) as f32;
        parameter.update(&direction, [], |p, o, []| (p - (decay * p + lr * o), []));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Standard normal numbers, nearly: sums of twelve uniform ones.
    fn normal(rows: usize, columns: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        (0..rows * columns).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    fn product(a: &[f64], b: &[f64], [m, k, n]: [usize; 3], round: fn(f64) -> f64) -> Vec<f64> {
        let mut product = vec![0.0; m * n];
        for (a, to) in a.chunks_exact(k).zip(product.chunks_exact_mut(n)) {
            for (&a, b) in a.iter().zip(b.chunks_exact(n)) {
                to.iter_mut().zip(b).for_each(|(to, b)| *to += a * b);
            }
        }
        product.into_iter().map(round).collect()
    }

    /// The iteration in `f64`; everything that PyTorch stores is rounded.
    fn reference(x: &[f64], [m, n]: [usize; 2], round: fn(f64) -> f64) -> Vec<f64> {
        let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut x: Vec<f64> = x.iter().map(|x| round(x / norm)).collect();
        let [a, b, c] = QUINTIC.map(f64::from);
        for _ in 0..5 {
            let turned: Vec<f64> = (0..n * m).map(|at| x[at % m * n + at / m]).collect();
            let gram = product(&x, &turned, [m, n, m], round);
            let square = product(&gram, &gram, [m, m, m], |x| x);
            let polynomial: Vec<f64> = gram.iter().zip(&square).map(|(x, square)| round(b * x + c * square)).collect();
            let update = product(&polynomial, &x, [m, m, n], |x| x);
            x = x.iter().zip(&update).map(|(x, update)| round(a * x + update)).collect();
        }
        x
    }

    /// To the eight bits of a bfloat16.
    fn to_bfloat16(x: f64) -> f64 {
        let bits = (x as f32).to_bits();
        f64::from(f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000))
    }

    fn distance(x: &[f64], y: &[f64]) -> f64 {
        let squares = |difference: &mut dyn Iterator<Item = f64>| difference.map(|x| x * x).sum::<f64>().sqrt();
        squares(&mut x.iter().zip(y).map(|(x, y)| x - y)) / squares(&mut y.iter().copied())
    }

    #[test]
    fn the_shorter_side_chooses_fixed_point() {
        for (shape, from, is_fixed) in [
            ([63, 70], None, false),
            ([64, 70], None, true),
            ([70, 63], None, false),
            ([3, 70], Some("0"), true),
            ([64, 70], Some("65"), false),
        ] {
            let gradient = normal(shape[0], shape[1], 3).into_iter().map(|x| x as f32).collect();
            let gradient = Tensor::new(&shape, gradient);
            let (keep, take) = keep_take(0.95);
            let ahead = gradient.map(|g| take * g + keep * (take * g));
            let iterate = if is_fixed { orthogonalised_in_fixed_point } else { orthogonalised };
            let ratio = (shape[0] as f64 / shape[1] as f64).max(1.0).sqrt();
            let expect = &iterate(&ahead, 5, 1e-7) * (-1e-3 * ratio) as f32;
            let options: Vec<_> =
                from.map(|from| ("fixed_point_from".to_owned(), from.to_owned())).into_iter().collect();
            let mut optimizer = crate::registry::build("muon", None, &options).unwrap();
            let mut parameters = [Tensor::zeros(&shape)];
            optimizer.step(&mut parameters, &[gradient], &mut ()).unwrap();
            let worst = (&parameters[0] - &expect).norm();
            // The two ways differ by more than a thousandth.
            assert!(worst <= 1e-5 * expect.norm(), "{shape:?} {from:?}: {worst:.1e}");
        }
    }

    /// Fixed point stays within 0.3 % of `f64`, in all elements together, and is at least three times as near as bfloat16: on flat spectra, where columns
    /// differ by a thousand, and where one direction outweighs all others.
    #[test]
    fn fixed_point_is_nearer_than_bfloat16() {
        for (m, n) in [(96, 96), (40, 300), (130, 70)] {
            let flat = normal(m, n, 1);
            let graded = flat.iter().enumerate().map(|(at, x)| x * 1e-3f64.powf((at % n) as f64 / n as f64)).collect();
            let peaked =
                flat.iter().enumerate().map(|(at, x)| x + 30.0 * ((at / n + at % n) as f64 / 50.0).sin()).collect();
            for matrix in [flat, graded, peaked] {
                let stored: Vec<f64> = matrix.iter().map(|&x: &f64| f64::from(x as f32)).collect();
                // The shorter side first, as PyTorch has it.
                let turned: Vec<f64> = (0..m * n).map(|at| stored[at % m * n + at / m]).collect();
                let (x, sizes) = if m <= n { (&stored, [m, n]) } else { (&turned, [n, m]) };
                let (exact, rough) = (reference(x, sizes, |x| x), reference(x, sizes, to_bfloat16));
                let tensor = Tensor::new(&[m, n], stored.iter().map(|&x| x as f32).collect());
                let ours = orthogonalised_in_fixed_point(&tensor, 5, 1e-7);
                let ours = if m <= n { ours } else { ours.transpose(&[1, 0]) };
                let ours: Vec<f64> = ours.as_slice().iter().map(|&x| f64::from(x)).collect();
                let (fixed, bfloat16) = (distance(&ours, &exact), distance(&rough, &exact));
                assert!(fixed <= 3e-3 && 3.0 * fixed <= bfloat16, "{m} x {n}: {fixed:.2e}, bfloat16 {bfloat16:.2e}");
            }
        }
    }
}
