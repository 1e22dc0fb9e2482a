//! Benchmarks as JSON lines: the lines `benchmark_ran` and `compared` of `--message-format json`, so that one reader
//! reads both. The README of the workspace describes the keys. They are only ever added within a version.

use std::{collections::BTreeMap, io};

use runner_shared::mode::Mode;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    measured::{End, Measured, Quantity},
    metrics::{Direction, Unit},
    model::Interval,
    report::{Compared, Report},
};

/// Version of the schema of JSON lines.
pub const LINES_SCHEMA: u32 = 1;

/// One benchmark: the keys of a line `benchmark_ran` besides `schema` and `event`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchmarkLine {
    /// Name as shown; not unique, and may hold any character.
    pub name: String,
    /// Identity.
    pub uri: String,
    /// Word of its mode.
    pub mode: &'static str,
    /// `complete`, `failed` or `interrupted`.
    pub outcome: &'static str,
    /// The one number, as the service has it: seconds, bytes in memory mode.
    pub value: Option<f64>,
    /// Unit of the value.
    pub unit: &'static str,
    /// The other numbers of the results file.
    pub stats: Map<String, Value>,
    /// The value as text, as it was before there was a schema.
    pub time: Option<String>,
    /// All numbers by the names of the registry of metrics.
    pub metrics: BTreeMap<String, MetricLine>,
}

/// A number of a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MetricLine {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<f64>,
    unit: &'static str,
    better: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    #[serde(flatten)]
    message: Message<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Message<'a> {
    BenchmarkRan(BenchmarkLine),
    Compared { comparison: &'a Value },
}

impl BenchmarkLine {
    /// Returns the line of a benchmark.
    pub fn of(of: &Measured) -> Self {
        let value = of.headline().map(|one| match one.unit {
            Unit::Nanoseconds => one.value / 1e9,
            Unit::Bytes
            | Unit::Number
            | Unit::Cycles
            | Unit::Share
            | Unit::PerSecond
            | Unit::Word => one.value,
        });
        let usual = match of.mode {
            Mode::Walltime | Mode::Simulation => Unit::Nanoseconds,
            Mode::Memory => Unit::Bytes,
        };
        let unit = of.headline().map_or(usual, |one| one.unit);
        Self {
            name: of.name.clone(),
            uri: of.uri.clone(),
            mode: of.mode.names().cli,
            outcome: match of.end {
                End::Complete | End::Regressed(_) => "complete",
                End::Failed(_) => "failed",
                End::Interrupted => "interrupted",
            },
            value,
            unit: if unit == Unit::Nanoseconds { "s" } else { symbol(unit) },
            stats: of.stats.clone(),
            time: value.map(|value| value.to_string()),
            metrics: of
                .quantities
                .iter()
                .map(|one| (one.key.clone(), MetricLine::of(one)))
                .collect(),
        }
    }
}

impl MetricLine {
    fn of(of: &Quantity) -> Self {
        Self {
            value: of.value,
            low: of.interval.map(|Interval { low, .. }| low),
            high: of.interval.map(|Interval { high, .. }| high),
            unit: symbol(of.unit),
            better: match of.better {
                Direction::Lower => "lower",
                Direction::Higher => "higher",
                Direction::Neither => "neither",
            },
        }
    }
}

/// The unit of a number as other programs write it; `1` for things.
pub(super) const fn symbol(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "ns",
        Unit::Bytes => "B",
        Unit::Number | Unit::Word => "1",
        Unit::Cycles => "cycles",
        Unit::Share => "share",
        Unit::PerSecond => "1/s",
    }
}

/// Writes a line for each benchmark and each comparison.
pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    write_measured(&report.measured(), out)?;
    let compared = report.comparisons();
    let compared: Vec<Value> = compared.iter().map(Compared::to_json).collect::<Result<_, _>>()?;
    write_compared(&compared, out)
}

/// Writes a line for each benchmark.
pub(super) fn write_measured(all: &[Measured], out: &mut dyn io::Write) -> io::Result<()> {
    let message = |of| Message::BenchmarkRan(BenchmarkLine::of(of));
    all.iter().map(message).try_for_each(|message| write_line(message, out))
}

/// Writes a line for each verdict.
pub(super) fn write_compared(all: &[Value], out: &mut dyn io::Write) -> io::Result<()> {
    let message = |comparison| Message::Compared { comparison };
    all.iter().map(message).try_for_each(|message| write_line(message, out))
}

fn write_line(message: Message<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line { schema: LINES_SCHEMA, message })?;
    writeln!(out)
}
