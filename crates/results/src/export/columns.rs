//! The table of a walltime report, for the terminal and for Markdown.

use runner_shared::{
    artifact::Outcome,
    counters::{EVENTS, Event},
    duration::show_nanos,
    text::{bytes, count},
    walltime::as_whole,
};

use super::{
    grid::{Alarm, Grid, GridRow, Head},
    notes::{notes, remarks_on_all, warnings},
};
use crate::{
    comparison::{Comparison, factor},
    model::{BenchResult, Faults, Interval, MaxRss, Report, Switches},
    text::{UNKNOWN, grouped, percent},
};

/// A column with numbers.
#[derive(Clone, Copy)]
struct Column {
    head: Head,
    /// Its content for a benchmark that has rounds.
    cell: fn(&BenchResult) -> String,
}

const fn column(title: &'static str, expendable: u8, cell: fn(&BenchResult) -> String) -> Column {
    Column { head: Head { title, expendable }, cell }
}

/// Head of the column that tells how sure the median is.
const INTERVAL: &str = "95 % interval";

/// Head of the column with the time relative to that of the benchmark that others are compared with.
pub(super) const RELATIVE: &str = "Relative";
/// Head of the column with the median wall time.
const MEDIAN: &str = "Median";
/// Head of the column with the time that other processes did not touch.
const UNDISTURBED: &str = "Undisturbed";

/// From left to right, after the name.
const COLUMNS: &[Column] = &[
    column(MEDIAN, 0, median),
    column(INTERVAL, 1, interval),
    column(UNDISTURBED, 3, undisturbed),
    column("Min", 4, |of| show_nanos(of.stats.min_ns)),
    column("Deviation", 2, deviation),
    // Where its parts are known they say more.
    column("Processor", 5, |of| time(of.processor_ns.filter(|_| of.user_ns.is_none()))),
    column("User", 5, |of| part(of, of.user_ns)),
    column("System", 5, |of| part(of, of.system_ns)),
    column("Max RSS", 5, |of| of.max_rss.map_or_else(|| UNKNOWN.to_owned(), max_rss)),
    column("Rounds", 3, |of| of.round_count().to_string()),
    column("Outliers", 6, |of| of.stats.iqr_outlier_rounds.to_string()),
];

/// The whole report.
pub(super) fn grid(report: &Report) -> Grid {
    let columns = columns(report);
    let mut heads: Vec<Head> = columns.iter().map(|column| column.head).collect();
    let mut rows: Vec<GridRow> = by_speed(report).map(|of| row(of, &columns)).collect();
    for event in counted(report) {
        heads.push(Head { title: event.title, expendable: 1 });
        for (row, of) in rows.iter_mut().zip(by_speed(report)) {
            row.cells.push(count_of(of, event));
        }
    }
    if report.comparisons.len() > 1 {
        heads.insert(0, Head { title: RELATIVE, expendable: 0 });
        for (row, of) in rows.iter_mut().zip(by_speed(report)) {
            row.cells.insert(0, relative(of, report));
        }
    }
    let grid = Grid {
        heads,
        rows,
        warnings: warnings(report).collect(),
        notes: notes(report).collect(),
        footer: remarks_on_all(report).into_iter().chain(report.conditions.sentence()).collect(),
        verdicts: report.comparisons.iter().flat_map(Comparison::sentences).collect(),
    };
    grid.lean()
}

/// The benchmarks in the order of the run or, if several were compared with one, the fastest first. One without a
/// ratio comes last.
fn by_speed(report: &Report) -> impl Iterator<Item = &BenchResult> {
    let mut all: Vec<&BenchResult> = report.benchmarks.iter().collect();
    if report.comparisons.len() > 1 {
        let speed = |of: &&BenchResult| ratio(of, report).unwrap_or(f64::INFINITY);
        all.sort_by(|one, other| speed(one).total_cmp(&speed(other)));
    }
    all.into_iter()
}

/// Time of the benchmark divided by that of the one that others are compared with.
fn ratio(of: &BenchResult, report: &Report) -> Option<f64> {
    if report.comparisons.iter().any(|it| it.base_uri == of.uri) {
        return Some(1.0);
    }
    report.comparisons.iter().find(|it| it.head_uri == of.uri)?.found.judged.ratio
}

fn relative(of: &BenchResult, report: &Report) -> String {
    ratio(of, report).map_or_else(|| UNKNOWN.to_owned(), factor)
}

/// On a noisy machine, the time that the noise did not touch comes first.
fn columns(report: &Report) -> Vec<Column> {
    let leads = |of: &BenchResult| of.is_noisy() && of.undisturbed().is_some();
    let mut columns = COLUMNS.to_vec();
    if report.benchmarks.iter().any(leads) {
        columns.retain(|column| ![UNDISTURBED, MEDIAN].contains(&column.head.title));
        columns.splice(0..0, [column(UNDISTURBED, 0, undisturbed), column(MEDIAN, 1, median)]);
    }
    columns
}

fn row(of: &BenchResult, columns: &[Column]) -> GridRow {
    let is_empty = of.stats.rounds == 0;
    let cell = |column: &Column| if is_empty { UNKNOWN.to_owned() } else { (column.cell)(of) };
    let alarm = match of.outcome {
        Outcome::Failed { .. } => Alarm::Failure,
        Outcome::Interrupted => Alarm::Doubt,
        Outcome::Complete if of.cold || of.is_noisy() => Alarm::Doubt,
        Outcome::Complete => Alarm::None,
    };
    let row = GridRow::new(&of.name, &remarks(of), columns.iter().map(cell).collect(), alarm);
    GridRow { more: if is_empty { Vec::new() } else { more(of) }, ..row }
}

/// Sentences that a table has no room for.
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
    let robust = of.undisturbed();
    let robust =
        robust.map(|robust| (UNDISTURBED, format!("{}{}", undisturbed(of), ends(robust.interval))));
    let iterations = (of.stats.iter_per_round > 1)
        .then(|| ("Iterations per round", grouped(of.stats.iter_per_round)));
    let faults = of.faults.map(|Faults { minor, major }| {
        ("Page faults", format!("{minor:.0} minor, {major:.0} major (from disk)"))
    });
    let switches = of.switches.map(|Switches { voluntary, involuntary }| {
        ("Context switches", format!("{voluntary:.0} voluntary, {involuntary:.0} involuntary"))
    });
    let first = within.into_iter().chain([("Mean", mean), ("Max", show_nanos(of.stats.max_ns))]);
    first.chain(robust).chain(iterations).chain(faults).chain(switches).collect()
}

/// The median and how sure it is, where the kernel's stamps tell it and the other figures are of the wall clock.
fn undisturbed(of: &BenchResult) -> String {
    of.undisturbed().map_or_else(
        || UNKNOWN.to_owned(),
        |robust| {
            let reach = robust.interval.and_then(|interval| interval.reach(robust.median_ns));
            let reach = reach.map(|reach| format!(" ± {}", percent(reach))).unwrap_or_default();
            format!("{}{reach}", show_nanos(robust.median_ns))
        },
    )
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
    if of.is_without_shell() {
        remarks.push("without shell".to_owned());
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

fn median(of: &BenchResult) -> String {
    show_nanos(of.stats.median_ns)
}

fn deviation(of: &BenchResult) -> String {
    if of.stats.rounds < 2 || of.stats.mean_ns <= 0.0 {
        return UNKNOWN.to_owned();
    }
    percent(of.stats.stdev_ns / of.stats.mean_ns)
}

/// The events that were counted of any benchmark.
pub(super) fn counted(report: &Report) -> impl Iterator<Item = &'static Event> {
    let is_there = |of: &BenchResult, event: &Event| of.counted(event.name).is_some();
    EVENTS.iter().filter(move |event| report.benchmarks.iter().any(|of| is_there(of, event)))
}

fn count_of(of: &BenchResult, event: &Event) -> String {
    match of.counted(event.name) {
        Some(time) if event.is_time => show_nanos(time),
        Some(count) => grouped(as_whole(count)),
        None => UNKNOWN.to_owned(),
    }
}

fn max_rss(of: MaxRss) -> String {
    let sign = if of.is_bound { "≤ " } else { "" };
    format!("{sign}{}", bytes(as_whole(of.bytes)))
}

/// A part of the processor time, as far as the kernel tells it.
fn part(of: &BenchResult, nanos: Option<f64>) -> String {
    match (nanos, of.split_step_ns) {
        (Some(nanos), Some(step)) if nanos < step => format!("< {}", show_nanos(step)),
        (nanos, _) => time(nanos),
    }
}

fn time(nanos: Option<f64>) -> String {
    nanos.map_or_else(|| UNKNOWN.to_owned(), show_nanos)
}
