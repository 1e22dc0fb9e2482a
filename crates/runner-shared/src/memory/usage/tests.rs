//! Hand-made streams with known sums, and random ones against a slow but simple count.

use proptest::prelude::*;

use super::*;

const PID: i32 = 7;

fn event(timestamp: u64, tid: i32, addr: u64, kind: EventKind) -> Event {
    Event { pid: PID, tid, timestamp, addr, kind }
}

fn malloc(timestamp: u64, tid: i32, addr: u64, size: u64) -> Event {
    event(timestamp, tid, addr, EventKind::Malloc { size })
}

fn free(timestamp: u64, tid: i32, addr: u64) -> Event {
    event(timestamp, tid, addr, EventKind::Free)
}

fn realloc(
    timestamp: u64,
    tid: i32,
    old_addr: impl Into<Option<u64>>,
    addr: u64,
    size: u64,
) -> Event {
    event(timestamp, tid, addr, EventKind::Realloc { old_addr: old_addr.into(), size })
}

fn usage(events: &[Event]) -> UsageSummary {
    let mut usage = Usage::default();
    for event in events {
        usage.add(event);
    }
    usage.finish(events.last().map_or(0, |last| last.timestamp))
}

#[test]
fn calls_totals_the_peak_and_what_is_left_are_counted() {
    let calloc = EventKind::Calloc { size: 50 };
    let aligned = EventKind::AlignedAlloc { size: 64 };
    let summary = usage(&[
        malloc(1, 1, 100, 10),
        event(2, 1, 200, calloc),
        free(3, 1, 100),
        event(4, 1, 300, aligned),
        realloc(5, 1, 200, 400, 20),
        free(6, 1, 300),
    ]);
    assert_eq!((summary.alloc_calls, summary.frees, summary.total_allocated), (4, 2, 144));
    assert_eq!((summary.peak_memory, summary.peak_at), (114, Some(4)));
    assert_eq!((summary.leaked_bytes, summary.leaked_blocks, summary.largest), (20, 1, 64));
    assert_eq!(summary.temporary, 0);
}

#[test]
fn unknown_and_double_frees_change_nothing() {
    let other = Event { pid: 8, ..malloc(3, 8, 100, 5) };
    let summary =
        usage(&[free(1, 1, 9), malloc(2, 1, 100, 10), other, free(4, 1, 100), free(5, 1, 100)]);
    assert_eq!((summary.frees, summary.peak_memory, summary.leaked_bytes), (1, 15, 5));
}

#[test]
fn reallocs_of_every_kind_keep_the_sum_right() {
    let left = |events: &[Event]| {
        let summary = usage(events);
        (summary.alloc_calls, summary.leaked_bytes, summary.leaked_blocks)
    };
    assert_eq!(left(&[malloc(1, 1, 100, 10), realloc(2, 1, 100, 100, 30)]), (2, 30, 1), "in place");
    assert_eq!(left(&[realloc(1, 1, 0, 100, 30)]), (1, 30, 1), "of nothing");
    assert_eq!(left(&[realloc(1, 1, None, 100, 30)]), (1, 30, 1), "of an old file");
    assert_eq!(left(&[realloc(1, 1, 500, 100, 30)]), (1, 30, 1), "of a block from before");
    assert_eq!(left(&[malloc(1, 1, 100, 9), realloc(2, 1, 100, 200, 0)]), (2, 0, 1), "to nothing");
}

#[test]
fn an_address_reused_before_realloc_returned_has_its_new_owner() {
    let early = [malloc(1, 1, 100, 10), malloc(2, 2, 100, 7), realloc(3, 1, 100, 200, 20)];
    let summary = usage(&early);
    assert_eq!((summary.leaked_bytes, summary.leaked_blocks), (27, 2));
    let again = realloc(4, 2, 100, 300, 8);
    assert_eq!(usage(&[&early[..], &[again]].concat()).leaked_bytes, 28);
    // The free of the first block was lost: its second owner moves it, nobody else.
    let lost = [malloc(1, 1, 100, 10), malloc(2, 1, 100, 7), realloc(3, 1, 100, 200, 20)];
    assert_eq!(usage(&lost).leaked_bytes, 20);
}

#[test]
fn a_block_freed_before_the_thread_s_next_one_is_temporary() {
    let quick = [malloc(1, 1, 100, 1), malloc(2, 2, 200, 1), free(3, 1, 100), free(4, 2, 200)];
    assert_eq!(usage(&quick).temporary, 2);
    let slow = [malloc(1, 1, 100, 1), malloc(2, 1, 200, 1), free(3, 1, 100), free(4, 2, 200)];
    assert_eq!(usage(&slow).temporary, 0);
    let same = [malloc(1, 1, 100, 1), free(2, 1, 100), malloc(3, 1, 100, 1), free(4, 1, 100)];
    assert_eq!(usage(&same).temporary, 2);
}

#[test]
fn what_a_process_left_at_its_end_is_leaked_but_not_live() {
    let end = Event::released(PID, 100, 3);
    let summary = usage(&[malloc(1, 1, 100, 10), malloc(2, 1, 200, 4), end, malloc(4, 1, 100, 10)]);
    assert_eq!((summary.peak_memory, summary.frees, summary.temporary), (14, 0, 0));
    assert_eq!((summary.leaked_bytes, summary.leaked_blocks), (24, 3));
    assert!(summary.unfreed_bytes < 24 && summary.unfreed_blocks < 3, "the others live");
}

#[test]
fn mappings_are_no_allocations() {
    let map = |kind| event(1, 1, 4096, kind);
    let kinds =
        [EventKind::Mmap { size: 1 }, EventKind::Munmap { size: 1 }, EventKind::Brk { size: 0 }];
    assert_eq!(usage(&kinds.map(map)).alloc_calls, 0);
}

#[test]
fn sizes_of_a_lie_saturate() {
    let summary = usage(&[malloc(1, 1, 100, u64::MAX), malloc(2, 1, 200, u64::MAX)]);
    assert_eq!((summary.peak_memory, summary.total_allocated), (u64::MAX, u64::MAX));
    let classes: Vec<_> = summary.sizes.classes().collect();
    assert_eq!(classes, [SizeClass { low: 1 << 63, high: u64::MAX, count: 2 }]);
}

#[test]
fn sizes_are_sorted_by_powers_of_two() {
    let mut sizes = SizeHistogram::default();
    for size in [0, 1, 2, 3, 4, 7, 8, 1024] {
        sizes.add(size);
    }
    let classes: Vec<_> =
        sizes.classes().map(|class| (class.low, class.high, class.count)).collect();
    assert_eq!(classes, [(0, 0, 1), (1, 1, 1), (2, 3, 2), (4, 7, 2), (8, 15, 1), (1024, 2047, 1)]);
}

#[test]
fn a_timeline_keeps_every_peak_in_few_points() {
    let mut timeline = Timeline::starting_at(1_000);
    timeline.add(1_000, 5);
    timeline.add(1_000 + 10 * 1024, 3);
    assert_eq!(timeline.points(), [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], "live until it changes");
    timeline.add(1_000 + 11 * 1024, 1);
    assert_eq!(timeline.points().len(), 12);
    assert_eq!(timeline.points().last(), Some(&3), "of which the beginning counts, too");
    for nth in 0..100_000_u64 {
        timeline.add(1_000 + 12 * 1024 + nth * 5_000_000, nth % 100);
        assert!(timeline.points().len() <= 256);
    }
    assert!(timeline.points().len() > 128);
    assert!(timeline.points().iter().all(|point| *point >= 99), "{timeline:?}");
    timeline.add(u64::MAX, 0);
    assert!(timeline.points().len() <= 256);
    timeline.add(0, 2000);
    assert_eq!(timeline.points().last(), Some(&2000), "late news count as new");
}

#[test]
fn sites_know_what_they_held_at_the_peak() {
    let mut usage = Usage::default();
    usage.add_from(&malloc(1, 1, 100, 10), 1);
    usage.add_from(&malloc(2, 1, 200, 20), 2);
    usage.add_from(&free(3, 1, 200), 0);
    usage.add_from(&malloc(4, 1, 300, 15), 1);
    usage.add_from(&malloc(5, 1, 400, 6), 3);
    usage.add_from(&free(6, 1, 300), 0);
    usage.add_from(&Event::released(PID, 400, 7), 0);
    usage.add_from(&malloc(8, 1, 500, 1), 0);
    let sites = usage.finish(9).sites;
    let site = |stack| {
        let SiteUsage { calls, bytes, peak_bytes, leaked_bytes, leaked_blocks, temporary } =
            sites[&stack];
        [calls, bytes, peak_bytes, leaked_bytes, leaked_blocks, temporary]
    };
    assert_eq!(sites.len(), 3, "and none for unknown stacks");
    assert_eq!(site(1), [2, 25, 25, 10, 1, 0]);
    assert_eq!(site(2), [1, 20, 0, 0, 0, 1]);
    assert_eq!(site(3), [1, 6, 6, 6, 1, 0]);
}

/// Live blocks in a list, everything counted anew at each step.
fn slowly(events: &[Event]) -> (u64, u64, u64, u64) {
    let mut live: Vec<(u64, u64)> = Vec::new();
    let (mut calls, mut total, mut peak) = (0, 0, 0);
    for event in events {
        let old =
            if let EventKind::Realloc { old_addr, .. } = event.kind { old_addr } else { None };
        live.retain(|(addr, _)| *addr != event.addr && Some(*addr) != old);
        if let Some(size) = event.kind.size() {
            calls += 1;
            total += size;
            live.push((event.addr, size));
        }
        peak = peak.max(live.iter().map(|(_, size)| size).sum());
    }
    (calls, total, peak, live.iter().map(|(_, size)| size).sum())
}

proptest! {
    #[test]
    fn one_thread_is_counted_as_a_slow_count_does(
        steps in prop::collection::vec((0..3_u8, 0..6_u64, 0..6_u64, 0..1000_u64), 0..60),
    ) {
        let events: Vec<Event> = (1..).zip(steps).map(|(now, (kind, addr, old, size))| match kind {
            0 => malloc(now, 1, addr + 1, size),
            1 => realloc(now, 1, old + 1, addr + 1, size),
            _ => free(now, 1, addr + 1),
        }).collect();
        let of = usage(&events);
        let fast = (of.alloc_calls, of.total_allocated, of.peak_memory, of.leaked_bytes);
        prop_assert_eq!(fast, slowly(&events));
        prop_assert_eq!(of.timeline.points().iter().copied().max().unwrap_or(0), of.peak_memory);
    }
}

#[test]
fn blocks_beyond_the_bound_count_as_calls_and_are_not_live() {
    let mut usage = Usage { blocks: Blocks::within(2), ..Usage::default() };
    for addr in [16, 32, 48] {
        let kind = EventKind::Malloc { size: 10 };
        usage.add_from(&Event { pid: 1, tid: 1, timestamp: addr, addr, kind }, 3);
    }
    let free = |addr| Event { pid: 1, tid: 1, timestamp: 99, addr, kind: EventKind::Free };
    usage.add(&free(48));
    usage.add(&free(16));
    let summary = usage.finish(100);
    assert_eq!((summary.alloc_calls, summary.total_allocated, summary.peak_memory), (3, 30, 20));
    assert_eq!((summary.untracked_blocks, summary.frees, summary.leaked_blocks), (1, 1, 1));
    assert_eq!(summary.sites[&3].leaked_bytes, 10);
}
