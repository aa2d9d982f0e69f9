//! Two-dimensional max pooling.

use crate::graph::{Backward, Context, Graph, Var};
use crate::ops::Window;
use seismograd_tensor::{Pool2d, Tensor, max_pool2d, max_pool2d_gradient};

struct Rule(Pool2d);

impl Graph {
    /// Max pooling of `[n, h, w, c]`; padding never wins, and the first greatest element of a window gets the gradient.
    ///
    /// # Panics
    /// When the sizes do not fit.
    #[track_caller]
    pub fn max_pool2d(&mut self, x: Var, kernel: [usize; 2], window: Window) -> Var {
        let (output, geometry) = max_pool2d(self.value(x), kernel, window.stride, window.padding);
        self.push(output, &[x], Rule(geometry))
    }
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(max_pool2d_gradient(&self.0, context.input(0), context.output(), &upstream))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, distinct, operation};
    use ndarray::{ArrayD, IxDyn};
    use proptest::prelude::*;
    use seismograd_kernels::{geometry, reference};

    let sizes = ([1..3usize, 1..4], [3..7usize, 3..7], [1..4usize, 1..4], [1..3usize, 1..3], any::<[usize; 2]>());
    operation((sizes, any::<u32>()), |(([n, channels], image, kernel, stride, padding), seed)| {
        let padding = [0, 1].map(|axis| padding[axis] % kernel[axis]);
        let window = geometry::Window { input: image, kernel, stride, padding };
        let g = geometry::Pool2d { window, channels };
        Case::new(
            vec![distinct(&[n, image[0], image[1], channels], seed)],
            move |g, x| g.max_pool2d(x[0], kernel, Window { stride, padding }),
            move |x| {
                let y = reference::max_pool2d(&g, &x[0].iter().copied().collect::<Vec<_>>());
                let [height, width] = window.output();
                ArrayD::from_shape_vec(IxDyn(&[n, height, width, channels]), y).expect("the output's length")
            },
        )
    });
}
