//! Spans that follow from records of switches.

use super::*;

const PREEMPTED: What = What::Out { preempted: true };
const WAITS: What = What::Out { preempted: false };

fn timeline(records: &[(What, u64)], room: &mut Allowance) -> Timeline {
    let mut timeline = Timeline::default();
    for (what, time) in records.iter().copied() {
        timeline.add(Record { what, pid: 7, tid: 7, time }, room);
    }
    timeline
}

#[test]
fn a_ring_is_no_smaller_than_a_page() {
    assert_eq!(ring_bytes(1, 4096), RINGS_BYTES);
    assert_eq!(ring_bytes(16, 4096), RINGS_BYTES / 16);
    assert_eq!(ring_bytes(5, 64 << 10), 64 << 10);
    assert_eq!(ring_bytes(16, 64 << 10), 64 << 10);
}

#[test]
fn spans_are_from_the_way_out_to_the_way_in() {
    let records = [
        (What::In, 90), // it waited for our answer
        (PREEMPTED, 100),
        (What::In, 130),
        (WAITS, 200),
        (What::In, 260),
        (PREEMPTED, 300),
        (What::Lost, 400), // the way in is missing
        (What::In, 410),
        (What::Fork, 450),
        (WAITS, 500),
    ];
    let found = timeline(&records, &mut Allowance::of(1 << 20)).until(600);
    assert_eq!(found.preempted, [(100, 30)]);
    assert_eq!(found.waited, [(200, 60)]);
    assert_eq!(found.lost, [(300, 100)]);
    assert!(found.forked);
}

#[test]
fn what_has_no_room_is_lost_from_there_to_the_end() {
    let records: Vec<(What, u64)> =
        (0..10).flat_map(|nth| [(PREEMPTED, nth * 10), (What::In, nth * 10 + 3)]).collect();
    let mut room = Allowance::of(2 * SPAN_BYTES);
    let found = timeline(&records, &mut room);
    assert_eq!(found.bytes(), 2 * SPAN_BYTES);
    let found = found.until(200);
    assert_eq!((&found.preempted[..], &found.lost[..]), (&[(0, 3), (10, 3)][..], &[(20, 180)][..]));
}
