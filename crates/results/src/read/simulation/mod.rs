//! The profile folder of simulation mode: one callgrind file per process.

mod folder;
mod inlining;
mod jit;
mod process;
mod repeats;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
};

use runner_shared::{
    bounds::{self, Allowance, BENCHMARKS, TREE_NODES, Unit, size},
    profile_dir::ProfileDir,
    text::shown,
    workers::WorkerTool,
};

use super::{
    ReadError, SimulationReading,
    room::{Room, shown_name},
};
use crate::simulation::{Events, SimulationReport};

use folder::{Entry, became, entries};
use inlining::Objects;
pub(super) use process::name_of;

/// Reads a profile folder of simulation mode, except the file names in `ignore`.
///
/// A file that can't be read, or that ends within a benchmark, is an error, but doesn't keep the
/// others from being shown. Files are streamed: they may be larger than memory. A folder that
/// doesn't exist is empty.
pub fn read_simulation(
    profile_dir: &ProfileDir,
    ignore: &BTreeSet<OsString>,
) -> Result<SimulationReading, ReadError> {
    let mut reading = read_plainly(profile_dir, ignore)?;
    repeats::add(profile_dir, &mut reading)?;
    Ok(reading)
}

/// The same without the repeats of commands that are compared.
fn read_plainly(
    profile_dir: &ProfileDir,
    ignore: &BTreeSet<OsString>,
) -> Result<SimulationReading, ReadError> {
    let mut reading = SimulationReading::default();
    let mut across = Across::default();
    for entry in entries(profile_dir, ignore)? {
        match entry {
            Entry::Callgrind { path, pid } => process::read(&path, pid, &mut reading, &mut across),
            Entry::Tracegrind { path, pid } => {
                process::read_trace(&path, pid, &mut reading, &mut across);
            }
            Entry::NoFile(path) => {
                let warning = format!("`{}` is not a file and was left out", shown(&path));
                reading.report.warnings.push(warning);
            }
        }
    }
    number(&mut reading.report);
    tell_workers(&mut reading.report, &across.workers);
    reading.report.tools = across.tools.into_iter().collect();
    tell_spawned(&mut reading.report);
    tell_became(&mut reading.report, profile_dir);
    let (nodes, others) = (across.nodes.left_out(), across.others.left_out());
    let warnings = &mut reading.report.warnings;
    warnings.extend(across.room.warning());
    if nodes > 0 {
        warnings.push(format!(
            "the call trees of {nodes} benchmarks are left out: together they have more than {} nodes",
            bounds::shown(size(TREE_NODES), Unit::Items)
        ));
    }
    if others > 0 {
        warnings.push(format!("{others} more dumps that belong to no benchmark are left out"));
    }
    Ok(reading)
}

/// The things that all files have in common: who wrote them, and the room for what is in them.
#[derive(Debug)]
struct Across {
    /// Tools that count, as they call themselves.
    tools: BTreeSet<String>,
    /// Of each process with benchmarks that is a worker: the tool that had started it.
    workers: Vec<&'static WorkerTool>,
    room: Room,
    /// For nodes of call trees.
    nodes: Allowance,
    /// For dumps that belong to no benchmark.
    others: Allowance,
    objects: Objects,
}

impl Default for Across {
    fn default() -> Self {
        Self {
            tools: BTreeSet::new(),
            workers: Vec::new(),
            room: Room::default(),
            nodes: Allowance::of(size(TREE_NODES)),
            others: Allowance::of(size(BENCHMARKS)),
            objects: Objects::default(),
        }
    }
}

/// Counts depend on what the process has done before (caches of the interpreter, memory that it has), and with several
/// workers that is left to chance.
fn tell_workers(report: &mut SimulationReport, workers: &[&WorkerTool]) {
    if let [tool, _, ..] = workers
        && tool.shares_out
    {
        let WorkerTool { name, mend, .. } = tool;
        report.warnings.push(format!(
            "{name} distributed the benchmarks randomly among {} workers; counts depend on the earlier work of a \
                process, often by several percent: {mend}",
            workers.len()
        ));
    }
}

/// Numbers the measurements of the same URI: nobody says which of them is the right one.
fn number(report: &mut SimulationReport) {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut numbers = Vec::new();
    for benchmark in &report.benchmarks {
        let count = counts.entry(&benchmark.uri).or_default();
        *count = count.saturating_add(1);
        numbers.push(*count);
    }
    let repeated = counts.iter().filter(|(_, count)| **count > 1);
    let warnings: Vec<String> = repeated
        .map(|(uri, count)| format!("`{uri}` was measured {count} times; the results are numbered"))
        .collect();
    for (benchmark, number) in report.benchmarks.iter_mut().zip(numbers) {
        benchmark.occurrence = number;
    }
    report.warnings.extend(warnings);
}

/// Some tools say which processes a benchmark has started: what those cost isn't part of it.
fn tell_spawned(report: &mut SimulationReport) {
    for benchmark in &mut report.benchmarks {
        for child in &report.unattributed {
            let count = child.events.get(Events::INSTRUCTIONS).unwrap_or(0);
            if benchmark.spawned.contains(&child.pid) && count > 0 {
                benchmark.notes.push(format!(
                    "started `{}` (process {}), whose {count} instructions are not included",
                    child.command, child.pid
                ));
            }
        }
    }
}

/// A command that becomes one program after the other is counted in the last one only.
fn tell_became(report: &mut SimulationReport, dir: &ProfileDir) {
    for benchmark in &mut report.benchmarks {
        if let Some(program) = became(dir, benchmark.pid) {
            benchmark.notes.push(format!(
                "only `{program}`, which replaced the command, is counted; earlier instructions are not included"
            ));
        }
    }
}

#[cfg(test)]
mod tests;
