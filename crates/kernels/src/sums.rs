//! Sums over all elements that keep their precision, in `f64`.

/// Partial sums of [`dot`] and [`sum_abs`]: enough to hide the latency of an addition.
const PARTS: usize = 32;

/// The scalar product of `x` and `y`. Products of two `f32` are exact in `f64`; 32 partial sums run over every 32nd element and are added in order.
///
/// # Panics
/// When the lengths differ.
pub fn dot(x: &[f32], y: &[f32]) -> f64 {
    assert_eq!(x.len(), y.len(), "dot: lengths");
    let mut parts = [0.0f64; PARTS];
    crate::elementwise::at_level(|| {
        let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<PARTS>(), y.as_chunks::<PARTS>());
        for (x, y) in x.iter().zip(y) {
            for at in 0..PARTS {
                parts[at] += f64::from(x[at]) * f64::from(y[at]);
            }
        }
        for ((part, &x), &y) in parts.iter_mut().zip(x_rest).zip(y_rest) {
            *part += f64::from(x) * f64::from(y);
        }
    });
    parts.iter().sum()
}

/// The sum of the absolute values of `x`, in the order of [`dot`].
pub fn sum_abs(x: &[f32]) -> f64 {
    let mut parts = [0.0f64; PARTS];
    crate::elementwise::at_level(|| {
        let (x, rest) = x.as_chunks::<PARTS>();
        for x in x {
            for at in 0..PARTS {
                parts[at] += f64::from(x[at].abs());
            }
        }
        for (part, &x) in parts.iter_mut().zip(rest) {
            *part += f64::from(x.abs());
        }
    });
    parts.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_enters_a_sum_once() {
        for len in [0, 1, 31, 32, 33, 100] {
            let x: Vec<f32> = (0..len).map(|at| at as f32 - 40.0).collect();
            let y: Vec<f32> = x.iter().map(|x| 3.0 - x).collect();
            assert_eq!(dot(&x, &y), x.iter().zip(&y).map(|(x, y)| f64::from(x * y)).sum::<f64>());
            assert_eq!(sum_abs(&x), x.iter().map(|x| f64::from(x.abs())).sum::<f64>());
        }
    }
}
