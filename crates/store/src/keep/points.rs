//! The values of benchmarks over many runs, as compact as millions of them need it.

use super::Entry;
use crate::{Better, Metric, MetricUnit, Mode};

/// A benchmark in all its runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BenchmarkKey {
    /// The mode of its part.
    pub mode: Mode,
    /// Identity within its mode.
    pub uri: String,
    /// 1 for the first measurement of its identity in a run, 2 for the next.
    pub occurrence: u32,
    /// Name as shown, as its newest record has it.
    pub name: String,
}

/// Values of benchmarks over some runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The runs, the newest first.
    pub runs: Vec<Entry>,
    /// The benchmarks that have a value in one of them, by mode, name and identity.
    pub series: Vec<Series>,
    /// Keys of the metrics that points name.
    pub metrics: Vec<String>,
}

/// Values of one benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The benchmark.
    pub benchmark: BenchmarkKey,
    /// Its values, the newest first; at most one for each run.
    pub points: Vec<Point>,
}

/// A value of one run: 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The value.
    pub value: f64,
    /// Its interval; without one both are no number.
    low: f64,
    high: f64,
    /// Place of its run in [`History::runs`].
    pub run: u32,
    /// Place of its key in [`History::metrics`].
    pub metric: u16,
    /// The unit.
    pub unit: MetricUnit,
    /// The values that are better.
    pub better: Better,
}

impl Point {
    /// Returns the value of a metric in a run.
    pub(super) fn new(metric: &Metric, run: u32, key: u16) -> Self {
        let Metric { value, low, high, unit, better } = *metric;
        let end = |end: Option<f64>| end.unwrap_or(f64::NAN);
        Self { value, low: end(low), high: end(high), run, metric: key, unit, better }
    }

    /// Returns the ends of its 95 % interval, if there is one.
    pub fn interval(&self) -> Option<(f64, f64)> {
        (!self.low.is_nan() && !self.high.is_nan()).then_some((self.low, self.high))
    }
}
