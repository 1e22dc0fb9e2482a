//! The costliest functions of each benchmark, for the terminal.

use runner_shared::{text::one_line, walltime::as_float};

use crate::{
    simulation::{HotFunction, SimulationReport, SimulationResult},
    text::percent,
};

/// A paragraph per benchmark with at most `most` functions, the ones that cost most by themselves
/// first. Shares are of all instructions of the benchmark. Empty without benchmarks.
pub(in crate::export) fn hottest_functions(report: &SimulationReport, most: usize) -> String {
    let paragraphs: Vec<String> =
        report.benchmarks.iter().map(|benchmark| paragraph(benchmark, most)).collect();
    paragraphs.join("\n")
}

fn paragraph(benchmark: &SimulationResult, most: usize) -> String {
    let all = as_float(benchmark.stacks.total().max(1));
    let row = |function: &HotFunction| {
        let HotFunction { name, object, own, inclusive } = function;
        let share = |cost: u64| percent(as_float(cost) / all);
        let place = object.rsplit('/').next().unwrap_or(object);
        let (name, place) = (one_line(name), one_line(place));
        format!("{:>7}  {:>7}  {name} ({place})\n", share(*own), share(*inclusive))
    };
    let head = format!("{}\n{:>7}  {:>7}  Function\n", one_line(&benchmark.name), "Self", "Total");
    std::iter::once(head).chain(benchmark.hottest.by_self.iter().take(most).map(row)).collect()
}
