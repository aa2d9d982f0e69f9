//! Convolutions of batches of images, spread over rayon's threads by samples.

use crate::{Tensor, parallel};
use seismograd_kernels::conv::{self, Packed};
pub use seismograd_kernels::conv::{Activation, Glimpse};
pub use seismograd_kernels::geometry::Conv2d;
use seismograd_kernels::geometry::Window;

/// The geometry of a convolution of `input` `[n, h, w, c]` with `weight` `(out, in, kh, kw)`.
///
/// # Panics
/// When ranks, channels or sizes do not fit.
#[track_caller]
pub fn conv2d_geometry(input: &[usize], weight: &[usize], stride: [usize; 2], padding: [usize; 2]) -> Conv2d {
    let (&[_, height, width, channels], &[channels_out, channels_in, kernel_height, kernel_width]) = (input, weight)
    else {
        panic!("conv2d: input {input:?} is to be [n, h, w, c], weight {weight:?} (out, in, kh, kw)");
    };
    assert_eq!(channels, channels_in, "conv2d: channels of input {input:?} and weight {weight:?}");
    let window = Window { input: [height, width], kernel: [kernel_height, kernel_width], stride, padding };
    let g = Conv2d { window, channels_in, channels_out };
    if let Some(problem) = g.problem() {
        panic!("conv2d: {problem}");
    }
    g
}

/// Convolution: input `[n, h, w, in]`, weight `(out, in, kh, kw)`, bias `[out]`, result `[n, oh, ow, out]`, to which an activation is applied
/// while it is in registers.
///
/// # Panics
/// When the shapes do not fit the geometry.
#[track_caller]
pub fn conv2d(g: &Conv2d, input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, activation: Activation) -> Tensor {
    let (n, bias) = (samples_of_input(g, input), checked(g, weight, bias));
    let mut output = Tensor::stale(&g.output_shape(n));
    with_packed(g, weight, 0, conv::pack_forward, |packed| {
        parallel::samples(n, output.as_mut_slice(), |samples, output| {
            conv::forward(g, input.samples(samples), packed, bias, activation, output);
        });
    });
    output
}

/// [`conv2d`] with a ReLU, and what is seen of its result before it: the moments of each sample and the elements at some places, in ascending order.
///
/// # Panics
/// When the shapes do not fit the geometry, or a place does not exist.
#[track_caller]
pub fn conv2d_rectified_seen(
    g: &Conv2d,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    places: &[usize],
) -> (Tensor, Glimpse) {
    let (n, bias) = (samples_of_input(g, input), checked(g, weight, bias));
    parallel::check_places(places, n * g.output_len());
    let mut output = Tensor::stale(&g.output_shape(n));
    let mut seen = Vec::new();
    with_packed(g, weight, 0, conv::pack_forward, |packed| {
        seen = parallel::samples_with(n, output.as_mut_slice(), |samples, output| {
            let places = &parallel::places_among(places, g.output_len(), &samples);
            conv::forward_seen(g, input.samples(samples), packed, bias, places, output)
        });
    });
    (output, together(seen))
}

/// The bias of a weight that fits the geometry.
#[track_caller]
fn checked<'a>(g: &Conv2d, weight: &Tensor, bias: Option<&'a Tensor>) -> Option<&'a [f32]> {
    assert_eq!(weight.shape(), g.weight_shape(), "conv2d: weight for {g:?}");
    if let Some(bias) = bias {
        assert_eq!(bias.shape(), [g.channels_out], "conv2d: bias for {g:?}");
    }
    bias.map(Tensor::as_slice)
}

/// The number of samples of an input that fits the geometry.
#[track_caller]
fn samples_of_input(g: &Conv2d, input: &Tensor) -> usize {
    input.samples_of(|n| g.input_shape(n), "conv2d: input", g)
}

/// The number of samples of an upstream gradient that fits the geometry.
#[track_caller]
fn samples_of_upstream(g: &Conv2d, upstream: &Tensor) -> usize {
    upstream.samples_of(|n| g.output_shape(n), "conv2d: upstream gradient", g)
}

/// What was seen of all samples.
fn together(mut seen: Vec<Glimpse>) -> Glimpse {
    if seen.len() == 1 {
        return seen.remove(0);
    }
    seen.into_iter().fold(Glimpse::default(), |mut all, mut next| {
        all.len += next.len;
        all.moments.append(&mut next.moments);
        all.elements.append(&mut next.elements);
        all.behind.append(&mut next.behind);
        all
    })
}

/// The gradient of [`conv2d`] without activation with respect to its input. With `rectified`, that input as a ReLU has made it, the gradient is that with
/// respect to what the ReLU was given.
///
/// # Panics
/// When the shapes do not fit the geometry.
#[track_caller]
pub fn conv2d_input_gradient(g: &Conv2d, upstream: &Tensor, weight: &Tensor, rectified: Option<&Tensor>) -> Tensor {
    let n = samples_of_upstream(g, upstream);
    checked(g, weight, None);
    if let Some(rectified) = rectified {
        assert_eq!(rectified.shape(), g.input_shape(n), "conv2d: what a ReLU has made, for {g:?}");
    }
    let mut gradient = Tensor::stale(&g.input_shape(n));
    with_packed(g, weight, 1, conv::pack_input_gradient, |packed| {
        parallel::samples(n, gradient.as_mut_slice(), |samples, gradient| {
            let rectified = rectified.map(|rectified| rectified.samples(samples.clone()));
            conv::input_gradient(g, upstream.samples(samples), packed, rectified, gradient);
        });
    });
    gradient
}

/// [`conv2d_input_gradient`] through the ReLU that made the input, and what is seen of the gradient behind it: the moments of each sample and the elements
/// at some places, in ascending order.
///
/// # Panics
/// When the shapes do not fit the geometry, or a place does not exist.
#[track_caller]
pub fn conv2d_input_gradient_seen(
    g: &Conv2d,
    upstream: &Tensor,
    weight: &Tensor,
    rectified: &Tensor,
    places: &[usize],
) -> (Tensor, Glimpse) {
    let n = samples_of_upstream(g, upstream);
    checked(g, weight, None);
    assert_eq!(rectified.shape(), g.input_shape(n), "conv2d: what a ReLU has made, for {g:?}");
    parallel::check_places(places, n * g.input_len());
    let mut gradient = Tensor::stale(&g.input_shape(n));
    let mut seen = Vec::new();
    with_packed(g, weight, 1, conv::pack_input_gradient, |packed| {
        seen = parallel::samples_with(n, gradient.as_mut_slice(), |samples, gradient| {
            let places = &parallel::places_among(places, g.input_len(), &samples);
            let (upstream, rectified) = (upstream.samples(samples.clone()), rectified.samples(samples));
            conv::input_gradient_seen(g, upstream, packed, rectified, places, gradient)
        });
    });
    (gradient, together(seen))
}

/// Calls `task` with the weight packed for a geometry, which is kept with the weight for the next call. A weight that serves two geometries is
/// packed for the second at each call.
fn with_packed(
    g: &Conv2d,
    weight: &Tensor,
    form: usize,
    pack: fn(&Conv2d, &[f32]) -> Packed,
    task: impl FnOnce(&Packed),
) {
    let kept = weight.packed(form).get_or_init(|| pack(g, weight.as_slice()));
    if kept.geometry() == g { task(kept) } else { task(&pack(g, weight.as_slice())) }
}

/// The gradients of [`conv2d`] without activation with respect to its weight, `(out, in, kh, kw)`, and to its bias. Samples are added in pieces of
/// a fixed number, and the pieces in order.
///
/// # Panics
/// When the shapes do not fit the geometry.
#[track_caller]
pub fn conv2d_weight_gradient(g: &Conv2d, input: &Tensor, upstream: &Tensor) -> (Tensor, Tensor) {
    let (n, shape) = (samples_of_input(g, input), g.weight_shape());
    assert_eq!(samples_of_upstream(g, upstream), n, "conv2d: samples of input and upstream gradient");
    let pieces = parallel::sample_ranges(n, |samples| {
        let (mut weight, mut bias) = (Tensor::stale(&shape), Tensor::stale(&[g.channels_out]));
        let (input, upstream) = (input.samples(samples.clone()), upstream.samples(samples));
        conv::weight_gradient(g, input, upstream, weight.as_mut_slice(), bias.as_mut_slice());
        (weight, bias)
    });
    let add = |mut sum: (Tensor, Tensor), piece: (Tensor, Tensor)| {
        sum.0.accumulate(&piece.0);
        sum.1.accumulate(&piece.1);
        sum
    };
    pieces.into_iter().reduce(add).unwrap_or_else(|| (Tensor::zeros(&shape), Tensor::zeros(&[g.channels_out])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(shape: &[usize]) -> Tensor {
        Tensor::new(
            shape,
            (0..shape.iter().product()).map(|at: usize| ((at * 7919) % 101) as f32 / 50.0 - 1.0).collect(),
        )
    }

    /// Everything a convolution gives, on a pool of `threads` threads.
    fn all(threads: usize) -> [Tensor; 4] {
        let (x, w) = (values(&[37, 6, 5, 3]), values(&[4, 3, 3, 3]));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let g = conv2d_geometry(x.shape(), w.shape(), [2, 1], [1, 1]);
            let y = conv2d(&g, &x, &w, Some(&values(&[4])), Activation::Identity);
            let upstream = values(y.shape());
            let (weight, bias) = conv2d_weight_gradient(&g, &x, &upstream);
            [y, conv2d_input_gradient(&g, &upstream, &w, None), weight, bias]
        })
    }

    #[test]
    #[should_panic(expected = "samples of input and upstream gradient")]
    fn an_upstream_gradient_of_other_samples_is_refused() {
        let g = conv2d_geometry(&[2, 4, 4, 1], &[1, 1, 3, 3], [1, 1], [1, 1]);
        conv2d_weight_gradient(&g, &Tensor::zeros(&[2, 4, 4, 1]), &Tensor::zeros(&[3, 4, 4, 1]));
    }

    #[test]
    #[should_panic(expected = "conv2d: input for")]
    fn an_image_of_another_shape_is_refused() {
        let g = conv2d_geometry(&[1, 4, 6, 2], &[1, 2, 3, 3], [1, 1], [1, 1]);
        conv2d(&g, &Tensor::zeros(&[1, 6, 4, 2]), &Tensor::zeros(&[1, 2, 3, 3]), None, Activation::Identity);
    }

    #[test]
    #[should_panic(expected = "places of 16 elements")]
    fn a_place_that_does_not_exist_is_refused() {
        let (x, w) = (Tensor::zeros(&[1, 4, 4, 1]), Tensor::zeros(&[1, 1, 3, 3]));
        let g = conv2d_geometry(x.shape(), w.shape(), [1, 1], [1, 1]);
        conv2d_rectified_seen(&g, &x, &w, None, &[1, 16]);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        assert_eq!(all(1), all(2));
        assert_eq!(all(1), all(3));
    }

    #[test]
    fn what_is_seen_of_a_batch_is_what_is_seen_of_its_samples() {
        let (x, w) = (values(&[37, 6, 5, 3]), values(&[4, 3, 3, 3]));
        let g = conv2d_geometry(x.shape(), w.shape(), [1, 1], [1, 1]);
        let places: Vec<usize> = (0..37 * g.output_len()).step_by(11).collect();
        let plain = conv2d(&g, &x, &w, None, Activation::Identity);
        let (rectified, seen) = conv2d_rectified_seen(&g, &x, &w, None, &places);
        assert_eq!(rectified, conv2d(&g, &x, &w, None, Activation::Relu));
        let picked = |of: &Tensor, places: &[usize]| places.iter().map(|&at| of.as_slice()[at]).collect::<Vec<_>>();
        let expect = [&plain, &rectified].map(|of| picked(of, &places));
        assert_eq!([&seen.elements, &seen.behind], expect.each_ref());
        let back: Vec<usize> = (0..x.len()).step_by(13).collect();
        let gradient = conv2d_input_gradient(&g, &plain, &w, None);
        let (through, seen_back) = conv2d_input_gradient_seen(&g, &plain, &w, &x, &back);
        assert_eq!(through, conv2d_input_gradient(&g, &plain, &w, Some(&x)));
        let expect = [&gradient, &through].map(|of| picked(of, &back));
        assert_eq!([&seen_back.elements, &seen_back.behind], expect.each_ref());
        assert_eq!((seen.moments.len(), seen_back.moments.len()), (37, 37));
        for sample in [0, 15, 16, 36] {
            let one = |t: &Tensor| t.slice(0, sample..sample + 1);
            let alone = [
                conv2d_rectified_seen(&g, &one(&x), &w, None, &[]).1,
                conv2d_input_gradient_seen(&g, &one(&plain), &w, &one(&x), &[]).1,
            ];
            for (all, alone) in [&seen, &seen_back].into_iter().zip(alone) {
                assert_eq!(all.moments[sample].map(|m| m.central), alone.moments[0].map(|m| m.central));
            }
        }
    }

    #[test]
    fn a_batch_is_its_samples() {
        let (x, w) = (values(&[37, 6, 5, 3]), values(&[4, 3, 3, 3]));
        let run =
            |x: &Tensor| conv2d(&conv2d_geometry(x.shape(), w.shape(), [1, 1], [1, 1]), x, &w, None, Activation::Relu);
        assert_eq!(run(&x).slice(0, 36..37), run(&x.slice(0, 36..37)));
    }

    #[test]
    fn a_weight_that_is_written_to_is_packed_anew() {
        let (x, mut w) = (values(&[1, 6, 5, 3]), values(&[4, 3, 3, 3]));
        let g = conv2d_geometry(x.shape(), w.shape(), [1, 1], [1, 1]);
        let run = |w: &Tensor| conv2d(&g, &x, w, None, Activation::Identity);
        let before = run(&w);
        w.as_mut_slice().iter_mut().for_each(|w| *w *= 2.0);
        assert_eq!(run(&w), &before * 2.0);
    }

    #[test]
    fn a_weight_serves_two_geometries() {
        let (x, w) = (values(&[1, 6, 6, 3]), values(&[4, 3, 3, 3]));
        let run = |padding, w: &Tensor| {
            let g = conv2d_geometry(x.shape(), w.shape(), [1, 1], [padding; 2]);
            conv2d(&g, &x, w, None, Activation::Identity)
        };
        let (wide, narrow) = (run(1, &w), run(0, &w));
        assert_eq!((wide.shape(), narrow.shape()), (&[1, 6, 6, 4][..], &[1, 4, 4, 4][..]));
        assert_eq!(narrow, wide.slice(1, 1..5).slice(2, 1..5));
    }

    #[test]
    fn an_empty_batch_has_a_zero_weight_gradient() {
        let (x, w) = (values(&[0, 6, 5, 3]), values(&[4, 3, 3, 3]));
        let g = conv2d_geometry(x.shape(), w.shape(), [1, 1], [1, 1]);
        let y = conv2d(&g, &x, &w, None, Activation::Identity);
        assert_eq!(conv2d_weight_gradient(&g, &x, &y), (Tensor::zeros(&[4, 3, 3, 3]), Tensor::zeros(&[4])));
    }

    #[test]
    #[should_panic(expected = "conv2d: channels of input [1, 4, 4, 2] and weight [1, 3, 3, 3]")]
    fn channels_that_differ_are_named() {
        conv2d_geometry(&[1, 4, 4, 2], &[1, 3, 3, 3], [1, 1], [1, 1]);
    }
}
