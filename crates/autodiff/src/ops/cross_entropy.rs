//! Softmax cross-entropy against class indices, fused: the gradient is `p - y`, without a quotient or a logarithm.

use crate::graph::{Backward, Context, Graph, Var};
use crate::ops::log_softmax::log_softmax;
use seismograd_tensor::{Tensor, softmax};

/// How the losses of a batch become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

/// Options of [`Graph::cross_entropy`]; the default is PyTorch's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// How the samples' losses are reduced.
    pub reduction: Reduction,
    /// Share of the target that is spread evenly over all classes, in [0, 1].
    pub label_smoothing: f32,
}

struct Rule {
    /// Softmax minus target, times the reduction's scale: `[n, classes]`.
    gradient: Tensor,
}

impl Graph {
    /// The cross-entropy of `logits` `[n, classes]` against one class index a sample: a scalar.
    ///
    /// With smoothing `s` a sample's loss is `(1 - s) (-log p[label]) + s mean(-log p)` (PyTorch's definition).
    ///
    /// # Panics
    /// When `logits` is no matrix of as many rows as labels, or a label is no class.
    #[track_caller]
    pub fn cross_entropy(&mut self, logits: Var, labels: &[u8], options: CrossEntropy) -> Var {
        let log_p = log_softmax(self.value(logits));
        let &[n, classes] = log_p.shape() else { panic!("cross_entropy: logits {:?} are no matrix", log_p.shape()) };
        assert_eq!(n, labels.len(), "cross_entropy: rows of logits {:?} and labels", log_p.shape());
        let scale = match options.reduction {
            Reduction::Mean => 1.0 / n as f32,
            Reduction::Sum => 1.0,
        };
        let mut gradient = log_p;
        let loss = softmax::cross_entropy(gradient.as_mut_slice(), classes, labels, options.label_smoothing, scale);
        let loss = Tensor::scalar((loss * f64::from(scale)) as f32);
        self.push(loss, &[logits], Rule { gradient })
    }
}

impl Backward for Rule {
    fn backward(&self, _context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let upstream = upstream.item();
        // An upstream of one, the usual case, costs nothing.
        let gradient = if upstream == 1.0 { self.gradient.clone() } else { &self.gradient * upstream };
        vec![Some(gradient)]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, values};
    use crate::ops::log_softmax::tests::reference;
    use ndarray::{Ix2, arr0};
    use proptest::prelude::*;
    let options = (any::<bool>(), prop::sample::select(vec![0.0f32, 0.1, 1.0]));
    operation((1..5usize, 1..6usize, options, any::<u32>()), |(n, classes, (mean, label_smoothing), seed)| {
        let labels: Vec<u8> = (0..n).map(|at| (seed as usize + at * 3) % classes).map(|label| label as u8).collect();
        let same = labels.clone();
        let reduction = if mean { Reduction::Mean } else { Reduction::Sum };
        Case::new(
            vec![values(&[n, classes], seed)],
            move |g, x| g.cross_entropy(x[0], &labels, CrossEntropy { reduction, label_smoothing }),
            move |x| {
                let log_p = reference(&x[0]).into_dimensionality::<Ix2>().expect("a matrix");
                let smoothing = f64::from(label_smoothing);
                let sample = |(row, &label): (ndarray::ArrayView1<'_, f64>, &u8)| {
                    -(1.0 - smoothing) * row[usize::from(label)] - smoothing * row.sum() / classes as f64
                };
                let sum: f64 = log_p.rows().into_iter().zip(&same).map(sample).sum();
                arr0(if mean { sum / n as f64 } else { sum }).into_dyn()
            },
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_p_minus_y() {
        let mut g = Graph::new();
        let logits = g.leaf(Tensor::new(&[1, 2], vec![3.0, 3.0]));
        let loss = g.cross_entropy(logits, &[1], CrossEntropy::default());
        assert_eq!(g.backward(loss).of(logits).unwrap().as_slice(), [0.5, -0.5]);
    }

    #[test]
    fn an_impossible_class_costs_infinitely_much_and_no_nan() {
        let mut g = Graph::new();
        let logits = g.leaf(Tensor::new(&[1, 2], vec![0.0, f32::NEG_INFINITY]));
        let loss = g.cross_entropy(logits, &[0], CrossEntropy::default());
        assert_eq!(g.value(loss).item(), 0.0);
    }

    #[test]
    #[should_panic(expected = "cross_entropy: label 2 of 2 classes")]
    fn a_label_that_is_no_class_is_named() {
        let mut g = Graph::new();
        let logits = g.leaf(Tensor::zeros(&[1, 2]));
        g.cross_entropy(logits, &[2], CrossEntropy::default());
    }
}
