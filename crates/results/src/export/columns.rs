//! The table of a walltime report, for the terminal and for Markdown.

use runner_shared::{artifact::Outcome, duration::show_nanos};

use super::{
    grid::{Alarm, Grid, GridRow, Head},
    notes::{notes, warnings},
    text::{UNKNOWN, count, percent},
};
use crate::model::{BenchResult, Report};

/// A column with numbers.
struct Column {
    head: Head,
    /// What it says about a benchmark that has rounds.
    cell: fn(&BenchResult) -> String,
}

const fn column(title: &'static str, expendable: u8, cell: fn(&BenchResult) -> String) -> Column {
    Column { head: Head { title, expendable }, cell }
}

/// From left to right, after the name.
const COLUMNS: &[Column] = &[
    column("Median", 0, |of| show_nanos(of.stats.median_ns)),
    column("95 % interval", 1, interval),
    column("Min", 4, |of| show_nanos(of.stats.min_ns)),
    column("Deviation", 2, deviation),
    column("User", 5, |of| time(of.user_ns)),
    column("System", 5, |of| time(of.system_ns)),
    column("Rounds", 3, |of| of.round_count().to_string()),
    column("Outliers", 6, |of| of.stats.iqr_outlier_rounds.to_string()),
];

/// The whole report.
pub(super) fn grid(report: &Report) -> Grid {
    Grid {
        heads: COLUMNS.iter().map(|column| column.head).collect(),
        rows: report.benchmarks.iter().map(row).collect(),
        warnings: warnings(report).collect(),
        notes: notes(report).collect(),
        footer: Vec::new(),
    }
}

fn row(of: &BenchResult) -> GridRow {
    let is_empty = of.stats.rounds == 0;
    let cell = |column: &Column| if is_empty { UNKNOWN.to_owned() } else { (column.cell)(of) };
    let alarm = match of.outcome {
        Outcome::Failed { .. } => Alarm::Failure,
        Outcome::Interrupted => Alarm::Doubt,
        Outcome::Complete if of.cold || of.is_noisy() => Alarm::Doubt,
        Outcome::Complete => Alarm::None,
    };
    GridRow::new(&of.name, &remarks(of), COLUMNS.iter().map(cell).collect(), alarm)
}

fn remarks(of: &BenchResult) -> Vec<String> {
    let mut remarks = Vec::new();
    let kept = count(of.round_count(), "round");
    match of.outcome {
        Outcome::Complete => {}
        Outcome::Failed { .. } => remarks.push(format!("failed, {kept} kept")),
        Outcome::Interrupted => remarks.push(format!("interrupted, {kept} kept")),
    }
    if of.cold {
        remarks.push("cold".to_owned());
    }
    if of.is_noisy() {
        remarks.push("noisy".to_owned());
    }
    remarks
}

/// One number is read faster than two ends: the larger of the two distances to the median.
fn interval(of: &BenchResult) -> String {
    let reach = of.median_interval.and_then(|interval| interval.reach(of.stats.median_ns));
    reach.map_or_else(|| UNKNOWN.to_owned(), |reach| format!("± {}", percent(reach)))
}

fn deviation(of: &BenchResult) -> String {
    if of.stats.rounds < 2 || of.stats.mean_ns <= 0.0 {
        return UNKNOWN.to_owned();
    }
    percent(of.stats.stdev_ns / of.stats.mean_ns)
}

fn time(nanos: Option<f64>) -> String {
    nanos.map_or_else(|| UNKNOWN.to_owned(), show_nanos)
}
