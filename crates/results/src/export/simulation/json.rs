//! The report of a simulation as JSON. Our own schema, versioned with that of walltime reports.
//!
//! `null` is "not known". Keys are only ever added within a version. Stacks are not in it: they
//! have formats of their own.
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

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;

use crate::{
    export::counts::JsonCounts,
    model::Integration,
    simulation::{
        Allocations, Estimate, Events, HotFunction, Hottest, SimulationReport, SimulationResult,
        Unattributed, View,
    },
};

/// Version of the schema.
const VERSION: u32 = 1;

/// Writes the report on one line.
pub(in crate::export) fn json(report: &SimulationReport, out: &mut dyn Write) -> io::Result<()> {
    let SimulationReport {
        benchmarks,
        unattributed,
        processes,
        tools,
        warnings,
        repeated: _,
        view,
    } = report;
    let comparisons = report.comparisons();
    let file = File {
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
        benchmarks: benchmarks.iter().map(|result| Benchmark::of(result, view)).collect(),
        unattributed: unattributed.iter().map(Rest::of).collect(),
    };
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer(&mut out, &file)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[derive(Serialize)]
struct File<'a> {
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
    name: &'a str,
    uri: &'a str,
    occurrence: u32,
    integration: Option<Who<'a>>,
    pid: u32,
    thread: Option<u64>,
    instructions: Option<u64>,
    estimate: Option<Time>,
    allocations_share: Option<f64>,
    syscalls: Option<u64>,
    syscall_ns: Option<u64>,
    events: BTreeMap<String, Option<u64>>,
    allocations: BTreeMap<String, Option<u64>>,
    hottest: Hot<'a>,
    spawned: &'a [u32],
    notes: &'a [String],
}

#[derive(Serialize)]
struct Who<'a> {
    name: &'a str,
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct Time {
    cycles: f64,
    nanos: f64,
    instructions: f64,
    cache: f64,
    memory: f64,
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

impl<'a> Benchmark<'a> {
    /// Taken apart completely, so that a new field can't be forgotten here.
    fn of(result: &'a SimulationResult, view: &View) -> Self {
        let SimulationResult {
            name,
            uri,
            occurrence,
            integration,
            pid,
            thread,
            events: _,
            allocations,
            hottest: Hottest { by_self, by_inclusive },
            stacks: _,
            spawned,
            notes,
        } = result;
        let who = |Integration { name, version }: &'a Integration| Who {
            name,
            version: version.as_deref(),
        };
        Self {
            name,
            uri,
            occurrence: *occurrence,
            integration: integration.as_ref().map(who),
            pid: *pid,
            thread: *thread,
            instructions: result.instructions(view),
            estimate: result.estimate(view).map(Time::of),
            allocations_share: result.allocations_share(),
            syscalls: result.syscalls(),
            syscall_ns: result.syscall_ns(),
            events: counts(&result.counted(view)),
            allocations: counts(allocations),
            hottest: Hot {
                by_self: by_self.iter().map(Function::of).collect(),
                by_inclusive: by_inclusive.iter().map(Function::of).collect(),
            },
            spawned,
            notes,
        }
    }
}

impl Time {
    fn of(estimate: Estimate) -> Self {
        let Estimate { cycles, nanos, instructions, cache, memory } = estimate;
        Self { cycles, nanos, instructions, cache, memory }
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
