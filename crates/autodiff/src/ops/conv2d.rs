//! Two-dimensional convolution.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::{
    Activation, Conv2d, Glimpse, Tensor, conv2d, conv2d_geometry, conv2d_input_gradient, conv2d_input_gradient_seen,
    conv2d_rectified_seen, conv2d_weight_gradient,
};

/// How a window slides over an image: `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Zeros added on each side of the image.
    pub padding: [usize; 2],
}

impl Window {
    /// The same stride and padding along both axes.
    pub fn square(stride: usize, padding: usize) -> Window {
        Window { stride: [stride; 2], padding: [padding; 2] }
    }
}

struct Rule(Conv2d);

impl Graph {
    /// Convolution of `x` `[n, h, w, in]` with `weight` `(out, in, kh, kw)` plus `bias` `[out]`: `[n, oh, ow, out]`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn conv2d(&mut self, x: Var, weight: Var, bias: Option<Var>, window: Window) -> Var {
        let geometry =
            conv2d_geometry(self.value(x).shape(), self.value(weight).shape(), window.stride, window.padding);
        let inputs: Vec<Var> = [x, weight].into_iter().chain(bias).collect();
        self.push_deferred(&inputs, Rule(geometry))
    }
}

impl Rule {
    /// The contributions, of which the one to the input is given.
    fn contributions(&self, context: &Context<'_>, upstream: &Tensor, to_input: Option<Tensor>) -> Vec<Option<Tensor>> {
        let wanted = context.needs(1) || context.len() == 3 && context.needs(2);
        let (weight_contribution, bias_contribution) =
            wanted.then(|| conv2d_weight_gradient(&self.0, context.input(0), upstream)).unzip();
        let bias_contribution = (context.len() == 3).then_some(bias_contribution);
        [to_input, weight_contribution].into_iter().chain(bias_contribution).collect()
    }
}

fn bias<'g>(context: &Context<'g>) -> Option<&'g Tensor> {
    (context.len() == 3).then(|| context.input(2))
}

impl Backward for Rule {
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let gradient = || conv2d_input_gradient(&self.0, &upstream, context.input(1), None);
        self.contributions(context, &upstream, context.when_needed(0, gradient))
    }

    fn backward_through_relu(
        &self,
        context: &Context<'_>,
        upstream: Tensor,
        places: Option<&[usize]>,
    ) -> Result<(Vec<Option<Tensor>>, Glimpse), Tensor> {
        let (relu, weight) = (context.input(0), context.input(1));
        let (gradient, seen) = match places {
            Some(places) => conv2d_input_gradient_seen(&self.0, &upstream, weight, relu, places),
            None => (conv2d_input_gradient(&self.0, &upstream, weight, Some(relu)), Glimpse::default()),
        };
        Ok((self.contributions(context, &upstream, Some(gradient)), seen))
    }

    fn value(&self, context: &Context<'_>) -> Tensor {
        conv2d(&self.0, context.input(0), context.input(1), bias(context), Activation::Identity)
    }

    fn rectified(&self, context: &Context<'_>, places: Option<&[usize]>) -> Option<(Tensor, Glimpse)> {
        let (x, weight, bias) = (context.input(0), context.input(1), bias(context));
        Some(match places {
            Some(places) => conv2d_rectified_seen(&self.0, x, weight, bias, places),
            None => (conv2d(&self.0, x, weight, bias, Activation::Relu), Glimpse::default()),
        })
    }

    fn glimpsed_elements(&self, context: &Context<'_>) -> Option<usize> {
        Some(context.input(0).shape()[0] * self.0.output_len())
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, values};
    use ndarray::{ArrayD, IxDyn};
    use proptest::prelude::*;
    use seismograd_kernels::{geometry, reference};

    let sizes = ([1..3usize, 1..4, 1..4], [3..7usize, 3..7], [1..4usize, 1..4], [1..3usize, 1..3], any::<[usize; 2]>());
    operation((sizes, any::<bool>(), any::<u32>()), |((channels, image, kernel, stride, padding), biased, seed)| {
        let [n, channels_in, channels_out] = channels;
        let padding = [0, 1].map(|axis| padding[axis] % kernel[axis]);
        let mut inputs = vec![
            values(&[n, image[0], image[1], channels_in], seed),
            values(&[channels_out, channels_in, kernel[0], kernel[1]], seed ^ 1),
        ];
        inputs.extend(biased.then(|| values(&[channels_out], seed ^ 2)));
        let window = geometry::Window { input: image, kernel, stride, padding };
        let g = geometry::Conv2d { window, channels_in, channels_out };
        let flat = |x: &ArrayD<f64>| x.iter().copied().collect::<Vec<_>>();
        Case::new(
            inputs,
            move |g, x| g.conv2d(x[0], x[1], x.get(2).copied(), Window { stride, padding }),
            move |x| {
                let y = reference::conv2d(&g, &flat(&x[0]), &flat(&x[1]), x.get(2).map(flat).as_deref());
                let [height, width] = window.output();
                ArrayD::from_shape_vec(IxDyn(&[n, height, width, channels_out]), y).expect("the output's length")
            },
        )
    });
}
