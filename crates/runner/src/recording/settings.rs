//! The settings of a part that change what its numbers mean, and the instruments. A setting that is the usual one is
//! left out, so that one which is new in a later version makes no difference.

use std::collections::BTreeMap;

use results::{CostModel, Report};
use runner_shared::{
    conditions::Conditions,
    mode::Mode,
    text::{as_text, one_line},
};
use store::Tool;

use super::tool;
use crate::{
    settings::{
        RunPart,
        options::{PythonAllocator, SimulationOptions, SimulationTool, Variables},
    },
    workload::Workload,
};

/// Returns the settings that are not the usual ones, as they were asked for.
pub(super) fn of(part: &RunPart) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut put = |key: &str, value: &str| {
        all.insert(key.to_owned(), value.to_owned());
    };
    if let Some(allocator) = part.python_allocator {
        put(
            "python_allocator",
            match allocator {
                PythonAllocator::Malloc => "malloc",
                PythonAllocator::Own => "own",
            },
        );
    }
    match part.mode {
        Mode::Walltime => {
            if let Workload::Commands { targets, robust, .. } = &part.workload {
                if *robust {
                    put("robust", "true");
                }
                if targets.iter().any(|target| target.run_args.subtract_shell) {
                    put("without_shell", "true");
                }
            }
        }
        Mode::Simulation => simulation(&part.simulation, &mut put),
        Mode::Memory => {}
    }
    all
}

/// Returns those that are about the place where times were measured.
pub(super) fn of_conditions(conditions: &Conditions) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if !conditions.processors.is_empty() {
        // Which of equal ones it was makes no difference.
        all.insert("pinned_processors".to_owned(), conditions.processors.len().to_string());
    }
    if conditions.fixed_addresses {
        all.insert("fixed_addresses".to_owned(), "true".to_owned());
    }
    all
}

/// Returns those that the results say themselves.
pub(super) fn of_report(report: &Report) -> BTreeMap<String, String> {
    match report {
        Report::Walltime(report) => of_conditions(&report.conditions),
        Report::Simulation(_) => BTreeMap::new(),
        Report::Memory(report) => {
            let mut stats = report.traces.iter().filter_map(|trace| trace.stats.as_ref());
            let backend = stats.next().map(|stats| one_line(&stats.backend));
            backend.map(|backend| ("backend".to_owned(), backend)).into_iter().collect()
        }
    }
}

fn simulation(options: &SimulationOptions, put: &mut impl FnMut(&str, &str)) {
    if options.cost_model.id != CostModel::DEFAULT.id {
        put("cost_model", options.cost_model.id);
    }
    if options.exclude_allocations {
        put("allocations", "excluded");
    }
    if options.tool == SimulationTool::Tracegrind {
        put("tool", "tracegrind");
    }
    if options.trace_helpers {
        put("trace_helpers", "true");
    }
    if options.fair_sched {
        put("fair_sched", "true");
    }
    if !options.skip_program.is_empty() {
        let skipped: Vec<_> = options.skip_program.iter().map(|word| as_text(word)).collect();
        put("skip_program", &skipped.join(" "));
    }
    match options.variables {
        Variables::Lasting => {}
        Variables::Needed => put("variables", "needed"),
        Variables::All => put("variables", "all"),
    }
}

/// Returns the instruments, as they name themselves in what they left.
pub(super) fn tools(report: &Report) -> Vec<Tool> {
    match report {
        Report::Walltime(_) => Vec::new(),
        Report::Simulation(report) => {
            // `callgrind-3.26.0`
            let split = |name: &String| match name.split_once('-') {
                Some((name, version)) => tool(name, version),
                None => tool(name, ""),
            };
            report.tools.iter().map(split).collect()
        }
        Report::Memory(report) => {
            let stats = report.traces.iter().filter_map(|trace| trace.stats.as_ref());
            let split = |tracer: &str| match tracer.split_once(' ') {
                Some((name, version)) => tool(name, version),
                None => tool(tracer, ""),
            };
            let mut tools: Vec<Tool> = stats.map(|stats| split(&stats.tracer)).collect();
            tools.sort();
            tools.dedup();
            tools
        }
    }
}
