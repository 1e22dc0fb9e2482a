//! Stored runs for people: a table of many, and a sheet of one.

use results::{FreeRow, TableStyle, fitted_table, list_table};
use runner_shared::text::{bytes, count, one_line};

use crate::{
    CommitInfo, Entry, Kind, Metric, Mode, Outcome, PartState, Record, RecordId, RecordedBenchmark,
    shown::{self, UNKNOWN, cut, head, mode, value},
};

use crate::shown::minute as time;

/// The share of a terminal that a project may have, and that a branch may: one part of so many.
const PROJECT_PART: usize = 4;
const BRANCH_PART: usize = 6;
/// Letters that a name with its labels keeps where other columns can be left out.
const SHORT_NAME: u16 = 16;

/// Returns a table of runs with a final line break, fitted to the terminal; nothing of none. Columns that say nothing are
/// left out, and runs of several projects are told apart by a column of their own.
pub fn table(entries: &[Entry], shows_projects: bool, style: &TableStyle) -> String {
    let heads = [
        head("ID", 0),
        head("Time (UTC)", 3),
        head("Project", 1),
        head("Commit", 2),
        head("Mode", 4),
        head("Benchmarks", 5),
    ];
    let most = |part: usize| style.width.map_or(usize::MAX, |width| usize::from(width) / part);
    let known = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
    let row = |entry: &Entry| FreeRow {
        name: known(name(entry)),
        cells: vec![
            entry.id.short(),
            time(entry.time_ms),
            known(shows_projects.then(|| cut(&one_line(&entry.project), most(PROJECT_PART)))),
            known(entry.commit.as_ref().map(|of| commit(of, most(BRANCH_PART)))),
            modes(&entry.modes),
            benchmarks(entry),
        ],
    };
    // The name stands behind the commit.
    list_table("Name", (4, SHORT_NAME), &heads, entries.iter().map(row).collect(), style)
}

/// Returns what is in a record: its origin, and its benchmarks with the values that lead, fitted to the terminal.
pub fn sheet(id: RecordId, record: &Record, style: &TableStyle) -> String {
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
    format!("{head}\n{}", values(record, *style))
}

/// A table of the benchmarks of a record.
fn values(record: &Record, style: TableStyle) -> String {
    let heads = [head("Mode", 1), head("Metric", 2), head("Value", 0), head("95 % interval", 3)];
    let row = |benchmark: &RecordedBenchmark| {
        let metric = benchmark.metrics.get(&benchmark.headline);
        let (shown, interval) = match &benchmark.outcome {
            Outcome::Failed(_) => ("failed".to_owned(), UNKNOWN.to_owned()),
            Outcome::Interrupted => ("interrupted".to_owned(), UNKNOWN.to_owned()),
            Outcome::Complete => (
                metric.map_or_else(|| UNKNOWN.to_owned(), |it| value(it.value, it.unit)),
                interval(metric),
            ),
        };
        let mode = record.mode_of(benchmark).map_or(UNKNOWN, mode).to_owned();
        FreeRow {
            name: benchmark.name.clone(),
            cells: vec![mode, benchmark.headline.clone(), shown, interval],
        }
    };
    fitted_table("", &heads, record.benchmarks.iter().map(row).collect(), &style)
}

fn interval(metric: Option<&Metric>) -> String {
    let ends = metric.and_then(|metric| Some((metric.low?, metric.high?, metric.unit)));
    ends.map_or_else(
        || UNKNOWN.to_owned(),
        |(low, high, unit)| format!("{} .. {}", value(low, unit), value(high, unit)),
    )
}

/// Returns the bytes and the number of runs, in words.
pub fn amount(entries: &[Entry]) -> String {
    let all: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let number = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    format!("{}, {}", count(number, "run"), bytes(all))
}

/// The name of a run with its labels.
fn name(entry: &Entry) -> Option<String> {
    let labels = labels(entry.labels.iter());
    match (entry.name.clone(), labels.is_empty()) {
        (Some(name), false) => Some(format!("{name} {labels}")),
        (None, false) => Some(labels),
        (name, true) => name,
    }
}

fn labels<'a>(labels: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let labels = labels.map(|(key, value)| one_line(&format!("{key}={value}")));
    labels.collect::<Vec<_>>().join(" ")
}

/// `main@1a2b3c4d5`, with a `+` where files differed from it, and at most so many letters of the branch.
fn commit(commit: &CommitInfo, most: usize) -> String {
    let branch = commit.branch.as_deref().map(|it| cut(&one_line(it), most) + "@");
    let dirty = if commit.dirty == Some(true) { "+" } else { "" };
    format!("{}{}{dirty}", branch.unwrap_or_default(), shown::commit(&commit.hash))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{MetricUnit, Part};

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
        let all = |of: &[Entry], shows_projects| {
            table(of, shows_projects, &TableStyle { colour: false, width: None })
        };
        insta::assert_snapshot!(
            [all(&entries, false), all(&entries, true), all(alone, false)].join("\n")
        );
        assert_eq!(all(&[], true), "");
    }

    #[test]
    fn the_table_fits_the_terminal() {
        let long = |number: u64| Record {
            project: "/home/somebody/projects/a-long-name".to_owned(),
            name: Some(format!("before the change of everything {number}")),
            labels: (0..9).map(|of| (format!("key{of}"), format!("value{of}"))).collect(),
            time_ms: number,
            ..record()
        };
        let entries = [1, 2].map(|number| {
            let record = long(number);
            Entry::of(&record.pack().unwrap(), &record)
        });
        let fitted = |width, shows_projects| {
            table(&entries, shows_projects, &TableStyle { colour: false, width: Some(width) })
        };
        for width in [40, 60, 80, 100, 120, 200] {
            for shows_projects in [false, true] {
                for line in fitted(width, shows_projects).lines() {
                    assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
                }
            }
        }
        insta::assert_snapshot!([60, 80, 200].map(|width| fitted(width, false)).join("\n"));
        let whole = table(&entries, true, &TableStyle::default());
        assert!(whole.contains("key8=value8") && whole.contains("a-very-long-name-of-a-branch@"));
    }

    #[test]
    fn one_run_is_a_sheet() {
        insta::assert_snapshot!(sheet(RecordId::of(b"a run"), &record(), &TableStyle::default()));
    }

    #[test]
    fn times_are_those_of_utc() {
        assert_eq!([time(0), time(u64::MAX)], ["1970-01-01 00:00", "9999-12-31 23:59"]);
    }
}
