//! The table of a simulation, for the terminal and for Markdown.

use runner_shared::{
    duration::show_nanos,
    text::{count, one_line},
};

use crate::{
    export::{
        counts::compared,
        grid::{Alarm, Grid, GridRow, Head},
        notes::Note,
    },
    simulation::{
        Allocations, Estimate, Events, SimulationReport, SimulationResult, Unattributed, View,
    },
    text::{UNKNOWN, grouped, percent, without_backticks},
};

/// A column with numbers.
struct Column {
    head: Head,
    cell: fn(&SimulationResult, &View) -> Option<String>,
}

const fn column(
    title: &'static str,
    expendable: u8,
    cell: fn(&SimulationResult, &View) -> Option<String>,
) -> Column {
    Column { head: Head { title, expendable }, cell }
}

/// From left to right, after the name.
const COLUMNS: &[Column] = &[
    column("Instructions", 0, |of, view| of.instructions(view).map(grouped)),
    column("Est. time", 1, |of, view| Some(show_nanos(of.estimate(view)?.nanos))),
    column("Instr. %", 3, |of, view| share(of, view, |estimate| estimate.instructions)),
    column("Cache %", 3, |of, view| share(of, view, |estimate| estimate.cache)),
    column("Memory %", 3, |of, view| share(of, view, |estimate| estimate.memory)),
    column("Alloc %", 2, |of, _| of.allocations_share().map(percent)),
    column("Syscalls", 4, |of, _| of.syscalls().map(grouped)),
];

/// Counters that are shown of a benchmark alone: their names at callgrind, and what they are.
const COUNTERS: &[(&str, &str)] = &[
    ("Dr", "Data reads"),
    ("Dw", "Data writes"),
    ("I1mr", "First-level misses, instructions"),
    ("D1mr", "First-level misses, reads"),
    ("D1mw", "First-level misses, writes"),
    ("ILmr", "Last-level misses, instructions"),
    ("DLmr", "Last-level misses, reads"),
    ("DLmw", "Last-level misses, writes"),
];

/// At most so many processes are named below the table.
const MOST_PROCESSES: usize = 5;
/// Command lines are cut to this.
const MOST_COMMAND: usize = 60;

/// The whole report.
pub(in crate::export) fn grid(report: &SimulationReport) -> Grid {
    let warning = |text: &String| Note { benchmark: String::new(), text: one_line(text) };
    let notes = report.benchmarks.iter().flat_map(|of| {
        let about = |text: &String| Note { benchmark: shown_name(of), text: one_line(text) };
        of.notes.iter().map(about)
    });
    let grid = Grid {
        heads: COLUMNS.iter().map(|column| column.head).collect(),
        rows: report.benchmarks.iter().map(|of| row(of, &report.view)).collect(),
        warnings: report.warnings.iter().map(warning).collect(),
        notes: notes.collect(),
        footer: footer(report),
        verdicts: Vec::new(),
    };
    let uris: Vec<&str> = report.benchmarks.iter().map(|of| of.uri.as_str()).collect();
    compared(grid, &uris, &report.comparisons()).lean()
}

fn row(of: &SimulationResult, view: &View) -> GridRow {
    let cell = |column: &Column| (column.cell)(of, view).unwrap_or_else(|| UNKNOWN.to_owned());
    let alarm = if of.notes.is_empty() && of.occurrence == 1 { Alarm::None } else { Alarm::Doubt };
    let remarks: Vec<String> =
        (of.occurrence > 1).then(|| format!("no. {}", of.occurrence)).into_iter().collect();
    let row = GridRow::new(&of.name, &remarks, COLUMNS.iter().map(cell).collect(), alarm);
    GridRow { more: more(of, view), ..row }
}

/// Sentences that a table has no room for.
fn more(of: &SimulationResult, view: &View) -> Vec<(&'static str, String)> {
    let counts = of.counted(view);
    COUNTERS
        .iter()
        .filter_map(|(event, title)| Some((*title, grouped(counts.get(event)?))))
        .collect()
}

fn shown_name(of: &SimulationResult) -> String {
    let name = one_line(&of.name);
    if of.occurrence > 1 { format!("{name} (no. {})", of.occurrence) } else { name }
}

fn share(of: &SimulationResult, view: &View, part: fn(&Estimate) -> f64) -> Option<String> {
    of.estimate(view).map(|estimate| percent(part(&estimate)))
}

/// The model, who counted, and what is not in the rows.
fn footer(report: &SimulationReport) -> Vec<String> {
    if report.benchmarks.is_empty() && report.unattributed.is_empty() {
        return Vec::new();
    }
    let View { model, allocations } = report.view;
    let mut lines = vec![format!(
        "Estimated time: model `{}`, {}; excludes system calls",
        model.id, model.formula
    )];
    if allocations == Allocations::Excluded {
        lines
            .push("All numbers except Alloc % and Syscalls exclude allocator functions".to_owned());
    }
    let processes = format!("{} traced", count(report.processes, "process"));
    let tools = report.tools.iter().map(|tool| one_line(tool));
    lines.push(tools.chain([processes]).collect::<Vec<_>>().join(", "));
    lines.extend(report.unattributed.iter().take(MOST_PROCESSES).map(unattributed));
    let more = report.unattributed.len().saturating_sub(MOST_PROCESSES);
    if let Ok(more @ 1..) = u64::try_from(more) {
        lines.push(format!("In no benchmark: {} more", count(more, "dump")));
    }
    lines
}

fn unattributed(of: &Unattributed) -> String {
    let Unattributed { pid, command, trigger, events } = of;
    let instructions = events.get(Events::INSTRUCTIONS).map_or_else(|| UNKNOWN.to_owned(), grouped);
    let command = without_backticks(command);
    let mut short: String = command.chars().take(MOST_COMMAND).collect();
    if short.len() < command.len() {
        short.push('…');
    }
    let trigger = one_line(trigger);
    format!("In no benchmark: {instructions} instructions of `{short}` (process {pid}, {trigger})")
}
