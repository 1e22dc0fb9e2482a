//! The table of a walltime report, for the terminal and for Markdown.

use runner_shared::{
    artifact::{Outcome, RobustSource},
    duration::show_nanos,
};

use super::{
    grid::{Alarm, Grid, GridRow, Head},
    notes::{notes, remarks_on_all, warnings},
    text::{UNKNOWN, count, grouped, percent},
};
use crate::model::{BenchResult, Faults, Interval, Report, Switches};

/// A column with numbers.
struct Column {
    head: Head,
    /// What it says about a benchmark that has rounds.
    cell: fn(&BenchResult) -> String,
}

const fn column(title: &'static str, expendable: u8, cell: fn(&BenchResult) -> String) -> Column {
    Column { head: Head { title, expendable }, cell }
}

/// Head of the column that tells how sure the median is.
const INTERVAL: &str = "95 % interval";

/// From left to right, after the name.
const COLUMNS: &[Column] = &[
    column("Median", 0, |of| show_nanos(of.stats.median_ns)),
    column(INTERVAL, 1, interval),
    column("Min", 4, |of| show_nanos(of.stats.min_ns)),
    column("Deviation", 2, deviation),
    // Where its parts are known they say more.
    column("Processor", 5, |of| time(of.processor_ns.filter(|_| of.user_ns.is_none()))),
    column("User", 5, |of| time(of.user_ns)),
    column("System", 5, |of| time(of.system_ns)),
    column("Rounds", 3, |of| of.round_count().to_string()),
    column("Outliers", 6, |of| of.stats.iqr_outlier_rounds.to_string()),
];

/// The whole report.
pub(super) fn grid(report: &Report) -> Grid {
    let grid = Grid {
        heads: COLUMNS.iter().map(|column| column.head).collect(),
        rows: report.benchmarks.iter().map(row).collect(),
        warnings: warnings(report).collect(),
        notes: notes(report).collect(),
        footer: remarks_on_all(report),
    };
    grid.lean()
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
    let row = GridRow::new(&of.name, &remarks(of), COLUMNS.iter().map(cell).collect(), alarm);
    GridRow { more: if is_empty { Vec::new() } else { more(of) }, ..row }
}

/// What a table has no room for.
fn more(of: &BenchResult) -> Vec<(&'static str, String)> {
    let ends = |interval: Option<Interval>| {
        interval
            .map(|Interval { low, high }| format!(" ({} to {})", show_nanos(low), show_nanos(high)))
            .unwrap_or_default()
    };
    let within = of
        .median_interval
        .map(|_| (INTERVAL, format!("{}{}", interval(of), ends(of.median_interval))));
    let mean = format!("{}{}", show_nanos(of.stats.mean_ns), ends(of.mean_interval));
    let robust = of.robust.as_ref().filter(|robust| !robust.in_stats).and_then(|robust| {
        let text = format!("{}{}", show_nanos(robust.median_ns), ends(robust.interval));
        Some((robust_title(robust.source)?, text))
    });
    let iterations = (of.stats.iter_per_round > 1)
        .then(|| ("Iterations per round", grouped(of.stats.iter_per_round)));
    let faults = of.faults.map(|Faults { minor, major }| {
        ("Page faults", format!("{minor:.0} without, {major:.0} with a disk"))
    });
    let switches = of.switches.map(|Switches { voluntary, involuntary }| {
        ("Context switches", format!("{voluntary:.0} voluntary, {involuntary:.0} involuntary"))
    });
    let first = within.into_iter().chain([("Mean", mean), ("Max", show_nanos(of.stats.max_ns))]);
    first.chain(robust).chain(iterations).chain(faults).chain(switches).collect()
}

/// `None` for the wall clock, which is what all other figures are.
const fn robust_title(source: RobustSource) -> Option<&'static str> {
    match source {
        RobustSource::KernelStamps => Some("Without preemption"),
        RobustSource::ProcessorTime | RobustSource::WallClock => None,
    }
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
