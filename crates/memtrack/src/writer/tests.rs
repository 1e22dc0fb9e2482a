//! The content of the files of a trace.

use std::io::Read;

use runner_shared::memory::{EventDecoder, EventKind, StackDecoder, WindowUsage};

use super::*;
use crate::backend::Stack;

const PLAIN: Options = Options { stacks: false, usage: Usages::All, release_on_exit: true };

fn call(tid: i32, timestamp: u64, addr: u64, kind: EventKind) -> Record<'static> {
    Record::Call { event: Event { pid: 7, tid, timestamp, addr, kind }, stack: Stack::default() }
}

const MALLOC: EventKind = EventKind::Malloc { size: 8 };

fn writer(folder: &tempfile::TempDir, options: Options) -> io::Result<Writer> {
    Writer::create(folder.path(), 7, options, false)
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    zstd::Decoder::new(std::fs::File::open(path).unwrap())
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

fn events(folder: &Path) -> Vec<Event> {
    let mut decoder = EventDecoder::default();
    decoder.push(&unpacked(&folder.join("7.MemtrackArtifact.msgpack")));
    let mut events = Vec::new();
    while let Some(event) = decoder.next_event().unwrap() {
        events.push(event);
    }
    decoder.finish().unwrap();
    events
}

#[test]
fn events_come_in_the_order_of_time_and_only_from_windows() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(&folder, PLAIN).unwrap();
    writer.switched(true, 10);
    writer.take(call(1, 12, 32, MALLOC)).unwrap();
    writer.take(call(2, 11, 16, MALLOC)).unwrap();
    writer.take(call(1, 21, 48, MALLOC)).unwrap();
    writer.switched(false, 20);
    writer.switched(true, 30);
    writer.take(call(1, 31, 16, EventKind::Free)).unwrap();
    let written = writer.finish(40).unwrap();
    let seen: Vec<_> = events(folder.path()).iter().map(|e| (e.timestamp, e.addr)).collect();
    assert_eq!(seen, [(11, 16), (12, 32), (31, 16)]);
    assert_eq!((written.counts.malloc, written.counts.free, written.releases), (2, 1, 0));
}

#[test]
fn blocks_left_at_exit_are_released_and_count_as_leaked() {
    for release_on_exit in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { release_on_exit, ..PLAIN };
        let mut writer = writer(&folder, options).unwrap();
        writer.switched(true, 0);
        writer.take(call(1, 1, 16, MALLOC)).unwrap();
        writer.take(call(1, 2, 32, MALLOC)).unwrap();
        writer.take(call(1, 3, 16, EventKind::Free)).unwrap();
        writer.take(Record::Exit { pid: 7, timestamp: 9 }).unwrap();
        let written = writer.finish(10).unwrap();
        assert_eq!(written.releases, u64::from(release_on_exit));
        let last = *events(folder.path()).last().unwrap();
        assert_eq!(last == Event::released(7, 32, 9), release_on_exit);
        let usage = written.last.unwrap();
        assert_eq!((usage.peak_memory, usage.leaked_bytes), (16, 8));
    }
}

#[test]
fn more_than_a_batch_is_streamed_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(&folder, PLAIN).unwrap();
    writer.switched(true, 0);
    let count = u64::try_from(3 * BATCH).unwrap();
    for at in 0..count {
        // Two threads, one of them late by a little.
        let timestamp = if at % 2 == 0 { at * 1000 } else { at * 1000 - 900 };
        writer.take(call(1, timestamp, 16 * at, MALLOC)).unwrap();
        assert!(writer.pending.len() <= BATCH);
    }
    writer.finish(u64::MAX).unwrap();
    let events = events(folder.path());
    assert_eq!(events.len(), 3 * BATCH);
    assert!(events.is_sorted_by_key(|event| event.timestamp));
}

#[test]
fn a_burst_of_one_moment_is_put_in_order_a_few_times_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(&folder, PLAIN).unwrap();
    writer.switched(true, 0);
    let count = u64::try_from(4 * BATCH).unwrap();
    let mut sorted = 0;
    for at in 0..count {
        let before = writer.enough;
        writer.take(call(1, 5 + at % 2, 16 * at, MALLOC)).unwrap();
        sorted += u32::from(writer.enough != before);
    }
    assert!(sorted <= 3, "{sorted}");
    writer.finish(9).unwrap();
    assert_eq!(events(folder.path()).len(), 4 * BATCH);
}

#[test]
fn stacks_lie_beside_the_events() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(&folder, Options { stacks: true, ..PLAIN }).unwrap();
    writer.switched(true, 0);
    for (timestamp, stack) in [(1, &[16_u64, 32][..]), (2, &[48]), (3, &[16, 32]), (4, &[])] {
        let event = Event { pid: -7, tid: 1, timestamp, addr: timestamp, kind: MALLOC };
        let stack = Stack { addresses: stack, ..Stack::default() };
        writer.take(Record::Call { event, stack }).unwrap();
    }
    let notes = writer.finish(9).unwrap().notes;
    assert!(notes[0].starts_with("no names for 2 of 2 stacks"), "{notes:?}");
    assert_eq!(notes.len(), 1);
    let mut decoder = StackDecoder::default();
    decoder.push(&unpacked(&folder.path().join("7.MemtrackStacks.msgpack")));
    let mut numbers = Vec::new();
    while let Some(number) = decoder.next_event_stack().unwrap() {
        numbers.push(number);
    }
    // Nothing is known of these addresses, so that all frames are one.
    assert_eq!(numbers, [1, 2, 1, 0]);
    let (table, end) = decoder.finish();
    end.unwrap();
    assert_eq!((table.stack(1), table.stack(2)), (&[1, 1][..], &[1][..]));
}

#[test]
fn nothing_is_said_about_stacks_of_the_harness() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { stacks: true, usage: Usages::WithoutRoot, ..PLAIN };
    for (pid, said) in [(7, 0), (8, 1)] {
        let mut writer = writer(&folder, options).unwrap();
        writer.switched(true, 0);
        let event = Event { pid, tid: 1, timestamp: 1, addr: 1, kind: MALLOC };
        writer
            .take(Record::Call { event, stack: Stack { addresses: &[16, 32], ..Stack::default() } })
            .unwrap();
        assert_eq!(writer.finish(9).unwrap().notes.len(), said, "{pid}");
    }
}

#[test]
fn each_window_is_counted_and_the_harness_is_left_out() {
    for usage in [Usages::None, Usages::All, Usages::WithoutRoot] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder, Options { usage, ..PLAIN }).unwrap();
        let of = |pid, timestamp, addr| {
            let kind = EventKind::Malloc { size: addr };
            Record::Call {
                event: Event { pid, tid: pid, timestamp, addr, kind },
                stack: Stack::default(),
            }
        };
        writer.switched(true, 10);
        writer.take(of(7, 11, 16)).unwrap();
        writer.take(of(8, 12, 32)).unwrap();
        writer.take(of(8, 19, 64)).unwrap();
        writer.switched(false, 20);
        writer.take(Record::Exit { pid: 8, timestamp: 25 }).unwrap();
        writer.switched(true, 30);
        writer.switched(false, 40);
        writer.switched(true, 50);
        writer.take(of(9, 51, 128)).unwrap();
        let written = writer.finish(60).unwrap();
        let counted = written.usage.map(|usage| {
            let windows = usage.windows.iter();
            let of = |window: &WindowUsage| {
                (window.first, window.last, window.events, window.usage.total_allocated)
            };
            windows.map(of).collect::<Vec<_>>()
        });
        let expected = match usage {
            Usages::None => None,
            Usages::All => Some(vec![(11, 19, 3, 112), (51, 51, 1, 128)]),
            Usages::WithoutRoot => Some(vec![(12, 19, 2, 96), (51, 51, 1, 128)]),
        };
        assert_eq!(counted, expected);
        assert_eq!(written.last.is_some(), usage != Usages::None);
    }
}

#[test]
fn an_event_of_a_closed_window_is_written_and_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), 7, PLAIN, true).unwrap();
    writer.switched(true, 10);
    writer.switched(false, 20);
    writer.switched(true, 30);
    writer.take(call(1, 31, 16, MALLOC)).unwrap();
    writer.take(call(1, 15, 32, MALLOC)).unwrap();
    let written = writer.finish(40).unwrap();
    assert_eq!((written.counts.malloc, written.usage), (2, None));
    assert_eq!(written.last.unwrap().total_allocated, 8);
}
