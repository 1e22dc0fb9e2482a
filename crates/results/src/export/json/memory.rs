//! The report of memory mode as JSON. Sizes are bytes as they were asked for.
//!
//! | key | value |
//! |---|---|
//! | `version`, `mode` | 1, `memory` |
//! | `warnings` | sentences about files that could not be used fully |
//! | `remarks` | sentences about what the numbers don't show |
//! | `traces[]` | `pid` of the root process, `events`, `outside` (those in no benchmark), and `tracer`, `backend`, `rung`, `lost_events`, `failed_tracks` as the tracer says |
//! | `comparisons[]` | one object per command that was compared with another (`--vs`), see `export/counts.rs` |
//! | `benchmarks[]` | one object per benchmark, in the order of the run |
//! | `.occurrence` | 1, or more if the same URI was measured before |
//! | `.peak_bytes`, `.peak_at_ns` | the most that was live at a time in all processes, and when on `CLOCK_MONOTONIC` |
//! | `.total_bytes`, `.allocations`, `.frees` | what was asked for, and the numbers of calls |
//! | `.live_at_end_bytes`, `.live_at_end_blocks` | not freed when the benchmark, or before that their process, ended |
//! | `.leaked_bytes`, `.leaked_blocks` | the same, by their older names |
//! | `.unfreed_at_exit_bytes`, `.unfreed_at_exit_blocks` | those of them whose process has ended |
//! | `.temporary` | blocks that were freed before the next allocation of their thread |
//! | `.largest_bytes` | the largest size in one call |
//! | `.sizes[]` | calls by size: `low`, `high`, `count` |
//! | `.timeline` | `width_ns`, and `live_bytes`: the most in each span of this width |
//! | `.sites` | `null` without stacks; else `bytes`, `peak`, `leaked` (live at end), `one_time` (the same, of libraries and interpreters that keep it once) and `temporary`: the stacks that matter most |
//! | `.notes` | sentences about the benchmark |

use std::collections::BTreeMap;

use runner_shared::memory::{SiteUsage, SizeClass};
use serde::Serialize;

use super::{VERSION, rows::Rows};
use crate::{
    counts::CountComparison,
    export::counts::JsonCounts,
    memory::{MemoryReport, MemoryResult, MemorySite, MemoryTrace, SITE_ORDERS},
    report,
    stacks::Stacks,
};

/// So many stacks by each order.
const MOST_SITES: usize = 25;

#[derive(Serialize)]
pub(super) struct File<'a> {
    version: u32,
    mode: &'static str,
    warnings: &'a [String],
    remarks: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<JsonCounts<'a>>,
    traces: Vec<Trace<'a>>,
    benchmarks: Vec<Benchmark<'a>>,
}

#[derive(Serialize)]
struct Trace<'a> {
    pid: u32,
    events: u64,
    outside: u64,
    tracer: Option<&'a str>,
    backend: Option<&'a str>,
    rung: Option<&'a str>,
    lost_events: Option<u64>,
    failed_tracks: Option<u64>,
}

#[derive(Serialize)]
struct Benchmark<'a> {
    #[serde(flatten)]
    facts: Rows,
    #[serde(flatten)]
    measured: Rows,
    sizes: Vec<SizeClass>,
    timeline: Line<'a>,
    sites: Option<BTreeMap<&'static str, Vec<Site<'a>>>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Line<'a> {
    width_ns: u64,
    live_bytes: &'a [u64],
}

#[derive(Serialize)]
struct Site<'a> {
    #[serde(flatten)]
    usage: SiteUsage,
    /// Innermost first.
    stack: Vec<Frame<'a>>,
}

#[derive(Serialize)]
struct Frame<'a> {
    function: &'a str,
    module: &'a str,
}

impl<'a> Trace<'a> {
    fn of(trace: &'a MemoryTrace) -> Self {
        let MemoryTrace { pid, events, outside, stats } = trace;
        let stats = stats.as_ref();
        Self {
            pid: *pid,
            events: *events,
            outside: *outside,
            tracer: stats.map(|stats| stats.tracer.as_str()),
            backend: stats.map(|stats| stats.backend.as_str()),
            rung: stats.map(|stats| stats.rung.as_str()),
            lost_events: stats.map(|stats| stats.lost_events),
            failed_tracks: stats.map(|stats| stats.failed_tracks),
        }
    }
}

impl<'a> File<'a> {
    /// Returns the report with its comparisons as it is written.
    pub(super) fn of(report: &'a MemoryReport, comparisons: &'a [CountComparison]) -> Self {
        let MemoryReport { benchmarks, traces, remarks, warnings, repeated: _ } = report;
        Self {
            version: VERSION,
            mode: "memory",
            warnings,
            remarks,
            comparisons: comparisons.iter().map(JsonCounts::of).collect(),
            traces: traces.iter().map(Trace::of).collect(),
            benchmarks: benchmarks.iter().map(Benchmark::of).collect(),
        }
    }
}

impl<'a> Benchmark<'a> {
    fn of(result: &'a MemoryResult) -> Self {
        let MemoryResult { usage, stacks, sites, notes, .. } = result;
        let of = report::Benchmark::Memory(result);
        Self {
            facts: Rows::facts(of),
            measured: Rows::measured(of),
            sizes: usage.sizes.classes().collect(),
            timeline: Line {
                width_ns: usage.timeline.width_ns(),
                live_bytes: usage.timeline.points(),
            },
            sites: stacks.as_ref().map(|stacks| tops(stacks, sites)),
            notes,
        }
    }
}

fn tops<'a>(stacks: &'a Stacks, sites: &[MemorySite]) -> BTreeMap<&'static str, Vec<Site<'a>>> {
    let top = |order: &crate::memory::SiteOrder| {
        order.top(sites, MOST_SITES).iter().map(|site| Site::of(site, stacks)).collect()
    };
    SITE_ORDERS.iter().map(|order| (order.id, top(order))).collect()
}

impl<'a> Site<'a> {
    fn of(site: &MemorySite, stacks: &'a Stacks) -> Self {
        let frames = stacks.outwards(site.node).filter_map(|node| stacks.frame(node));
        let stack = frames.map(|frame| Frame { function: &frame.name, module: &frame.object });
        Self { usage: site.usage, stack: stack.collect() }
    }
}
