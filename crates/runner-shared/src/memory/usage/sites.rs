//! The same counts for each stack that an allocation was made from.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::bounds::SITES;

/// The allocations of one place in the program. Bytes saturate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteUsage {
    /// Calls.
    pub calls: u64,
    /// The bytes that they requested.
    pub bytes: u64,
    /// The part of them that was live at the peak of the whole program.
    pub peak_bytes: u64,
    /// The part of them that was never freed.
    pub leaked_bytes: u64,
    /// The number of such blocks.
    pub leaked_blocks: u64,
    /// Blocks that were freed by their thread before it allocated anything else.
    pub temporary: u64,
}

/// All sites by their stacks. A stack of 0 is unknown and has none.
#[derive(Debug, Default)]
pub(super) struct Sites {
    by_stack: HashMap<u32, Site, FixedState>,
    /// The number of peaks so far.
    peaks: u64,
    /// Calls from places for which there was no room.
    pub(super) left_out: u64,
}

/// A site in the middle of the run. The whole program's peak moves with nearly every allocation at first: what was
/// live then is taken over when the site changes next, not for all sites at each peak.
#[derive(Debug, Default)]
struct Site {
    usage: SiteUsage,
    live: u64,
    /// `usage.peak_bytes` is that of this peak.
    peak: u64,
}

impl Site {
    fn settle(&mut self, peaks: u64) {
        if self.peak != peaks {
            self.usage.peak_bytes = self.live;
            self.peak = peaks;
        }
    }
}

impl Sites {
    pub(super) fn allocated(&mut self, stack: u32, bytes: u64) {
        if stack == 0 {
            return;
        }
        if self.by_stack.len() >= SITES && !self.by_stack.contains_key(&stack) {
            // They are in the totals. No program has so many places that allocate.
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let site = self.by_stack.entry(stack).or_default();
        site.settle(self.peaks);
        site.usage.calls += 1;
        site.usage.bytes = site.usage.bytes.saturating_add(bytes);
        site.live = site.live.saturating_add(bytes);
    }

    pub(super) fn gone(&mut self, stack: u32, bytes: u64) {
        if let Some(site) = self.site(stack) {
            site.live = site.live.saturating_sub(bytes);
        }
    }

    pub(super) fn leaked(&mut self, stack: u32, bytes: u64) {
        if let Some(site) = self.site(stack) {
            site.usage.leaked_bytes = site.usage.leaked_bytes.saturating_add(bytes);
            site.usage.leaked_blocks += 1;
        }
    }

    pub(super) fn temporary(&mut self, stack: u32) {
        if let Some(site) = self.site(stack) {
            site.usage.temporary += 1;
        }
    }

    /// Never has so much been live in the whole program as now.
    pub(super) fn peak(&mut self) {
        self.peaks += 1;
    }

    pub(super) fn finish(self) -> BTreeMap<u32, SiteUsage> {
        let Self { by_stack, peaks, left_out: _ } = self;
        let settled = |(stack, mut site): (u32, Site)| {
            site.settle(peaks);
            (stack, site.usage)
        };
        by_stack.into_iter().map(settled).collect()
    }

    fn site(&mut self, stack: u32) -> Option<&mut Site> {
        if stack == 0 {
            return None;
        }
        let site = self.by_stack.get_mut(&stack)?;
        site.settle(self.peaks);
        Some(site)
    }
}
