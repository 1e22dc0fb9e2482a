//! Which benchmark was measured when.

use runner_shared::{artifact::ExecutionTimestamps, fifo::MarkerType};

/// A span of time in which samples belong to a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u64,
    end: u64,
    /// Place of the benchmark in [`Windows::uris`]; `None` when the runner never heard of one.
    uri: Option<usize>,
}

/// The windows of a run, in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// From `SampleStart` to `SampleEnd`.
    all: Vec<Span>,
    /// The same, cut to the rounds where there are any.
    spans: Vec<Span>,
    /// Every benchmark once, in the order in which the runner heard of them.
    pub(crate) uris: Vec<String>,
}

impl Windows {
    pub(crate) fn new(timestamps: &ExecutionTimestamps) -> Self {
        let mut uris: Vec<String> = Vec::new();
        // A benchmark is named after its window has ended.
        let mut named: Vec<(u64, usize)> = Vec::new();
        for (time, uri) in &timestamps.uri_by_ts {
            let place = uris.iter().position(|known| known == uri).unwrap_or_else(|| {
                uris.push(uri.clone());
                uris.len().saturating_sub(1)
            });
            named.push((*time, place));
        }
        named.sort_by_key(|(time, _)| *time);
        let uri_of = |end: u64| {
            let after = named.partition_point(|(time, _)| *time < end);
            // A window that never ended belongs to the last one.
            named.get(after).or_else(|| named.last().filter(|_| end == u64::MAX)).map(|(_, at)| *at)
        };
        let mut windows: Vec<Span> = pairs(&timestamps.markers, Pair::Sample)
            .into_iter()
            .map(|(start, end)| Span { start, end, uri: uri_of(end) })
            .collect();
        windows.sort_by_key(|window| window.start);
        let rounds = pairs(&timestamps.markers, Pair::Round);
        let spans = windows.iter().flat_map(|window| cut(*window, &rounds)).collect();
        Self { all: windows, spans, uris }
    }

    /// Returns true if something that was there from `from` to before `until` was there in a window.
    /// Always true if there are no windows.
    pub(crate) fn meets(&self, from: u64, until: u64) -> bool {
        let first = self.all.partition_point(|window| window.end < from);
        self.all.is_empty() || self.all.get(first).is_some_and(|window| window.start < until)
    }

    /// Start of the last window that had begun at this time.
    pub(crate) fn start_before(&self, time: u64) -> Option<u64> {
        let after = self.all.partition_point(|window| window.start <= time);
        self.all.get(after.checked_sub(1)?).map(|window| window.start)
    }

    /// Nanoseconds in which samples belong to a benchmark; what never ended is left out.
    pub(crate) fn length(&self, uri: usize) -> u64 {
        let own = self.spans.iter().filter(|span| span.uri == Some(uri) && span.end < u64::MAX);
        own.fold(0, |sum, span| sum.saturating_add(span.end.saturating_sub(span.start)))
    }

    /// The benchmark that was measured at this time, as its place in `uris`.
    pub(crate) fn uri_at(&self, time: u64) -> Option<usize> {
        let after = self.spans.partition_point(|span| span.start <= time);
        let span = self.spans.get(after.checked_sub(1)?)?;
        span.uri.filter(|_| time <= span.end)
    }
}

/// A window without what lies between its rounds.
fn cut(window: Span, rounds: &[(u64, u64)]) -> Vec<Span> {
    let from = rounds.partition_point(|(start, _)| *start < window.start);
    let inside: Vec<Span> = rounds
        .iter()
        .skip(from)
        .take_while(|(start, _)| *start <= window.end)
        .map(|(start, end)| Span { start: *start, end: (*end).min(window.end), ..window })
        .collect();
    if inside.is_empty() { vec![window] } else { inside }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pair {
    Sample,
    Round,
}

/// Each start with the next end, sorted; a start without an end lasts for ever.
fn pairs(markers: &[MarkerType], wanted: Pair) -> Vec<(u64, u64)> {
    let mut points: Vec<(u64, bool)> = markers
        .iter()
        .filter_map(|marker| {
            let (pair, time, is_end) = match *marker {
                MarkerType::SampleStart(time) => (Pair::Sample, time, false),
                MarkerType::SampleEnd(time) => (Pair::Sample, time, true),
                MarkerType::RoundStart(time) => (Pair::Round, time, false),
                MarkerType::RoundEnd(time) => (Pair::Round, time, true),
            };
            (pair == wanted).then_some((time, is_end))
        })
        .collect();
    // A round may end in the nanosecond in which the next one begins.
    points.sort_by_key(|(time, is_end)| (*time, !is_end));
    let mut pairs = Vec::new();
    let mut open = None;
    for (time, is_end) in points {
        if !is_end {
            open = open.or(Some(time));
        } else if let Some(start) = open.take() {
            pairs.push((start, time));
        }
    }
    // An unpaired round says nothing; an unpaired window belongs to a run that broke off.
    pairs.extend(open.filter(|_| wanted == Pair::Sample).map(|start| (start, u64::MAX)));
    pairs
}

#[cfg(test)]
mod tests {
    use MarkerType::{RoundEnd, RoundStart, SampleEnd, SampleStart};

    use super::*;

    fn windows(uris: &[(u64, &str)], markers: &[MarkerType]) -> Windows {
        let uri_by_ts = uris.iter().map(|(time, uri)| (*time, (*uri).to_owned())).collect();
        Windows::new(&ExecutionTimestamps { uri_by_ts, markers: markers.to_vec() })
    }

    #[test]
    fn a_benchmark_is_named_after_its_window() {
        let windows = windows(
            &[(21, "a"), (41, "b"), (61, "a")],
            &[10, 30, 50].map(|at| [SampleStart(at), SampleEnd(at + 10)]).concat(),
        );
        let at = [9, 10, 20, 25, 35, 60, 61].map(|time| windows.uri_at(time));
        assert_eq!(at, [None, Some(0), Some(0), None, Some(1), Some(0), None]);
        assert_eq!(windows.uris, ["a", "b"]);
        assert_eq!([0, 1, 2].map(|uri| windows.length(uri)), [20, 10, 0]);
    }

    #[test]
    fn only_rounds_count_where_there_are_any() {
        let windows = windows(
            &[(21, "a"), (41, "b")],
            &[
                SampleStart(10),
                SampleEnd(20),
                SampleStart(30),
                SampleEnd(40),
                RoundStart(12),
                RoundEnd(14),
                RoundStart(14),
                RoundEnd(15),
                RoundStart(5),
                RoundEnd(6),
            ],
        );
        let at = [5, 11, 13, 15, 16, 31].map(|time| windows.uri_at(time));
        assert_eq!(at, [None, None, Some(0), Some(0), None, Some(1)]);
        assert!(windows.meets(0, 11) && windows.meets(20, 21) && windows.meets(19, 25));
        assert!(!windows.meets(0, 10) && !windows.meets(21, 30) && !windows.meets(41, u64::MAX));
        assert_eq!([9, 10, 35].map(|at| windows.start_before(at)), [None, Some(10), Some(30)]);
    }

    #[test]
    fn a_run_that_broke_off_has_an_open_window() {
        let windows = windows(&[(5, "a")], &[SampleEnd(3), SampleStart(4)]);
        assert_eq!(windows.uri_at(u64::MAX), Some(0));
        assert!(!windows.meets(0, 4) && windows.meets(100, 101));
        assert!(Windows::default().meets(0, 1));
    }
}
