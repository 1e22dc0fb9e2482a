//! Takes over what the tracer has counted while it wrote the events, where that is the very same as counting them again.

use std::{collections::BTreeMap, path::Path};

use runner_shared::{
    harness::URI_PREFIX,
    memory::{TraceUsage, WindowUsage},
    profile_dir::TRACE_USAGE,
};

use super::{Counted, trace::Trace, windows::Window};
use crate::read::file::bytes;

/// Returns the tracer's counts for this trace; `None` if there are none, or if its windows are not the client's.
pub(super) fn by_tracer(trace: &mut Trace, windows: &[Window]) -> Option<Counted> {
    let written = trace.stats.as_ref()?.events.total();
    let usage = read(&trace.path.with_file_name(TRACE_USAGE.named(trace.pid)))?;
    let counted = matched(usage, windows, written)?;
    trace.pass_over(written).then_some(counted)
}

fn read(path: &Path) -> Option<TraceUsage> {
    TraceUsage::decode(&bytes(path).ok()?)
}

/// The client looks at the clock after recording was switched on, and after it was switched off, so that what the tracer
/// has counted is right if all its events lie in one window of the client, or in none.
fn matched(usage: TraceUsage, windows: &[Window], written: u64) -> Option<Counted> {
    let TraceUsage { version: _, without_root, windows: spans } = usage;
    let of_harness =
        |window: &Window| window.uri.as_deref().is_some_and(|uri| uri.starts_with(URI_PREFIX));
    let is_odd = |window: &Window| window.is_whole() || of_harness(window) != without_root;
    if windows.iter().any(is_odd) {
        return None;
    }
    let mut usages = Vec::new();
    let mut inside: u64 = 0;
    let mut spans = spans.into_iter().peekable();
    for window in windows {
        while spans.next_if(|span| span.last < window.start).is_some() {}
        let within = |span: &WindowUsage| window.start <= span.first && span.last <= window.end;
        let mut summary = match spans.next_if(within) {
            Some(span) => {
                inside = inside.checked_add(span.events)?;
                span.usage
            }
            None => window.usage().finish(window.start),
        };
        // A part of it, or a second one.
        if spans.peek().is_some_and(|span| span.first <= window.end) {
            return None;
        }
        summary.lasted_until(window.end);
        usages.push(summary);
    }
    let outside = written.checked_sub(inside)?;
    Some(Counted { usages, outside: vec![outside], notes: BTreeMap::new(), without_sites: 0 })
}

#[cfg(test)]
mod tests {
    use runner_shared::memory::UsageSummary;

    use super::*;

    fn span(first: u64, last: u64, events: u64) -> WindowUsage {
        let usage = UsageSummary { alloc_calls: events, ..UsageSummary::default() };
        WindowUsage { first, last, events, usage }
    }

    fn of(spans: &[WindowUsage], windows: &[(u64, u64)]) -> Option<(Vec<u64>, u64)> {
        of_uri(spans, windows, "a::b", false)
    }

    fn of_uri(
        spans: &[WindowUsage],
        windows: &[(u64, u64)],
        uri: &str,
        without_root: bool,
    ) -> Option<(Vec<u64>, u64)> {
        let window = |(start, end): &(u64, u64)| Window {
            start: *start,
            end: *end,
            uri: Some(uri.to_owned()),
        };
        let windows: Vec<Window> = windows.iter().map(window).collect();
        let usage =
            TraceUsage { version: TraceUsage::VERSION, without_root, windows: spans.to_vec() };
        let counted = matched(usage, &windows, 100)?;
        let calls = counted.usages.iter().map(|usage| usage.alloc_calls).collect();
        Some((calls, counted.outside.iter().sum()))
    }

    #[test]
    fn spans_that_lie_in_one_window_or_in_none_are_taken_over() {
        let spans = [span(1, 2, 3), span(10, 20, 5), span(31, 39, 7), span(50, 60, 11)];
        assert_eq!(of(&spans, &[(10, 20), (22, 25), (30, 40)]), Some((vec![5, 0, 7], 88)));
        assert_eq!(of(&spans, &[]), Some((vec![], 100)));
        assert_eq!(of(&[], &[(10, 20)]), Some((vec![0], 100)));
    }

    #[test]
    fn what_can_t_be_told_apart_is_counted_again() {
        assert_eq!(of(&[span(9, 15, 5)], &[(10, 20)]), None, "begins before");
        assert_eq!(of(&[span(10, 21, 5)], &[(10, 20)]), None, "ends behind");
        assert_eq!(of(&[span(10, 12, 5), span(13, 14, 5)], &[(10, 20)]), None, "two in one");
        assert_eq!(of(&[span(5, 35, 5)], &[(10, 20), (30, 40)]), None, "over two");
        assert_eq!(of(&[span(10, 12, 101)], &[(10, 20)]), None, "more than there are");
    }

    #[test]
    fn a_harness_is_left_out_by_both_or_by_none() {
        let spans = [span(10, 12, 5)];
        let harness = format!("{URI_PREFIX}x");
        assert!(of_uri(&spans, &[(10, 20)], &harness, true).is_some());
        assert_eq!(of_uri(&spans, &[(10, 20)], &harness, false), None);
        assert_eq!(of_uri(&spans, &[(10, 20)], "a::b", true), None);
    }
}
