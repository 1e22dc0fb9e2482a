//! The report of memory mode as JSON. Our own schema, versioned with that of walltime reports.
//!
//! Sizes are bytes as they were asked for, `null` is "not known". Keys are only ever added within a version.
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

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use runner_shared::memory::{SiteUsage, UsageSummary};
use serde::Serialize;

use crate::{
    export::counts::JsonCounts,
    memory::{MemoryReport, MemoryResult, MemorySite, MemoryTrace, SITE_ORDERS},
    stacks::Stacks,
};

/// Version of the schema.
const VERSION: u32 = 1;
/// So many stacks by each order.
const MOST_SITES: usize = 25;

/// Writes the report on one line.
pub(in crate::export) fn json(report: &MemoryReport, out: &mut dyn Write) -> io::Result<()> {
    let MemoryReport { benchmarks, traces, remarks, warnings, repeated: _ } = report;
    let comparisons = report.comparisons();
    let file = File {
        version: VERSION,
        mode: "memory",
        warnings,
        remarks,
        comparisons: comparisons.iter().map(JsonCounts::of).collect(),
        traces: traces.iter().map(Trace::of).collect(),
        benchmarks: benchmarks.iter().map(Benchmark::of).collect(),
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
    name: &'a str,
    uri: &'a str,
    occurrence: u32,
    peak_bytes: u64,
    peak_at_ns: Option<u64>,
    total_bytes: u64,
    allocations: u64,
    frees: u64,
    live_at_end_bytes: u64,
    live_at_end_blocks: u64,
    leaked_bytes: u64,
    leaked_blocks: u64,
    unfreed_at_exit_bytes: u64,
    unfreed_at_exit_blocks: u64,
    temporary: u64,
    largest_bytes: u64,
    mapped_bytes: u64,
    sizes: Vec<Size>,
    timeline: Line<'a>,
    sites: Option<BTreeMap<&'static str, Vec<Site<'a>>>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Size {
    low: u64,
    high: u64,
    count: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    width_ns: u64,
    live_bytes: &'a [u64],
}

#[derive(Serialize)]
struct Site<'a> {
    calls: u64,
    bytes: u64,
    peak_bytes: u64,
    leaked_bytes: u64,
    leaked_blocks: u64,
    temporary: u64,
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

impl<'a> Benchmark<'a> {
    /// Taken apart completely, so that a new field can't be forgotten here.
    fn of(result: &'a MemoryResult) -> Self {
        let MemoryResult { name, uri, occurrence, usage, stacks, sites, notes } = result;
        let UsageSummary {
            alloc_calls,
            frees,
            total_allocated,
            peak_memory,
            peak_mapped,
            peak_at,
            leaked_bytes,
            leaked_blocks,
            unfreed_bytes,
            unfreed_blocks,
            largest,
            temporary,
            // Said in the notes.
            untracked_blocks: _,
            unlisted_calls: _,
            sizes,
            timeline,
            sites: _,
        } = usage;
        let sizes = sizes.classes().map(|class| Size {
            low: class.low,
            high: class.high,
            count: class.count,
        });
        Self {
            name,
            uri,
            occurrence: *occurrence,
            peak_bytes: *peak_memory,
            peak_at_ns: *peak_at,
            total_bytes: *total_allocated,
            allocations: *alloc_calls,
            frees: *frees,
            live_at_end_bytes: *leaked_bytes,
            live_at_end_blocks: *leaked_blocks,
            leaked_bytes: *leaked_bytes,
            leaked_blocks: *leaked_blocks,
            unfreed_at_exit_bytes: *unfreed_bytes,
            unfreed_at_exit_blocks: *unfreed_blocks,
            temporary: *temporary,
            largest_bytes: *largest,
            mapped_bytes: *peak_mapped,
            sizes: sizes.collect(),
            timeline: Line { width_ns: timeline.width_ns(), live_bytes: timeline.points() },
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
        let SiteUsage { calls, bytes, peak_bytes, leaked_bytes, leaked_blocks, temporary } =
            site.usage;
        let frames = stacks.outwards(site.node).filter_map(|node| stacks.frame(node));
        let stack = frames.map(|frame| Frame { function: &frame.name, module: &frame.object });
        Self {
            calls,
            bytes,
            peak_bytes,
            leaked_bytes,
            leaked_blocks,
            temporary,
            stack: stack.collect(),
        }
    }
}
