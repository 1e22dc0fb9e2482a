//! The counts that a tracer made while it wrote the events: `<pid>.MemtrackUsage.msgpack` beside the artifact.
//!
//! They save reading a trace again that has just been written. The layout is ours: MessagePack, fields in a list.

use serde::{Deserialize, Serialize};

use super::UsageSummary;
use crate::bounds::RESULTS_VALUES_BYTES;

/// The counts of all windows of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceUsage {
    /// Version of this layout.
    pub version: u32,
    /// Events of the root process are not counted: it is a harness.
    pub without_root: bool,
    /// In the order of their times; those without events are left out.
    pub windows: Vec<WindowUsage>,
}

/// The counts of the events in one window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowUsage {
    /// Time of the first event, nanoseconds of `CLOCK_MONOTONIC`.
    pub first: u64,
    /// Time of the last event.
    pub last: u64,
    /// Number of events.
    pub events: u64,
    /// Their counts. Its timeline begins and ends when recording was switched.
    pub usage: UsageSummary,
}

impl TraceUsage {
    /// The layout described here.
    pub const VERSION: u32 = 2;

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        // Plain data: writing to memory always works.
        rmp_serde::to_vec(self).unwrap_or_default()
    }

    /// Reads the bytes of a file; `None` if they are of another layout, or damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let weight = crate::artifact::weigh(bytes).ok()?;
        if weight > RESULTS_VALUES_BYTES {
            return None;
        }
        rmp_serde::from_slice(bytes).ok().filter(|read: &Self| read.version == Self::VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Event, EventKind, Usage};

    fn trace() -> TraceUsage {
        let mut usage = Usage::starting_at(5);
        for (timestamp, addr, size) in [(10, 16, 100), (5_000, 32, 7), (90_000, 48, 1 << 40)] {
            let kind = EventKind::Malloc { size };
            usage.add_from(&Event { pid: 1, tid: 1, timestamp, addr, kind }, 3);
        }
        let usage = usage.finish(100_000);
        let window = WindowUsage { first: 10, last: 90_000, events: 3, usage };
        TraceUsage { version: TraceUsage::VERSION, without_root: true, windows: vec![window] }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(TraceUsage::decode(&trace().encode()), Some(trace()));
    }

    #[test]
    fn damaged_and_other_files_are_refused() {
        let whole = trace().encode();
        for cut in 0..whole.len() {
            assert_eq!(TraceUsage::decode(&whole[..cut]), None, "{cut}");
        }
        let newer = TraceUsage { version: 3, ..trace() };
        assert_eq!(TraceUsage::decode(&newer.encode()), None);
        // A timeline of spans without length would divide by zero.
        for odd in [vec![0_u8, 0], vec![3, 0]] {
            let text = rmp_serde::to_vec(&(Some(1_u64), odd[0], vec![1_u64], 1_u64)).unwrap();
            assert!(rmp_serde::from_slice::<crate::memory::Timeline>(&text).is_err());
        }
    }
}
