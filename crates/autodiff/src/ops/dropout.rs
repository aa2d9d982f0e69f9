//! Dropout: multiplication by a given mask.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule {
    mask: Tensor,
}

impl Graph {
    /// `x * mask`, where the mask holds 0 for what is dropped and `1 / (1 - p)` for what is kept. Where the mask comes from is the
    /// caller's business, so that a graph draws no random number.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn dropout(&mut self, x: Var, mask: Tensor) -> Var {
        let value = self.value(x);
        assert_eq!(value.shape(), mask.shape(), "dropout: x and mask");
        self.push(value * &mask, &[x], Rule { mask })
    }
}

impl Backward for Rule {
    fn backward(&self, _context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_zip(&self.mask, |u, keep| u * keep))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, tensor};
    operation(tensor(), |x| {
        let mask = Tensor::new(x.shape(), (0..x.len()).map(|at| if at % 3 == 0 { 0.0 } else { 1.5 }).collect());
        let same = mask.view().mapv(f64::from);
        Case::new(vec![x], move |g, x| g.dropout(x[0], mask.clone()), move |x| &x[0] * &same)
    });
}
