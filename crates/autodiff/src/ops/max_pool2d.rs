//! Two-dimensional max pooling.

use crate::graph::{Backward, Context, Graph, Var};
use crate::ops::Window;
use seismograd_tensor::{Glimpse, Pool2d, Tensor, max_pool2d, max_pool2d_gradient, max_pool2d_gradient_seen};

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
        vec![Some(max_pool2d_gradient(&self.0, context.input(0), context.output(), &upstream, false))]
    }

    fn backward_through_relu(
        &self,
        context: &Context<'_>,
        upstream: Tensor,
        places: Option<&[usize]>,
    ) -> Result<(Vec<Option<Tensor>>, Glimpse), Tensor> {
        if places.is_some() && !self.spreads() {
            return Err(upstream);
        }
        let (input, output) = (context.input(0), context.output());
        let (gradient, elements) = match places {
            Some(places) => max_pool2d_gradient_seen(&self.0, input, output, &upstream, places),
            None => (max_pool2d_gradient(&self.0, input, output, &upstream, true), Vec::new()),
        };
        let seen = Glimpse { len: input.len(), elements, ..Glimpse::default() };
        Ok((vec![Some(gradient)], seen))
    }

    fn spreads(&self) -> bool {
        let window = &self.0.window;
        window.kernel == window.stride && window.padding == [0, 0]
    }
}

#[cfg(test)]
pub(super) fn check() {
    crate::check::pooling(Graph::max_pool2d, seismograd_kernels::reference::max_pool2d);
}
