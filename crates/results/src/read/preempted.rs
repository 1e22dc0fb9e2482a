//! Finds out how long the thread of a suite was off its processor in a span of time: preempted by others, or waiting by
//! itself. Pure.

use runner_shared::artifact::{Preemptions, Span, WatchedWindow};

/// The part of a span of time in which the thread did not run, nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Off {
    /// Another thread had its processor.
    pub preempted: u64,
    /// It waited by itself.
    pub waited: u64,
}

impl Off {
    /// Both parts of two spans together.
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            preempted: self.preempted.saturating_add(other.preempted),
            waited: self.waited.saturating_add(other.waited),
        }
    }
}

/// Windows that were watched, in the order of time.
pub(super) struct Watched(Vec<WatchedWindow>);

impl Watched {
    /// Puts everything into order: the file may be anybody's.
    pub(super) fn new(seen: Preemptions) -> Self {
        let mut windows = seen.windows;
        windows.sort_by_key(|window| window.start_ns);
        for window in &mut windows {
            let WatchedWindow { preempted, waited, lost, .. } = window;
            for spans in [preempted, waited, lost] {
                spans.sort_unstable();
            }
        }
        Self(windows)
    }

    /// The window that holds the whole of this span.
    pub(super) fn window(&self, start: u64, end: u64) -> Option<&WatchedWindow> {
        let later = self.0.partition_point(|window| window.start_ns <= start);
        self.0.get(later.checked_sub(1)?).filter(|window| end <= window.end_ns)
    }
}

/// Returns the time off in a span within a window; nothing where records were lost.
pub(super) fn off(window: &WatchedWindow, start: u64, end: u64) -> Option<Off> {
    let is_known = window.missing.is_empty() && !touches(&window.lost, start, end);
    is_known.then(|| Off {
        preempted: common(&window.preempted, start, end),
        waited: common(&window.waited, start, end),
    })
}

/// The spans that may have something in common with this time. They lie one after the other.
fn near(spans: &[Span], start: u64, end: u64) -> &[Span] {
    let first = spans.partition_point(|(from, length)| from.saturating_add(*length) < start);
    let last = spans.partition_point(|(from, _)| *from <= end);
    spans.get(first..last).unwrap_or_default()
}

fn touches(spans: &[Span], start: u64, end: u64) -> bool {
    !near(spans, start, end).is_empty()
}

/// The time that the spans have in common with this one.
fn common(spans: &[Span], start: u64, end: u64) -> u64 {
    let part = |(from, length): &Span| {
        from.saturating_add(*length).min(end).saturating_sub((*from).max(start))
    };
    near(spans, start, end).iter().map(part).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window() -> WatchedWindow {
        WatchedWindow {
            start_ns: 100,
            end_ns: 1000,
            preempted: vec![(150, 20), (300, 50), (900, 50)],
            waited: vec![(400, 10)],
            lost: vec![(700, 20)],
            ..WatchedWindow::default()
        }
    }

    #[test]
    fn only_the_part_within_the_span_counts() {
        let of = |start, end| {
            off(&window(), start, end).map(|Off { preempted, waited }| (preempted, waited))
        };
        assert_eq!(of(140, 310), Some((30, 0)), "all of one, and the beginning of another");
        assert_eq!(of(320, 500), Some((30, 10)));
        assert_eq!(of(310, 320), Some((10, 0)), "within");
        assert_eq!(of(500, 600), Some((0, 0)));
        assert_eq!(of(600, 710), None, "records were lost");
        assert_eq!(of(721, 1000), Some((50, 0)));
        let missing = WatchedWindow { missing: "no rights".to_owned(), ..window() };
        assert_eq!(off(&missing, 140, 310), None);
    }

    #[test]
    fn a_span_belongs_to_the_window_that_holds_all_of_it() {
        let later = WatchedWindow { start_ns: 2000, end_ns: 3000, ..WatchedWindow::default() };
        let watched = Watched::new(Preemptions { windows: vec![later, window()], left_out: 0 });
        let start = |start, end| watched.window(start, end).map(|window| window.start_ns);
        assert_eq!(start(100, 1000), Some(100));
        assert_eq!(start(2500, 2600), Some(2000));
        for (from, to) in [(99, 500), (900, 1001), (1500, 1600), (900, 2100), (2900, 3001)] {
            assert_eq!(start(from, to), None, "{from} to {to}");
        }
    }

    proptest! {
        #[test]
        fn strangers_never_overflow(
            spans in prop::collection::vec(any::<Span>(), 0..9), start in any::<u64>(), end in any::<u64>(),
        ) {
            let [preempted, waited] = [spans.clone(), spans];
            let window = WatchedWindow { end_ns: u64::MAX, preempted, waited, ..WatchedWindow::default() };
            let watched = Watched::new(Preemptions { windows: vec![window], left_out: 0 });
            if let Some(window) = watched.window(start, end) {
                off(window, start, end);
            }
        }
    }
}
