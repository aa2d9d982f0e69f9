//! The wall clock as criterion's measurement, with throughputs in GFLOP/s and GB/s. Statistics are criterion's business.

use super::Yardsticks;
use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use std::time::{Duration, Instant};

/// Work of floating-point operations; a multiply-add is two.
pub fn flop(operations: usize) -> Throughput {
    Throughput::Elements(operations as u64)
}

/// Work bound by memory: so many `f32` read or written.
pub fn floats(len: usize) -> Throughput {
    Throughput::BytesDecimal(4 * len as u64)
}

/// Wall-clock time in nanoseconds. Elements of a throughput are floating-point operations.
pub struct Rates {
    yardsticks: Yardsticks,
}

impl Rates {
    /// Tells throughputs as shares of these.
    pub fn new(yardsticks: Yardsticks) -> Rates {
        Rates { yardsticks }
    }

    /// Work a nanosecond, its unit, and the yardstick of that unit with its name.
    fn rate(&self, work: &Throughput, nanoseconds: f64) -> (f64, &'static str, Option<f64>, &'static str) {
        let Yardsticks { peak, triad } = self.yardsticks;
        match *work {
            Throughput::Elements(flop) => (flop as f64 / nanoseconds, "GFLOP/s", peak, "peak"),
            Throughput::Bytes(bytes) | Throughput::BytesDecimal(bytes) => {
                (bytes as f64 / nanoseconds, "GB/s", triad, "triad")
            }
            Throughput::Bits(bits) => (bits as f64 / 8.0 / nanoseconds, "GB/s", triad, "triad"),
        }
    }
}

impl Measurement for Rates {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        WallTime.start()
    }

    fn end(&self, start: Instant) -> Duration {
        WallTime.end(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        WallTime.add(one, other)
    }

    fn zero(&self) -> Duration {
        WallTime.zero()
    }

    fn to_f64(&self, time: &Duration) -> f64 {
        WallTime.to_f64(time)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Rates {
    fn format_throughput(&self, work: &Throughput, nanoseconds: f64) -> String {
        let (rate, unit, yardstick, name) = self.rate(work, nanoseconds);
        // Three digits or more, however slow the level.
        let digits = (2.0 - rate.log10().floor()).clamp(1.0, 4.0) as usize;
        let share = yardstick.map(|best| {
            let percent = 100.0 * rate / best;
            format!(" ({percent:.*} % of {name})", usize::from(percent < 10.0))
        });
        format!("{rate:.digits$} {unit}{}", share.unwrap_or_default())
    }

    fn scale_throughputs(&self, _: f64, work: &Throughput, values: &mut [f64]) -> &'static str {
        values.iter_mut().for_each(|value| *value = self.rate(work, *value).0);
        self.rate(work, 1.0).1
    }

    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_told_in_its_unit_and_as_a_share_of_its_yardstick() {
        let rates = Rates::new(Yardsticks { peak: Some(152.0), triad: None });
        assert_eq!(rates.format_throughput(&flop(1_314_000), 10_000.0), "131.4 GFLOP/s (86 % of peak)");
        assert_eq!(rates.format_throughput(&flop(152), 500.0), "0.304 GFLOP/s (0.2 % of peak)");
        assert_eq!(rates.format_throughput(&floats(1_000), 500.0), "8.00 GB/s");
        let rates = Rates::new(Yardsticks { peak: None, triad: Some(16.0) });
        assert_eq!(rates.format_throughput(&floats(1_000), 500.0), "8.00 GB/s (50 % of triad)");
        assert_eq!(rates.format_throughput(&flop(20_000), 1_000.0), "20.0 GFLOP/s");
    }

    #[test]
    fn throughputs_for_machines_have_the_same_unit() {
        let mut values = [1.0, 4.0];
        let unit = Rates::new(Yardsticks::default()).scale_throughputs(2.0, &floats(2), &mut values);
        assert_eq!((unit, values), ("GB/s", [8.0, 2.0]));
    }
}
