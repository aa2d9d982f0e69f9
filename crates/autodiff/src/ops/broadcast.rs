//! Repetition along new axes and axes of size one.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `x` repeated along new axes and axes of size 1 until it has this shape (NumPy's rule).
    ///
    /// # Panics
    /// When the shape cannot be reached.
    #[track_caller]
    pub fn broadcast(&mut self, x: Var, shape: &[usize]) -> Var {
        self.push(self.value(x).broadcast_to(shape), &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, _context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        // The graph un-broadcasts every contribution: nothing is left to do.
        vec![Some(upstream)]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, shape, values};
    use proptest::prelude::*;
    operation((shape(), any::<u8>(), 0..3usize, any::<u32>()), |(shape, ones, lead, seed)| {
        let small: Vec<usize> =
            shape.iter().enumerate().map(|(axis, &size)| if ones >> axis & 1 == 1 { 1 } else { size }).collect();
        let large: Vec<usize> = std::iter::repeat_n(2, lead).chain(shape).collect();
        let target = large.clone();
        Case::new(
            vec![values(&small, seed)],
            move |g, x| g.broadcast(x[0], &large),
            move |x| x[0].broadcast(target.as_slice()).expect("shapes that broadcast").to_owned(),
        )
    });
}
