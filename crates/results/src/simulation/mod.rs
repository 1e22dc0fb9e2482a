//! The content of a profile folder of simulation mode: exact counts, and estimates made from them.

mod allocators;
mod analysis;
mod cost_model;
mod events;

use std::{borrow::Cow, sync::Arc};

use crate::{
    counts::{CountComparison, Counter, Repeated, SIMULATION_COUNTERS},
    functions::FunctionCost,
    model::Integration,
    stacks::Stacks,
};

use allocators::is_allocator;
pub(crate) use analysis::{Analysis, counted};
pub use cost_model::{COST_MODELS, CostModel, Estimate, cost_model};
pub use events::Events;

/// Everything that was simulated in one part of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SimulationReport {
    /// In the order of the processes and of their dumps.
    pub benchmarks: Vec<SimulationResult>,
    /// Cost that belongs to no benchmark.
    pub unattributed: Vec<Unattributed>,
    /// Processes that left a file, with benchmarks or without.
    pub processes: u64,
    /// The tools that wrote the files, as they name themselves: `callgrind-3.19.0`. Each once, sorted.
    pub tools: Vec<String>,
    /// Sentences for the user about files that could not be used fully.
    pub warnings: Vec<String>,
    /// The counts of commands that are compared, all repeats of each.
    pub repeated: Option<Repeated<SimulationCounts>>,
    /// The view on the numbers.
    pub view: View,
}

/// The counts of one repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimulationCounts {
    /// Everything that was counted.
    pub events: Events,
    /// The part of it in allocator functions and what they call.
    pub allocations: Events,
}

impl SimulationReport {
    /// Commands that were counted several times, each against one of them, as the view wants the numbers.
    pub fn comparisons(&self) -> Vec<CountComparison> {
        let value =
            |counts: &SimulationCounts, counter: &Counter| counts.value(counter, &self.view);
        let compare = |of: &Repeated<_>| of.compare(SIMULATION_COUNTERS, value);
        self.repeated.as_ref().map(compare).unwrap_or_default()
    }
}

impl SimulationCounts {
    /// Returns the counts of a benchmark.
    pub(crate) fn of(result: &SimulationResult) -> Self {
        Self { events: result.events.clone(), allocations: result.allocations.clone() }
    }

    /// Returns one of them; `None` if it was not counted.
    pub(crate) fn value(&self, counter: &Counter, view: &View) -> Option<u64> {
        let seen = match view.allocations {
            Allocations::Included => self.events.clone(),
            Allocations::Excluded => self.events.without(&self.allocations),
        };
        let sum = |names: [&str; 3]| {
            names.iter().try_fold(0_u64, |sum, name| sum.checked_add(seen.get(name)?))
        };
        match counter.id {
            "instructions" => seen.get(Events::INSTRUCTIONS),
            "estimated_cycles" => view.model.estimate(&seen).map(Estimate::whole_cycles),
            "l1_misses" => sum(["I1mr", "D1mr", "D1mw"]),
            "ll_misses" => sum(["ILmr", "DLmr", "DLmw"]),
            "syscalls" => seen.get(Events::SYSCALLS),
            _ => None,
        }
    }
}

/// A view on the numbers of a report. Changes what is shown, never what was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The model that turns counts into time.
    pub model: &'static CostModel,
    /// The treatment of the cost of allocators.
    pub allocations: Allocations,
}

impl Default for View {
    fn default() -> Self {
        Self { model: CostModel::DEFAULT, allocations: Allocations::Included }
    }
}

/// The treatment of allocator functions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Allocations {
    /// All that was executed.
    #[default]
    Included,
    /// Without allocator functions and all that they call.
    Excluded,
}

/// One benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationResult {
    /// Name as shown; not unique, and may hold any character.
    pub name: String,
    /// Identity; equal for repeated measurements of the same benchmark.
    pub uri: String,
    /// 1 for the first measurement of this URI, 2 for the next.
    pub occurrence: u32,
    /// The integration that measured; `None` if none announced itself.
    pub integration: Option<Integration>,
    /// The process.
    pub pid: u32,
    /// The thread, if the tool kept threads apart.
    pub thread: Option<u64>,
    /// Everything that was counted. See [`SimulationResult::counted`].
    pub events: Events,
    /// The part of it in allocator functions and what they call.
    pub allocations: Events,
    /// The functions that cost most.
    pub hottest: Hottest,
    /// Instructions by stack; the totals are exact, the split among several callers is an estimate.
    pub stacks: Stacks,
    /// Processes that it started, where the tool says so.
    pub spawned: Vec<u32>,
    /// Sentences for the user, without the name of the benchmark.
    pub notes: Vec<String>,
}

impl SimulationResult {
    /// The counts as the view wants them.
    pub fn counted(&self, view: &View) -> Cow<'_, Events> {
        match view.allocations {
            Allocations::Included => Cow::Borrowed(&self.events),
            Allocations::Excluded => Cow::Owned(self.events.without(&self.allocations)),
        }
    }

    /// Instructions executed: exact, and repeatable.
    pub fn instructions(&self, view: &View) -> Option<u64> {
        self.counted(view).get(Events::INSTRUCTIONS)
    }

    /// Time by a model; `None` if caches were not simulated.
    pub fn estimate(&self, view: &View) -> Option<Estimate> {
        view.model.estimate(&self.counted(view))
    }

    /// Instructions in allocator functions and what they call, as a share of all.
    pub fn allocations_share(&self) -> Option<f64> {
        let all = self.events.get(Events::INSTRUCTIONS)?;
        let allocations = self.allocations.get(Events::INSTRUCTIONS)?;
        events::share(allocations, all)
    }

    /// System calls; their time is not simulated and in no estimate.
    pub fn syscalls(&self) -> Option<u64> {
        self.events.get(Events::SYSCALLS)
    }

    /// Nanoseconds of real time in system calls; differs from run to run.
    pub fn syscall_ns(&self) -> Option<u64> {
        self.events.get(Events::SYSCALL_TIME)
    }
}

/// The costliest functions of a benchmark, allocators included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hottest {
    /// By what they cost themselves, the costliest first.
    pub by_self: Vec<HotFunction>,
    /// By what they cost with all they call, the costliest first.
    pub by_inclusive: Vec<HotFunction>,
}

/// A function and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotFunction {
    /// Name as shown.
    pub name: Arc<str>,
    /// Program or library.
    pub object: Arc<str>,
    /// Instructions of the function itself.
    pub own: u64,
    /// Instructions with everything that it called.
    pub inclusive: u64,
}

impl HotFunction {
    /// Returns the same without what it owns.
    pub(crate) fn cost(&self) -> FunctionCost<'_> {
        let Self { name, object, own, inclusive } = self;
        FunctionCost { name, object, own: *own, total: *inclusive }
    }
}

/// Cost that belongs to no benchmark: never dropped, as it may be one that lost its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unattributed {
    /// The process.
    pub pid: u32,
    /// Its program and arguments.
    pub command: String,
    /// The reason why the dump was written: `Program termination` and the like.
    pub trigger: String,
    /// The counts.
    pub events: Events,
}
