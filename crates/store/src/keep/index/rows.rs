//! Rows of the index: records as rows, and rows as entries.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use super::{
    super::{Entry, Filter, IndexError},
    figures::{self, Figure},
};
use crate::{CommitInfo, Kind, Mode, Outcome, Record, RecordId, RecordedBenchmark};

/// The metric that leads, as one of its own.
pub(super) const HEADLINE: i64 = 0;

/// Columns of a run in the order in which [`entry`] reads them.
const COLUMNS: &str = "number, id, time_ms, kind, program, name, labels, project, hash, branch, dirty, ci, modes, \
    is_complete, benchmarks, environment, bytes";

/// Modes by their bits.
const MODES: [Mode; 3] = [Mode::Simulation, Mode::Walltime, Mode::Memory];

/// Adds a record. One that is there changes nothing.
pub(super) fn insert<'a>(
    dictionary: &mut Dictionary<'a>,
    entry: &Entry,
    record: &'a Record,
) -> Result<(), IndexError> {
    let connection = dictionary.connection;
    let readable = "DELETE FROM unreadable WHERE id = ?1";
    connection.prepare_cached(readable)?.execute([blob(entry.id)])?;
    let Entry { commit, labels, ci, .. } = entry;
    let sql = format!(
        "INSERT INTO run ({COLUMNS}) VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
            ?16) ON CONFLICT (id) DO NOTHING"
    );
    let added = connection.prepare_cached(&sql)?.execute(params![
        blob(entry.id),
        signed(entry.time_ms),
        json(&entry.kind)?,
        entry.program,
        entry.name,
        (!labels.is_empty()).then(|| json(labels)).transpose()?,
        entry.project,
        commit.as_ref().map(|commit| &commit.hash),
        commit.as_ref().and_then(|commit| commit.branch.as_ref()),
        commit.as_ref().and_then(|commit| commit.dirty),
        ci.as_ref().map(json).transpose()?,
        bits(&entry.modes),
        entry.is_complete,
        signed(entry.benchmarks),
        entry.environment,
        signed(entry.bytes),
    ])?;
    if added == 0 {
        return Ok(());
    }
    let run = connection.last_insert_rowid();
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO figures VALUES (?1, ?2)")?;
    for (metric, bytes) in figures_of(record, dictionary)? {
        put.execute(params![place(metric, run), bytes])?;
    }
    Ok(())
}

/// Notes that the file of a record can't be read.
pub(super) fn note_unreadable(connection: &Connection, id: RecordId) -> Result<(), IndexError> {
    connection.execute("INSERT OR IGNORE INTO unreadable VALUES (?1)", [blob(id)])?;
    Ok(())
}

/// Drops a record, if it is there.
pub(super) fn remove(connection: &Connection, id: RecordId) -> Result<(), IndexError> {
    connection.execute("DELETE FROM unreadable WHERE id = ?1", [blob(id)])?;
    let find = "SELECT number FROM run WHERE id = ?1";
    let run: Option<i64> =
        connection.prepare_cached(find)?.query_row([blob(id)], |row| row.get(0)).optional()?;
    let Some(run) = run else { return Ok(()) };
    let places = "DELETE FROM figures WHERE place IN (SELECT (number << 32) + ?1 FROM metric UNION ALL SELECT ?1)";
    connection.prepare_cached(places)?.execute([run])?;
    connection.prepare_cached("DELETE FROM run WHERE number = ?1")?.execute([run])?;
    Ok(())
}

/// Returns a record's number and entry.
pub(super) fn find(
    connection: &Connection,
    id: RecordId,
) -> Result<Option<(i64, Entry)>, IndexError> {
    let sql = format!("SELECT {COLUMNS} FROM run WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([blob(id)])?;
    rows.next()?.map(entry).transpose()
}

/// Returns the numbers and entries of the runs that fit, the newest first.
pub(super) fn select(
    connection: &Connection,
    filter: &Filter,
) -> Result<Vec<(i64, Entry)>, IndexError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM run WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR branch = ?2) AND (?3 IS NULL \
            OR substr(hash, 1, length(?3)) = ?3) AND (?4 IS NULL OR substr(lower(hex(id)), 1, length(?4)) = ?4) AND \
            (?5 IS NULL OR name = ?5) AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ?6 AND \
            value = ?7)) AND (?8 = 0 OR modes & ?8 <> 0) AND time_ms BETWEEN ?9 AND ?10 AND (?11 = 0 OR (is_complete \
            AND benchmarks > 0)) ORDER BY time_ms DESC, id DESC LIMIT ?12"
    );
    let Filter { project, branch, commit, id, name, label, mode, .. } = filter;
    let Filter { since_ms, until_ms, complete, newest, .. } = filter;
    let merged = if filter.whole { merged(connection)? } else { BTreeMap::new() };
    let most = newest.unwrap_or(usize::MAX);
    let limit = if merged.is_empty() { most } else { usize::MAX };
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![
        project,
        branch,
        commit,
        id,
        name,
        label.as_ref().map(|(key, _)| key),
        label.as_ref().map(|(_, value)| value),
        mode.map_or(0, |mode| bits(&[mode])),
        since_ms.map_or(0, signed),
        until_ms.map_or(i64::MAX, signed),
        complete,
        i64::try_from(limit).unwrap_or(i64::MAX),
    ])?;
    let mut found = Vec::new();
    while found.len() < most
        && let Some(row) = rows.next()?
    {
        let (number, entry) = entry(row)?;
        let whole = ci_run(&entry).and_then(|run| merged.get(&run));
        // A job that was run again after the merge is not in it.
        let is_in = |(time_ms, id): &(u64, RecordId)| *id != entry.id && entry.time_ms <= *time_ms;
        if !whole.is_some_and(is_in) {
            found.push((number, entry));
        }
    }
    Ok(found)
}

/// Project, provider, run and commit.
type MergedRun = (String, String, String, Option<String>);

/// Returns the newest merged run of each CI run that has one, with its time.
fn merged(connection: &Connection) -> Result<BTreeMap<MergedRun, (u64, RecordId)>, IndexError> {
    let sql = format!("SELECT {COLUMNS} FROM run WHERE kind = ?1 ORDER BY time_ms, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([json(&Kind::Merge)?])?;
    let mut merged = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (_, entry) = entry(row)?;
        merged.extend(ci_run(&entry).map(|run| (run, (entry.time_ms, entry.id))));
    }
    Ok(merged)
}

fn ci_run(entry: &Entry) -> Option<MergedRun> {
    let ci = entry.ci.as_ref()?;
    let hash = entry.commit.as_ref().map(|commit| commit.hash.clone());
    Some((entry.project.clone(), ci.provider.clone(), ci.run.clone(), hash))
}

/// Returns whether the values of a run are these.
pub(super) fn agrees(
    connection: &Connection,
    run: i64,
    record: &Record,
) -> Result<bool, IndexError> {
    let mut dictionary = Dictionary { adds: false, ..Dictionary::new(connection) };
    let expected = match figures_of(record, &mut dictionary) {
        Ok(expected) => expected,
        // A benchmark or a metric is not known.
        Err(IndexError::Damage) => return Ok(false),
        Err(err) => return Err(err),
    };
    let sql = "SELECT place >> 32, bytes FROM figures WHERE place IN (SELECT (number << 32) + ?1 FROM metric UNION ALL \
        SELECT ?1)";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<BTreeMap<i64, Vec<u8>>>>()? == expected)
}

/// The place of the values of a metric in a run.
pub(super) const fn place(metric: i64, run: i64) -> i64 {
    (metric << 32) | run
}

/// Numbers for benchmarks and metrics, for the records of one transaction: each is asked for once.
pub(super) struct Dictionary<'a> {
    connection: &'a Connection,
    /// True: new ones get a number; false: they are damage.
    adds: bool,
    /// By project, mode, URI and occurrence: the same identity in two projects is two benchmarks.
    benchmarks: BTreeMap<(&'a str, Mode, &'a str, u32), Known<'a>>,
    metrics: BTreeMap<&'a str, u32>,
}

/// A benchmark with a number.
struct Known<'a> {
    number: u32,
    /// Its name in the newest of the records.
    name: &'a str,
    /// The time of that.
    time_ms: u64,
    /// True if the index has not heard of that name yet.
    is_renamed: bool,
}

impl<'a> Dictionary<'a> {
    /// One that gives numbers to what is new.
    pub(super) const fn new(connection: &'a Connection) -> Self {
        Self { connection, adds: true, benchmarks: BTreeMap::new(), metrics: BTreeMap::new() }
    }

    /// The number of a benchmark. Its name is the one that the newest record has for it.
    fn benchmark(
        &mut self,
        record: &'a Record,
        of: &'a RecordedBenchmark,
    ) -> Result<u32, IndexError> {
        // A record was checked: all its benchmarks have a part.
        let mode = record.mode_of(of).unwrap_or_default();
        let time_ms = record.time_ms;
        let key = (record.project.as_str(), mode, of.uri.as_str(), of.occurrence);
        if let Some(known) = self.benchmarks.get_mut(&key) {
            if time_ms >= known.time_ms {
                (known.name, known.time_ms, known.is_renamed) = (&of.name, time_ms, true);
            }
            return Ok(known.number);
        }
        let number = self.ask(&record.project, mode, of, time_ms)?;
        self.benchmarks.insert(key, Known { number, name: &of.name, time_ms, is_renamed: false });
        Ok(number)
    }

    fn ask(
        &self,
        project: &str,
        mode: Mode,
        of: &RecordedBenchmark,
        time_ms: u64,
    ) -> Result<u32, IndexError> {
        let sql = if self.adds {
            "INSERT INTO benchmark VALUES (NULL, ?6, ?1, ?2, ?3, ?4, ?5) ON CONFLICT (project, mode, uri, occurrence) DO \
                UPDATE SET name = iif(excluded.named_ms >= named_ms, excluded.name, name), \
                named_ms = max(excluded.named_ms, named_ms) RETURNING number"
        } else {
            "SELECT number FROM benchmark WHERE project = ?6 AND mode = ?1 AND uri = ?2 AND occurrence = ?3 AND ?4 IS \
                NOT NULL AND ?5 IS NOT NULL"
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let values =
            params![bits(&[mode]), of.uri, of.occurrence, of.name, signed(time_ms), project];
        statement.query_row(values, |row| row.get(0)).optional()?.ok_or(IndexError::Damage)
    }

    /// Brings the names up to date; to be called before the end of a transaction that adds.
    pub(super) fn finish(self) -> Result<(), IndexError> {
        let sql =
            "UPDATE benchmark SET name = ?2, named_ms = ?3 WHERE number = ?1 AND named_ms <= ?3";
        let mut rename = self.connection.prepare_cached(sql)?;
        for known in self.benchmarks.values().filter(|known| known.is_renamed) {
            rename.execute(params![known.number, known.name, signed(known.time_ms)])?;
        }
        Ok(())
    }

    fn metric(&mut self, key: &'a str) -> Result<u32, IndexError> {
        if let Some(number) = self.metrics.get(key) {
            return Ok(*number);
        }
        if self.adds {
            let sql = "INSERT INTO metric (name) VALUES (?1) ON CONFLICT DO NOTHING";
            self.connection.prepare_cached(sql)?.execute([key])?;
        }
        let mut find =
            self.connection.prepare_cached("SELECT number FROM metric WHERE name = ?1")?;
        let found: Option<u32> = find.query_row([key], |row| row.get(0)).optional()?;
        let number = found.ok_or(IndexError::Damage)?;
        self.metrics.insert(key, number);
        Ok(number)
    }
}

/// The values of a record by metric.
fn figures_of<'a>(
    record: &'a Record,
    dictionary: &mut Dictionary<'a>,
) -> Result<BTreeMap<i64, Vec<u8>>, IndexError> {
    let mut found: BTreeMap<i64, Vec<Figure>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for benchmark in &record.benchmarks {
        let number = dictionary.benchmark(record, benchmark)?;
        // A second one of the same identity is a mistake of others, and would have to share its place.
        if !seen.insert(number) || benchmark.outcome != Outcome::Complete {
            continue;
        }
        for (key, value) in &benchmark.metrics {
            let metric = dictionary.metric(key)?;
            let figure = Figure { benchmark: number, metric, value: *value };
            found.entry(metric.into()).or_default().push(figure);
            if *key == benchmark.headline {
                found.entry(HEADLINE).or_default().push(figure);
            }
        }
    }
    let sorted = found.into_iter().map(|(metric, mut figures)| {
        figures.sort_unstable_by_key(|figure| figure.benchmark);
        (metric, figures::encode(&figures))
    });
    Ok(sorted.collect())
}

/// A row of [`COLUMNS`].
fn entry(row: &Row<'_>) -> Result<(i64, Entry), IndexError> {
    let hash: Option<String> = row.get(8)?;
    let (branch, dirty) = (row.get(9)?, row.get(10)?);
    let modes: u8 = row.get(12)?;
    let labels: Option<String> = row.get(6)?;
    let ci: Option<String> = row.get(11)?;
    let entry = Entry {
        id: id(row, 1)?,
        time_ms: unsigned(row.get(2)?)?,
        kind: from_json::<Kind>(&row.get::<_, String>(3)?)?,
        program: row.get(4)?,
        name: row.get(5)?,
        labels: labels.map_or_else(|| Ok(BTreeMap::new()), |labels| from_json(&labels))?,
        project: row.get(7)?,
        commit: hash.map(|hash| CommitInfo { hash, branch, dirty }),
        ci: ci.map(|ci| from_json(&ci)).transpose()?,
        modes: MODES.into_iter().filter(|mode| bits(&[*mode]) & modes != 0).collect(),
        is_complete: row.get(13)?,
        benchmarks: unsigned(row.get(14)?)?,
        environment: row.get(15)?,
        bytes: unsigned(row.get(16)?)?,
    };
    Ok((row.get(0)?, entry))
}

/// The name of a record in a column.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<RecordId, IndexError> {
    Ok(RecordId::from_bytes(row.get(column)?))
}

/// The mode of a column.
pub(super) fn mode(bit: u8) -> Result<Mode, IndexError> {
    MODES.into_iter().find(|mode| bits(&[*mode]) == bit).ok_or(IndexError::Damage)
}

/// The name of a record as a value.
pub(super) fn blob(id: RecordId) -> [u8; 16] {
    id.bytes()
}

fn bits(modes: &[Mode]) -> u8 {
    let bit = |mode: &Mode| match mode {
        Mode::Simulation => 1,
        Mode::Walltime => 2,
        Mode::Memory => 4,
    };
    modes.iter().map(bit).fold(0, |all, bit| all | bit)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> Result<u64, IndexError> {
    u64::try_from(number).ok().ok_or(IndexError::Damage)
}

fn json(value: &impl serde::Serialize) -> Result<String, IndexError> {
    serde_json::to_string(value).ok().ok_or(IndexError::Damage)
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, IndexError> {
    serde_json::from_str(text).ok().ok_or(IndexError::Damage)
}
