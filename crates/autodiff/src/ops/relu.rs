//! Rectifier.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::Tensor;

struct Rule;

impl Graph {
    /// `max(x, 0)`; the gradient at zero is zero. A NaN stays one.
    pub fn relu(&mut self, x: Var) -> Var {
        let rectify = |x: f32| if x < 0.0 { 0.0 } else { x };
        let rectified = self.rectified(x, rectify).unwrap_or_else(|| self.value(x).map(rectify));
        self.push(rectified, &[x], Rule)
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(upstream.into_zip(context.output(), |u, y| if y > 0.0 { u } else { 0.0 }))]
    }

    fn is_relu(&self) -> bool {
        true
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, kinked, operation};
    operation(kinked(), |x| Case::new(vec![x], |g, x| g.relu(x[0]), |x| x[0].mapv(|x| x.max(0.0))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;

    #[test]
    fn a_convolution_is_rectified_in_one_pass_and_still_there_for_whoever_asks() {
        let mut g = Graph::new();
        let x = g.leaf(Tensor::new(&[1, 1, 3, 1], vec![1.0, -2.0, 3.0]));
        let w = g.leaf(Tensor::full(&[1, 1, 1, 1], 2.0));
        let conv = g.conv2d(x, w, None, Window::square(1, 0));
        let relu = g.relu(conv);
        assert_eq!(g.value(relu).as_slice(), [2.0, 0.0, 6.0]);
        let y = g.sum(relu, &[0, 1, 2, 3]);
        let before = g.backward(y);
        assert_eq!(g.value(conv).as_slice(), [2.0, -4.0, 6.0]);
        let after = g.backward(y);
        assert_eq!(before.of(x).unwrap().as_slice(), [2.0, 0.0, 2.0]);
        assert_eq!((before.of(x), before.of(w)), (after.of(x), after.of(w)));
        assert_eq!(g.relu(conv), crate::Var(relu.0 + 2));
    }

    #[test]
    fn a_convolution_that_was_seen_is_rectified_in_its_place_and_still_there() {
        let mut g = Graph::new();
        let x = g.leaf(Tensor::new(&[1, 1, 2, 1], vec![1.0, -2.0]));
        let w = g.leaf(Tensor::full(&[1, 1, 1, 1], 2.0));
        let conv = g.conv2d(x, w, None, Window::square(1, 0));
        let seen = g.value(conv).as_slice().as_ptr();
        let relu = g.relu(conv);
        assert_eq!(g.value(relu).as_slice().as_ptr(), seen);
        assert_eq!((g.value(relu).as_slice(), g.value(conv).as_slice()), (&[2.0, 0.0][..], &[2.0, -4.0][..]));
        let kept = g.value(conv).clone();
        let again = g.relu(conv);
        assert_eq!((g.value(again).as_slice(), kept.as_slice()), (&[2.0, 0.0][..], &[2.0, -4.0][..]));
    }
}
