//! From records to the files of a trace: in the order of time, without what is not the program's own, streamed.

mod amounts;
mod definitions;
mod file;
mod live;
mod stacks;
mod windows;

use std::{io, path::Path};

use runner_shared::{
    bounds::{self, TRACED_ADDRESSES, Unit, size},
    memory::{Event, EventCounts, TraceUsage, Usage, UsageSummary},
    profile_dir::{EVENT_STACKS, EVENTS, ProfileFile},
    text::count,
};

use crate::backend::Record;
use amounts::Amounts;
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
    events: Frames<Event>,
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
    amounts: Option<Amounts>,
    /// Records come in the order of their times.
    ordered: bool,
    options: Options,
}

/// Options for the files of a trace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// With the stack of each allocation.
    pub stacks: bool,
    /// Also count what it amounts to.
    pub usage: Usages,
    /// Blocks that a process has not freed are freed with its end.
    pub release_on_exit: bool,
}

/// Whose events are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usages {
    /// Nobody's.
    None,
    /// Those of all processes.
    All,
    /// Those of all but the root process, which is a harness.
    WithoutRoot,
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
    /// The sums of the last window, if they were wanted.
    pub last: Option<UsageSummary>,
    /// The sums of all windows, if they were wanted and all events came in time.
    pub usage: Option<TraceUsage>,
    /// Sentences about the files.
    pub notes: Vec<String>,
}

impl Writer {
    /// Makes the files in `folder`, named after the root process. Records that are not `ordered` by their times are put
    /// in order.
    pub(crate) fn create(
        folder: &Path,
        root: u32,
        options: Options,
        ordered: bool,
    ) -> io::Result<Self> {
        let place = |file: &ProfileFile| folder.join(file.named(root));
        let harness = match options.usage {
            Usages::WithoutRoot => i32::try_from(root).ok(),
            Usages::None | Usages::All => None,
        };
        let stacks = || Stacks::create(&place(&EVENT_STACKS), harness);
        let stacks = options.stacks.then(stacks).transpose()?;
        let amounts = (options.usage != Usages::None).then(|| Amounts::new(harness));
        Ok(Self {
            events: Frames::create(&place(&EVENTS), Event::encode)?,
            stacks,
            live: Live::default(),
            window: None,
            windows: Windows::default(),
            pending: Vec::new(),
            enough: BATCH,
            counts: EventCounts::default(),
            releases: 0,
            left_out: 0,
            amounts,
            ordered,
            options,
        })
    }

    /// Recording was switched at this time.
    pub(crate) fn switched(&mut self, on: bool, timestamp: u64) {
        if on {
            self.windows.open(timestamp);
        } else {
            self.windows.close(timestamp);
        }
    }

    /// Takes a record. Writes what is certain to be in order by then, if it is much.
    pub(crate) fn take(&mut self, record: Record<'_>) -> io::Result<()> {
        let (timestamp, what) = match record {
            Record::Call { event, stack } => {
                let stack = self
                    .stacks
                    .as_mut()
                    .map_or(0, |stacks| stacks.number(event.pid, event.timestamp, &stack));
                if self.ordered {
                    return self.put_call(&event, stack);
                }
                (event.timestamp, What::Call { event, stack })
            }
            Record::Exec { pid, timestamp } | Record::Exit { pid, timestamp } => {
                if let Some(stacks) = &mut self.stacks {
                    stacks.forget(pid, timestamp);
                }
                (timestamp, What::End { pid })
            }
            Record::Mapped { pid, mapping } => {
                if let Some(stacks) = &mut self.stacks {
                    stacks.mapped(pid, mapping);
                }
                return Ok(());
            }
            Record::Memory { pid, timestamp, mappings } => {
                if let Some(stacks) = &mut self.stacks {
                    stacks.seen(pid, timestamp, mappings);
                }
                return Ok(());
            }
            Record::Forked { pid, parent, timestamp } => {
                if let Some(stacks) = &mut self.stacks {
                    stacks.forked(parent, pid, timestamp);
                }
                return Ok(());
            }
        };
        let pending = Pending { timestamp, what };
        if self.ordered {
            return self.put(pending);
        }
        self.pending.push(pending);
        if self.pending.len() < self.enough { Ok(()) } else { self.write() }
    }

    /// Events so far.
    pub(crate) fn events(&self) -> u64 {
        self.counts.total()
    }

    fn write(&mut self) -> io::Result<()> {
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
        let Pending { timestamp, what } = pending;
        match what {
            What::Call { event, stack } => self.put_call(&event, stack),
            What::End { pid } => {
                let window = self.windows.find(timestamp);
                for addr in self.live.end(pid) {
                    if self.options.release_on_exit {
                        self.releases += 1;
                        self.put_event(window, &Event::released(pid, addr, timestamp), 0)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn put_call(&mut self, event: &Event, stack: u32) -> io::Result<()> {
        let window = self.windows.find(event.timestamp);
        if window.is_none() {
            return Ok(());
        }
        if window != self.window {
            self.window = window;
            self.live.open_window();
        }
        if self.live.note(event) {
            return self.put_event(window, event, stack);
        }
        self.left_out += 1;
        Ok(())
    }

    fn put_event(&mut self, window: Option<usize>, event: &Event, stack: u32) -> io::Result<()> {
        self.counts.add(event.kind);
        if let Some((amounts, window)) = self.amounts.as_mut().zip(window) {
            amounts.add(&self.windows, window, event, stack);
        }
        if let Some(stacks) = &mut self.stacks {
            stacks.put(stack)?;
        }
        self.events.put(*event)
    }

    /// Writes what is left and completes the files; `timestamp` is the end of the trace.
    pub(crate) fn finish(mut self, timestamp: u64) -> io::Result<Written> {
        self.write_until(u64::MAX)?;
        self.events.finish()?;
        let mut notes = self.stacks.map(Stacks::finish).transpose()?.unwrap_or_default();
        let untracked = self.live.untracked();
        if untracked > 0 {
            notes.push(format!(
                "{} got no free at the end of their process: more than {} addresses were in use",
                count(untracked, "block"),
                bounds::shown(size(TRACED_ADDRESSES), Unit::Items)
            ));
        }
        let (mut last, mut usage) = (None, None);
        if let Some(amounts) = self.amounts {
            let windows = &self.windows;
            let (counted, late) = amounts.finish(windows, timestamp);
            let of_last = counted.last().filter(|(index, _)| Some(*index) == windows.last());
            last = Some(of_last.map_or_else(
                || {
                    let start = windows.last().map_or(timestamp, |index| windows.span(index).0);
                    Usage::starting_at(start).finish(timestamp)
                },
                |(_, window)| window.usage.clone(),
            ));
            usage = (!late).then(|| TraceUsage {
                version: TraceUsage::VERSION,
                without_root: self.options.usage == Usages::WithoutRoot,
                windows: counted.into_iter().map(|(_, window)| window).collect(),
            });
        }
        Ok(Written {
            notes,
            counts: self.counts,
            releases: self.releases,
            left_out: self.left_out,
            last,
            usage,
        })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
