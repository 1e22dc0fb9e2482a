//! The memory that the tracer shares with the library in the traced programs; `preload/segment.h` has the same layout.
//!
//! Everything in it can change at any time, to anything: it is read as single words, and nothing in it is trusted.

#![expect(unsafe_code, reason = "shared memory has no safe wrapper")]

use std::{
    fs::File,
    io,
    ops::Range,
    os::fd::AsRawFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

const MAGIC: u64 = 0x314b_4341_5254_44ff;
const DIRECTORY: usize = 4096;
const OWNER_BYTES: usize = 8;
/// Bytes of a block, with its header.
pub(super) const BLOCK_BYTES: usize = 16 * 1024;
const BLOCK_HEADER: usize = 64;
/// Words of records in a block.
pub(super) const BLOCK_WORDS: usize = (BLOCK_BYTES - BLOCK_HEADER) / 8;

/// Offsets in the header.
mod header {
    pub(super) const MAGIC: usize = 0;
    pub(super) const EPOCH: usize = 8;
    pub(super) const BLOCKS: usize = 16;
    pub(super) const SHARED: usize = 20;
    pub(super) const FRAMES: usize = 24;
    pub(super) const ENABLED: usize = 28;
    pub(super) const CLOSED: usize = 32;
    pub(super) const FREED: usize = 36;
    pub(super) const WAITERS: usize = 40;
    pub(super) const COPIED: usize = 44;
    pub(super) const LOST: usize = 56;
    pub(super) const USED_SHARED: usize = 64;
    pub(super) const USED_FIRST: usize = 68;
    pub(super) const BACKED_SHARED: usize = 72;
    pub(super) const BACKED_FIRST: usize = 76;
    pub(super) const EXHAUSTED: usize = 80;
    pub(super) const LOOKED: usize = 88;
}

/// Offsets in a block.
mod block {
    pub(super) const STREAM: usize = 0;
    pub(super) const SEQUENCE: usize = 8;
    pub(super) const PID_TID: usize = 16;
    pub(super) const STATE: usize = 24;
    pub(super) const NAMESPACE: usize = 32;
}

/// So many blocks have memory from the start, and half as many always that were never used: what may be asked for while
/// we don't look. Those that threads share, and those for the first records of each.
const AHEAD: [u32; 2] = [1024, 256];

/// The sizes of a segment, fixed when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Number of blocks.
    pub blocks: u32,
    /// The first so many are for threads that have filled one; the rest is for the first block of each thread.
    pub shared: u32,
    /// Return addresses per allocation.
    pub frames: u32,
    /// Bytes of the stack per allocation, at most.
    pub copied: u32,
    /// Nanoseconds of `CLOCK_MONOTONIC` that stamps count from.
    pub epoch: u64,
}

impl Shape {
    fn bytes(self) -> usize {
        let blocks = usize::try_from(self.blocks).unwrap_or(0);
        DIRECTORY + blocks * (OWNER_BYTES + BLOCK_BYTES)
    }
}

/// The head of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The thread, by a number that is used once.
    pub stream: u64,
    /// Number of the block in the stream, from 0.
    pub sequence: u64,
    /// Process, in its namespace.
    pub pid: i32,
    /// Thread, in its namespace.
    pub tid: i32,
    /// Inode of the namespace of processes.
    pub namespace: u64,
}

/// The progress of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the bits of the word, by their names")]
pub(super) struct State {
    /// The head is there.
    pub ready: bool,
    /// A record is being made.
    pub in_flight: bool,
    /// No more records.
    pub closed: bool,
    /// No more blocks.
    pub end: bool,
    /// Words of complete records.
    pub words: usize,
}

impl State {
    fn of(word: u64) -> Self {
        Self {
            in_flight: word & 1 != 0,
            closed: word & 2 != 0,
            end: word & 4 != 0,
            ready: word & 8 != 0,
            words: usize::try_from(word >> 8).unwrap_or(usize::MAX).min(BLOCK_WORDS),
        }
    }
}

/// The segment of one tracer.
#[derive(Debug)]
pub(super) struct Segment {
    base: NonNull<u8>,
    shape: Shape,
    /// Held for the lock as well: programs that wait for us see by it that we live.
    file: File,
}

// SAFETY: the mapping belongs to this value alone, and all access is atomic.
unsafe impl Send for Segment {}

impl Segment {
    /// Lays a segment out in an empty file.
    pub(super) fn create(file: File, shape: Shape) -> io::Result<Self> {
        let bytes = shape.bytes();
        file.set_len(u64::try_from(bytes).unwrap_or(u64::MAX))?;
        lock(&file)?;
        // SAFETY: a new mapping at an address of the kernel's choice, of a file that we own.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_NORESERVE,
                file.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let segment = Self { base, shape, file };
        segment.narrow(header::BLOCKS).store(shape.blocks, Ordering::Relaxed);
        segment.narrow(header::SHARED).store(shape.shared, Ordering::Relaxed);
        segment.narrow(header::FRAMES).store(shape.frames, Ordering::Relaxed);
        segment.narrow(header::COPIED).store(shape.copied, Ordering::Relaxed);
        segment.wide(header::EPOCH).store(shape.epoch, Ordering::Relaxed);
        segment.narrow(header::BACKED_FIRST).store(shape.shared, Ordering::Relaxed);
        segment.look(0);
        segment.wide(header::MAGIC).store(MAGIC, Ordering::Release);
        Ok(segment)
    }

    /// Its sizes.
    pub(super) const fn shape(&self) -> Shape {
        self.shape
    }

    /// Switches the recording of calls.
    pub(super) fn enable(&self, on: bool) {
        self.narrow(header::ENABLED).store(u32::from(on), Ordering::SeqCst);
    }

    /// Tells all programs that nobody reads any more; they go on without us.
    pub(super) fn close(&self) {
        self.enable(false);
        self.narrow(header::CLOSED).store(1, Ordering::SeqCst);
        self.wake();
    }

    /// Says that we look, `now` nanoseconds after the epoch, and sees to it that there are enough blocks with memory:
    /// without it a store would end a program, and not every program may ask for it itself.
    pub(super) fn look(&self, now: u64) {
        self.wide(header::LOOKED).store(now, Ordering::Relaxed);
        if self.back() {
            self.tell();
        }
    }

    /// Sees to the memory of both kinds of blocks; true if some have got it.
    fn back(&self) -> bool {
        let Shape { blocks, shared, .. } = self.shape;
        let [ahead_shared, ahead_first] = AHEAD;
        let added =
            self.back_kind(header::BACKED_SHARED, header::USED_SHARED, 0..shared, ahead_shared);
        self.back_kind(header::BACKED_FIRST, header::USED_FIRST, shared..blocks, ahead_first)
            || added
    }

    /// Gives memory to as many blocks of a kind again as were used; true if some were added.
    fn back_kind(&self, backed: usize, used: usize, all: Range<u32>, ahead: u32) -> bool {
        let Range { start: begin, end } = all;
        let backed = self.narrow(backed);
        let from = backed.load(Ordering::Relaxed);
        let used = self.narrow(used).load(Ordering::Relaxed).max(begin);
        let exhausted = self.narrow(header::EXHAUSTED);
        if from >= end
            || from > used.saturating_add(ahead / 2)
            || exhausted.load(Ordering::Relaxed) != 0
        {
            return false;
        }
        let mut count = ahead.max(from.saturating_sub(begin)).min(end - from);
        while count > 0 {
            match self.allocate(from, from + count) {
                Ok(()) => break,
                // Such a file system allocates when it is written to.
                Err(err) if err.kind() == io::ErrorKind::Unsupported => break,
                Err(_full) => count /= 2,
            }
        }
        if count == 0 {
            exhausted.store(1, Ordering::SeqCst);
        }
        backed.store(from + count, Ordering::SeqCst);
        true
    }

    /// Gives memory to blocks.
    fn allocate(&self, from: u32, to: u32) -> io::Result<()> {
        let offset = |block| {
            i64::try_from(self.block_offset(block)).map_err(|_huge| io::ErrorKind::FileTooLarge)
        };
        let (start, end) = (offset(from)?, offset(to)?);
        // SAFETY: an open file and numbers.
        let done = unsafe { libc::fallocate(self.file.as_raw_fd(), 0, start, end - start) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Calls that programs could not record.
    pub(super) fn lost(&self) -> u64 {
        self.wide(header::LOST).load(Ordering::Relaxed)
    }

    /// The numbers of all blocks that were ever taken.
    pub(super) fn used(&self) -> impl Iterator<Item = u32> + use<> {
        let Shape { blocks, shared, .. } = self.shape;
        let used_shared = self.narrow(header::USED_SHARED).load(Ordering::Acquire).min(shared);
        let used_first = self.narrow(header::USED_FIRST).load(Ordering::Acquire).min(blocks);
        (0..used_shared).chain(shared..used_first)
    }

    /// Process and thread that have taken a block, as they say; `None` when it is free.
    pub(super) fn owner(&self, number: u32) -> Option<(i32, i32)> {
        let owner = self.wide(owner_offset(number)).load(Ordering::Acquire);
        let [p0, p1, p2, p3, t0, t1, t2, t3] = owner.to_be_bytes();
        let pid = i32::from_be_bytes([p0, p1, p2, p3]);
        (owner != 0).then_some((pid, i32::from_be_bytes([t0, t1, t2, t3])))
    }

    /// The head of a block that is ready.
    pub(super) fn head(&self, number: u32) -> Head {
        let word = |field| self.wide(self.block_offset(number) + field).load(Ordering::Relaxed);
        let [p0, p1, p2, p3, t0, t1, t2, t3] = word(block::PID_TID).to_ne_bytes();
        Head {
            stream: word(block::STREAM),
            sequence: word(block::SEQUENCE),
            pid: i32::from_ne_bytes([p0, p1, p2, p3]),
            tid: i32::from_ne_bytes([t0, t1, t2, t3]),
            namespace: word(block::NAMESPACE),
        }
    }

    /// Reads the progress of a block; the words that it counts can be read.
    pub(super) fn state(&self, number: u32) -> State {
        let state = self.wide(self.block_offset(number) + block::STATE).load(Ordering::Acquire);
        State::of(state)
    }

    /// A word of a block's records.
    pub(super) fn word(&self, number: u32, at: usize) -> u64 {
        let offset = self.block_offset(number) + BLOCK_HEADER + at.min(BLOCK_WORDS - 1) * 8;
        self.wide(offset).load(Ordering::Relaxed)
    }

    /// Gives a block back.
    pub(super) fn release(&self, number: u32) {
        self.wide(self.block_offset(number) + block::STATE).store(0, Ordering::Relaxed);
        self.wide(owner_offset(number)).store(0, Ordering::Release);
    }

    /// Wakes all that wait for a block; to be called after some were given back.
    pub(super) fn wake(&self) {
        // Programs may be fast while we read.
        self.back();
        self.tell();
    }

    fn tell(&self) {
        let freed = self.narrow(header::FREED);
        freed.fetch_add(1, Ordering::SeqCst);
        if self.narrow(header::WAITERS).load(Ordering::SeqCst) > 0 {
            // SAFETY: the address of a live atomic; waking touches no memory.
            unsafe {
                libc::syscall(libc::SYS_futex, freed.as_ptr(), libc::FUTEX_WAKE, libc::c_int::MAX);
            }
        }
    }

    fn block_offset(&self, number: u32) -> usize {
        let all = usize::try_from(self.shape.blocks).unwrap_or(0);
        let number = usize::try_from(number).unwrap_or(0);
        DIRECTORY + all * OWNER_BYTES + number * BLOCK_BYTES
    }

    fn at(&self, offset: usize) -> *mut u8 {
        // Numbers of blocks come from `used`, so this never changes anything; a wrong one stays in our own memory.
        let offset = if offset + 8 <= self.shape.bytes() { offset } else { header::LOST };
        // SAFETY: inside the mapping.
        unsafe { self.base.as_ptr().add(offset) }
    }

    fn wide(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: all offsets of this kind are multiples of eight; the mapping lives as long as `self`, and everybody
        // accesses it atomically or, as the one who owns a block, before it says so with a release.
        unsafe { AtomicU64::from_ptr(self.at(offset).cast()) }
    }

    fn narrow(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: as above, with multiples of four.
        unsafe { AtomicU32::from_ptr(self.at(offset).cast()) }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `create` made; no reference into it outlives `self`.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.shape.bytes()) };
    }
}

fn owner_offset(number: u32) -> usize {
    DIRECTORY + usize::try_from(number).unwrap_or(0) * OWNER_BYTES
}

/// Takes a lock that ends with this process: not with its children, and not later when it is killed.
fn lock(file: &File) -> io::Result<()> {
    // SAFETY: all fields are numbers, for which zero is a value: the whole file, from its start.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::c_short::try_from(libc::F_WRLCK).unwrap_or(1);
    lock.l_len = 1;
    // SAFETY: an open file and a live structure.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
