//! Dropout.

use super::Layer;
use crate::builder::Builder;
use crate::forward::{Forward, Mode, Moment};
use rand::Rng;
use seismograd_autodiff::Var;
use seismograd_tensor::Tensor;

/// Zeroes elements of `[n, ..]` with probability `p` in training and scales the others by `1 / (1 - p)`.
///
/// The mask is a function of (seed, layer, step, sample), of nothing else: not of the shard a sample is in, nor of threads.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    p: f64,
    stream: u32,
}

impl Dropout {
    /// A layer that drops with probability `p`.
    ///
    /// # Panics
    /// When `p` is not in [0, 1).
    #[track_caller]
    pub fn new(builder: &mut Builder, p: f64) -> Dropout {
        assert!((0.0..1.0).contains(&p), "dropout: p = {p} is to be at least 0 and below 1");
        Dropout { p, stream: builder.stream() }
    }

    fn mask(&self, shape: &[usize], moment: Moment) -> Tensor {
        let features: usize = shape[1..].iter().product();
        assert!(features <= Moment::ELEMENTS, "dropout: {features} elements a sample, of at most {}", Moment::ELEMENTS);
        let keep = (1.0 / (1.0 - self.p)) as f32;
        let threshold = (self.p * 4_294_967_296.0) as u32;
        let mut elements = vec![0.0; shape[0] * features];
        let mut words = vec![0; 4 * features];
        for (sample, mask) in elements.chunks_exact_mut(features.max(1)).enumerate() {
            moment.random(self.stream, sample).fill_bytes(&mut words);
            for (keeps, word) in mask.iter_mut().zip(words.as_chunks().0) {
                *keeps = if u32::from_le_bytes(*word) < threshold { 0.0 } else { keep };
            }
        }
        Tensor::new(shape, elements)
    }
}

impl Layer for Dropout {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        match forward.mode() {
            Mode::Train(moment) if self.p > 0.0 => {
                let mask = self.mask(forward.graph().value(x).shape(), moment);
                forward.graph().dropout(x, mask)
            }
            _ => x,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Initialization;

    fn layer() -> Dropout {
        Dropout::new(&mut Builder::new(Initialization::default()), 0.25)
    }

    fn moment(step: u64, first_sample: usize) -> Moment {
        Moment { seed: 9, step, first_sample }
    }

    #[test]
    fn a_sample_has_its_mask_in_any_shard() {
        let whole = layer().mask(&[8, 33], moment(5, 0));
        let shard = layer().mask(&[3, 33], moment(5, 5));
        assert_eq!(whole.slice(0, 5..8), shard);
        assert_ne!(whole, layer().mask(&[8, 33], moment(6, 0)));
    }

    #[test]
    fn bits_are_pinned() {
        // A change here changes every run that drops.
        let mask = layer().mask(&[2, 40], moment(3, 1));
        let kept: Vec<u64> = mask
            .as_slice()
            .chunks(40)
            .map(|row| row.iter().fold(0, |bits, &x| bits << 1 | u64::from(x > 0.0)))
            .collect();
        assert_eq!(kept, [1_055_442_069_367, 824_615_820_287]);
    }

    #[test]
    fn a_quarter_is_dropped_and_the_mean_kept() {
        let mask = layer().mask(&[100, 1000], moment(0, 0));
        let dropped = mask.as_slice().iter().filter(|&&x| x == 0.0).count();
        // 100,000 draws: four standard errors are 548.
        assert!((24_452..25_548).contains(&dropped), "{dropped} of 100,000 dropped");
        assert!(mask.as_slice().iter().all(|&x| x == 0.0 || x == 4.0 / 3.0));
    }
}
