//! The table of a report in any mode, for the terminal, Markdown and `AsciiDoc`: the metrics that have a column, between the
//! relation to others that it was compared with and the events that were counted.

use runner_shared::{
    artifact::Outcome,
    counters::{EVENTS, Event},
    duration::show_nanos,
    text::count,
    walltime::as_whole,
};

use super::{
    grid::{Alarm, Grid, GridRow},
    memory,
    notes::{self, Note},
    simulation,
};
use crate::{
    comparison::factor,
    memory::MemoryTrace,
    metrics::{ALONE, Head, MEDIAN, UNDISTURBED, metrics},
    model::BenchResult,
    report::{Benchmark, Compared, Report},
    text::{UNKNOWN, grouped},
};

/// Head of the column with the value relative to that of the benchmark that others are compared with.
const RELATIVE: &str = "Relative";

/// A column with numbers, and a way to get its cell for a benchmark.
type Column<'r> = (Head, Box<dyn Fn(Benchmark<'_>) -> Option<String> + 'r>);

/// The whole report. What there is only room for in a benchmark that is shown `alone` is left out unless it is.
pub(super) fn grid(report: &Report, alone: bool) -> Grid {
    let comparisons = report.comparisons();
    let columns = columns(report, &comparisons, alone);
    let doubt = match report {
        Report::Memory(report) => report.traces.iter().any(MemoryTrace::is_doubtful),
        Report::Walltime(_) | Report::Simulation(_) => false,
    };
    let row = |of: Benchmark<'_>| {
        let cell = |(_, cell): &Column<'_>| cell(of).unwrap_or_else(|| UNKNOWN.to_owned());
        let cells = columns.iter().map(cell).collect();
        GridRow::new(of.name(), &remarks(of), cells, alarm(of, doubt))
    };
    let grid = Grid {
        names: "",
        list: None,
        heads: columns.iter().map(|(head, _)| *head).collect(),
        rows: by_value(report, &comparisons).into_iter().map(row).collect(),
        warnings: report.warnings().iter().map(|text| Note::new("", text)).collect(),
        notes: report.benchmarks().into_iter().flat_map(notes::notes).collect(),
        footer: footer(report, &comparisons),
        verdicts: comparisons.iter().flat_map(Compared::sentences).collect(),
    };
    grid.lean()
}

/// The benchmarks in the order of the run or, if several were compared with one, the lowest value first. One without a
/// ratio comes last.
fn by_value<'r>(report: &'r Report, comparisons: &[Compared<'_>]) -> Vec<Benchmark<'r>> {
    let mut all = report.benchmarks();
    if comparisons.len() > 1 {
        let value = |of: &Benchmark<'_>| ratio(*of, comparisons).unwrap_or(f64::INFINITY);
        all.sort_by(|one, other| value(one).total_cmp(&value(other)));
    }
    all
}

/// The value of the benchmark divided by that of the one that others are compared with.
fn ratio(of: Benchmark<'_>, comparisons: &[Compared<'_>]) -> Option<f64> {
    if comparisons.iter().any(|it| it.base_uri() == of.uri()) {
        return Some(1.0);
    }
    comparisons.iter().find(|it| it.head_uri() == of.uri())?.ratio()
}

fn columns<'r>(
    report: &'r Report,
    comparisons: &'r [Compared<'_>],
    alone: bool,
) -> Vec<Column<'r>> {
    let relative = (comparisons.len() > 1).then(|| -> Column<'_> {
        let head = Head { title: RELATIVE, expendable: 0 };
        (head, Box::new(|of: Benchmark<'_>| ratio(of, comparisons).map(factor)))
    });
    let events = counted(report).map(|event| -> Column<'_> {
        let head = Head { title: event.title, expendable: 1 };
        (head, Box::new(move |of: Benchmark<'_>| count_of(of, event)))
    });
    let mut measured: Vec<Column<'_>> = Vec::new();
    for metric in metrics(report.mode()).measured {
        let Some(head) = metric.head.filter(|head| alone || head.expendable != ALONE) else {
            continue;
        };
        let cell = move |of: Benchmark<'_>| metric.shown(of, alone).filter(|_| of.has_numbers());
        measured.push((head, Box::new(cell)));
    }
    // On a noisy machine, the time that the noise did not touch comes first.
    if let Report::Walltime(report) = report
        && report.benchmarks.iter().any(|of| of.is_noisy() && of.undisturbed().is_some())
    {
        let leaders = [UNDISTURBED, MEDIAN];
        let place = |title: &str| leaders.iter().position(|leader| *leader == title);
        measured.sort_by_key(|(head, _): &Column<'_>| place(head.title).unwrap_or(leaders.len()));
        for ((head, _), rank) in measured.iter_mut().zip([0, 1]) {
            head.expendable = rank;
        }
    }
    let (lone, shown): (Vec<_>, Vec<_>) =
        measured.into_iter().partition(|(head, _)| head.expendable == ALONE);
    relative.into_iter().chain(shown).chain(events).chain(lone).collect()
}

/// The events that were counted of any benchmark.
pub(super) fn counted(report: &Report) -> impl Iterator<Item = &'static Event> {
    let all: &[BenchResult] = match report {
        Report::Walltime(report) => &report.benchmarks,
        Report::Simulation(_) | Report::Memory(_) => &[],
    };
    EVENTS.iter().filter(move |event| all.iter().any(|of| of.counted(event.name).is_some()))
}

fn count_of(of: Benchmark<'_>, event: &Event) -> Option<String> {
    let count = of.counted(event.name)?;
    Some(if event.is_time { show_nanos(count) } else { grouped(as_whole(count)) })
}

/// Oddities that stand behind the name.
fn remarks(of: Benchmark<'_>) -> Vec<String> {
    let Benchmark::Walltime(of) = of else {
        let number = of.occurrence();
        return (number > 1).then(|| format!("no. {number}")).into_iter().collect();
    };
    let kept = count(of.round_count(), "round");
    let ending = match of.outcome {
        Outcome::Complete => None,
        Outcome::Failed { .. } => Some(format!("failed, {kept} kept")),
        Outcome::Interrupted => Some(format!("interrupted, {kept} kept")),
    };
    let more =
        [(of.cold, "cold"), (of.is_without_shell(), "without shell"), (of.is_noisy(), "noisy")];
    let more = more.into_iter().filter(|(is_so, _)| *is_so).map(|(_, text)| text.to_owned());
    ending.into_iter().chain(more).collect()
}

/// The need of the benchmark to be looked at, where all numbers are in `doubt` or not.
fn alarm(of: Benchmark<'_>, doubt: bool) -> Alarm {
    let is_odd = match of {
        Benchmark::Walltime(of) => of.cold || of.is_noisy(),
        Benchmark::Simulation(..) | Benchmark::Memory(_) => {
            doubt || !of.notes().is_empty() || of.occurrence() > 1
        }
    };
    match of.outcome() {
        Outcome::Failed { .. } => Alarm::Failure,
        Outcome::Interrupted => Alarm::Doubt,
        Outcome::Complete if is_odd => Alarm::Doubt,
        Outcome::Complete => Alarm::None,
    }
}

/// Sentences on how the numbers came about.
fn footer(report: &Report, comparisons: &[Compared<'_>]) -> Vec<String> {
    let repeats = comparisons.iter().filter_map(Compared::repeats).max();
    let repeats = repeats.filter(|repeats| *repeats > 1).map(|repeats| {
        format!(
            "Each was counted {repeats} times, with environments of different lengths; the first count is shown"
        )
    });
    let lines = match report {
        Report::Walltime(report) => {
            notes::remarks_on_all(report).into_iter().chain(report.conditions.sentence()).collect()
        }
        Report::Simulation(report) => simulation::footer(report),
        Report::Memory(report) => memory::footer(report),
    };
    repeats.into_iter().chain(lines).collect()
}
