//! Sentences below the table of a simulation.

use runner_shared::text::{count, one_line};

use crate::{
    simulation::{Allocations, Events, SimulationReport, Unattributed, View},
    text::{UNKNOWN, grouped, without_backticks},
};

/// At most so many processes are named below the table.
const MOST_PROCESSES: usize = 5;
/// Command lines are cut to this.
const MOST_COMMAND: usize = 60;

/// The model, who counted, and what is not in the rows.
pub(in crate::export) fn footer(report: &SimulationReport) -> Vec<String> {
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
