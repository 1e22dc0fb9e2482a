//! The records of one thread, out of the blocks that it has filled.

use std::collections::BTreeMap;

use super::{
    processes::Key,
    segment::{Segment, State},
    wire::{self, Item},
};

/// A thread that has blocks.
#[derive(Debug)]
pub(super) struct Stream {
    /// Its number in the segment.
    pub id: u64,
    /// Its process.
    pub process: Key,
    /// Its number.
    pub tid: i32,
    /// No more records come: the thread has ended.
    pub gone: bool,
    /// Stamp of the record that was last taken.
    pub last: u64,
    /// Since when the same record is being made, and how far its block was.
    pub stuck: Option<(u64, State)>,
    /// By their number in the stream.
    blocks: BTreeMap<u64, u32>,
    expected: u64,
    cursor: usize,
}

/// What comes next in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A record with this stamp.
    Record(u64),
    /// Nothing yet.
    Nothing,
    /// Nothing, ever.
    End,
}

impl Stream {
    /// A stream without blocks.
    pub(super) const fn new(id: u64, process: Key, tid: i32) -> Self {
        Self {
            id,
            process,
            tid,
            gone: false,
            last: 0,
            stuck: None,
            blocks: BTreeMap::new(),
            expected: 0,
            cursor: 0,
        }
    }

    /// Adds a block; returns one that is not needed, when the program has numbered two alike.
    pub(super) fn add(&mut self, sequence: u64, block: u32) -> Option<u32> {
        if sequence < self.expected {
            return Some(block);
        }
        self.blocks.insert(sequence, block)
    }

    /// The block that the thread writes to.
    pub(super) fn open_block(&self) -> Option<u32> {
        self.blocks.values().next_back().copied()
    }

    /// Whatever blocks are left.
    pub(super) fn into_blocks(self) -> impl Iterator<Item = u32> {
        self.blocks.into_values()
    }

    /// Looks at what comes next; blocks that are read are handed to `release`.
    pub(super) fn peek(&mut self, segment: &Segment, mut release: impl FnMut(u32)) -> Next {
        loop {
            let Some(block) = self.blocks.get(&self.expected).copied() else {
                return if self.gone { Next::End } else { Next::Nothing };
            };
            let state = segment.state(block);
            if self.cursor < state.words {
                let stamp = wire::stamp(segment.word(block, self.cursor));
                return Next::Record(stamp.max(self.last));
            }
            if !state.closed {
                return if self.gone { Next::End } else { Next::Nothing };
            }
            self.blocks.remove(&self.expected);
            release(block);
            self.expected += 1;
            self.cursor = 0;
            if state.end {
                return Next::End;
            }
        }
    }

    /// Takes the record that `peek` has seen, with its stack, which goes to `stack`. `None`: it was no record; what
    /// else there is in its block is skipped.
    pub(super) fn take(&mut self, segment: &Segment, stack: &mut Vec<u64>) -> Option<Item> {
        let block = self.blocks.get(&self.expected).copied()?;
        let words = segment.state(block).words;
        let from = self.cursor;
        let left = words.saturating_sub(from);
        let word = |at: usize| segment.word(block, from.saturating_add(at));
        let Some(item) = wire::decode(word, left) else {
            self.cursor = words;
            return None;
        };
        stack.clear();
        stack.extend((item.head..item.words()).map(word));
        self.cursor += item.words();
        Some(item)
    }
}
