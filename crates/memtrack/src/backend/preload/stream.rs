//! The records of one thread, out of the blocks that it has filled.

use std::collections::BTreeMap;

use super::{
    processes::Key,
    segment::{Segment, State},
    wire::{self, Call, What},
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
    /// Later stamps than this are nonsense, and would hold up what comes behind them.
    pub horizon: u64,
    /// Since when the same record is being made, and how far its block was.
    pub stuck: Option<(u64, State)>,
    /// By their number in the stream; the one that is read is not among them.
    blocks: BTreeMap<u64, u32>,
    /// The block that is read, `expected` in number.
    front: Option<u32>,
    expected: u64,
    cursor: usize,
}

/// The next item of a stream.
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
            horizon: u64::MAX,
            stuck: None,
            blocks: BTreeMap::new(),
            front: None,
            expected: 0,
            cursor: 0,
        }
    }

    /// Adds a block; returns one that is not needed, when the program has numbered two alike.
    pub(super) fn add(&mut self, sequence: u64, block: u32) -> Option<u32> {
        if sequence < self.expected || (sequence == self.expected && self.front.is_some()) {
            return Some(block);
        }
        let doubled = self.blocks.insert(sequence, block);
        self.open_front();
        doubled
    }

    fn open_front(&mut self) {
        if self.front.is_none() {
            self.front = self.blocks.remove(&self.expected);
        }
    }

    /// The block that the thread writes to.
    pub(super) fn open_block(&self) -> Option<u32> {
        self.blocks.values().next_back().copied().or(self.front)
    }

    /// Whatever blocks are left.
    pub(super) fn into_blocks(self) -> impl Iterator<Item = u32> {
        self.front.into_iter().chain(self.blocks.into_values())
    }

    /// Looks at what comes next; blocks that are read are handed to `release`.
    pub(super) fn peek(&mut self, segment: &Segment, mut release: impl FnMut(u32)) -> Next {
        loop {
            let Some(block) = self.front else {
                return if self.gone { Next::End } else { Next::Nothing };
            };
            let state = segment.state(block);
            if self.cursor < state.words {
                let stamp = wire::stamp(segment.word(block, self.cursor));
                let stamp = if stamp > self.horizon { self.last } else { stamp };
                return Next::Record(stamp.max(self.last));
            }
            if !state.closed {
                return if self.gone { Next::End } else { Next::Nothing };
            }
            self.front = None;
            release(block);
            self.expected += 1;
            self.cursor = 0;
            self.open_front();
            if state.end {
                return Next::End;
            }
        }
    }

    /// Takes the record that `peek` has seen if it is that of a call, as nearly all are, with its stack, which goes to
    /// `stack`: first the copied words.
    #[inline]
    pub(super) fn take_call(&mut self, segment: &Segment, stack: &mut Vec<u64>) -> Option<Call> {
        let block = self.front?;
        let from = self.cursor;
        let left = segment.state(block).words.saturating_sub(from);
        let word = |at: usize| segment.word(block, from.saturating_add(at));
        let call = wire::decode_call(word, left)?;
        if wire::stamp(word(0)) > self.horizon {
            return None;
        }
        stack.clear();
        stack.extend((call.head..call.words()).map(word));
        self.cursor += call.words();
        Some(call)
    }

    /// Takes any other record that `peek` has seen. `None`: it was no record; what else there is in its block is skipped.
    pub(super) fn take(&mut self, segment: &Segment) -> Option<What> {
        let block = self.front?;
        let words = segment.state(block).words;
        let from = self.cursor;
        let left = words.saturating_sub(from);
        let word = |at: usize| segment.word(block, from.saturating_add(at));
        let item = wire::decode(word, left).filter(|_| wire::stamp(word(0)) <= self.horizon);
        let Some(item) = item else {
            self.cursor = words;
            return None;
        };
        self.cursor += item.words();
        Some(item.what)
    }
}
