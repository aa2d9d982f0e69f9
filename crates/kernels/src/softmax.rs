//! Softmax and its cross-entropy, row by row. There is one body for all levels: a row of a few classes fills no vector, `exp` and `log` are the `libm`
//! crate's, and all of it is a thousandth of a training step.

/// `x - ln sum e^x` of each row of `classes`, in its place, from differences to the greatest element, so that nothing overflows.
pub fn log_softmax(x: &mut [f32], classes: usize) {
    for row in x.chunks_exact_mut(classes.max(1)) {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|&x| libm::expf(x - max)).sum();
        let log_sum = libm::logf(sum);
        row.iter_mut().for_each(|x| *x = *x - max - log_sum);
    }
}

/// The gradient of what [`log_softmax`] was of, `u - e^y sum u`, in the place of the gradient `u` of its result `y`.
///
/// # Panics
/// When the lengths differ.
pub fn log_softmax_gradient(y: &[f32], upstream: &mut [f32], classes: usize) {
    assert_eq!(y.len(), upstream.len(), "log_softmax gradient: lengths");
    for (u, y) in upstream.chunks_exact_mut(classes.max(1)).zip(y.chunks_exact(classes.max(1))) {
        let sum: f32 = u.iter().sum();
        u.iter_mut().zip(y).for_each(|(u, &y)| *u -= libm::expf(y) * sum);
    }
}

/// The sum of the cross-entropies of rows of logits, given as what [`log_softmax`] made of them, against one class each. Of a target, the share
/// `smoothing` is spread evenly over all classes. In the place of the logarithms comes the gradient, softmax minus target, times `scale`.
///
/// # Panics
/// When there are not as many rows as labels, or a label is no class.
#[track_caller]
pub fn cross_entropy(log_p: &mut [f32], classes: usize, labels: &[u8], smoothing: f32, scale: f32) -> f64 {
    assert_eq!(log_p.len(), labels.len() * classes, "cross_entropy: {} labels, {classes} classes", labels.len());
    let even = smoothing / classes as f32;
    let mut loss = 0.0f64;
    for (row, &label) in log_p.chunks_exact_mut(classes.max(1)).zip(labels) {
        assert!(usize::from(label) < classes, "cross_entropy: label {label} of {classes} classes");
        for (class, x) in row.iter_mut().enumerate() {
            let target = even + if class == usize::from(label) { 1.0 - smoothing } else { 0.0 };
            if target != 0.0 {
                loss -= f64::from(target) * f64::from(*x);
            }
            *x = (libm::expf(*x) - target) * scale;
        }
    }
    loss
}
