//! Segments that no library would write.

use std::{fs::File, os::unix::fs::FileExt};

use proptest::prelude::*;

use super::*;
use crate::backend::preload::segment::{BLOCK_BYTES, BLOCK_WORDS, Shape};

const SHAPE: Shape = Shape { blocks: 512, shared: 2, frames: 0, copied: 0, epoch: 1000 };
const DIRECTORY: u64 = 4096;
const BLOCKS: u64 = DIRECTORY + 512 * 8;

/// A segment, and its file to write to as a program would.
struct Written {
    file: File,
    segment: Segment,
    merger: Merger,
}

impl Written {
    fn new() -> Self {
        let file = tempfile::tempfile().unwrap();
        let segment = Segment::create(file.try_clone().unwrap(), SHAPE).unwrap();
        Self { file, segment, merger: Merger::new(SHAPE.blocks) }
    }

    fn word(&self, at: u64, word: u64) {
        self.file.write_all_at(&word.to_ne_bytes(), at).unwrap();
    }

    /// Lets a block of this process appear.
    fn block(&self, number: u64, stream: u64, sequence: u64, flags: u64, words: &[u64]) {
        let pid = u64::from(std::process::id());
        let at = BLOCKS + number * u64::try_from(BLOCK_BYTES).unwrap();
        for (index, word) in words.iter().enumerate() {
            self.word(at + 64 + u64::try_from(index).unwrap() * 8, *word);
        }
        self.word(at, stream);
        self.word(at + 8, sequence);
        self.word(at + 16, pid << 32 | pid);
        self.word(at + 32, 0);
        self.word(at + 24, u64::try_from(words.len()).unwrap() << 8 | 8 | flags);
        self.word(DIRECTORY + number * 8, pid << 32 | pid);
        self.word(64, 2 | 512 << 32);
    }

    fn drain(&mut self, now: u64, all: bool) -> Vec<u64> {
        let mut stamps = Vec::new();
        let mut record = |record: Record<'_>| match record {
            Record::Call { event, .. } => stamps.push(event.timestamp),
            Record::Exec { .. }
            | Record::Exit { .. }
            | Record::Mapped { .. }
            | Record::Memory { .. }
            | Record::Forked { .. } => {}
        };
        let mut sink = Sink { record: &mut record, aside: &mut |_| {} };
        self.merger.drain(&self.segment, now, all, &mut sink);
        stamps
    }
}

const fn free(stamp: u64) -> [u64; 2] {
    [stamp << 11 | 5, 0x1000]
}

const MS: u64 = 1_000_000;
const CLOSED: u64 = 2;
const IN_FLIGHT: u64 = 1;

#[test]
fn threads_are_merged_by_time_and_blocks_by_number() {
    let mut written = Written::new();
    written.block(5, 1, 1, 0, &[free(40), free(60)].concat());
    written.block(3, 1, 0, CLOSED, &[free(10), free(30)].concat());
    written.block(4, 2, 0, 0, &[free(20), free(50), free(3 * MS)].concat());
    assert_eq!(written.drain(2 * MS, false), [1010, 1020, 1030, 1040, 1050, 1060]);
    assert_eq!(written.segment.owner(3), None, "a block that is read is given back");
    assert_eq!(written.drain(2 * MS, false), Vec::<u64>::new(), "what is new may get company");
    assert_eq!(written.drain(4 * MS, false), [1000 + 3 * MS]);
}

#[test]
fn a_record_in_flight_is_waited_for_but_not_for_ever() {
    let mut written = Written::new();
    written.block(3, 1, 0, IN_FLIGHT, &free(10));
    written.block(4, 2, 0, 0, &[free(5), free(20)].concat());
    assert_eq!(written.drain(MS, false), [1005, 1010]);
    assert_eq!(written.drain(15 * MS, false), Vec::<u64>::new());
    assert_eq!(written.drain(40 * MS, false), [1020]);
    written.block(3, 1, 0, 0, &[free(10), free(15)].concat());
    assert_eq!(written.drain(41 * MS, false), [1015], "late, but not lost");
}

#[test]
fn a_block_that_is_destroyed_costs_itself_only() {
    let mut written = Written::new();
    written.block(3, 1, 0, CLOSED, &[free(10), [u64::MAX, 0]].concat());
    written.block(4, 1, 1, 0, &free(20));
    assert_eq!(written.drain(MS, false), [1010, 1020]);
    assert_eq!(written.merger.damaged(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn anything_is_read_without_a_panic_or_an_end(
        owners in prop::collection::vec(any::<u64>(), 8),
        words in prop::collection::vec((any::<u8>(), any::<u64>()), 0..400),
        states in prop::collection::vec(any::<u64>(), 8),
    ) {
        let mut written = Written::new();
        for (number, (owner, state)) in owners.iter().zip(&states).enumerate() {
            let number = u64::try_from(number).unwrap();
            let at = BLOCKS + number * u64::try_from(BLOCK_BYTES).unwrap();
            written.word(DIRECTORY + number * 8, *owner);
            for (index, (low, word)) in words.iter().enumerate() {
                let word = if low % 2 == 0 { u64::from(*low) } else { *word };
                written.word(at + u64::try_from(index % 100).unwrap() * 8, word);
            }
            written.word(at + 24, *state);
        }
        written.word(64, u64::MAX);
        let most = 2 * 8 * BLOCK_WORDS;
        prop_assert!(written.drain(MS, false).len() <= most);
        prop_assert!(written.drain(MS * 50, true).len() <= most);
    }
}
