//! The table of memory mode, for the terminal and for Markdown.

use runner_shared::{
    text::{bytes, count, one_line, plural},
    walltime::as_float,
};

use crate::{
    export::{
        counts::compared,
        grid::{Alarm, Grid, GridRow, Head},
        notes::Note,
    },
    memory::{MemoryReport, MemoryResult, MemoryTrace},
    text::{grouped, percent},
};

/// A column with numbers.
struct Column {
    head: Head,
    cell: fn(&MemoryResult) -> String,
}

const fn column(title: &'static str, expendable: u8, cell: fn(&MemoryResult) -> String) -> Column {
    Column { head: Head { title, expendable }, cell }
}

/// From left to right, after the name.
const COLUMNS: &[Column] = &[
    column("Peak", 0, |of| bytes(of.usage.peak_memory)),
    column("Total allocated", 1, |of| bytes(of.usage.total_allocated)),
    column("Allocations", 2, |of| grouped(of.usage.alloc_calls)),
    column("Live at end", 3, live_at_end),
];

/// Bytes alone would hide that many small blocks are kept by one place.
fn live_at_end(of: &MemoryResult) -> String {
    match of.usage.leaked_blocks {
        0 => bytes(0),
        blocks => format!("{} in {}", bytes(of.usage.leaked_bytes), grouped(blocks)),
    }
}

/// At most so many remarks stand below the table: a tracer may have one for each file.
const MOST_REMARKS: usize = 6;

/// The whole report.
pub(in crate::export) fn grid(report: &MemoryReport) -> Grid {
    let warning = |text: &String| Note { benchmark: String::new(), text: one_line(text) };
    let notes = report.benchmarks.iter().flat_map(|of| {
        let about = |text: &String| Note { benchmark: shown_name(of), text: one_line(text) };
        of.notes.iter().map(about)
    });
    let doubt = report.traces.iter().any(is_doubtful);
    let grid = Grid {
        heads: COLUMNS.iter().map(|column| column.head).collect(),
        rows: report.benchmarks.iter().map(|of| row(of, doubt)).collect(),
        warnings: report.warnings.iter().map(warning).collect(),
        notes: notes.collect(),
        footer: footer(report),
        verdicts: Vec::new(),
    };
    let uris: Vec<&str> = report.benchmarks.iter().map(|of| of.uri.as_str()).collect();
    compared(grid, &uris, &report.comparisons())
}

fn row(of: &MemoryResult, doubt: bool) -> GridRow {
    let cells = COLUMNS.iter().map(|column| (column.cell)(of)).collect();
    let is_odd = doubt || !of.notes.is_empty() || of.occurrence > 1;
    let alarm = if is_odd { Alarm::Doubt } else { Alarm::None };
    let remarks: Vec<String> =
        (of.occurrence > 1).then(|| format!("no. {}", of.occurrence)).into_iter().collect();
    let usage = &of.usage;
    let share = percent(as_float(usage.temporary) / as_float(usage.alloc_calls.max(1)));
    let more = vec![
        ("Frees", grouped(usage.frees)),
        ("Largest", bytes(usage.largest)),
        ("Freed before the next", share),
    ];
    GridRow { more, ..GridRow::new(&of.name, &remarks, cells, alarm) }
}

pub(super) fn shown_name(of: &MemoryResult) -> String {
    let name = one_line(&of.name);
    if of.occurrence > 1 { format!("{name} (no. {})", of.occurrence) } else { name }
}

fn is_doubtful(trace: &MemoryTrace) -> bool {
    trace.stats.as_ref().is_some_and(|stats| stats.lost_events > 0 || stats.failed_tracks > 0)
}

/// The tracer, and what is not in the numbers.
fn footer(report: &MemoryReport) -> Vec<String> {
    if report.benchmarks.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = report.traces.iter().map(traced).collect();
    lines.extend(report.traces.iter().flat_map(missing));
    lines.extend(report.remarks.iter().take(MOST_REMARKS).map(|remark| one_line(remark)));
    let more = report.remarks.len().saturating_sub(MOST_REMARKS);
    if more > 0 {
        lines.push(format!("see the exports for {more} more notes"));
    }
    lines
}

fn traced(trace: &MemoryTrace) -> String {
    let MemoryTrace { pid, events, outside: _, stats } = trace;
    let events = plural(*events, &grouped(*events), "event");
    let Some(stats) = stats else { return format!("{events} of process {pid} and its children") };
    let ways = [&stats.tracer, &stats.backend, &stats.rung];
    let ways: Vec<String> =
        ways.iter().filter(|way| !way.is_empty()).map(|way| one_line(way)).collect();
    let who = if ways.is_empty() { "an unknown tracer".to_owned() } else { ways.join(", ") };
    format!("{events}, traced by {who}")
}

fn missing(trace: &MemoryTrace) -> Vec<String> {
    let Some(stats) = &trace.stats else { return Vec::new() };
    let lost = (stats.lost_events > 0).then(|| {
        let lost = plural(stats.lost_events, &grouped(stats.lost_events), "event");
        format!("{lost} lost: numbers may be too small, or too large where a free was lost")
    });
    let untracked = (stats.failed_tracks > 0).then(|| {
        let processes = count(stats.failed_tracks, "process");
        format!("{processes} could not be followed: allocations made there are not counted")
    });
    lost.into_iter().chain(untracked).collect()
}
