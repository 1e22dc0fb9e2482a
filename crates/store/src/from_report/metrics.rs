//! The values of a benchmark, by keys that never change their meaning.
//!
//! All rows of the registry of metrics (`results/src/metrics/`) that are numbers, by their keys there, and these:
//!
//! | key | mode | value |
//! |---|---|---|
//! | `instructions` | simulation | instructions executed, without those of allocators if they are excluded |
//! | `estimated_cycles` | simulation | cycles by the cost model, as commands are compared by |
//! | `l1_misses` | simulation | misses of the first-level caches: instructions, reads and writes |
//! | `ll_misses` | simulation | misses of the last-level cache: instructions, reads and writes |
//! | `syscalls` | simulation | system calls |
//! | `peak_bytes` | memory | the most bytes that were live at a time |
//! | `total_bytes` | memory | bytes that were asked for |
//! | `allocations` | memory | calls that asked for them |
//! | the name of an event | walltime | its median over the rounds (`--counters`): `branch-misses` |
//!
//! An interval of the registry is the `low` and `high` of its value: `median_*_ns` of `median_ns`, `robust_*_ns` of
//! `robust_median_ns`.

use std::collections::BTreeMap;

use results::{Benchmark, Direction, Interval, Quantity};
use runner_shared::walltime::as_float;

use crate::record::{Better, Metric, MetricUnit};

/// Returns the values of a benchmark, and the key of the one that leads: the time that tables show first, the first
/// count that commands are compared by.
pub(super) fn recorded(of: Benchmark<'_>) -> (BTreeMap<String, Metric>, &'static str) {
    // The first value of a key stays.
    let mut metrics = BTreeMap::new();
    for one in of.quantities() {
        let Some(metric) = metric(&one) else { continue };
        metrics.entry(one.key).or_insert(metric);
    }
    for (counter, count) in of.counters() {
        let metric = lower(as_float(count), counter.unit.into());
        metrics.entry(counter.id.to_owned()).or_insert(metric);
    }
    let headline = headline(of, &metrics);
    (metrics, headline)
}

/// A value of which less is better.
pub(super) const fn lower(value: f64, unit: MetricUnit) -> Metric {
    Metric { value, low: None, high: None, unit, better: Better::Lower }
}

/// A number as a record keeps it; `None` of a word, and of what is no number.
fn metric(of: &Quantity) -> Option<Metric> {
    let better = match of.better {
        Direction::Lower => Better::Lower,
        Direction::Higher => Better::Higher,
        Direction::Neither => Better::Neither,
    };
    let interval = of.interval.filter(|ends| ends.low.is_finite() && ends.high.is_finite());
    let (low, high) = interval.map(|Interval { low, high }| (low, high)).unzip();
    let metric = Metric { value: of.value, low, high, unit: unit(of.unit)?, better };
    // What is no number, as of nothing divided by nothing, is left out: a record with it could not be kept.
    metric.is_finite().then_some(metric)
}

const fn unit(unit: results::MetricUnit) -> Option<MetricUnit> {
    Some(match unit {
        results::MetricUnit::Nanoseconds => MetricUnit::Nanoseconds,
        results::MetricUnit::Bytes => MetricUnit::Bytes,
        results::MetricUnit::Number => MetricUnit::Number,
        results::MetricUnit::Cycles => MetricUnit::Cycles,
        results::MetricUnit::Share => MetricUnit::Share,
        results::MetricUnit::PerSecond => MetricUnit::PerSecond,
        results::MetricUnit::Word => return None,
    })
}

fn headline(of: Benchmark<'_>, metrics: &BTreeMap<String, Metric>) -> &'static str {
    match of {
        Benchmark::Walltime(of) if of.undisturbed().is_some() => "robust_median_ns",
        Benchmark::Walltime(_) => "median_ns",
        // Of a file without instructions, whatever is there.
        Benchmark::Simulation(..) if !metrics.contains_key("instructions") => "estimate_ns",
        Benchmark::Simulation(..) => "instructions",
        Benchmark::Memory(_) => "peak_bytes",
    }
}
