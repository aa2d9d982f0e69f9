//! Muon: Jordan et al. (2024), as PyTorch's `torch.optim.Muon`, with AdamW for what is no matrix.
//!
//! ```text
//! b = momentum b + (1 - momentum) g
//! u = (1 - momentum) g + momentum b                          nesterov; else b
//! o = u / |u|, then ns_steps times  o = 3.4445 o - 4.7750 (o o') o + 2.0315 (o o')^2 o
//! p = p - lr (r o + weight_decay p),   r = sqrt(max(1, rows / columns))
//! ```
//!
//! The iteration (Newton-Schulz) pushes all singular values to between 0.7 and 1.2. A convolution's kernel is a matrix of a row an output channel.
//! PyTorch iterates in bfloat16, here it is `f32`. Parameters of fewer than two axes take AdamW's step with options of their own; the
//! defaults of those are from the authors' `MuonWithAuxAdam`.

use crate::adam::AdamRule;
use crate::hyperparameters::hyperparameters;
use crate::rates::keep_take;
use crate::{Checked, Rule, Step};
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
        buffer.update(gradient, [], |b, g, []| (keep * b + take * g, []));
        let (rows, columns) = (parameter.shape()[0], parameter.len() / parameter.shape()[0].max(1));
        let ahead = if self.nesterov { gradient.zip(buffer, |g, b| take * g + keep * b) } else { buffer.clone() };
        let direction = orthogonalised(&ahead.reshape(&[rows, columns]), self.ns_steps, self.eps);
        let lr = (step.lr * self.ratio(rows as f64, columns as f64)) as f32;
        let decay = (step.lr * self.weight_decay) as f32;
        parameter.update(&direction, [], |p, o, []| (p - (decay * p + lr * o), []));
    }
}
