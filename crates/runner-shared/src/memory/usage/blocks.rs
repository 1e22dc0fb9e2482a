//! The blocks that are live, and what becomes of an address that is given out twice.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::bounds::LIVE_BLOCKS;

/// An address in a process.
type Place = (i32, u64);

/// Addresses that were given out while `realloc` had not returned yet: more are not remembered. Real programs have
/// one per thread at most; more come from lost events, and then there is nothing to wait for.
const MOST_DISPLACED: usize = 4096;

/// Latest blocks of more threads than any program has are not remembered.
const MOST_THREADS: usize = 1 << 16;

/// A live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// The requested bytes.
    pub size: u64,
    /// The thread that requested them.
    pub tid: i32,
    /// From where; 0 if unknown.
    pub stack: u32,
}

/// A thread of a process.
type Thread = (i32, i32);

/// All live blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    live: HashMap<Place, Block, FixedState>,
    latest: Latest,
    /// Addresses that were live when a thread (the value) got them anew.
    displaced: HashMap<Place, i32, FixedState>,
    /// So many blocks may be live.
    most: usize,
}

impl Default for Blocks {
    fn default() -> Self {
        Self::within(LIVE_BLOCKS)
    }
}

/// The place of a new block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inserted {
    /// It is where nothing was.
    New,
    /// It is where this one was: its free was lost, or it is being moved by a `realloc` that has not returned yet.
    Instead(Block),
    /// There are too many blocks already; it is not known.
    NoRoom,
}

/// The latest block of each thread, as long as it is live.
#[derive(Debug, Default)]
struct Latest {
    /// The thread that has allocated last: nearly always the next one, too.
    current: Option<(Thread, u64)>,
    /// All others.
    others: HashMap<Thread, u64, FixedState>,
}

impl Latest {
    fn set(&mut self, thread: Thread, addr: u64) {
        let before = self.current.replace((thread, addr));
        if before.is_some_and(|(before, _)| before == thread) {
            return;
        }
        self.others.remove(&thread);
        if self.others.len() >= MOST_THREADS {
            self.others.clear();
        }
        self.others.extend(before);
    }

    /// Forgets a block; true if it was the latest of the thread.
    fn forget(&mut self, thread: Thread, addr: u64) -> bool {
        if let Some((current, latest)) = self.current
            && current == thread
        {
            if latest == addr {
                self.current = None;
            }
            return latest == addr;
        }
        let is_latest = self.others.get(&thread) == Some(&addr);
        if is_latest {
            self.others.remove(&thread);
        }
        is_latest
    }
}

impl Blocks {
    /// At most so many blocks.
    pub(super) fn within(most: usize) -> Self {
        let (live, displaced) = (HashMap::default(), HashMap::default());
        Self { live, latest: Latest::default(), displaced, most }
    }

    /// A new block.
    pub(super) fn insert(&mut self, pid: i32, addr: u64, block: Block) -> Inserted {
        if self.live.len() >= self.most && !self.live.contains_key(&(pid, addr)) {
            return Inserted::NoRoom;
        }
        self.latest.set((pid, block.tid), addr);
        let displaced = self.live.insert((pid, addr), block);
        if displaced.is_some() {
            if self.displaced.len() >= MOST_DISPLACED {
                self.displaced.clear();
            }
            self.displaced.insert((pid, addr), block.tid);
        }
        displaced.map_or(Inserted::New, Inserted::Instead)
    }

    /// A `realloc` of thread `tid` has returned and the block at `addr` is gone. `None` if it isn't known, or if what
    /// lies there is a new one already.
    pub(super) fn moved(&mut self, pid: i32, tid: i32, addr: u64) -> Option<Block> {
        // A thread can't have got the address while it was in `realloc`.
        if !self.displaced.is_empty()
            && self.displaced.get(&(pid, addr)).is_some_and(|owner| *owner != tid)
        {
            self.displaced.remove(&(pid, addr));
            return None;
        }
        self.remove(pid, addr).map(|(block, _)| block)
    }

    /// A block was freed; also whether it is the latest one of the thread that allocated it.
    pub(super) fn freed(&mut self, pid: i32, addr: u64) -> Option<(Block, bool)> {
        self.remove(pid, addr)
    }

    fn remove(&mut self, pid: i32, addr: u64) -> Option<(Block, bool)> {
        let block = self.live.remove(&(pid, addr))?;
        let is_latest = self.latest.forget((pid, block.tid), addr);
        Some((block, is_latest))
    }

    /// All of them, in no order.
    pub(super) fn live(&self) -> impl Iterator<Item = &Block> {
        self.live.values()
    }

    /// Returns the number of blocks.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.live.len()).unwrap_or(u64::MAX)
    }
}
