//! The times at which recording was on: an event from outside of these times was on its way when recording was switched off.

/// The windows so far.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// Begin and end; the last one may be open.
    all: Vec<(u64, u64)>,
}

impl Windows {
    /// Recording is on from `timestamp` on.
    pub(super) fn open(&mut self, timestamp: u64) {
        if !self.is_open() {
            self.all.push((timestamp, u64::MAX));
        }
    }

    /// Recording is off behind `timestamp`.
    pub(super) fn close(&mut self, timestamp: u64) {
        if let Some((_, end)) = self.all.last_mut() {
            *end = timestamp.min(*end);
        }
    }

    /// Begin and end of the window of this number; the end of one that is open is far away.
    pub(super) fn span(&self, index: usize) -> (u64, u64) {
        self.all.get(index).copied().unwrap_or((0, u64::MAX))
    }

    /// The number of the last one.
    pub(super) fn last(&self) -> Option<usize> {
        self.all.len().checked_sub(1)
    }

    fn is_open(&self) -> bool {
        self.all.last().is_some_and(|(_, end)| *end == u64::MAX)
    }

    /// The number of the window that a time lies in.
    pub(super) fn find(&self, timestamp: u64) -> Option<usize> {
        // Nearly always the last one.
        let index = match self.all.last() {
            Some((start, _)) if *start <= timestamp => self.all.len() - 1,
            _ => self.all.partition_point(|(start, _)| *start <= timestamp).checked_sub(1)?,
        };
        self.all.get(index).filter(|(_, end)| timestamp <= *end).map(|_| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_in_their_window_or_nowhere() {
        let mut windows = Windows::default();
        assert_eq!(windows.find(5), None);
        windows.close(3);
        windows.open(10);
        windows.open(12);
        windows.close(20);
        windows.close(25);
        windows.open(30);
        let expected =
            [(9, None), (10, Some(0)), (20, Some(0)), (21, None), (30, Some(1)), (99, Some(1))];
        for (timestamp, window) in expected {
            assert_eq!(windows.find(timestamp), window, "{timestamp}");
        }
    }
}
