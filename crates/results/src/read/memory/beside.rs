//! The share of processes in the window of a benchmark that did not start them. It counts, as that of all processes does,
//! and has to be said.

use std::collections::BTreeMap;

use runner_shared::{
    memory::{Event, EventKind},
    text::{bytes, processes},
};

/// Processes that ran beside benchmarks, with the names of their programs: by the start of the window, nanoseconds of
/// `CLOCK_MONOTONIC`.
pub type Beside = BTreeMap<u64, BTreeMap<i32, String>>;

/// The part of the events of a window that is theirs.
#[derive(Debug, Clone, Default)]
pub(super) struct Share<'a> {
    /// All of them.
    names: Option<&'a BTreeMap<i32, String>>,
    /// Those that have allocated.
    seen: BTreeMap<i32, &'a str>,
    calls: u64,
    bytes: u64,
}

impl<'a> Share<'a> {
    /// Nothing so far, of the window that starts then.
    pub(super) fn of(beside: &'a Beside, start: u64) -> Self {
        Self { names: beside.get(&start), ..Self::default() }
    }

    /// Counts an event of the window.
    pub(super) fn add(&mut self, event: &Event) {
        let Some(name) = self.names.and_then(|names| names.get(&event.pid)) else { return };
        let size = match event.kind {
            EventKind::Malloc { size }
            | EventKind::Calloc { size }
            | EventKind::Realloc { size, .. }
            | EventKind::AlignedAlloc { size } => size,
            EventKind::Free
            | EventKind::Mmap { .. }
            | EventKind::Munmap { .. }
            | EventKind::Brk { .. } => return,
        };
        self.seen.insert(event.pid, name);
        self.calls = self.calls.saturating_add(1);
        self.bytes = self.bytes.saturating_add(size);
    }

    /// Returns a sentence about it, if there is something to say. What these processes start and lose within the window
    /// is not known.
    pub(super) fn note(&self) -> Option<String> {
        let names = processes(self.seen.iter().map(|(pid, name)| (*pid, *name)));
        (self.calls > 0).then(|| {
            format!(
                "at least {} of its calls, for {}, were made by other processes that it had not started: {names}; stop \
                    background processes to measure it alone",
                self.calls,
                bytes(self.bytes)
            )
        })
    }
}
