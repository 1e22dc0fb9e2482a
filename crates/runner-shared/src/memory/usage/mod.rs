//! The sums of allocations: counts, the peak, blocks that were never freed. One pass over the events of a time window.
//!
//! Memory is bounded by the blocks that are live and by the places that allocate, never by the number of events; and of
//! both there are at most as many as `bounds` says.

mod blocks;
mod histogram;
mod mapped;
mod sites;
mod timeline;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::{Event, EventKind};
use blocks::{Block, Blocks, Inserted};
pub use histogram::{SizeClass, SizeHistogram};
use mapped::Mapped;
pub use sites::SiteUsage;
use sites::Sites;
pub use timeline::Timeline;

/// Counts the events of one window: an empty world at its start, and nothing is known of blocks from before.
///
/// Events must come in the order of their times, up to what parallel threads make of it: a block that moved is
/// announced when `realloc` returns, and its old place may have been given away before.
#[derive(Debug, Default)]
pub struct Usage {
    blocks: Blocks,
    sites: Sites,
    mapped: Mapped,
    counted: Counted,
    /// Bytes of all live blocks. Can't overflow: there are less than 2^64 blocks.
    live: u128,
    peak: u128,
    total: u128,
    released_bytes: u128,
    released_blocks: u64,
}

/// The counts that are valid in the middle of a window as well.
#[derive(Debug, Clone, Default)]
struct Counted {
    alloc_calls: u64,
    frees: u64,
    peak_at: Option<u64>,
    largest: u64,
    temporary: u64,
    untracked: u64,
    sizes: SizeHistogram,
    timeline: Timeline,
}

/// The sums of the allocations in a window. Sizes are requested sizes, in bytes; they saturate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSummary {
    /// Calls of `malloc`, `calloc`, `realloc`, `aligned_alloc` and alike.
    pub alloc_calls: u64,
    /// Frees of blocks that were allocated in the window.
    pub frees: u64,
    /// The bytes requested by all these calls.
    pub total_allocated: u64,
    /// The most that was live at a time, in all processes together.
    pub peak_memory: u64,
    /// The most anonymous memory that was mapped outside of allocators at a time, as arenas of an interpreter; not a
    /// part of the peak. Only in traces that were asked for it.
    pub peak_mapped: u64,
    /// The time of the peak, nanoseconds of `CLOCK_MONOTONIC`; `None` without allocations.
    pub peak_at: Option<u64>,
    /// Bytes that were live at the end, or when their process ended before that.
    pub leaked_bytes: u64,
    /// The number of such blocks.
    pub leaked_blocks: u64,
    /// Those of them whose process has ended: what it has really leaked is among them.
    pub unfreed_bytes: u64,
    /// The number of such blocks.
    pub unfreed_blocks: u64,
    /// The largest size in one call.
    pub largest: u64,
    /// Blocks that were freed by their thread before it allocated anything else.
    pub temporary: u64,
    /// Blocks that were not followed, as too many were live: they count as calls and in `total_allocated`, and are not in
    /// what was live.
    pub untracked_blocks: u64,
    /// Calls from places that are not in `sites`, as there are too many.
    pub unlisted_calls: u64,
    /// The number of calls by requested size.
    pub sizes: SizeHistogram,
    /// Live bytes over the time.
    pub timeline: Timeline,
    /// By the stack of the call, for events that came with one.
    pub sites: BTreeMap<u32, SiteUsage>,
}

impl Usage {
    /// An empty window that begins at this time, as the timeline does.
    pub fn starting_at(timestamp: u64) -> Self {
        let counted = Counted { timeline: Timeline::starting_at(timestamp), ..Counted::default() };
        Self { counted, ..Self::default() }
    }

    /// Counts an event.
    pub fn add(&mut self, event: &Event) {
        self.add_from(event, 0);
    }

    /// Counts an event whose call has this stack; 0 is an unknown one. Stacks of frees are not looked at.
    pub fn add_from(&mut self, event: &Event, stack: u32) {
        let Event { pid, tid, timestamp, addr, kind } = *event;
        match kind {
            EventKind::Malloc { size }
            | EventKind::Calloc { size }
            | EventKind::AlignedAlloc { size } => self.allocated(event, size, stack),
            EventKind::Realloc { old_addr, size } => {
                if let Some(old) = old_addr.filter(|old| *old != 0)
                    && let Some(block) = self.blocks.moved(pid, tid, old)
                {
                    self.gone(&block);
                }
                self.allocated(event, size, stack);
            }
            EventKind::Free => {
                let Some((block, is_latest)) = self.blocks.freed(pid, addr) else { return };
                self.gone(&block);
                if event.is_release() {
                    self.released_blocks += 1;
                    self.released_bytes += u128::from(block.size);
                    self.sites.leaked(block.stack, block.size);
                } else {
                    self.counted.frees += 1;
                    if is_latest && block.tid == tid {
                        self.counted.temporary += 1;
                        self.sites.temporary(block.stack);
                    }
                }
                self.counted.timeline.add(timestamp, saturated(self.live));
            }
            // Memory that a program shares out itself. It is counted apart: who asks for the bytes is not seen.
            EventKind::Mmap { size } => {
                self.counted.untracked += u64::from(!self.mapped.add(pid, addr, size));
            }
            EventKind::Munmap { .. } => self.mapped.remove(pid, addr),
            EventKind::Brk { .. } => {}
        }
    }

    fn allocated(&mut self, event: &Event, size: u64, stack: u32) {
        let Event { pid, tid, timestamp, addr, kind: _ } = *event;
        let inserted = self.blocks.insert(pid, addr, Block { size, tid, stack });
        match inserted {
            Inserted::New => self.live += u128::from(size),
            Inserted::Instead(displaced) => {
                self.gone(&displaced);
                self.live += u128::from(size);
            }
            Inserted::NoRoom => self.counted.untracked += 1,
        }
        self.total += u128::from(size);
        self.sites.allocated(stack, size);
        if inserted == Inserted::NoRoom {
            // Nobody will hear of its end.
            self.sites.gone(stack, size);
        }
        let counted = &mut self.counted;
        counted.alloc_calls += 1;
        counted.largest = counted.largest.max(size);
        counted.sizes.add(size);
        counted.timeline.add(timestamp, saturated(self.live));
        if self.live > self.peak || counted.peak_at.is_none() {
            self.peak = self.live;
            counted.peak_at = Some(timestamp);
            self.sites.peak();
        }
    }

    fn gone(&mut self, block: &Block) {
        self.live -= u128::from(block.size);
        self.sites.gone(block.stack, block.size);
    }

    /// The end of the window, at this time: what is live now was not freed.
    pub fn finish(self, timestamp: u64) -> UsageSummary {
        let Self {
            blocks,
            mut sites,
            mapped,
            counted,
            live,
            peak,
            total,
            released_bytes,
            released_blocks,
        } = self;
        let Counted {
            alloc_calls,
            frees,
            peak_at,
            largest,
            temporary,
            untracked,
            sizes,
            mut timeline,
        } = counted;
        timeline.add(timestamp, saturated(live));
        for block in blocks.live() {
            sites.leaked(block.stack, block.size);
        }
        UsageSummary {
            alloc_calls,
            frees,
            total_allocated: saturated(total),
            peak_memory: saturated(peak),
            peak_mapped: mapped.peak,
            peak_at,
            leaked_bytes: saturated(live + released_bytes),
            leaked_blocks: blocks.len().saturating_add(released_blocks),
            unfreed_bytes: saturated(released_bytes),
            unfreed_blocks: released_blocks,
            largest,
            temporary,
            untracked_blocks: untracked,
            unlisted_calls: sites.left_out,
            sizes,
            timeline,
            sites: sites.finish(),
        }
    }
}

impl UsageSummary {
    /// The window lasted until this time, and nothing happened any more.
    pub fn lasted_until(&mut self, timestamp: u64) {
        self.timeline.go_on(timestamp);
    }
}

fn saturated(bytes: u128) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
