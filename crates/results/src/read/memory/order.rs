//! Puts events in the order of their times, looking ahead a bounded number of them.

use std::collections::VecDeque;

use runner_shared::memory::Event;

/// So many events are looked ahead. Tracers merge the threads themselves, so they are off by a few at most.
const AHEAD: usize = 16 * 1024;

/// An event and its stack.
pub(super) type Item = (Event, u32);

/// The events that are waiting for earlier ones, in order.
#[derive(Debug, Default)]
pub(super) struct Reorder {
    waiting: VecDeque<Item>,
    latest: u64,
    /// Events that came after more later ones than are looked ahead.
    pub late: u64,
}

impl Reorder {
    /// Takes the next event of the file.
    pub(super) fn push(&mut self, item: Item) {
        let timestamp = item.0.timestamp;
        if timestamp < self.latest {
            self.late += 1;
        }
        match self.waiting.back() {
            Some((last, _)) if last.timestamp > timestamp => {
                // Behind those of the same time: the events of a thread keep their order. From the end, as it is near.
                let later = |(event, _): &&Item| event.timestamp > timestamp;
                let behind = self.waiting.iter().rev().take_while(later).count();
                self.waiting.insert(self.waiting.len().saturating_sub(behind), item);
            }
            Some(_) | None => self.waiting.push_back(item),
        }
    }

    /// Enough is known to give out the earliest one.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= AHEAD
    }

    /// The earliest one.
    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.waiting.pop_front()?;
        self.latest = self.latest.max(item.0.timestamp);
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use runner_shared::memory::EventKind;

    use super::*;

    fn item(timestamp: u64, stack: u32) -> Item {
        let event = Event { pid: 1, tid: 1, timestamp, addr: 1, kind: EventKind::Free };
        (event, stack)
    }

    #[test]
    fn events_are_sorted_by_time_and_ties_keep_their_order() {
        let mut order = Reorder::default();
        for (timestamp, stack) in [(3, 1), (1, 2), (3, 3), (2, 4), (3, 5), (1, 6)] {
            order.push(item(timestamp, stack));
        }
        assert!(!order.is_full());
        let out: Vec<u32> = std::iter::from_fn(|| order.pop()).map(|(_, stack)| stack).collect();
        assert_eq!((out, order.late), (vec![2, 6, 4, 1, 3, 5], 0));
    }

    #[test]
    fn what_comes_too_late_is_counted_and_not_lost() {
        let mut order = Reorder::default();
        order.push(item(5, 1));
        assert_eq!(order.pop(), Some(item(5, 1)));
        order.push(item(4, 2));
        assert_eq!((order.late, order.pop()), (1, Some(item(4, 2))));
    }
}
