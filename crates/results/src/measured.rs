//! Results as other programs take them: benchmarks with named numbers, whatever has measured them. Reports, comparisons
//! of suites and kept runs all become this, so that a format for other programs is written once.

use std::collections::{BTreeMap, HashMap};

use runner_shared::{artifact::Outcome, mode::Mode, walltime::as_float};
use serde_json::{Map, Value};

use crate::{
    counts::CountUnit,
    metrics::{self, Direction, Metric, Unit, metrics},
    model::Interval,
    report::{Benchmark, Report},
    suite::{CounterFinding, Evidence, SuiteBenchmark, SuiteComparison, SuiteVerdict},
    text::numbered,
};

/// One benchmark with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Name as shown; not unique, and may hold any character.
    pub name: String,
    /// Identity within its mode.
    pub uri: String,
    /// The way in which it was measured.
    pub mode: Mode,
    /// 1 for the first measurement of its identity, 2 for the next.
    pub occurrence: u32,
    /// Its end.
    pub end: End,
    /// Key of the quantity that leads.
    pub headline: String,
    /// Its numbers, all finite, each key once.
    pub quantities: Vec<Quantity>,
    /// The summary of the results file, where there is one.
    pub stats: Map<String, Value>,
    /// Sentences about it, for people.
    pub remarks: Vec<String>,
}

/// The end of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All of it was run.
    Complete,
    /// It failed, for this reason.
    Failed(String),
    /// The user ended the run.
    Interrupted,
    /// All of it was run, and it is worse than its base, as this sentence says.
    Regressed(String),
}

/// A named number.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// Its name: that of the registry of metrics where it is one of ours.
    pub key: String,
    /// Its name for programs that keep a few values of each benchmark; `None` for values that are no curve of their own.
    pub measure: Option<String>,
    /// Its unit.
    pub unit: Unit,
    /// The values that are better.
    pub better: Direction,
    /// The number.
    pub value: f64,
    /// Its 95 % interval (99 % of comparisons).
    pub interval: Option<Interval>,
}

impl Measured {
    /// Returns the quantity that leads.
    pub fn headline(&self) -> Option<&Quantity> {
        self.quantities.iter().find(|one| one.key == self.headline)
    }

    /// Returns its name with its number, if it was measured before.
    pub(crate) fn full_name(&self) -> String {
        numbered(&self.name, self.occurrence)
    }

    /// Returns true if its numbers are those of all of it.
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self.end, End::Complete | End::Regressed(_))
    }
}

impl Quantity {
    /// Returns the row of the registry with the key of this quantity.
    pub(crate) fn metric(&self, mode: Mode) -> Option<&'static Metric> {
        metrics(mode).measured.iter().find(|row| row.key == self.key)
    }

    /// Returns the name that programs know it by which keep a few values of each benchmark: that of the registry; of
    /// values that are not in it, the key with hyphens. A statistic of times or a rate that leads is what they call
    /// `latency` and `throughput`.
    pub fn measure_of(key: &str, mode: Mode, unit: Unit, leads: bool) -> Option<String> {
        let row = metrics(mode).measured.iter().find(|row| row.key == key);
        let known = row.and_then(|row| row.measure).map(str::to_owned);
        let leading = match unit {
            Unit::Nanoseconds if row.is_some() => Some("latency"),
            Unit::PerSecond => Some("throughput"),
            Unit::Nanoseconds
            | Unit::Bytes
            | Unit::Number
            | Unit::Cycles
            | Unit::Share
            | Unit::Word => None,
        };
        let by_place = leading.filter(|_| leads).map(str::to_owned);
        let by_key = || row.is_none().then(|| key.replace('_', "-"));
        known.or(by_place).or_else(by_key)
    }
}

impl Report {
    /// Returns all benchmarks with their numbers, in the order of the run.
    pub fn measured(&self) -> Vec<Measured> {
        with_numbers(self.benchmarks().into_iter().map(measured).collect())
    }
}

impl SuiteComparison {
    /// Returns the benchmarks of both sides with the numbers of head, and what was found about them.
    pub(crate) fn measured_heads(&self) -> Vec<Measured> {
        with_numbers(self.benchmarks.iter().map(|one| compared(one, self.mode)).collect())
    }
}

/// The same benchmarks, each with its number among those of its identity.
fn with_numbers(mut all: Vec<Measured>) -> Vec<Measured> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    for one in &mut all {
        let count = seen.entry(one.uri.clone()).or_default();
        *count += 1;
        one.occurrence = *count;
    }
    all
}

fn measured(of: Benchmark<'_>) -> Measured {
    let end = match of.outcome() {
        Outcome::Complete => End::Complete,
        Outcome::Failed { reason } => End::Failed(reason.clone()),
        Outcome::Interrupted => End::Interrupted,
    };
    let headline = match of.mode() {
        Mode::Walltime => "median_ns",
        Mode::Simulation => "estimate_ns",
        Mode::Memory => "peak_bytes",
    };
    Measured {
        name: of.name().to_owned(),
        uri: of.uri().to_owned(),
        mode: of.mode(),
        occurrence: of.occurrence(),
        end,
        headline: headline.to_owned(),
        quantities: of.quantities(),
        stats: of.stats(),
        remarks: of.notes().to_vec(),
    }
}

impl Benchmark<'_> {
    /// Returns all finite numbers of the benchmark: those of the registry, and the events that were counted. An interval,
    /// which is a row of its own there, is with its number.
    pub fn quantities(self) -> Vec<Quantity> {
        let mut quantities = by_registry(self);
        for event in self.counted_events() {
            let counted = self.counted(event).filter(|value| value.is_finite());
            quantities.extend(counted.map(|value| Quantity {
                key: event.to_owned(),
                measure: Some(event.to_owned()),
                unit: Unit::Number,
                better: Direction::Lower,
                value,
                interval: None,
            }));
        }
        quantities
    }
}

fn by_registry(of: Benchmark<'_>) -> Vec<Quantity> {
    let mut intervals = BTreeMap::new();
    let mut quantities = Vec::new();
    for (row, value) in of.metrics() {
        let value = match value {
            Some(metrics::Value::Real(value)) => value,
            Some(metrics::Value::Whole(value)) => as_float(value),
            Some(metrics::Value::Interval(interval)) => {
                if interval.low.is_finite() && interval.high.is_finite() {
                    intervals.insert(row.key, interval);
                }
                continue;
            }
            Some(metrics::Value::Flag(_) | metrics::Value::Text(_)) | None => continue,
        };
        if value.is_finite() {
            quantities.push(Quantity {
                key: row.key.to_owned(),
                measure: row.measure.map(str::to_owned),
                unit: row.unit,
                better: row.direction,
                value,
                interval: None,
            });
        }
    }
    for (key, interval) in intervals {
        // `median_*_ns` is about `median_ns`, `robust_*_ns` about `robust_median_ns`.
        let names = [key.replace("_*", ""), key.replace('*', "median")];
        let place = |name: &String| quantities.iter().position(|one| one.key == *name);
        let found = names.iter().find_map(place).and_then(|place| quantities.get_mut(place));
        if let Some(quantity) = found {
            quantity.interval = Some(interval);
        }
    }
    quantities
}

/// A benchmark of both sides.
fn compared(of: &SuiteBenchmark, mode: Mode) -> Measured {
    let SuiteBenchmark { name, uri, found } = of;
    let sentence = of.sentence();
    let end = match found.verdict {
        SuiteVerdict::Regressed => End::Regressed(sentence.clone()),
        SuiteVerdict::Improved | SuiteVerdict::Unchanged | SuiteVerdict::Inconclusive(_) => {
            End::Complete
        }
    };
    let number = |key: &str, unit, value| Quantity {
        key: key.to_owned(),
        measure: None,
        unit,
        better: Direction::Lower,
        value,
        interval: None,
    };
    let mut quantities = Vec::new();
    let headline = match &found.evidence {
        Evidence::Times { .. } => {
            // Verdicts count picoseconds.
            let head = number("head_ns", Unit::Nanoseconds, found.head / 1e3);
            quantities.push(Quantity { measure: Some("latency".to_owned()), ..head });
            quantities.push(number("base_ns", Unit::Nanoseconds, found.base / 1e3));
            "head_ns"
        }
        Evidence::Counts(findings) => {
            quantities.extend(findings.iter().map(|finding| counted(finding, mode)));
            findings.first().map_or("", |first| first.counter.id)
        }
    };
    if let Some(ratio) = found.ratio {
        let ratio = number("ratio", Unit::Share, ratio);
        quantities.push(Quantity { interval: found.interval, ..ratio });
    }
    quantities.retain(|one| one.value.is_finite());
    Measured {
        name: name.clone(),
        uri: uri.clone(),
        mode,
        occurrence: 1,
        end,
        headline: headline.to_owned(),
        quantities,
        stats: Map::new(),
        remarks: vec![sentence],
    }
}

/// A count of head.
fn counted(finding: &CounterFinding, mode: Mode) -> Quantity {
    let unit = match finding.counter.unit {
        CountUnit::Number => Unit::Number,
        CountUnit::Bytes => Unit::Bytes,
        CountUnit::Cycles => Unit::Cycles,
    };
    Quantity {
        key: finding.counter.id.to_owned(),
        measure: Quantity::measure_of(finding.counter.id, mode, unit, false),
        unit,
        better: Direction::Lower,
        value: finding.latest().head,
        interval: None,
    }
}
