//! Numbers that many rules share: decay rates of averages, their bias corrections, powers.

/// A decay rate as the rounded pair of what an average keeps and what it takes of the new value.
pub(crate) fn keep_take(beta: f64) -> (f32, f32) {
    (beta as f32, (1.0 - beta) as f32)
}

/// `1 - beta^step`: the share of an average that began at zero `step` steps ago.
pub(crate) fn correction(beta: f64, step: u64) -> f64 {
    1.0 - power(beta, step)
}

/// `base` to a whole power, by squaring. `powi` may go through the platform's library, whose bits differ; a running
/// product would be one more number to save.
pub(crate) fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut rest) = (1.0, base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square *= square;
        rest >>= 1;
    }
    result
}

/// The sign of a number, and zero of both zeros and of NaN.
#[inline(always)]
pub(crate) fn sign(x: f32) -> f32 {
    f32::from(u8::from(x > 0.0)) - f32::from(u8::from(x < 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_by_squaring() {
        assert_eq!([0, 1, 2, 3, 10].map(|exponent| power(2.0, exponent)), [1.0, 2.0, 4.0, 8.0, 1024.0]);
        assert_eq!([0, 1, 5].map(|exponent| power(0.0, exponent)), [1.0, 0.0, 0.0]);
        let product = (0..5000).fold(1.0, |product, _| product * 0.999);
        assert!((power(0.999, 5000) / product - 1.0f64).abs() < 1e-12);
        assert_eq!(power(0.999, u64::MAX), 0.0);
    }

    #[test]
    fn signs() {
        let x = [-2.0, -0.0, 0.0, 1e-45, f32::INFINITY, f32::NAN];
        assert_eq!(x.map(sign), [-1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    }
}
