//! Histories for other programs: written value by value, as there may be millions of them.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{Change, Expected, History, Point};
use crate::{Better, MetricUnit, shown};

/// Writes the histories as JSON, a line for each value, with a final line break. Times are those of the starts of runs.
///
/// # Errors
///
/// Those of the writer.
pub fn json(histories: &[History<'_>], out: &mut dyn Write) -> io::Result<()> {
    let document = Document { version: 1, histories: Histories(histories) };
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Lines))?;
    writeln!(out)
}

/// A line for each element of a list, so that whoever prints them can do so in pieces.
struct Lines;

impl serde_json::ser::Formatter for Lines {
    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"\n" } else { b",\n" })
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    histories: Histories<'a>,
}

struct Histories<'a>(&'a [History<'a>]);

impl Serialize for Histories<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(HistoryKeys::of))
    }
}

#[derive(Serialize)]
struct HistoryKeys<'a> {
    name: &'a str,
    uri: &'a str,
    occurrence: u32,
    mode: &'static str,
    metric: &'a str,
    unit: MetricUnit,
    better: Better,
    points: Points<'a>,
    changes: Vec<ChangeKeys<'a>>,
    expected: Option<Expected>,
}

impl<'a> HistoryKeys<'a> {
    fn of(history: &'a History<'a>) -> Self {
        let series = &history.series;
        Self {
            name: &series.name,
            uri: &series.uri,
            occurrence: series.occurrence,
            mode: shown::mode(series.mode),
            metric: &series.metric,
            unit: series.unit,
            better: series.better,
            points: Points(history),
            changes: history.changes.iter().map(|it| ChangeKeys::of(history, it)).collect(),
            expected: history.expected,
        }
    }
}

struct Points<'a>(&'a History<'a>);

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let points = self.0.series.points.iter();
        serializer.collect_seq(points.map(|point| PointKeys::of(self.0, point)))
    }
}

#[derive(Serialize)]
struct PointKeys<'a> {
    run: Option<String>,
    time: Option<String>,
    time_ms: Option<u64>,
    commit: Option<&'a str>,
    branch: Option<&'a str>,
    environment: u32,
    fingerprint: Option<&'a str>,
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
}

impl<'a> PointKeys<'a> {
    fn of(history: &History<'a>, point: &Point) -> Self {
        let origin = history.origins.get(point);
        Self {
            run: origin.map(|origin| origin.run.to_string()),
            time: origin.map(|origin| shown::moment(origin.time_ms)),
            time_ms: origin.map(|origin| origin.time_ms),
            commit: origin.and_then(|origin| origin.commit.as_deref()),
            branch: origin.and_then(|origin| origin.branch.as_deref()),
            environment: history.origins.environment(point),
            fingerprint: origin.map(|origin| origin.fingerprint.as_str()),
            value: point.value,
            low: point.interval.map(|(low, _)| low),
            high: point.interval.map(|(_, high)| high),
        }
    }
}

#[derive(Serialize)]
struct ChangeKeys<'a> {
    point: usize,
    run: Option<String>,
    commit: Option<&'a str>,
    before: f64,
    after: f64,
    ratio: Option<f64>,
    worse: bool,
    p: f64,
}

impl<'a> ChangeKeys<'a> {
    fn of(history: &History<'a>, change: &Change) -> Self {
        let origin = history.origin(change.at);
        Self {
            point: change.at,
            run: origin.map(|origin| origin.run.to_string()),
            commit: origin.and_then(|origin| origin.commit.as_deref()),
            before: change.before,
            after: change.after,
            ratio: change.ratio(),
            worse: change.is_worse(history.series.better),
            p: change.p,
        }
    }
}

/// Writes the values as CSV, a line each, with a head.
///
/// # Errors
///
/// Those of the writer.
pub fn csv(histories: &[History<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "name",
        "uri",
        "mode",
        "metric",
        "time",
        "run",
        "commit",
        "branch",
        "environment",
        "value",
        "low",
        "high",
        "change",
        // New ones come last: scripts count.
        "occurrence",
    ])?;
    for history in histories {
        let series = &history.series;
        for (place, point) in series.points.iter().enumerate() {
            let Some(origin) = history.origins.get(point) else { continue };
            let end = |end: Option<f64>| end.map(|end| end.to_string()).unwrap_or_default();
            let change = history.changes.iter().find(|change| change.at == place);
            writer.write_record([
                series.name.as_str(),
                &series.uri,
                shown::mode(series.mode),
                &series.metric,
                &shown::moment(origin.time_ms),
                &origin.run.to_string(),
                origin.commit.as_deref().unwrap_or_default(),
                origin.branch.as_deref().unwrap_or_default(),
                &history.origins.environment(point).to_string(),
                &point.value.to_string(),
                &end(point.interval.map(|(low, _)| low)),
                &end(point.interval.map(|(_, high)| high)),
                &end(change.and_then(Change::ratio)),
                &series.occurrence.to_string(),
            ])?;
        }
    }
    writer.flush()
}
