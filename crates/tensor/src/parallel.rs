//! Fixed pieces of work over rayon's threads. The pieces depend on the sizes alone, so results never depend on the threads.

use rayon::prelude::*;
use std::ops::Range;

/// Samples of a batch that one task carries. A shard of the training step is no larger, and then runs where it is.
pub(crate) const SAMPLES: usize = 16;

/// Elements that one task of an elementwise loop carries: those of [`SAMPLES`] images of 32 x 32 x 32.
const ELEMENTS: usize = SAMPLES << 15;

/// Calls `task(samples, their part of output)` over pieces of [`SAMPLES`] samples, side by side where there are several.
pub(crate) fn samples(n: usize, output: &mut [f32], task: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    if n <= SAMPLES {
        return task(0..n, output);
    }
    output
        .par_chunks_mut((output.len() / n * SAMPLES).max(1))
        .enumerate()
        .for_each(|(piece, output)| task(range(n, piece), output));
}

/// The samples of a piece.
fn range(n: usize, piece: usize) -> Range<usize> {
    piece * SAMPLES..n.min((piece + 1) * SAMPLES)
}

/// Calls `task(samples)` for the pieces of `n` samples and returns the results in order.
pub(crate) fn sample_ranges<R: Send>(n: usize, task: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    match n.div_ceil(SAMPLES) {
        pieces @ 0..=1 => (0..pieces).map(|piece| task(range(n, piece))).collect(),
        pieces => (0..pieces).into_par_iter().map(|piece| task(range(n, piece))).collect(),
    }
}

/// Calls `task(first element, piece)` over pieces of an elementwise result.
pub(crate) fn elements(output: &mut [f32], task: impl Fn(usize, &mut [f32]) + Sync) {
    if output.len() <= ELEMENTS {
        return task(0, output);
    }
    output.par_chunks_mut(ELEMENTS).enumerate().for_each(|(piece, output)| task(piece * ELEMENTS, output));
}

/// The elements that `task(range)` yields for every fixed piece of `0..len`.
pub(crate) fn generate<I: Iterator<Item = f32>>(len: usize, task: impl Fn(Range<usize>) -> I + Sync) -> Vec<f32> {
    if len <= ELEMENTS {
        return task(0..len).collect();
    }
    let mut result = vec![0.0; len];
    elements(&mut result, |first, piece| {
        let range = first..first + piece.len();
        piece.iter_mut().zip(task(range)).for_each(|(to, x)| *to = x);
    });
    result
}
