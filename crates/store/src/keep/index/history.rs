//! Values over many runs: one row is read for each run.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::{
    super::{BenchmarkKey, Entry, History, IndexError, Point, Series},
    figures::{self, Figure},
    rows,
};
use crate::Mode;

/// The benchmarks that are asked for, by their numbers.
struct Wanted {
    /// Sorted.
    numbers: Vec<u32>,
    /// One for each number.
    series: Vec<Series>,
}

/// Returns the values of these runs, which are all of a project if one is named.
pub(super) fn read(
    connection: &Connection,
    entries: Vec<(i64, Entry)>,
    project: Option<&str>,
    metric: Option<&str>,
    is_wanted: &dyn Fn(&BenchmarkKey) -> bool,
) -> Result<History, IndexError> {
    let mut history = History::default();
    let (numbers, runs): (Vec<i64>, Vec<Entry>) = entries.into_iter().unzip();
    history.runs = runs;
    let metrics = metrics(connection)?;
    let asked = match metric {
        None => rows::HEADLINE,
        Some(key) => match metrics.iter().find(|(_, name)| name.as_str() == key) {
            Some((number, _)) => i64::from(*number),
            None => return Ok(history),
        },
    };
    let mut wanted = Wanted::find(connection, project, is_wanted)?;
    let mut seen: BTreeMap<u32, u16> = BTreeMap::new();
    let mut statement = connection.prepare_cached("SELECT bytes FROM figures WHERE place = ?1")?;
    for (run, number) in (0_u32..).zip(&numbers) {
        let mut rows = statement.query(params![rows::place(asked, *number)])?;
        // A run without benchmarks has none.
        let Some(row) = rows.next()? else { continue };
        let bytes = row.get_ref(0)?.as_blob().ok().ok_or(IndexError::Damage)?;
        let mut places = wanted.numbers.iter().copied().zip(&mut wanted.series).peekable();
        figures::decode(bytes, |Figure { benchmark, metric, value }| {
            // Both are sorted.
            while places.next_if(|(number, _)| *number < benchmark).is_some() {}
            let Some((_, series)) = places.next_if(|(number, _)| *number == benchmark) else {
                return;
            };
            let next = u16::try_from(seen.len()).unwrap_or(u16::MAX);
            let key = *seen.entry(metric).or_insert(next);
            series.points.push(Point::new(&value, run, key));
        })?;
    }
    let mut keys: Vec<(u16, u32)> =
        seen.into_iter().map(|(number, place)| (place, number)).collect();
    keys.sort_unstable();
    let name = |(_, number): &(u16, u32)| metrics.get(number).cloned().ok_or(IndexError::Damage);
    history.metrics = keys.iter().map(name).collect::<Result<_, _>>()?;
    history.series = wanted.series;
    history.series.retain(|series| !series.points.is_empty());
    history.series.sort_by(|a, b| order(&a.benchmark).cmp(&order(&b.benchmark)));
    Ok(history)
}

/// The order in which people look for benchmarks.
fn order(benchmark: &BenchmarkKey) -> (Mode, &str, &str, u32) {
    let BenchmarkKey { mode, uri, occurrence, name } = benchmark;
    (*mode, name, uri, *occurrence)
}

impl Wanted {
    fn find(
        connection: &Connection,
        project: Option<&str>,
        is_wanted: &dyn Fn(&BenchmarkKey) -> bool,
    ) -> Result<Self, IndexError> {
        let sql = "SELECT number, mode, uri, occurrence, name FROM benchmark WHERE ?1 IS NULL OR project = ?1 ORDER BY \
            number";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([project])?;
        let mut wanted = Self { numbers: Vec::new(), series: Vec::new() };
        while let Some(row) = rows.next()? {
            let benchmark = BenchmarkKey {
                mode: rows::mode(row.get(1)?)?,
                uri: row.get(2)?,
                occurrence: row.get(3)?,
                name: row.get(4)?,
            };
            if is_wanted(&benchmark) {
                wanted.numbers.push(row.get(0)?);
                wanted.series.push(Series { benchmark, points: Vec::new() });
            }
        }
        Ok(wanted)
    }
}

/// Keys of metrics by their numbers.
fn metrics(connection: &Connection) -> Result<BTreeMap<u32, String>, IndexError> {
    let mut statement = connection.prepare_cached("SELECT number, name FROM metric")?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
