//! Two-dimensional average pooling.

use crate::graph::{Backward, Context, Graph, Var};
use crate::ops::Window;
use seismograd_tensor::{Pool2d, Tensor, avg_pool2d, avg_pool2d_gradient};

struct Rule(Pool2d);

impl Graph {
    /// Average pooling of `[n, h, w, c]`; padding counts as zeros (PyTorch's `count_include_pad=True`).
    ///
    /// # Panics
    /// When the sizes do not fit.
    #[track_caller]
    pub fn avg_pool2d(&mut self, x: Var, kernel: [usize; 2], window: Window) -> Var {
        let (output, geometry) = avg_pool2d(self.value(x), kernel, window.stride, window.padding);
        self.push(output, &[x], Rule(geometry))
    }
}

impl Backward for Rule {
    fn backward(&self, _context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        vec![Some(avg_pool2d_gradient(&self.0, &upstream))]
    }
}

#[cfg(test)]
pub(super) fn check() {
    crate::check::pooling(Graph::avg_pool2d, seismograd_kernels::reference::avg_pool2d);
}
