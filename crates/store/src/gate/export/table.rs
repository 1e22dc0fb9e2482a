//! The report on a terminal.

use results::{FreeRow, Head, TableStyle, fitted_table, sentences as fitted};
use runner_shared::text::count;

use super::{
    super::report::{Check, GateReport, Status},
    escape, words,
};

/// Checks that passed are counted and not shown if there are more rows than this.
const MOST_ROWS: usize = 20;

/// Returns the report as a table with sentences below it and a final line break.
pub fn table(report: &GateReport, style: &TableStyle) -> String {
    let all = report.checks.len() <= MOST_ROWS;
    let is_shown = |check: &&Check| {
        let matters = match check.status {
            Status::Failed | Status::Doubtful | Status::Waived => true,
            Status::Improved | Status::Passed => all,
        };
        // A new or old benchmark has no numbers to put in columns.
        matters && check.head.is_some()
    };
    let rows: Vec<FreeRow> = report.checks.iter().filter(is_shown).map(row).collect();
    let head = |title, expendable| Head { title, expendable };
    let heads = [
        head("Metric", 2),
        head("Base", 1),
        head("Head", 0),
        head("Change", 0),
        head("Limit", 3),
        head("Result", 0),
    ];
    let mut text = fitted_table("", &heads, rows, style);
    for sentence in sentences(report) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&fitted(&sentence, style));
    }
    text
}

fn row(check: &Check) -> FreeRow {
    FreeRow {
        name: escape::benchmark(check),
        cells: vec![
            escape::name(&check.title),
            words::value(check, check.base),
            words::value(check, check.head),
            words::change(check),
            words::limit(check),
            check.status.word().to_owned(),
        ],
    }
}

/// Returns what stands below the table: reasons, waivers, notes, and at the end the outcome.
fn sentences(report: &GateReport) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let wants_reason = |check: &&Check| match check.status {
        Status::Failed | Status::Doubtful | Status::Waived => !check.reason.is_empty(),
        Status::Passed => check.head.is_none() && !check.reason.is_empty(),
        Status::Improved => false,
    };
    let reasons = report.checks.iter().filter(wants_reason).map(|check| {
        let (name, reason) = (escape::benchmark(check), escape::reason(&check.reason));
        format!("{name}: {reason}")
    });
    let reasons: Vec<String> = reasons.collect();
    let shown = reasons.iter().take(MOST_ROWS).cloned().collect::<Vec<_>>().join("\n");
    if !shown.is_empty() {
        all.push(shown);
    }
    let more = reasons.len().saturating_sub(MOST_ROWS);
    if more > 0 {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        all.push(format!("{} more; `--export json=PATH` has all", count(more, "reason")));
    }
    let waivers = report.waivers.iter().map(|waiver| {
        let (benchmarks, reason) =
            (escape::name(&waiver.benchmarks), escape::reason(&waiver.reason));
        format!("the waiver for `{benchmarks}` ({reason}) {}", words::end_of(waiver))
    });
    all.extend(waivers);
    all.extend(report.notes.iter().map(|note| escape::reason(note)));
    all.push(report.summary());
    all
}
