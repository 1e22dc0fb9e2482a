//! Anonymous memory that was mapped outside of allocators.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// More regions are not followed. A process has at most 65530 of them, unless the system is told otherwise.
const MOST_REGIONS: usize = 1 << 20;

/// The mapped regions, and the most bytes that were mapped at a time.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    regions: HashMap<(i32, u64), u64, FixedState>,
    live: u64,
    /// In bytes, all processes together.
    pub peak: u64,
}

impl Mapped {
    /// A new region. One that was there is replaced. Returns whether there is room for it.
    pub(super) fn add(&mut self, pid: i32, addr: u64, len: u64) -> bool {
        self.remove(pid, addr);
        if self.regions.len() >= MOST_REGIONS {
            return false;
        }
        self.regions.insert((pid, addr), len);
        self.live = self.live.saturating_add(len);
        self.peak = self.peak.max(self.live);
        true
    }

    /// The region that begins here is gone. Who unmaps a part of one is taken to unmap none, or all if it is the first.
    pub(super) fn remove(&mut self, pid: i32, addr: u64) {
        self.live = self.live.saturating_sub(self.regions.remove(&(pid, addr)).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_all_processes_together() {
        let mut mapped = Mapped::default();
        assert!(mapped.add(1, 16, 100) && mapped.add(2, 16, 50));
        mapped.remove(1, 16);
        mapped.remove(1, 16);
        assert!(mapped.add(2, 16, 60) && mapped.add(2, 32, u64::MAX));
        assert_eq!(mapped.peak, u64::MAX);
        mapped.remove(2, 16);
        assert_eq!(mapped.live, u64::MAX - 60);
    }
}
