//! Sums that keep their precision: over the pixels of a channel, in `f64`.

/// The sum of every channel of `x`, `[.., channels]`, accumulated in `f64` in memory order and rounded once.
///
/// # Panics
/// When `x` is no whole number of pixels.
pub fn channel_sums(x: &[f32], channels: usize) -> Vec<f32> {
    assert!(
        channels > 0 && x.len().is_multiple_of(channels),
        "channel sums: {} elements, {channels} channels",
        x.len()
    );
    let mut sums = vec![0.0f64; channels];
    crate::elementwise::at_level(|| {
        for pixel in x.chunks_exact(channels) {
            for (sum, &x) in sums.iter_mut().zip(pixel) {
                *sum += f64::from(x);
            }
        }
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_beside_a_large_one() {
        let mut x = vec![1.0e-4f32; 20_000];
        x[0] = 4096.0;
        assert_eq!(channel_sums(&x, 2), [4096.9999, 1.0]);
    }
}
