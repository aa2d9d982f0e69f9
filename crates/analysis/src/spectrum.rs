//! The power spectrum of a series: how its shaking is spread over frequencies, and how steeply that falls.
//!
//! A transform of at most [`SEGMENT`] numbers at a time, by its definition and through `libm`: a fast Fourier transform picks its
//! instructions by processor, and the same runs would get other figures on another machine.

use std::f64::consts::{PI, TAU};

/// The longest stretch that is transformed at once: enough for two decades of frequency.
pub const SEGMENT: usize = 256;

/// One point of a spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Cycles a step, above 0 and at most 1/2.
    pub frequency: f64,
    /// The mean squared amplitude at it, in the series' unit squared; only ratios of powers mean something.
    pub power: f64,
}

/// The periodogram averaged over half-overlapping segments of at most [`SEGMENT`] steps under a Hann window (Welch 1967).
///
/// The series should have mean zero. Shorter series are one segment.
///
/// # Panics
/// With fewer than 4 steps.
#[track_caller]
pub fn welch(series: &[f64]) -> Vec<Point> {
    assert!(series.len() >= 4, "welch: {} steps, expected 4 or more", series.len());
    let length = series.len().min(SEGMENT);
    let window: Vec<f64> = (0..length).map(|k| hann(k, length)).collect();
    let turns: Vec<(f64, f64)> = (0..length).map(|k| libm::sincos(TAU * k as f64 / length as f64)).collect();
    let starts: Vec<usize> = (0..=series.len() - length).step_by((length / 2).max(1)).collect();
    let windowed = |start: &usize| series[*start..*start + length].iter().zip(&window).map(|(x, w)| x * w).collect();
    let segments: Vec<Vec<f64>> = starts.iter().map(windowed).collect();
    let energy: f64 = window.iter().map(|w| w * w).sum();
    let power = |bin: usize| {
        let of = |segment: &Vec<f64>| amplitude(segment, &turns, bin) / energy;
        segments.iter().map(of).sum::<f64>() / segments.len() as f64
    };
    let point = |bin: usize| Point { frequency: bin as f64 / length as f64, power: power(bin) };
    (1..=length / 2).map(point).collect()
}

/// The window of Hann without its zeros at the ends, which would waste two steps of a short series.
fn hann(k: usize, length: usize) -> f64 {
    let sine = libm::sin(PI * (k as f64 + 0.5) / length as f64);
    sine * sine
}

/// The squared amplitude of one windowed segment at one frequency. `turns` has the sine and cosine of each of a circle's steps.
fn amplitude(segment: &[f64], turns: &[(f64, f64)], bin: usize) -> f64 {
    let (mut sums, mut at) = ((0.0, 0.0), 0);
    for x in segment {
        let (sine, cosine) = turns[at];
        sums = (sums.0 + x * sine, sums.1 + x * cosine);
        // Step `bin * k` of the circle, without a division for each.
        at += bin;
        if at >= turns.len() {
            at -= turns.len();
        }
    }
    sums.0 * sums.0 + sums.1 * sums.1
}

/// The least-squares slope of log power on log frequency: 0 for white noise, -2 for a random walk. 0 for a series of zeros.
///
/// The lowest frequency is left out: a line taken out of the series before empties it.
pub fn slope(series: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> = welch(series)
        .iter()
        .skip(1)
        .filter(|point| point.power > 0.0)
        .map(|point| (libm::log(point.frequency), libm::log(point.power)))
        .collect();
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x) * (point.0 - x)).sum();
    if below > 0.0 { above / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

    /// Uniform noise around zero.
    fn noise(len: usize) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..len).map(|_| rng.next_u32() as f64 / f64::from(u32::MAX) - 0.5).collect()
    }

    #[test]
    fn a_sine_has_its_power_at_its_frequency() {
        let series: Vec<f64> = (0..64).map(|k| (TAU * 8.0 * k as f64 / 64.0).sin()).collect();
        let spectrum = welch(&series);
        let peak = spectrum.iter().max_by(|a, b| a.power.total_cmp(&b.power)).unwrap();
        assert_eq!(peak.frequency, 8.0 / 64.0);
        assert_eq!(spectrum.len(), 32);
    }

    #[test]
    fn white_noise_has_the_power_of_its_variance_at_every_frequency() {
        let spectrum = welch(&noise(20_000));
        let mean = spectrum.iter().map(|point| point.power).sum::<f64>() / spectrum.len() as f64;
        assert!((mean * 12.0 - 1.0).abs() < 0.03, "{mean}");
        assert_eq!(spectrum.len(), SEGMENT / 2);
    }

    #[test]
    fn slopes_are_those_of_known_noises() {
        let white = noise(20_000);
        assert!(slope(&white).abs() < 0.1, "{}", slope(&white));
        let walk: Vec<f64> = white
            .iter()
            .scan(0.0, |sum, x| {
                *sum += x;
                Some(*sum)
            })
            .collect();
        // A walk's spectrum flattens towards the highest frequency, so that the slope stays above -2.
        assert!((-2.1..-1.5).contains(&slope(&walk)), "{}", slope(&walk));
        assert_eq!(slope(&[0.0; 50]), 0.0);
    }
}
