//! Adafactor: Shazeer and Stern (2018), algorithms 4 and 5, as PyTorch defines it.
//!
//! ```text
//! take_t = t^beta2_decay
//! matrices:  R = average of the rows' mean squares, C = of the columns'           V = R C / mean(R)
//! vectors:   V = average square
//! u = g / sqrt(max(V, eps1^2))
//! p = p - max(eps2, rms(p)) min(lr, 1 / sqrt(t)) / max(1, rms(u) / d) u
//! ```
//!
//! The last two axes are rows and columns; a tensor of more axes is a batch of matrices. No gradient is averaged.

use crate::hyperparameters::hyperparameters;
use crate::{Checked, Rule, Step};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Adafactor, not checked yet; the default is PyTorch's.
    pub struct Adafactor => PerParameter<3>: "adafactor",
        "Adafactor (Shazeer and Stern 2018): average squares of rows and columns in place of elements",
        "Shazeer and Stern, Adafactor: adaptive learning rates with sublinear memory cost, ICML 2018, algorithms 4 and 5",
        Some(0), Axes;
    /// Learning rate: the largest relative step, which falls as the root of the number of steps.
    lr: f64 = 1e-2, not_negative;
    /// The power of the step's number that a new square enters the averages with.
    beta2_decay: f64 = -0.8, not_positive;
    /// What keeps squares, and the root mean square of the parameter, from vanishing.
    eps: (f64, f64) = (1.1920928955078125e-7, 1e-3), any_pair;
    /// The largest root mean square of a step before the learning rate.
    d: f64 = 1.0, positive;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
}

impl Checked<Adafactor> {
    /// `1 / sqrt(V)` of a matrix, from the averages of its rows' and its columns' squares.
    fn factored(&self, gradient: &Tensor, take: f64, [row, column]: [&mut Tensor; 2]) -> Tensor {
        let last = gradient.rank() - 1;
        let squares = gradient.map(|g| g * g);
        lerp(row, &squares.mean(&[last]), take);
        lerp(column, &squares.mean(&[last - 1]), take);
        let mean = row.mean(&[last - 1]);
        let (rows, columns) = (gradient.shape()[last - 1], gradient.shape()[last]);
        let least = self.eps.0 as f32;
        let mut estimate = Tensor::zeros(gradient.shape());
        let matrices = estimate.as_mut_slice().chunks_exact_mut((rows * columns).max(1));
        let averages = row.as_slice().chunks_exact(rows.max(1)).zip(column.as_slice().chunks_exact(columns.max(1)));
        for ((matrix, (row, column)), &mean) in matrices.zip(averages).zip(mean.as_slice()) {
            for (line, &r) in matrix.chunks_exact_mut(columns).zip(row) {
                let scale = r / mean.max(least);
                line.iter_mut().zip(column).for_each(|(to, &c)| *to = scale * c);
            }
        }
        estimate
    }
}

/// Moves an average by `take` of the way to `new`.
fn lerp(average: &mut Tensor, new: &Tensor, take: f64) {
    let (keep, take) = ((1.0 - take) as f32, take as f32);
    average.update(new, [], |average, new, []| (keep * average + take * new, []));
}

fn rms(tensor: &Tensor) -> f64 {
    tensor.norm() / (tensor.len().max(1) as f64).sqrt()
}

impl Rule<3> for Checked<Adafactor> {
    const SLOTS: [&'static str; 3] = ["row_var", "col_var", "variance"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        let shape = parameter.shape();
        let without = |axis: usize| [&shape[..axis], &shape[axis + 1..]].concat();
        match (slot, shape.len() >= 2) {
            ("row_var", true) => Tensor::zeros(&without(shape.len() - 1)),
            ("col_var", true) => Tensor::zeros(&without(shape.len() - 2)),
            ("variance", false) => Tensor::zeros(shape),
            _ => Tensor::zeros(&[0]),
        }
    }

    fn update(&self, step: Step, parameter: &mut Tensor, gradient: &Tensor, slots: &mut [Tensor; 3]) {
        let [row, column, variance] = slots;
        let t = step.number as f64;
        let take = libm::pow(t, self.beta2_decay);
        let alpha = self.eps.1.max(rms(parameter)) * step.lr.min(1.0 / t.sqrt());
        let mut direction = if gradient.rank() >= 2 {
            self.factored(gradient, take, [row, column])
        } else {
            lerp(variance, &gradient.map(|g| g * g), take);
            variance.clone()
        };
        let least = (self.eps.0 * self.eps.0) as f32;
        direction.update(gradient, [], |v, g, []| (g / if v > least { v } else { least }.sqrt(), []));
        let lr = (alpha / (rms(&direction) / self.d).max(1.0)) as f32;
        let decay = (step.lr * self.weight_decay) as f32;
        parameter.update(&direction, [], |p, u, []| (p - (decay * p + lr * u), []));
    }
}
