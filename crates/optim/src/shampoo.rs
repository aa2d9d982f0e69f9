//! Shampoo: Gupta, Koren and Singer (2018), as in the distributed Shampoo of Shi et al. (2023), algorithm 2, with Adam's grafting and no blocks.
//!
//! Over a gradient of `k` axes, with `G_i` its matrix of axis `i` by the rest:
//!
//! ```text
//! L_i = beta2 L_i + (1 - beta2) G_i G_i'
//! R_i = (L_i / (1 - beta2^t) + eps)^(-1 / 2k)                every precondition_frequency steps
//! m   = beta1 m + (1 - beta1) g
//! d   = m / (1 - beta1^t), every axis times its R_i
//! a   = Adam's step
//! p   = p - lr [|a| / |d| d + weight_decay p]               before start_preconditioning_step: a for d
//! ```
//!
//! A negative eigenvalue, which rounding can leave in `L_i`, lifts all of them to zero. An axis longer than `max_preconditioner_dim` is left
//! alone.

use crate::axes::{AXES, average_grams, axis_of, narrowed, square, turn, widened};
use crate::hyperparameters::hyperparameters;

use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use rayon::prelude::*;
use seismograd_tensor::linalg::Eigen;
use seismograd_tensor::{Side, Tensor, gram};

hyperparameters! {
    /// Hyper-parameters of Shampoo, not checked yet; the default is that of Shi et al., but for the frequency, which is 1 there.
    pub struct Shampoo => PerParameter<10>: "shampoo",
        "Shampoo (Gupta et al. 2018; Shi et al. 2023): a preconditioner an axis, with the size of Adam's step",
        "Gupta, Koren and Singer, ICML 2018; Shi et al., A distributed data-parallel PyTorch implementation, arXiv:2309.06497, algorithm 2",
        Some(0), Axes;
    /// Learning rate: 0 or more.
    lr: f64 = 1e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its squares.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the preconditioners' eigenvalues.
    eps: f64 = 1e-12, positive;
    /// Added to the root of the average square, in Adam's step.
    grafting_eps: f64 = 1e-8, not_negative;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
    /// Steps from one computation of the preconditioners to the next.
    precondition_frequency: u64 = 10, at_least_one;
    /// The step from which on preconditioners are used; 0 is the first that computes them.
    start_preconditioning_step: u64 = 0, count;
    /// The longest axis that has a preconditioner.
    max_preconditioner_dim: u64 = 1024, count;
}

/// `(A + eps)^(-1 / 2 order)` of a matrix that has no negative eigenvalue but by rounding.
fn inverse_root(matrix: &Tensor, scale: f64, eps: f64, order: usize) -> Tensor {
    let n = matrix.shape()[0];
    let mut elements = widened(matrix);
    elements.iter_mut().for_each(|x| *x *= scale);
    let Eigen { values, mut vectors } = Eigen::symmetric(&elements, n);
    let lift = eps - values.first().map_or(0.0, |least| least.min(0.0));
    // V' D V is the product of D^(1/2) V, transposed, with itself.
    for (row, value) in vectors.chunks_exact_mut(n).zip(values) {
        let half = libm::pow(value + lift, -0.25 / order as f64);
        row.iter_mut().for_each(|x| *x *= half);
    }
    gram(&narrowed(n, &vectors), Side::Transposed)
}

impl Rule<10> for Checked<Shampoo> {
    const SLOTS: [&'static str; 10] = [
        "exp_avg",
        "exp_avg_sq",
        "factor_0",
        "factor_1",
        "factor_2",
        "factor_3",
        "root_0",
        "root_1",
        "root_2",
        "root_3",
    ];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        match slot {
            "exp_avg" | "exp_avg_sq" => Tensor::zeros(parameter.shape()),
            _ => square(parameter, axis_of(slot), self.max_preconditioner_dim),
        }
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor; 10]) {
        let (beta1, beta2) = self.betas;
        let (every, start) = (self.precondition_frequency, self.start_preconditioning_step);
        let [m, v, matrices @ ..] = slots;
        let (factors, roots) = matrices.split_at_mut(AXES);
        average_grams(gradient, beta2, factors);
        if step.number.is_multiple_of(every) {
            let order = crate::axes::sizes(gradient).len();
            let pairs = roots.par_iter_mut().zip(factors.par_iter()).filter(|(_, factor)| !factor.is_empty());
            let scale = 1.0 / correction(beta2, step.number);
            pairs.for_each(|(root, factor)| *root = inverse_root(factor, scale, self.eps, order));
        }
        let (correction1, root2) = (correction(beta1, step.number), correction(beta2, step.number).sqrt());
        let (alpha, eps) = ((root2 / correction1) as f32, (self.grafting_eps * root2) as f32);
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(keep_take);
        let mut adam = m.clone();
        adam.update(gradient, [m, v], |_, g, [m, v]| {
            let m = keep1 * m + take1 * g;
            let v = keep2 * v + take2 * (g * g);
            (alpha * (m / (v.sqrt() + eps)), [m, v])
        });
        let (mut direction, mut scale) = (adam, 1.0);
        if step.number >= if start == 0 { every } else { start.max(every) } {
            let grafted = direction.norm();
            direction = turn(m, roots, Side::Plain);
            // The size of the average's correction goes with the norm.
            scale = grafted / (direction.norm() + 1e-16 * correction1);
        }
        let (lr, decay) = ((step.lr * scale).min(f64::from(f32::MAX)) as f32, (step.lr * self.weight_decay) as f32);
        parameter.update(&direction, [], |p, d, []| (p - (decay * p + lr * d), []));
    }
}
