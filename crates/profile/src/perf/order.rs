//! Puts events in the order of their times.
//!
//! perf writes the buffer of one processor after the other, and says with `FINISHED_ROUND` that
//! what comes next is later than all that it had seen one round before.

/// Events that wait, at most; a recording without rounds is passed on in pieces of this length.
const MOST: usize = 1 << 18;
/// Bytes that wait, at most.
const MOST_BYTES: usize = 64 << 20;

/// Events that wait for earlier ones.
#[derive(Debug)]
pub(super) struct Order<T> {
    waiting: Vec<(u64, T)>,
    bytes: usize,
    /// The latest time of all rounds before this one.
    round_before: u64,
    latest: u64,
}

impl<T> Order<T> {
    pub(super) const fn new() -> Self {
        Self { waiting: Vec::new(), bytes: 0, round_before: 0, latest: 0 }
    }

    /// Takes an event that holds about this many bytes; passes on others when too much waits.
    pub(super) fn push(&mut self, time: u64, bytes: usize, event: T, pass: impl FnMut(u64, T)) {
        self.latest = self.latest.max(time);
        self.waiting.push((time, event));
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waiting.len() >= MOST || self.bytes >= MOST_BYTES {
            self.finish(pass);
        }
    }

    /// A round is over.
    pub(super) fn round(&mut self, pass: impl FnMut(u64, T)) {
        self.pass_until(self.round_before, pass);
        self.round_before = self.latest;
    }

    /// There are no more events.
    pub(super) fn finish(&mut self, pass: impl FnMut(u64, T)) {
        self.pass_until(u64::MAX, pass);
    }

    fn pass_until(&mut self, time: u64, mut pass: impl FnMut(u64, T)) {
        // Stable: events of the same time stay in the order of the file.
        self.waiting.sort_by_key(|(time, _)| *time);
        let count = self.waiting.partition_point(|(at, _)| *at <= time);
        self.waiting.drain(..count).for_each(|(time, event)| pass(time, event));
        if self.waiting.is_empty() {
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processors_are_merged() {
        let mut order = Order::new();
        let mut seen = Vec::new();
        for (round, times) in [[1, 4, 2, 3], [6, 9, 5, 8], [12, 13, 10, 11]].iter().enumerate() {
            for time in times {
                order.push(*time, 0, round, |time, _| seen.push(time));
            }
            order.round(|time, _| seen.push(time));
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 8, 9]);
        order.finish(|time, _| seen.push(time));
        assert!(seen.is_sorted());
        assert_eq!(seen.len(), 12);
    }

    #[test]
    fn a_recording_without_rounds_does_not_pile_up() {
        let mut order = Order::new();
        let mut passed = 0;
        for time in 0..crate::bytes::wide(MOST) {
            order.push(time, 1, (), |_, ()| passed += 1);
        }
        assert_eq!(passed, MOST);
        order.push(0, MOST_BYTES, (), |_, ()| passed += 1);
        assert_eq!(passed, MOST + 1);
    }
}
