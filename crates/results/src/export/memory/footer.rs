//! Sentences below the table of memory mode.

use runner_shared::text::{count, one_line, plural};

use crate::{
    memory::{MemoryReport, MemoryTrace},
    text::grouped,
};

/// At most so many remarks stand below the table: a tracer may have one for each file.
const MOST_REMARKS: usize = 6;

/// The tracer, and what is not in the numbers.
pub(in crate::export) fn footer(report: &MemoryReport) -> Vec<String> {
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
