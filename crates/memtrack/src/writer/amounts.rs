//! The sums of the events of each window, counted while they are written: nobody has to read millions of events again
//! to know it.

use runner_shared::memory::{Event, Usage, WindowUsage};

use super::windows::Windows;

/// The windows that are over, and the one that is counted.
#[derive(Debug, Default)]
pub(super) struct Amounts {
    /// This process is the harness of the benchmark and not a part of it.
    harness: Option<i32>,
    done: Vec<(usize, WindowUsage)>,
    open: Option<Open>,
    /// Events of a window that was over.
    late: u64,
}

#[derive(Debug)]
struct Open {
    /// Number of the window.
    index: usize,
    usage: Usage,
    first: u64,
    last: u64,
    events: u64,
}

impl Amounts {
    /// Nothing so far; the events of the process `harness` don't count.
    pub(super) fn new(harness: Option<i32>) -> Self {
        Self { harness, ..Self::default() }
    }

    /// Counts an event that lies in the window of this number.
    #[inline]
    pub(super) fn add(&mut self, windows: &Windows, index: usize, event: &Event, stack: u32) {
        if self.harness == Some(event.pid) {
            return;
        }
        if self.open.as_ref().is_none_or(|open| open.index != index) && !self.turn(windows, index) {
            self.late += 1;
            return;
        }
        if let Some(open) = &mut self.open {
            open.usage.add_from(event, stack);
            open.events += 1;
            open.first = open.first.min(event.timestamp);
            open.last = open.last.max(event.timestamp);
        }
    }

    /// Goes on to a later window; false if this one is over.
    fn turn(&mut self, windows: &Windows, index: usize) -> bool {
        if self.open.as_ref().is_some_and(|open| index < open.index) {
            return false;
        }
        let (start, _) = windows.span(index);
        if let Some(open) = self.open.take() {
            self.close(open, windows, start);
        }
        let usage = Usage::starting_at(start);
        self.open = Some(Open { index, usage, first: u64::MAX, last: 0, events: 0 });
        true
    }

    fn close(&mut self, open: Open, windows: &Windows, now: u64) {
        let Open { index, usage, first, last, events } = open;
        let (_, end) = windows.span(index);
        let usage = usage.finish(end.min(now));
        self.done.push((index, WindowUsage { first, last, events, usage }));
    }

    /// The end, at this time: what all windows with events amount to, each with its number, and whether events came too
    /// late to be counted.
    pub(super) fn finish(
        mut self,
        windows: &Windows,
        timestamp: u64,
    ) -> (Vec<(usize, WindowUsage)>, bool) {
        if let Some(open) = self.open.take() {
            self.close(open, windows, timestamp);
        }
        (self.done, self.late > 0)
    }
}
