//! Statistics of rounds: the summary that the service and the table show. Pure functions.
//!
//! Quartiles are "exclusive" (Hyndman and Fan type 6), the standard deviation is the sample's,
//! as in pytest-codspeed.

use serde::{Deserialize, Serialize};

use super::{duration, quartile, whole_number};

/// Rounds further than this many standard deviations from the mean are outliers.
const STDEV_OUTLIER_FACTOR: f64 = 3.0;
/// Rounds further than this many interquartile ranges outside the quartiles are outliers.
const IQR_OUTLIER_FACTOR: f64 = 1.5;

/// The summary of one benchmark. Times are nanoseconds per iteration, except `total_time`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkStats {
    /// Fastest round.
    #[serde(deserialize_with = "duration")]
    pub min_ns: f64,
    /// Slowest round.
    #[serde(deserialize_with = "duration")]
    pub max_ns: f64,
    /// Mean of the rounds.
    #[serde(deserialize_with = "duration")]
    pub mean_ns: f64,
    /// Sample standard deviation; 0 for fewer than two rounds.
    #[serde(deserialize_with = "duration")]
    pub stdev_ns: f64,
    /// Lower quartile.
    #[serde(deserialize_with = "quartile")]
    pub q1_ns: f64,
    /// Median.
    #[serde(deserialize_with = "duration")]
    pub median_ns: f64,
    /// Upper quartile.
    #[serde(deserialize_with = "quartile")]
    pub q3_ns: f64,
    /// Number of measured rounds.
    #[serde(deserialize_with = "whole_number")]
    pub rounds: u64,
    /// Sum of all rounds in **seconds**.
    #[serde(deserialize_with = "duration")]
    pub total_time: f64,
    /// Rounds outside the quartiles by more than 1.5 interquartile ranges.
    #[serde(deserialize_with = "whole_number")]
    pub iqr_outlier_rounds: u64,
    /// Rounds more than 3 standard deviations from the mean.
    #[serde(deserialize_with = "whole_number")]
    pub stdev_outlier_rounds: u64,
    /// Iterations per round, rounded down when it varies.
    #[serde(deserialize_with = "whole_number")]
    pub iter_per_round: u64,
    /// Iterations before the measurement.
    #[serde(deserialize_with = "whole_number")]
    pub warmup_iters: u64,
}

impl BenchmarkStats {
    /// Summarises rounds of one iteration each, given in nanoseconds.
    pub fn of_rounds(times_ns: &[u64], warmup_iters: u64) -> Self {
        let times: Vec<f64> = times_ns.iter().map(|time| as_float(*time)).collect();
        Self { warmup_iters, ..Self::of_times(&times) }
    }

    /// Summarises rounds of one iteration each that are no whole nanoseconds.
    pub fn of_times(times_ns: &[f64]) -> Self {
        let mut times = times_ns.to_vec();
        times.sort_by(f64::total_cmp);
        let (Some(min_ns), Some(max_ns)) = (times.first().copied(), times.last().copied()) else {
            return Self::default();
        };
        let n = count(times.len());
        let sum: f64 = times.iter().sum();
        let mean_ns = sum / n;
        let squares: f64 = times.iter().map(|time| (time - mean_ns).powi(2)).sum();
        let stdev_ns = if times.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 };
        let (q1_ns, q3_ns) = (quantile(&times, 0.25), quantile(&times, 0.75));
        let fence = IQR_OUTLIER_FACTOR * (q3_ns - q1_ns);
        Self {
            min_ns,
            max_ns,
            mean_ns,
            stdev_ns,
            q1_ns,
            median_ns: quantile(&times, 0.5),
            q3_ns,
            rounds: how_many(&times, |_| true),
            total_time: sum / 1e9,
            iqr_outlier_rounds: how_many(&times, |time| {
                time < q1_ns - fence || time > q3_ns + fence
            }),
            stdev_outlier_rounds: how_many(&times, |time| {
                (time - mean_ns).abs() > STDEV_OUTLIER_FACTOR * stdev_ns
            }),
            iter_per_round: 1,
            warmup_iters: 0,
        }
    }
}

fn how_many(times: &[f64], which: impl Fn(f64) -> bool) -> u64 {
    u64::try_from(times.iter().filter(|time| which(**time)).count()).unwrap_or(u64::MAX)
}

/// Nanoseconds as floats, ascending.
pub fn sorted(times_ns: &[u64]) -> Vec<f64> {
    let mut times: Vec<f64> = times_ns.iter().map(|time| as_float(*time)).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// The `p` quantile (0 to 1) of ascending values: position `p * (n + 1)`, linear in between.
///
/// The median is the usual one. Two values are interpolated between, and never left, so that a
/// quartile is always inside the data. No values give 0.
pub fn quantile(ascending: &[f64], p: f64) -> f64 {
    let (Some(first), Some(last)) = (ascending.first(), ascending.last()) else {
        return 0.0;
    };
    let n = count(ascending.len());
    let position = if ascending.len() == 2 { p } else { (p * (n + 1.0) - 1.0).clamp(0.0, n - 1.0) };
    let below = position.floor();
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the indices of the slice"
    )]
    let index = below as usize;
    let low = ascending.get(index).unwrap_or(first);
    let high = ascending.get(index + 1).unwrap_or(last);
    // Exactly `low` when nothing lies in between, so that equal data give equal quantiles.
    low + (high - low) * (position - below)
}

/// The median of values in any order; `None` of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| quantile(&sorted, 0.5))
}

/// Half the width of the 95 % interval of the median, as a share of the median.
///
/// Distribution free, from order statistics: ranks `n/2 -+ 0.98 * sqrt(n)` (normal approximation
/// of the binomial, good from about ten values). `None` below ten values or for a median of 0.
/// Cheap enough to be asked while measuring; the table uses the bootstrap.
pub fn median_half_width(ascending: &[f64]) -> Option<f64> {
    if ascending.len() < 10 {
        return None;
    }
    let n = count(ascending.len());
    let reach = 0.98 / n.sqrt();
    let low = quantile(ascending, (0.5 - reach).max(0.0));
    let high = quantile(ascending, (0.5 + reach).min(1.0));
    let median = quantile(ascending, 0.5);
    (median > 0.0).then(|| (high - low) / 2.0 / median)
}

fn count(len: usize) -> f64 {
    as_float(u64::try_from(len).unwrap_or(u64::MAX))
}

/// A count or a time as a float.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "exact up to 2^53: more rounds than fit in memory, or 104 days in nanoseconds"
)]
pub fn as_float(number: u64) -> f64 {
    number as f64
}

/// Returns the nearest whole number; what is negative or too large becomes the nearest that there is.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded; what is negative or too large saturates"
)]
pub fn as_whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{got} != {expected}");
    }

    fn stats(times: &[u64]) -> BenchmarkStats {
        BenchmarkStats::of_rounds(times, 0)
    }

    #[test]
    fn vectors_of_the_specification() {
        let five = stats(&[100, 200, 300, 400, 600]);
        close(five.mean_ns, 320.0);
        close(five.median_ns, 300.0);
        close(five.q1_ns, 150.0);
        close(five.q3_ns, 500.0);
        close(five.stdev_ns, 37000f64.sqrt());
        close(five.total_time, 1.6e-6);
        assert_eq!((five.iqr_outlier_rounds, five.stdev_outlier_rounds, five.rounds), (0, 0, 5));

        let nine = stats(&[10, 20, 30, 40, 50, 60, 70, 80, 90]);
        assert_eq!((nine.q1_ns, nine.q3_ns), (25.0, 75.0));
        let eight = stats(&[10, 20, 30, 40, 50, 60, 70, 80]);
        assert_eq!((eight.q1_ns, eight.median_ns, eight.q3_ns), (22.5, 45.0, 67.5));
        let tail = stats(&[100, 110, 120, 130, 140, 500]);
        assert_eq!((tail.q1_ns, tail.q3_ns, tail.iqr_outlier_rounds), (107.5, 230.0, 1));

        let mut spike = vec![1; 16];
        spike.push(50);
        let spike = stats(&spike);
        close(spike.mean_ns, 3.882_352_941_176_470_6);
        close(spike.stdev_ns, 11.884_245_626_780_316);
        assert_eq!(spike.stdev_outlier_rounds, 1);

        let two = stats(&[100, 200]);
        close(two.stdev_ns, 70.710_678_118_654_76);
        assert_eq!((two.q1_ns, two.median_ns, two.q3_ns), (125.0, 150.0, 175.0));
        let one = stats(&[42]);
        assert_eq!((one.q1_ns, one.median_ns, one.q3_ns, one.stdev_ns), (42.0, 42.0, 42.0, 0.0));
        assert_eq!(stats(&[]), BenchmarkStats::default());
    }

    #[test]
    fn the_interval_of_the_median_narrows_with_more_rounds() {
        let few: Vec<f64> = (0..20).map(|i| 100.0 + f64::from(i)).collect();
        let many: Vec<f64> = (0..2000).map(|i| 100.0 + f64::from(i) / 100.0).collect();
        assert!(median_half_width(&few).unwrap() > 5.0 * median_half_width(&many).unwrap());
        assert_eq!(median_half_width(&few[..9]), None);
        assert_eq!(median_half_width(&[0.0; 10]), None);
    }

    proptest! {
        #[test]
        fn quantiles_are_ordered_and_inside_the_data(times in prop::collection::vec(0u64..1_000_000, 1..50)) {
            let stats = stats(&times);
            let chain = [stats.min_ns, stats.q1_ns, stats.median_ns, stats.q3_ns, stats.max_ns];
            prop_assert!(chain.is_sorted(), "{chain:?}");
            prop_assert!(stats.min_ns <= stats.mean_ns + 1e-6 && stats.mean_ns <= stats.max_ns + 1e-6);
        }
    }
}
