//! Which time belongs to which benchmark, from the record of the conversation.

use std::collections::BTreeSet;

use runner_shared::{artifact::ExecutionTimestamps, fifo::MarkerType};

/// A span of time in which the tracer was on. Both ends belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub start: u64,
    pub end: u64,
    /// The benchmark; `None` if nobody said which one it was.
    pub uri: Option<String>,
}

/// All windows, in the order of their times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Windows {
    pub list: Vec<Window>,
    /// Benchmarks that were announced and have no window.
    pub without: Vec<String>,
    /// A window that was never closed: the benchmark was ended in the middle.
    pub open: bool,
}

impl Windows {
    /// A window belongs to the first benchmark that is announced after its end and before the next window begins.
    pub(super) fn of(timestamps: &ExecutionTimestamps) -> Self {
        let (spans, open) = spans(&timestamps.markers);
        let mut announced: Vec<(u64, &str)> =
            timestamps.uri_by_ts.iter().map(|(time, uri)| (*time, uri.as_str())).collect();
        announced.sort_by_key(|(time, _)| *time);
        let mut taken = BTreeSet::new();
        let mut windows = Vec::new();
        for (nth, (start, end)) in spans.iter().enumerate() {
            let next = spans.get(nth + 1).map_or(u64::MAX, |(start, _)| *start);
            let first = announced.partition_point(|(time, _)| time < end);
            let found = announced.get(first).filter(|(time, _)| *time < next);
            taken.extend(found.map(|_| first));
            let uri = found.map(|(_, uri)| (*uri).to_owned());
            windows.push(Window { start: *start, end: *end, uri });
        }
        let without = announced.iter().enumerate().filter(|(nth, _)| !taken.contains(nth));
        let without = without.map(|(_, (_, uri))| (*uri).to_owned()).collect();
        Self { list: windows, without, open }
    }
}

/// Returns the same conversation with nothing but the first window of each benchmark: what is told of commands that were
/// counted several times.
pub fn first_windows(timestamps: &ExecutionTimestamps) -> ExecutionTimestamps {
    let Windows { list, .. } = Windows::of(timestamps);
    let mut known = BTreeSet::new();
    let mut first = ExecutionTimestamps::default();
    for Window { start, end, uri } in &list {
        let Some(uri) = uri.as_ref().filter(|uri| known.insert(*uri)) else { continue };
        first.markers.extend([MarkerType::SampleStart(*start), MarkerType::SampleEnd(*end)]);
        let announced = timestamps.uri_by_ts.iter().find(|(time, it)| it == uri && time >= end);
        first.uri_by_ts.extend(announced.cloned());
    }
    first
}

/// Beginnings and ends, and whether the last one has no end. A second beginning or end changes nothing.
fn spans(markers: &[MarkerType]) -> (Vec<(u64, u64)>, bool) {
    let mut markers = markers.to_vec();
    markers.sort_by_key(|marker| match marker {
        // At the same nanosecond the one before ends first.
        MarkerType::SampleEnd(time) => (*time, 0),
        MarkerType::SampleStart(time) => (*time, 1),
        MarkerType::RoundStart(time) | MarkerType::RoundEnd(time) => (*time, 2),
    });
    let mut spans = Vec::new();
    let mut start = None;
    for marker in markers {
        match marker {
            MarkerType::SampleStart(time) => start = start.or(Some(time)),
            MarkerType::SampleEnd(time) => spans.extend(start.take().map(|start| (start, time))),
            MarkerType::RoundStart(_) | MarkerType::RoundEnd(_) => {}
        }
    }
    (spans, start.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(uris: &[(u64, &str)], spans: &[(u64, u64)]) -> Windows {
        let markers = spans.iter().flat_map(|(start, end)| {
            [MarkerType::SampleStart(*start), MarkerType::SampleEnd(*end)]
        });
        let uri_by_ts = uris.iter().map(|(time, uri)| (*time, (*uri).to_owned())).collect();
        Windows::of(&ExecutionTimestamps { uri_by_ts, markers: markers.collect() })
    }

    fn owners(windows: &Windows) -> Vec<Option<&str>> {
        windows.list.iter().map(|window| window.uri.as_deref()).collect()
    }

    #[test]
    fn a_window_is_of_the_benchmark_announced_before_the_next_one() {
        let found = windows(&[(25, "b"), (12, "a"), (26, "late")], &[(1, 10), (13, 20)]);
        assert_eq!(owners(&found), [Some("a"), Some("b")]);
        assert_eq!((found.without, found.open), (vec!["late".to_owned()], false));
    }

    #[test]
    fn windows_and_benchmarks_without_each_other_are_kept_apart() {
        let found = windows(&[(0, "early"), (40, "b")], &[(1, 10), (13, 20), (30, 40)]);
        assert_eq!(owners(&found), [None, None, Some("b")], "at its end is after it");
        assert_eq!(found.without, ["early"]);
        assert_eq!(windows(&[], &[]), Windows::default());
    }

    #[test]
    fn of_several_windows_of_a_benchmark_the_first_one_is_kept() {
        let uris =
            [(12, "a"), (25, "b"), (42, "a"), (55, "b")].map(|(at, uri)| (at, uri.to_owned()));
        let spans = [(1, 10), (13, 20), (31, 40), (43, 50), (60, 70)];
        let spans = spans.iter().flat_map(|(start, end)| {
            [MarkerType::SampleStart(*start), MarkerType::SampleEnd(*end)]
        });
        let all = ExecutionTimestamps { uri_by_ts: uris.to_vec(), markers: spans.collect() };
        let first = first_windows(&all);
        assert_eq!(first.uri_by_ts, uris[..2]);
        assert_eq!(first.markers, all.markers[..4]);
    }

    #[test]
    fn doubled_and_missing_markers_make_no_window() {
        let markers = [
            MarkerType::SampleEnd(1),
            MarkerType::SampleStart(2),
            MarkerType::RoundStart(3),
            MarkerType::SampleStart(4),
            MarkerType::SampleEnd(9),
            MarkerType::SampleEnd(10),
            MarkerType::SampleStart(11),
        ];
        assert_eq!(spans(&markers), (vec![(2, 9)], true));
    }
}
