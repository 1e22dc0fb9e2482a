//! The content of a profile folder of memory mode: what each benchmark allocated, and what of it was never freed.

mod one_time;
mod sites;

use runner_shared::memory::{TracerStats, UsageSummary};

use crate::{
    counts::{CountComparison, Counter, MEMORY_COUNTERS, Repeated},
    stacks::Stacks,
};

pub(crate) use sites::{Forest, Resolved, readable_sites, resolve};
pub use sites::{MemorySite, SITE_ORDERS, SiteOrder};

/// All benchmarks of one part of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryReport {
    /// In the order in which they were run.
    pub benchmarks: Vec<MemoryResult>,
    /// The tracers, one per file of events.
    pub traces: Vec<MemoryTrace>,
    /// Sentences that belong below the numbers: what they don't show.
    pub remarks: Vec<String>,
    /// Sentences for the user about files that could not be used fully.
    pub warnings: Vec<String>,
    /// The counts of commands that are compared, all repeats of each.
    pub repeated: Option<Repeated<MemoryCounts>>,
}

/// The counts of one repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryCounts {
    /// The most bytes that were live at a time.
    pub peak: u64,
    /// Bytes that were asked for.
    pub total: u64,
    /// Calls that asked for them.
    pub allocations: u64,
}

impl MemoryReport {
    /// Commands that were counted several times, each against one of them.
    pub fn comparisons(&self) -> Vec<CountComparison> {
        let compare = |of: &Repeated<_>| of.compare(MEMORY_COUNTERS, MemoryCounts::value);
        self.repeated.as_ref().map(compare).unwrap_or_default()
    }
}

impl MemoryCounts {
    pub(crate) const fn of(usage: &UsageSummary) -> Self {
        let UsageSummary { peak_memory, total_allocated, alloc_calls, .. } = usage;
        Self { peak: *peak_memory, total: *total_allocated, allocations: *alloc_calls }
    }

    /// Returns one of them; `None` if there is no such count.
    pub(crate) fn value(&self, counter: &Counter) -> Option<u64> {
        match counter.id {
            "peak_bytes" => Some(self.peak),
            "total_bytes" => Some(self.total),
            "allocations" => Some(self.allocations),
            _ => None,
        }
    }
}

/// One benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryResult {
    /// Name as shown; not unique, and may hold any character.
    pub name: String,
    /// Identity; equal for repeated measurements of the same benchmark.
    pub uri: String,
    /// 1 for the first measurement of this URI, 2 for the next.
    pub occurrence: u32,
    /// The counts. `sites` is empty, they are resolved in `sites` of the result.
    pub usage: UsageSummary,
    /// Bytes asked for by stack, where the tracer recorded stacks; else `None`.
    pub stacks: Option<Stacks>,
    /// The allocations of single stacks.
    pub sites: Vec<MemorySite>,
    /// Sentences for the user, without the name of the benchmark.
    pub notes: Vec<String>,
}

/// A file of events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryTrace {
    /// The root process.
    pub pid: u32,
    /// Events that could be read.
    pub events: u64,
    /// Those of them that belong to no benchmark.
    pub outside: u64,
    /// The tracer's report about itself, if there is one.
    pub stats: Option<TracerStats>,
}

impl MemoryTrace {
    /// Returns true if events are missing, so that the numbers may be wrong.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.stats.as_ref().is_some_and(|stats| stats.lost_events > 0 || stats.failed_tracks > 0)
    }
}
