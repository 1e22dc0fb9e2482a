//! The registry of metrics: each value that is told of a benchmark by a name is a row here, in every mode and for every
//! export. Exporters take their columns and keys from these rows.
//!
//! The order of the rows is that of the keys in JSON and of the columns in tables; columns of CSV have numbers, as
//! scripts count them.

mod memory;
mod simulation;
mod walltime;

use runner_shared::{
    duration::show_nanos,
    mode::Mode,
    text::bytes,
    walltime::{as_float, as_whole},
};
use serde::Serialize;

use crate::{
    memory::MemoryResult,
    model::{BenchResult, Interval},
    report::Benchmark,
    simulation::{SimulationResult, View},
    text::{grouped, percent},
};

/// Rank of a metric that has no column: it is only shown of a benchmark alone.
pub(crate) const ALONE: u8 = u8::MAX;
/// Rank of a column for files and for terminals with room: the first one to go, and left out if the width is unknown.
pub(crate) const WIDE: u8 = u8::MAX - 1;
/// Columns of CSV with this number or a higher one stand behind those of verdicts.
pub(crate) const BEHIND_VERDICTS: u8 = 100;
/// Title of the column with the median wall time.
pub(crate) const MEDIAN: &str = "Median";
/// Title of the column with the time that other processes did not touch.
pub(crate) const UNDISTURBED: &str = "Undisturbed";

/// A named value of benchmarks of one mode.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name, which is the head of its column in CSV. In that of an interval, `*` stands for `low` and `high`.
    pub key: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// The values that are better.
    pub direction: Direction,
    /// Its place in a JSON object, keys from the outside in with periods between them. An object with a `?` is left out
    /// where nothing in it is known. `None` if JSON has it elsewhere or not at all.
    pub json: Option<&'static str>,
    /// Number of its column in CSV; `None` if it has none there.
    pub csv: Option<u8>,
    /// Head of its column in tables; `None` if it has none there.
    pub head: Option<Head>,
    /// Its name for programs that keep a few values of each benchmark, such as `latency`; `None` for values that are no
    /// curve of their own.
    pub measure: Option<&'static str>,
    get: Get,
}

/// The head of a column with numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its text.
    pub title: &'static str,
    /// The order in which columns go where a terminal is too narrow: the highest number first; 0 stays.
    pub expendable: u8,
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// Things.
    Number,
    /// Cycles of a model.
    Cycles,
    /// A part of a whole, which is 1.
    Share,
    /// Things per second: only results of other tools have that.
    PerSecond,
    /// None: a word, or yes or no.
    Word,
}

/// The values that are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Lower ones.
    Lower,
    /// Higher ones: throughput of other tools' results.
    Higher,
    /// Neither: it only describes.
    Neither,
}

/// The value of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    /// Any number.
    Real(f64),
    /// A count.
    Whole(u64),
    /// Yes or no.
    Flag(bool),
    /// A word or sentence.
    Text(String),
    /// A confidence interval.
    Interval(Interval),
}

/// The function that takes the value from a benchmark; its kind is the mode that has the metric.
#[derive(Debug, Clone, Copy)]
enum Get {
    Walltime(fn(&BenchResult) -> Option<Figure>),
    Simulation(fn(&SimulationResult, &View) -> Option<Figure>),
    Memory(fn(&MemoryResult) -> Option<Figure>),
}

/// A value with its words, where these are not just the number with its unit.
pub(crate) struct Figure {
    value: Value,
    text: Option<String>,
    full: Option<String>,
}

/// The rows of a mode.
#[derive(Debug, Clone, Copy)]
pub struct Metrics {
    /// Facts that identify a benchmark.
    pub facts: &'static [Metric],
    /// All that was measured of it.
    pub measured: &'static [Metric],
}

/// Returns the metrics that benchmarks of a mode have.
pub const fn metrics(mode: Mode) -> Metrics {
    match mode {
        Mode::Walltime => Metrics { facts: walltime::FACTS, measured: walltime::MEASURED },
        Mode::Simulation => Metrics { facts: simulation::FACTS, measured: simulation::MEASURED },
        Mode::Memory => Metrics { facts: memory::FACTS, measured: memory::MEASURED },
    }
}

impl Metrics {
    /// Returns the rows that CSV has, in the order of their columns.
    pub(crate) fn in_csv(self) -> Vec<&'static Metric> {
        let all = self.facts.iter().chain(self.measured);
        let mut rows: Vec<_> = all.filter_map(|row| Some((row.csv?, row))).collect();
        rows.sort_by_key(|(place, _)| *place);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl Benchmark<'_> {
    /// Returns everything that was measured of the benchmark, with `None` for what is not known.
    pub(crate) fn metrics(self) -> impl Iterator<Item = (&'static Metric, Option<Value>)> {
        metrics(self.mode()).measured.iter().map(move |metric| (metric, metric.value(self)))
    }
}

impl Metric {
    /// A row that no export has yet.
    const fn new(key: &'static str, unit: Unit, get: Get) -> Self {
        let direction = match unit {
            Unit::Word => Direction::Neither,
            Unit::Nanoseconds | Unit::Bytes | Unit::Number | Unit::Cycles | Unit::Share => {
                Direction::Lower
            }
            Unit::PerSecond => Direction::Higher,
        };
        Self { key, unit, direction, json: None, csv: None, head: None, measure: None, get }
    }

    /// The same row without a better direction.
    const fn neutral(self) -> Self {
        Self { direction: Direction::Neither, ..self }
    }

    /// The same row in JSON, by its own name.
    const fn json(self) -> Self {
        self.json_as(self.key)
    }

    /// The same row in JSON, at this place.
    const fn json_as(self, path: &'static str) -> Self {
        Self { json: Some(path), ..self }
    }

    /// The same row in CSV, as the column of this number.
    const fn csv(self, place: u8) -> Self {
        Self { csv: Some(place), ..self }
    }

    /// The same row as a column of tables.
    const fn column(self, title: &'static str, expendable: u8) -> Self {
        Self { head: Some(Head { title, expendable }), ..self }
    }

    /// The same row as a measure of this name.
    const fn measure(self, name: &'static str) -> Self {
        Self { measure: Some(name), ..self }
    }

    /// The same row as a line of a benchmark that is shown alone.
    const fn alone(self, title: &'static str) -> Self {
        self.column(title, ALONE)
    }

    /// Returns the value of this benchmark; `None` if it is not known, or the benchmark is one of another mode.
    pub(crate) fn value(&self, of: Benchmark<'_>) -> Option<Value> {
        self.figure(of).map(|figure| figure.value)
    }

    /// Returns the value as text, at more length if it is `full`.
    pub(crate) fn shown(&self, of: Benchmark<'_>, full: bool) -> Option<String> {
        let Figure { value, text, full: long } = self.figure(of)?;
        Some(long.filter(|_| full).or(text).unwrap_or_else(|| value.shown(self.unit)))
    }

    fn figure(&self, of: Benchmark<'_>) -> Option<Figure> {
        match (self.get, of) {
            (Get::Walltime(get), Benchmark::Walltime(of)) => get(of),
            (Get::Simulation(get), Benchmark::Simulation(of, view)) => get(of, &view),
            (Get::Memory(get), Benchmark::Memory(of)) => get(of),
            _ => None,
        }
    }

    /// Returns the heads of its columns in CSV.
    pub(crate) fn csv_heads(&self) -> impl Iterator<Item = String> {
        let ends: &[&str] = if self.key.contains('*') { &["low", "high"] } else { &[""] };
        ends.iter().map(|end| self.key.replace('*', end))
    }

    /// Returns the fields below them, empty if the value is not known.
    pub(crate) fn csv_fields(&self, of: Benchmark<'_>) -> Vec<String> {
        match self.value(of) {
            Some(Value::Real(number)) => vec![number.to_string()],
            Some(Value::Whole(number)) => vec![number.to_string()],
            Some(Value::Flag(flag)) => vec![flag.to_string()],
            Some(Value::Text(text)) => vec![text],
            Some(Value::Interval(Interval { low, high })) => {
                vec![low.to_string(), high.to_string()]
            }
            None => self.csv_heads().map(|_| String::new()).collect(),
        }
    }
}

impl Value {
    /// Returns it as people read it.
    fn shown(&self, unit: Unit) -> String {
        let number = match self {
            Self::Real(number) => *number,
            Self::Whole(number) => as_float(*number),
            Self::Flag(flag) => return flag.to_string(),
            Self::Text(text) => return text.clone(),
            Self::Interval(Interval { low, high }) => {
                let [low, high] = [low, high].map(|end| Self::Real(*end).shown(unit));
                return format!("{low} to {high}");
            }
        };
        match (unit, self) {
            (Unit::Nanoseconds, _) => show_nanos(number),
            (Unit::Share, _) => percent(number),
            (Unit::Bytes, Self::Whole(number)) => bytes(*number),
            (Unit::Bytes, _) => bytes(as_whole(number)),
            (Unit::PerSecond, _) => format!("{}/s", grouped(as_whole(number))),
            (Unit::Number | Unit::Cycles | Unit::Word, Self::Whole(number)) => grouped(*number),
            (Unit::Number | Unit::Cycles | Unit::Word, _) => grouped(as_whole(number)),
        }
    }
}

impl Figure {
    /// The same value in these words.
    fn said(self, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// The same value in these words where there is more room.
    fn at_length(self, text: impl Into<String>) -> Self {
        Self { full: Some(text.into()), ..self }
    }
}

/// A value, if it is known.
fn known(value: Option<impl Into<Value>>) -> Option<Figure> {
    Some(Figure { value: value?.into(), text: None, full: None })
}

/// A value in these words.
fn said(value: impl Into<Value>, text: impl Into<String>) -> Option<Figure> {
    Some(known(Some(value))?.said(text))
}

/// Makes values of these types.
macro_rules! values {
    ($($of:ty, $from:ident => $value:expr);* $(;)?) => {
        $(impl From<$of> for Value {
            fn from($from: $of) -> Self {
                $value
            }
        })*
    };
}

values! {
    f64, number => Self::Real(number);
    u64, number => Self::Whole(number);
    u32, number => Self::Whole(number.into());
    bool, flag => Self::Flag(flag);
    String, text => Self::Text(text);
    &String, text => Self::Text(text.clone());
    &str, text => Self::Text(text.to_owned());
    Interval, interval => Self::Interval(interval);
}

#[cfg(test)]
mod tests;
