//! From bytes to floating-point numbers: 768 possible results, so a look-up table of them is fast and its bits are exact.

use crate::format::CHANNELS;

/// Means of the training set's pixels / 255: red, green, blue.
pub const CHANNEL_MEANS: [f32; CHANNELS] = [0.49140, 0.48216, 0.44653];

/// Standard deviations of the training set's pixels / 255: red, green, blue.
pub const CHANNEL_DEVIATIONS: [f32; CHANNELS] = [0.24703, 0.24349, 0.26159];

/// How a pixel's byte becomes a number. All arithmetic is in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Normalization {
    /// `byte / 255`, in `[0, 1]`.
    #[default]
    Unit,
    /// `(byte / 255 - mean) / deviation` with the channel's [`CHANNEL_MEANS`] and [`CHANNEL_DEVIATIONS`].
    Standard,
}

impl Normalization {
    /// Every result, `[channel][byte]`.
    ///
    /// ```
    /// use seismograd_cifar10::Normalization;
    ///
    /// assert_eq!(Normalization::Unit.table()[0][51], 0.2);
    /// ```
    pub fn table(&self) -> [[f32; 256]; CHANNELS] {
        std::array::from_fn(|channel| std::array::from_fn(|byte| self.scale(channel, byte as u8)))
    }

    fn scale(&self, channel: usize, byte: u8) -> f32 {
        let unit = f32::from(byte) / 255.0;
        match self {
            Normalization::Unit => unit,
            Normalization::Standard => (unit - CHANNEL_MEANS[channel]) / CHANNEL_DEVIATIONS[channel],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_range_by_hand() {
        let unit = Normalization::Unit.table();
        assert_eq!((unit[2][0], unit[2][255]), (0.0, 1.0));
        let standard = Normalization::Standard.table();
        for channel in 0..CHANNELS {
            assert_eq!(standard[channel][0], -CHANNEL_MEANS[channel] / CHANNEL_DEVIATIONS[channel]);
            assert_eq!(standard[channel][255], (1.0 - CHANNEL_MEANS[channel]) / CHANNEL_DEVIATIONS[channel]);
        }
    }
}
