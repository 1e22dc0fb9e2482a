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

use results::{Benchmark, CountUnit, Direction, Interval, MetricValue};
use runner_shared::walltime::as_float;

use crate::record::{Better, Metric, MetricUnit};

/// Returns the values of a benchmark, and the key of the one that leads: the time that tables show first, the first
/// count that commands are compared by.
pub(super) fn recorded(of: Benchmark<'_>) -> (BTreeMap<String, Metric>, &'static str) {
    let mut metrics = BTreeMap::new();
    let mut intervals = Vec::new();
    for (row, value) in of.metrics() {
        let Some(unit) = unit(row.unit) else { continue };
        let better = match row.direction {
            Direction::Lower => Better::Lower,
            Direction::Higher => Better::Higher,
            Direction::Neither => Better::Neither,
        };
        let value = match value {
            Some(MetricValue::Real(number)) => number,
            Some(MetricValue::Whole(number)) => as_float(number),
            Some(MetricValue::Interval(interval)) => {
                intervals.push((row.key, interval));
                continue;
            }
            Some(MetricValue::Flag(_) | MetricValue::Text(_)) | None => continue,
        };
        put(&mut metrics, row.key, Metric { value, low: None, high: None, unit, better });
    }
    for (counter, count) in of.counters() {
        put(&mut metrics, counter.id, lower(as_float(count), counter_unit(counter.unit)));
    }
    if let Benchmark::Walltime(times) = of {
        for event in &times.counters {
            if let Some(count) = of.counted(&event.name) {
                put(&mut metrics, &event.name, lower(count, MetricUnit::Number));
            }
        }
    }
    for (key, interval) in intervals {
        fold(&mut metrics, key, interval);
    }
    let headline = headline(of, &metrics);
    (metrics, headline)
}

/// A value of which less is better.
pub(super) const fn lower(value: f64, unit: MetricUnit) -> Metric {
    Metric { value, low: None, high: None, unit, better: Better::Lower }
}

/// The unit of a count.
pub(super) const fn counter_unit(unit: CountUnit) -> MetricUnit {
    match unit {
        CountUnit::Number => MetricUnit::Number,
        CountUnit::Bytes => MetricUnit::Bytes,
        CountUnit::Cycles => MetricUnit::Cycles,
    }
}

/// JSON has no words for what is no number. The first value of a key stays.
fn put(metrics: &mut BTreeMap<String, Metric>, key: &str, metric: Metric) {
    if metric.value.is_finite() {
        metrics.entry(key.to_owned()).or_insert(metric);
    }
}

/// Puts both ends of an interval where its value is.
fn fold(metrics: &mut BTreeMap<String, Metric>, key: &str, Interval { low, high }: Interval) {
    if !(low.is_finite() && high.is_finite()) {
        return;
    }
    let plain = key.replace("_*_", "_");
    let of = if metrics.contains_key(&plain) { plain } else { key.replace('*', "median") };
    if let Some(metric) = metrics.get_mut(&of) {
        (metric.low, metric.high) = (Some(low), Some(high));
    }
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
