//! SOAP: Vyas et al. (2024), algorithm 3, as in the authors' code: Adam in the eigenbasis of Shampoo's preconditioners.
//!
//! ```text
//! step 1:  L_i = (1 - beta) G_i G_i',  Q_i its eigenvectors; no update
//! then, with t one less:
//!     g~ = g, every axis times Q_i',   v = beta2 v + (1 - beta2) g~^2
//!     m~ = beta1 m~ + (1 - beta1) g~
//!     d  = m~ / (sqrt(v) + eps), every axis times Q_i
//!     p  = p - lr sqrt(1 - beta2^t) / (1 - beta1^t) d,   p = (1 - lr weight_decay) p
//!     L_i = beta L_i + (1 - beta) G_i G_i'
//!     every precondition_frequency steps:  Q_i = QR(L_i Q_i), the columns sorted by their estimated eigenvalues first,
//!                                          and m~ turned from the old bases to the new
//! ```
//!
//! Where `L_i` is singular (an axis longer than the others together), the first basis of its null space is arbitrary, and with it later steps: the
//! algorithm does not say which.

use crate::axes::{AXES, average_grams, axis_of, narrowed, sizes, square, turn, widened};
use crate::hyperparameters::hyperparameters;

use crate::rates::{correction, keep_take};
use crate::{Checked, Rule, Step};
use rayon::prelude::*;
use seismograd_tensor::linalg::{Eigen, orthonormal_rows};
use seismograd_tensor::{Side, Tensor};

hyperparameters! {
    /// Hyper-parameters of SOAP, not checked yet; the default is the authors'.
    pub struct Soap => PerParameter<10>: "soap",
        "SOAP (Vyas et al. 2024): Adam in the eigenbasis of Shampoo's preconditioners",
        "Vyas et al., SOAP: improving and stabilizing Shampoo using Adam, ICLR 2025, algorithm 3",
        Some(0), Axes;
    /// Learning rate: 0 or more.
    lr: f64 = 3e-3, not_negative;
    /// Decay rates of the averages of the gradient and of its square.
    betas: (f64, f64) = (0.95, 0.95), betas;
    /// Decay rate of the preconditioners; negative for the second of `betas`.
    shampoo_beta: f64 = -1.0, optional_unit;
    /// Added to the root of the average square.
    eps: f64 = 1e-8, not_negative;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.01, not_negative;
    /// Steps from one turn of the bases to the next.
    precondition_frequency: u64 = 10, at_least_one;
    /// The longest axis that has a basis.
    max_precond_dim: u64 = 10_000, count;
    /// Whether parameters of one axis have a basis, too.
    precondition_1d: bool = false, flag;
}

/// The eigenvectors as columns, the largest eigenvalue first.
fn eigenbasis(gram: &Tensor) -> Tensor {
    let n = gram.shape()[0];
    let Eigen { vectors, .. } = Eigen::symmetric(&widened(gram), n);
    let descending: Vec<f64> = vectors.chunks_exact(n).rev().flatten().copied().collect();
    narrowed(n, &descending).transpose(&[1, 0])
}

/// One step of power iteration from a basis, made orthonormal again; returns the order in which the estimated eigenvalues fall.
fn turn_basis(basis: &mut Tensor, gram: &Tensor) -> Vec<usize> {
    let n = gram.shape()[0];
    // As rows, which are the columns of the product.
    let product = gram.matmul(basis).transpose(&[1, 0]);
    let columns = basis.transpose(&[1, 0]);
    let lines = product.as_slice().chunks_exact(n).zip(columns.as_slice().chunks_exact(n));
    let estimates: Vec<f64> =
        lines.map(|(x, q)| x.iter().zip(q).map(|(&x, &q)| f64::from(x) * f64::from(q)).sum()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| estimates[b].total_cmp(&estimates[a]));
    let product = widened(&product);
    let sorted: Vec<f64> = order.iter().flat_map(|&at| product[at * n..][..n].iter().copied()).collect();
    *basis = narrowed(n, &orthonormal_rows(&sorted, n)).transpose(&[1, 0]);
    order
}

/// The tensor with the positions along an axis in another order.
fn reordered(tensor: &Tensor, axis: usize, order: &[usize]) -> Tensor {
    let sizes = sizes(tensor);
    let inner: usize = sizes[axis + 1..].iter().product();
    let lines = tensor.as_slice().chunks_exact((order.len() * inner).max(1));
    let elements = lines.flat_map(|block| order.iter().flat_map(|&at| block[at * inner..][..inner].iter().copied()));
    Tensor::new(tensor.shape(), elements.collect())
}

impl Rule<10> for Checked<Soap> {
    const SLOTS: [&'static str; 10] =
        ["exp_avg", "exp_avg_sq", "gram_0", "gram_1", "gram_2", "gram_3", "basis_0", "basis_1", "basis_2", "basis_3"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        match slot {
            "exp_avg" | "exp_avg_sq" => Tensor::zeros(parameter.shape()),
            _ if parameter.rank() < 2 && !self.precondition_1d => Tensor::zeros(&[0]),
            _ => square(parameter, axis_of(slot), self.max_precond_dim),
        }
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor; 10]) {
        let (beta1, beta2) = self.betas;
        let beta = if self.shampoo_beta < 0.0 { beta2 } else { self.shampoo_beta };
        let [m, v, matrices @ ..] = slots;
        let (grams, bases) = matrices.split_at_mut(AXES);
        let t = step.number - 1;
        if t == 0 {
            average_grams(gradient, beta, grams);
            let pairs = bases.par_iter_mut().zip(grams.par_iter());
            pairs.filter(|(_, gram)| !gram.is_empty()).for_each(|(basis, gram)| *basis = eigenbasis(gram));
            return;
        }
        let [(keep1, take1), (keep2, take2)] = [beta1, beta2].map(keep_take);
        let mut direction = turn(gradient, bases, Side::Plain);
        let root = correction(beta2, t).sqrt();
        let eps = self.eps as f32;
        direction.update(gradient, [m, v], |g, _, [m, v]| {
            let m = keep1 * m + take1 * g;
            let v = keep2 * v + take2 * (g * g);
            (m / (v.sqrt() + eps), [m, v])
        });
        let direction = turn(&direction, bases, Side::Transposed);
        let lr = (step.lr * root / correction(beta1, t)) as f32;
        let decay = (step.lr * self.weight_decay) as f32;
        parameter.update(&direction, [], |p, d, []| {
            let p = p - lr * d;
            (p - decay * p, [])
        });
        average_grams(gradient, beta, grams);
        if t.is_multiple_of(self.precondition_frequency) {
            let average = turn(m, bases, Side::Transposed);
            let pairs =
                bases.par_iter_mut().zip(grams.par_iter()).enumerate().filter(|(_, (_, gram))| !gram.is_empty());
            let orders: Vec<(usize, Vec<usize>)> =
                pairs.map(|(axis, (basis, gram))| (axis, turn_basis(basis, gram))).collect();
            for (axis, order) in orders {
                *v = reordered(v, axis, &order);
            }
            *m = turn(&average, bases, Side::Plain);
        }
    }
}
