//! Stored runs for people: a table of many, and a sheet of one.

use comfy_table::{CellAlignment, LineStyle, Row, Table, TableStyle};
use runner_shared::text::{bytes, count, one_line};

use crate::{
    CommitInfo, Entry, Kind, Metric, Mode, Outcome, PartState, Record, RecordId,
    shown::{self, mode, moment, value},
};

/// Letters of a branch, and of a name with its labels, in the table.
const BRANCH_LETTERS: usize = 14;
const NAME_LETTERS: usize = 24;
/// A cell that says nothing.
const NOTHING: &str = "-";

/// Returns a table of runs with a final line break; nothing of none. Columns that say nothing are left out, and runs of
/// several projects are told apart by a column of their own.
pub fn table(entries: &[Entry], shows_projects: bool) -> String {
    const HEADS: [&str; 7] =
        ["ID", "Time (UTC)", "Project", "Commit", "Name", "Mode", "Benchmarks"];
    let project = |entry: &Entry| {
        if shows_projects {
            cut(&one_line(&entry.project), NAME_LETTERS)
        } else {
            NOTHING.to_owned()
        }
    };
    let cells = |entry: &Entry| {
        [
            entry.id.short(),
            time(entry.time_ms),
            project(entry),
            entry.commit.as_ref().map_or_else(|| NOTHING.to_owned(), commit),
            cut(&name(entry), NAME_LETTERS),
            modes(&entry.modes),
            benchmarks(entry),
        ]
    };
    let rows: Vec<[String; HEADS.len()]> = entries.iter().map(cells).collect();
    let is_said =
        |column: &usize| rows.iter().any(|row| row.get(*column).is_some_and(|it| it != NOTHING));
    let columns: Vec<usize> = (0..HEADS.len()).filter(is_said).collect();
    if columns.is_empty() {
        return String::new();
    }
    let heads: Vec<&str> =
        columns.iter().filter_map(|column| HEADS.get(*column).copied()).collect();
    let mut table = plain(&heads);
    for row in &rows {
        let cells = columns.iter().filter_map(|column| row.get(*column).cloned());
        table.add_row(Row::from(cells.collect::<Vec<_>>()));
    }
    text(table)
}

/// Returns what is in a record: its origin, and its benchmarks with the values that lead.
pub fn sheet(id: RecordId, record: &Record) -> String {
    let mut rows = vec![
        ("ID", id.to_string()),
        ("time", format!("{} UTC", time(record.time_ms))),
        ("kind", kind(record.kind).to_owned()),
        ("program", one_line(&record.program)),
        ("project", one_line(&record.project)),
    ];
    let known = |text: &Option<String>| text.as_deref().map(one_line);
    rows.extend(known(&record.name).map(|name| ("name", name)));
    let labels = labels(record.labels.iter());
    rows.extend((!labels.is_empty()).then_some(("labels", labels)));
    rows.extend(record.commit.as_ref().map(|commit| ("commit", whole_commit(commit))));
    rows.extend(
        record.ci.as_ref().map(|ci| {
            ("job", one_line(&format!("{}, run {}, job {}", ci.provider, ci.run, ci.job)))
        }),
    );
    let words: Vec<String> = record.command.iter().map(|word| one_line(word)).collect();
    rows.extend((!words.is_empty()).then(|| ("command", words.join(" "))));
    let machine = [&record.environment.system, &record.environment.architecture];
    let machine = machine.into_iter().chain([&record.environment.processor.model]);
    let machine: Vec<String> = machine.filter(|it| !it.is_empty()).map(|it| one_line(it)).collect();
    rows.extend((!machine.is_empty()).then(|| ("machine", machine.join(", "))));
    rows.extend(record.parts.iter().map(|part| {
        let state = match part.state {
            PartState::Complete => "",
            PartState::Interrupted => " (interrupted)",
            PartState::Failed => " (failed)",
        };
        let label = if part.label.is_empty() { String::new() } else { format!(" {}", part.label) };
        ("part", one_line(&format!("{}{label}{state}", mode(part.mode))))
    }));
    let width = rows.iter().map(|(key, _)| key.len()).max().unwrap_or(0) + 1;
    let line = |(key, value): &(&str, String)| format!("{:width$} {value}\n", format!("{key}:"));
    let head: String = rows.iter().map(line).collect();
    if record.benchmarks.is_empty() {
        return head;
    }
    format!("{head}\n{}", values(record))
}

/// A table of the benchmarks of a record.
fn values(record: &Record) -> String {
    let mut table = plain(&["Benchmark", "Mode", "Metric", "Value", "95 % interval"]);
    for benchmark in &record.benchmarks {
        let metric = benchmark.metrics.get(&benchmark.headline);
        let (shown, interval) = match &benchmark.outcome {
            Outcome::Failed(_) => ("failed".to_owned(), NOTHING.to_owned()),
            Outcome::Interrupted => ("interrupted".to_owned(), NOTHING.to_owned()),
            Outcome::Complete => (
                metric.map_or_else(|| NOTHING.to_owned(), |it| value(it.value, it.unit)),
                interval(metric),
            ),
        };
        let mode = record.mode_of(benchmark).map_or(NOTHING, mode);
        let cells = [
            one_line(&benchmark.name),
            mode.to_owned(),
            one_line(&benchmark.headline),
            shown,
            interval,
        ];
        table.add_row(Row::from(cells.to_vec()));
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    text(table)
}

fn interval(metric: Option<&Metric>) -> String {
    let ends = metric.and_then(|metric| Some((metric.low?, metric.high?, metric.unit)));
    ends.map_or_else(
        || NOTHING.to_owned(),
        |(low, high, unit)| format!("{} .. {}", value(low, unit), value(high, unit)),
    )
}

/// Returns the bytes and the number of runs, in words.
pub fn amount(entries: &[Entry]) -> String {
    let all: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let number = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    format!("{}, {}", count(number, "run"), bytes(all))
}

/// Returns a point in time to the minute, in UTC.
pub fn time(time_ms: u64) -> String {
    moment(time_ms)
        .chars()
        .take(16)
        .map(|letter| if letter == 'T' { ' ' } else { letter })
        .collect()
}

/// The name of a run with its labels.
fn name(entry: &Entry) -> String {
    let labels = labels(entry.labels.iter());
    let name = entry.name.as_deref().map(one_line);
    match (name, labels.is_empty()) {
        (Some(name), true) => name,
        (Some(name), false) => format!("{name} {labels}"),
        (None, false) => labels,
        (None, true) => NOTHING.to_owned(),
    }
}

fn labels<'a>(labels: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let labels = labels.map(|(key, value)| one_line(&format!("{key}={value}")));
    labels.collect::<Vec<_>>().join(" ")
}

/// `main@1a2b3c4d5`, with a `+` where files differed from it.
fn commit(commit: &CommitInfo) -> String {
    let branch = commit.branch.as_deref().map(|it| cut(&one_line(it), BRANCH_LETTERS) + "@");
    let dirty = if commit.dirty == Some(true) { "+" } else { "" };
    one_line(&format!("{}{}{dirty}", branch.unwrap_or_default(), shown::commit(&commit.hash)))
}

fn whole_commit(commit: &CommitInfo) -> String {
    let branch = commit.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    let dirty = if commit.dirty == Some(true) { ", with changed files" } else { "" };
    one_line(&format!("{}{branch}{dirty}", commit.hash))
}

fn benchmarks(entry: &Entry) -> String {
    let state = if entry.is_complete { "" } else { " (cut)" };
    format!("{}{state}", entry.benchmarks)
}

fn modes(modes: &[Mode]) -> String {
    modes.iter().map(|it| mode(*it)).collect::<Vec<_>>().join(",")
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Run => "run",
        Kind::Exec => "exec",
        Kind::Ab => "ab",
        Kind::Import => "import",
        Kind::Merge => "merge",
    }
}

/// At most so many letters, with `…` at the end of what was longer.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A table without borders.
fn plain(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
    table.set_header(heads);
    table
}

fn text(mut table: Table) -> String {
    if let Some(last) = table.column_iter_mut().last() {
        last.set_cell_alignment(CellAlignment::Right);
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{MetricUnit, Part, RecordedBenchmark};

    fn record() -> Record {
        let metric = Metric {
            value: 1_234_567.0,
            low: Some(1_200_000.0),
            high: Some(1_300_000.0),
            unit: MetricUnit::Nanoseconds,
            ..Default::default()
        };
        let benchmark = RecordedBenchmark {
            name: "sort \x1b[31m".to_owned(),
            headline: "median_ns".to_owned(),
            metrics: BTreeMap::from([("median_ns".to_owned(), metric)]),
            ..Default::default()
        };
        let failed = RecordedBenchmark {
            name: "parse".to_owned(),
            outcome: Outcome::Failed("exit code 1".to_owned()),
            ..benchmark.clone()
        };
        Record {
            version: 1,
            time_ms: 1_790_000_000_000,
            program: "codspeed 5.1.0".to_owned(),
            project: "acme/widgets".to_owned(),
            name: Some("before the change".to_owned()),
            labels: BTreeMap::from([("os".to_owned(), "linux".to_owned())]),
            command: ["pytest", "--codspeed"].map(str::to_owned).to_vec(),
            commit: Some(CommitInfo {
                hash: "1a2b3c4d5e6f".to_owned(),
                branch: Some("feature/a-very-long-name-of-a-branch".to_owned()),
                dirty: Some(true),
            }),
            parts: vec![Part { state: PartState::Interrupted, ..Part::default() }],
            benchmarks: vec![benchmark, failed],
            ..Default::default()
        }
    }

    #[test]
    fn many_runs_are_a_table() {
        let first = record();
        let second = Record { commit: None, name: None, labels: BTreeMap::new(), ..record() };
        let entries = [first, second].map(|record| Entry::of(&record.pack().unwrap(), &record));
        let alone = &entries[1..];
        insta::assert_snapshot!(
            [table(&entries, false), table(&entries, true), table(alone, false)].join("\n")
        );
        assert_eq!(table(&[], true), "");
    }

    #[test]
    fn one_run_is_a_sheet() {
        insta::assert_snapshot!(sheet(RecordId::of(b"a run"), &record()));
    }

    #[test]
    fn times_are_those_of_utc() {
        assert_eq!([time(0), time(u64::MAX)], ["1970-01-01 00:00", "9999-12-31 23:59"]);
    }
}
