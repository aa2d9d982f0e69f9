//! How weights begin.
//!
//! Every parameter draws from a stream of its own, and through arithmetic alone (logarithm and cosine in Rust, not the
//! platform's), so that a seed gives the same bits on every machine.

use crate::random::{Purpose, stream};
use rand::{Rng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, Uniform};
use seismograd_tensor::Tensor;

/// A scheme for the initial weights and biases of convolutions and linear layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Initialization {
    /// Normal with variance 2 / fan_in, zero biases (He et al. 2015, equation 10): the paper's.
    #[default]
    KaimingNormal,
    /// Uniform with variance 2 / fan_in, zero biases.
    KaimingUniform,
    /// Normal with variance 2 / (fan_in + fan_out), zero biases (Glorot and Bengio 2010, equation 16).
    XavierNormal,
    /// Uniform with variance 2 / (fan_in + fan_out), zero biases.
    XavierUniform,
    /// Weights and biases uniform within 1 / sqrt(fan_in): the default of PyTorch's layers.
    PyTorch,
}

/// How one parameter or buffer begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    /// The same value throughout.
    Constant(f32),
    /// Normal around zero with this standard deviation.
    Normal(f64),
    /// Uniform around zero within this bound.
    Uniform(f64),
}

impl Initialization {
    /// How a weight begins.
    pub(crate) fn weight(self, fan_in: usize, fan_out: usize) -> Start {
        let (fan_in, both) = (fan_in as f64, (fan_in + fan_out) as f64);
        match self {
            Initialization::KaimingNormal => Start::Normal((2.0 / fan_in).sqrt()),
            Initialization::KaimingUniform => Start::Uniform((6.0 / fan_in).sqrt()),
            Initialization::XavierNormal => Start::Normal((2.0 / both).sqrt()),
            Initialization::XavierUniform => Start::Uniform((6.0 / both).sqrt()),
            Initialization::PyTorch => Start::Uniform(1.0 / fan_in.sqrt()),
        }
    }

    /// How a bias begins.
    pub(crate) fn bias(self, fan_in: usize) -> Start {
        match self {
            Initialization::PyTorch => Start::Uniform(1.0 / (fan_in as f64).sqrt()),
            _ => Start::Constant(0.0),
        }
    }
}

impl Start {
    /// The initial tensor of the parameter with this index.
    pub(crate) fn draw(self, shape: &[usize], seed: u64, index: u32) -> Tensor {
        let len: usize = shape.iter().product();
        let mut rng = stream(seed, Purpose::InitialWeights, index);
        let elements = match self {
            Start::Constant(value) => vec![value; len],
            Start::Normal(deviation) => (0..len).map(|_| (deviation * normal(&mut rng)) as f32).collect(),
            Start::Uniform(bound) => {
                let uniform = Uniform::new_inclusive(-bound, bound).expect("a bound is finite and not negative");
                (0..len).map(|_| uniform.sample(&mut rng) as f32).collect()
            }
        };
        Tensor::new(shape, elements)
    }
}

/// A standard normal draw (Box and Muller 1958). The ziggurat of `rand_distr` would be faster, but reaches for the platform's
/// logarithm.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let mut open_unit = || ((rng.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let (radius, angle) = (open_unit(), open_unit());
    (-2.0 * libm::log(radius)).sqrt() * libm::cos(std::f64::consts::TAU * angle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and standard deviation of a large draw.
    fn moments(start: Start) -> (f64, f64) {
        let draw = start.draw(&[200, 500], 7, 0);
        let elements = draw.as_slice().iter().map(|&x| f64::from(x));
        let mean = elements.clone().sum::<f64>() / 1e5;
        (mean, (elements.map(|x| (x - mean) * (x - mean)).sum::<f64>() / 1e5).sqrt())
    }

    #[test]
    fn deviations_are_those_of_the_papers() {
        // Of 100,000 draws the deviation is off by 0.2 % (one standard error), the mean by 0.3 % of the deviation.
        for (scheme, expect) in [
            (Initialization::KaimingNormal, (2.0f64 / 288.0).sqrt()),
            (Initialization::KaimingUniform, (2.0f64 / 288.0).sqrt()),
            (Initialization::XavierNormal, (2.0f64 / 800.0).sqrt()),
            (Initialization::XavierUniform, (2.0f64 / 800.0).sqrt()),
            (Initialization::PyTorch, (1.0f64 / (3.0 * 288.0)).sqrt()),
        ] {
            let (mean, deviation) = moments(scheme.weight(288, 512));
            assert!((deviation / expect - 1.0).abs() < 0.01, "{scheme:?}: deviation {deviation}, expected {expect}");
            assert!(mean.abs() < 0.015 * expect, "{scheme:?}: mean {mean}");
        }
    }

    #[test]
    fn bits_are_pinned() {
        // A change here changes every run ever recorded.
        let bits = |start: Start| start.draw(&[3], 42, 5).as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(Start::Normal(1.0)), [3200432817, 1050551954, 3215257847]);
        assert_eq!(bits(Start::Uniform(0.5)), [3201077120, 1046671049, 1052557769]);
    }

    #[test]
    fn a_parameter_draws_from_its_own_stream() {
        let draw = |index| Start::Normal(1.0).draw(&[4], 0, index);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
