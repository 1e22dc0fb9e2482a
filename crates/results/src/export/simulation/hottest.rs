//! The costliest functions of each benchmark, for the terminal. Costs are those that were counted: exact, where stacks
//! have estimates.

use runner_shared::text::one_line;

use crate::{
    export::functions::{Listing, lists},
    functions::{FunctionCost, by_self, by_total},
    simulation::{HotFunction, SimulationReport, SimulationResult},
};

/// A paragraph per benchmark with the functions that cost most by themselves, and those that do with all they call.
/// Shares are of all instructions of the benchmark. Empty without benchmarks.
pub(in crate::export) fn hottest_functions(report: &SimulationReport, listing: Listing) -> String {
    let paragraph = |of: &SimulationResult| {
        let own = by_self(&costs(&of.hottest.by_self), listing.most);
        let totals = by_total(&costs(&of.hottest.by_inclusive), listing.most, listing.view);
        let lists = lists(&own, &totals, of.stacks.total(), listing);
        format!("{}\n{lists}", one_line(&of.name))
    };
    report.benchmarks.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

fn costs(list: &[HotFunction]) -> Vec<FunctionCost<'_>> {
    list.iter().map(HotFunction::cost).collect()
}
