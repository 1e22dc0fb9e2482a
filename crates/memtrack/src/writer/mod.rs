//! From records to the files of a trace: in the order of time, without what is not the program's own, streamed.

mod file;
mod live;
mod stacks;
mod windows;

use std::{io, path::Path};

use runner_shared::memory::{EVENTS_FILE, Event, EventCounts, STACKS_FILE, Usage, UsageSummary};

use crate::backend::Record;
use file::Frames;
use live::Live;
use stacks::Stacks;
use windows::Windows;

/// So many records are put in order at a time.
const BATCH: usize = 64 * 1024;
/// Records of different threads arrive out of order by less than this: what lies between taking the time and reserving
/// room in the ring, and then some.
const DISORDER_NS: u64 = 2_000_000;

/// Writes the files of a trace.
#[derive(Debug)]
pub(crate) struct Writer {
    events: Frames,
    stacks: Option<Stacks>,
    live: Live,
    window: Option<usize>,
    windows: Windows,
    /// Not yet in order.
    pending: Vec<Pending>,
    /// So many are waited for until the next are put in order.
    enough: usize,
    counts: EventCounts,
    releases: u64,
    left_out: u64,
    usage: Option<Usage>,
    release_on_exit: bool,
}

/// What is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// With the stack of each allocation.
    pub stacks: bool,
    /// Also count what it amounts to.
    pub summary: bool,
    /// What a process has not freed is freed with its end.
    pub release_on_exit: bool,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    timestamp: u64,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Call { event: Event, stack: u32 },
    End { pid: i32 },
}

/// A trace that is complete.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// Events of each kind.
    pub counts: EventCounts,
    /// Frees that stand for the end of a process.
    pub releases: u64,
    /// Frees that were not the program's.
    pub left_out: u64,
    /// What it amounts to, if that was wanted.
    pub usage: Option<UsageSummary>,
    /// What has to be said about the files.
    pub note: Option<String>,
}

impl Writer {
    /// Makes the files in `folder`, named after the root process.
    pub(crate) fn create(folder: &Path, root: u32, options: Options) -> io::Result<Self> {
        let place = |name: &str| folder.join(format!("{root}.{name}"));
        let stacks = options.stacks.then(|| Stacks::create(&place(STACKS_FILE))).transpose()?;
        Ok(Self {
            events: Frames::create(&place(EVENTS_FILE))?,
            stacks,
            live: Live::default(),
            window: None,
            windows: Windows::default(),
            pending: Vec::with_capacity(BATCH),
            enough: BATCH,
            counts: EventCounts::default(),
            releases: 0,
            left_out: 0,
            usage: options.summary.then(Usage::default),
            release_on_exit: options.release_on_exit,
        })
    }

    /// Recording was switched at this time.
    pub(crate) fn switched(&mut self, on: bool, timestamp: u64) {
        if !on {
            return self.windows.close(timestamp);
        }
        self.windows.open(timestamp);
        if let Some(usage) = &mut self.usage {
            *usage = Usage::starting_at(timestamp);
        }
    }

    /// Takes a record.
    pub(crate) fn take(&mut self, record: Record<'_>) {
        let (timestamp, what) = match record {
            Record::Call { event, stack } => {
                let stack =
                    self.stacks.as_mut().map_or(0, |stacks| stacks.number(event.pid, stack));
                (event.timestamp, What::Call { event, stack })
            }
            Record::Exec { pid, timestamp } | Record::Exit { pid, timestamp } => {
                if let Some(stacks) = &mut self.stacks {
                    stacks.forget(pid);
                }
                (timestamp, What::End { pid })
            }
            Record::Mapped { pid, mapping } => {
                if let Some(stacks) = &mut self.stacks {
                    stacks.mapped(pid, mapping);
                }
                return;
            }
        };
        self.pending.push(Pending { timestamp, what });
    }

    /// Writes what is certain to be in order by now, if it is much.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        if self.pending.len() < self.enough {
            return Ok(());
        }
        let latest = self.pending.iter().map(|pending| pending.timestamp).max().unwrap_or(0);
        let outcome = self.write_until(latest.saturating_sub(DISORDER_NS));
        // In a dense burst most are still too young. To put them in order again for each one that comes would never end.
        self.enough = BATCH.max(2 * self.pending.len());
        outcome
    }

    fn write_until(&mut self, timestamp: u64) -> io::Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        // Stable: records of one thread stay as they came.
        pending.sort_by_key(|pending| pending.timestamp);
        let count = pending.partition_point(|pending| pending.timestamp <= timestamp);
        let outcome = pending.drain(..count).try_for_each(|pending| self.put(pending));
        self.pending = pending;
        outcome
    }

    fn put(&mut self, pending: Pending) -> io::Result<()> {
        match pending.what {
            What::Call { event, stack } => {
                let window = self.windows.find(event.timestamp);
                if window.is_none() {
                    return Ok(());
                }
                if window != self.window {
                    self.window = window;
                    self.live.open_window();
                }
                if self.live.note(&event) {
                    return self.put_event(&event, stack);
                }
                self.left_out += 1;
                Ok(())
            }
            What::End { pid } => {
                for addr in self.live.end(pid) {
                    if self.release_on_exit {
                        self.releases += 1;
                        self.put_event(&Event::released(pid, addr, pending.timestamp), 0)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn put_event(&mut self, event: &Event, stack: u32) -> io::Result<()> {
        self.counts.add(event.kind);
        if let Some(usage) = &mut self.usage {
            usage.add_from(event, stack);
        }
        if let Some(stacks) = &mut self.stacks {
            stacks.put(stack)?;
        }
        self.events.put(|into| event.encode(into))
    }

    /// Writes what is left and completes the files; `timestamp` is the end of the trace.
    pub(crate) fn finish(mut self, timestamp: u64) -> io::Result<Written> {
        self.write_until(u64::MAX)?;
        self.events.finish()?;
        let note = self.stacks.map(Stacks::finish).transpose()?.flatten();
        Ok(Written {
            note,
            counts: self.counts,
            releases: self.releases,
            left_out: self.left_out,
            usage: self.usage.map(|usage| usage.finish(timestamp)),
        })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
