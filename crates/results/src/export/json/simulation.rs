//! The report of a simulation as JSON. Stacks are not in it: they have formats of their own.
//!
//! | key | value |
//! |---|---|
//! | `version`, `mode` | 1, `simulation` |
//! | `warnings` | sentences about files that could not be used fully |
//! | `tools` | who counted |
//! | `processes` | how many were traced |
//! | `model` | `id` and `formula` of the time that is estimated |
//! | `allocations` | `included` or `excluded` in `instructions`, `events` and `estimate` |
//! | `benchmarks[]` | one object per benchmark, in the order of the run |
//! | `.occurrence` | 1, or more if the same URI was measured before |
//! | `.instructions`, `.events` | counts; `events` holds all that were taken |
//! | `.estimate` | `cycles`, `nanos`, and the shares `instructions`, `cache`, `memory` (0 to 1) |
//! | `.allocations_share`, `.allocations` | allocator functions and what they call |
//! | `.syscalls`, `.syscall_ns` | number, and real time in them |
//! | `.spawned` | processes that it started |
//! | `.hottest` | `by_self` and `by_inclusive`: functions with `own` and `inclusive` instructions |
//! | `.notes` | sentences about the benchmark |
//! | `comparisons[]` | one object per command that was compared with another (`--vs`), see `export/counts.rs` |
//! | `unattributed[]` | cost that belongs to no benchmark |

use std::collections::BTreeMap;

use serde::Serialize;

use super::{VERSION, rows::Rows};
use crate::{
    counts::CountComparison,
    export::counts::JsonCounts,
    report,
    simulation::{
        Allocations, Events, HotFunction, Hottest, SimulationReport, SimulationResult,
        Unattributed, View,
    },
};

#[derive(Serialize)]
pub(super) struct File<'a> {
    version: u32,
    mode: &'static str,
    warnings: &'a [String],
    tools: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<JsonCounts<'a>>,
    processes: u64,
    model: Model,
    allocations: &'static str,
    benchmarks: Vec<Benchmark<'a>>,
    unattributed: Vec<Rest<'a>>,
}

#[derive(Serialize)]
struct Model {
    id: &'static str,
    formula: &'static str,
}

#[derive(Serialize)]
struct Benchmark<'a> {
    #[serde(flatten)]
    facts: Rows,
    #[serde(flatten)]
    measured: Rows,
    events: BTreeMap<String, Option<u64>>,
    allocations: BTreeMap<String, Option<u64>>,
    hottest: Hot<'a>,
    spawned: &'a [u32],
    notes: &'a [String],
}

#[derive(Serialize)]
struct Hot<'a> {
    by_self: Vec<Function<'a>>,
    by_inclusive: Vec<Function<'a>>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    object: &'a str,
    own: u64,
    inclusive: u64,
}

#[derive(Serialize)]
struct Rest<'a> {
    pid: u32,
    command: &'a str,
    trigger: &'a str,
    events: BTreeMap<String, Option<u64>>,
}

impl<'a> File<'a> {
    /// Returns the report with its comparisons as it is written.
    pub(super) fn of(report: &'a SimulationReport, comparisons: &'a [CountComparison]) -> Self {
        let SimulationReport {
            benchmarks,
            unattributed,
            processes,
            tools,
            warnings,
            repeated: _,
            view,
        } = report;
        Self {
            version: VERSION,
            mode: "simulation",
            warnings,
            tools,
            comparisons: comparisons.iter().map(JsonCounts::of).collect(),
            processes: *processes,
            model: Model { id: view.model.id, formula: view.model.formula },
            allocations: match view.allocations {
                Allocations::Included => "included",
                Allocations::Excluded => "excluded",
            },
            benchmarks: benchmarks.iter().map(|result| Benchmark::of(result, *view)).collect(),
            unattributed: unattributed.iter().map(Rest::of).collect(),
        }
    }
}

impl<'a> Benchmark<'a> {
    fn of(result: &'a SimulationResult, view: View) -> Self {
        let Hottest { by_self, by_inclusive } = &result.hottest;
        let of = report::Benchmark::Simulation(result, view);
        Self {
            facts: Rows::facts(of),
            measured: Rows::measured(of),
            events: counts(&result.counted(&view)),
            allocations: counts(&result.allocations),
            hottest: Hot {
                by_self: by_self.iter().map(Function::of).collect(),
                by_inclusive: by_inclusive.iter().map(Function::of).collect(),
            },
            spawned: &result.spawned,
            notes: &result.notes,
        }
    }
}

impl<'a> Function<'a> {
    fn of(function: &'a HotFunction) -> Self {
        let HotFunction { name, object, own, inclusive } = function;
        Self { name, object, own: *own, inclusive: *inclusive }
    }
}

impl<'a> Rest<'a> {
    fn of(rest: &'a Unattributed) -> Self {
        let Unattributed { pid, command, trigger, events } = rest;
        Self { pid: *pid, command, trigger, events: counts(events) }
    }
}

fn counts(events: &Events) -> BTreeMap<String, Option<u64>> {
    events.iter().map(|(name, count)| (name.to_owned(), count)).collect()
}
