//! The series of the runs as the page's explorer reads them: few enough numbers for a page, spelled in few letters.
//!
//! A bucket gathers consecutive steps. Of an arm it keeps the median and the range over all its runs and all the bucket's steps, so that a
//! jolt of a single step is still seen; of a single run it keeps the least and the greatest value in the order in which they came.
//! Numbers are counted in equal parts of the series' range and written as digits to the base 64. Nothing here decides anything: the
//! analysis reads the trace itself, every step of it.

use serde::Serialize;
use std::ops::Range;

/// Digits to the base 64; none has a meaning in JSON or HTML.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Letters for a number that is read: 262,143 parts of the range, finer than a reader is shown.
pub(super) const FINE: u32 = 3;

/// Letters for a number that is only looked at, a range's end or a single run's: 4,095 parts, finer than a screen.
pub(super) const COARSE: u32 = 2;

/// A series of one arm, and of its runs.
#[derive(Serialize)]
pub(super) struct Packed {
    /// Whether the parts are equal in the logarithm, which all-positive numbers are.
    log: bool,
    /// The range: the least and the greatest number, or their logarithms.
    range: [f64; 2],
    /// For each bucket the median over runs and steps.
    median: String,
    /// The least.
    low: String,
    /// The greatest.
    high: String,
    /// Each run's extremes.
    runs: Vec<String>,
}

/// How many numbers a page can afford.
#[derive(Clone, Copy)]
pub(super) struct Points {
    /// Buckets of an arm.
    pub arm: usize,
    /// Numbers of a run.
    pub run: usize,
}

/// Packs the series of an arm's runs, which have one length; none if no number of them is finite.
pub(super) fn pack(runs: &[&[f32]], points: Points) -> Option<Packed> {
    let steps = runs.iter().map(|run| run.len()).min().unwrap_or(0);
    let numbers = || runs.iter().flat_map(|run| run.iter().map(|&x| f64::from(x))).filter(|x| x.is_finite());
    let log = numbers().all(|x| x > 0.0);
    let scaled = |x: f64| if log { libm::log(x) } else { x };
    let least = scaled(numbers().reduce(f64::min)?);
    let range = [least, scaled(numbers().reduce(f64::max)?)];
    let write = |letters, values: &[f64]| digits(values.iter().map(|&x| scaled(x)), range, letters);
    let [median, low, high] = over_runs(runs, steps, points.arm);
    let (median, low, high) = (write(FINE, &median), write(COARSE, &low), write(COARSE, &high));
    let runs = runs.iter().map(|run| write(COARSE, &extremes(&run[..steps], points.run))).collect();
    Some(Packed { log, range, median, low, high, runs })
}

/// The steps of each bucket: as equal as whole steps allow, no bucket without one.
pub(super) fn buckets(steps: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = steps.min(most);
    (0..count).map(move |bucket| bucket * steps / count..(bucket + 1) * steps / count)
}

/// Median, least and greatest of each bucket.
fn over_runs(runs: &[&[f32]], steps: usize, most: usize) -> [Vec<f64>; 3] {
    let mut columns = [const { Vec::new() }; 3];
    for bucket in buckets(steps, most) {
        let mut heap: Vec<f64> =
            runs.iter().flat_map(|run| run[bucket.clone()].iter().map(|&x| f64::from(x))).collect();
        heap.retain(|x| x.is_finite());
        heap.sort_by(f64::total_cmp);
        let ends = [heap.first(), heap.last()].map(|end| end.copied().unwrap_or(f64::NAN));
        for (column, value) in columns.iter_mut().zip([middle(&heap), ends[0], ends[1]]) {
            column.push(value);
        }
    }
    columns
}

fn middle(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// The series itself if it is short, else two numbers a bucket: its extremes as they followed each other.
fn extremes(run: &[f32], most: usize) -> Vec<f64> {
    if run.len() <= most {
        return run.iter().map(|&x| f64::from(x)).collect();
    }
    let pair = |bucket: Range<usize>| {
        let at = |greatest: bool| {
            let sign = if greatest { -1.0 } else { 1.0 };
            bucket.clone().min_by(|&a, &b| (sign * run[a]).total_cmp(&(sign * run[b]))).expect("no bucket is empty")
        };
        let (least, greatest) = (at(false), at(true));
        [least.min(greatest), least.max(greatest)].map(|step| f64::from(run[step]))
    };
    buckets(run.len(), most / 2).flat_map(pair).collect()
}

/// Each number as so many digits to the base 64; the greatest code is kept for what is not finite.
fn digits(values: impl Iterator<Item = f64>, [low, high]: [f64; 2], letters: u32) -> String {
    let missing = 64_u32.pow(letters) - 1;
    let parts = f64::from(missing - 1);
    let mut text = String::new();
    for value in values {
        let part = if high > low { (value - low) / (high - low) } else { 0.0 };
        let code = if value.is_finite() { (part * parts).round().clamp(0.0, parts) as u32 } else { missing };
        text.extend((0..letters).rev().map(|place| char::from(DIGITS[(code >> (6 * place)) as usize & 63])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: Points = Points { arm: 4, run: 4 };

    /// Reads digits back, as the page's script does.
    fn read(packed: &Packed, text: &str, letters: usize) -> Vec<f64> {
        let digit = |byte: u8| DIGITS.iter().position(|&digit| digit == byte).unwrap() as u32;
        let [low, high] = packed.range;
        let parts = f64::from(64_u32.pow(letters as u32) - 2);
        let number = |code: u32| low + f64::from(code) / parts * (high - low);
        let undo = |x: f64| if packed.log { x.exp() } else { x };
        let codes =
            text.as_bytes().chunks(letters).map(|word| word.iter().fold(0, |code, &byte| 64 * code + digit(byte)));
        codes.map(|code| if f64::from(code) > parts { f64::NAN } else { undo(number(code)) }).collect()
    }

    fn check(found: &[f64], expect: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expect.len());
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance || a.is_nan() && b.is_nan();
        assert!(found.iter().zip(expect).all(near), "{found:?}, expected {expect:?}");
    }

    #[test]
    fn a_short_series_is_kept_step_by_step() {
        let packed = pack(&[&[1.0, -2.0, 3.0], &[2.0, 0.0, 5.0]], POINTS).unwrap();
        check(&read(&packed, &packed.median, 3), &[1.5, -1.0, 4.0], 1e-4);
        check(&read(&packed, &packed.low, 2), &[1.0, -2.0, 3.0], 1e-2);
        check(&read(&packed, &packed.high, 2), &[2.0, 0.0, 5.0], 1e-2);
        check(&read(&packed, &packed.runs[1], 2), &[2.0, 0.0, 5.0], 1e-2);
    }

    #[test]
    fn a_jolt_of_one_step_is_not_lost_in_a_bucket() {
        let mut series = [1.0_f32; 1000];
        series[501] = 9.0;
        let packed = pack(&[&series], POINTS).unwrap();
        check(&read(&packed, &packed.median, 3), &[1.0; 4], 1e-4);
        check(&read(&packed, &packed.high, 2), &[1.0, 1.0, 9.0, 1.0], 1e-2);
        check(&read(&packed, &packed.runs[0], 2), &[1.0, 1.0, 1.0, 9.0], 1e-2);
    }

    #[test]
    fn small_and_large_positive_numbers_keep_their_digits() {
        let series = [1e-8_f32, 1e-4, 1.0];
        let packed = pack(&[&series], POINTS).unwrap();
        let found = read(&packed, &packed.median, 3);
        let relative: Vec<f64> = found.iter().zip(series).map(|(found, x)| found / f64::from(x)).collect();
        check(&relative, &[1.0; 3], 1e-4);
    }

    #[test]
    fn what_is_not_finite_is_missing_and_a_constant_is_itself() {
        let packed = pack(&[&[f32::NAN, 2.0, f32::INFINITY, 2.0]], POINTS).unwrap();
        check(&read(&packed, &packed.median, 3), &[f64::NAN, 2.0, f64::NAN, 2.0], 1e-12);
        assert!(pack(&[&[f32::NAN]], POINTS).is_none());
        assert!(pack(&[], POINTS).is_none());
    }

    #[test]
    fn buckets_cover_every_step_once() {
        for (steps, most) in [(0, 5), (3, 5), (5, 5), (7, 5), (20_000, 400)] {
            let found: Vec<Range<usize>> = buckets(steps, most).collect();
            assert_eq!(found.iter().map(|bucket| bucket.len()).sum::<usize>(), steps);
            assert!(found.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(found.iter().all(|bucket| !bucket.is_empty()));
        }
    }
}
