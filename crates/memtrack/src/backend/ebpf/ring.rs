//! The consumer's side of a BPF ring buffer.
//!
//! Layout (`kernel/bpf/ringbuf.c`): one page with the consumer's position, one with the producer's, then the data,
//! mapped twice in a row so that no record is ever split. A record is a header of eight bytes (length; the top bits say
//! that it is still being written, or is to be left out) and its data, rounded up to eight bytes.

use std::{
    io,
    num::NonZeroUsize,
    os::fd::BorrowedFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
const HEADER: u64 = 8;

/// The ring, mapped.
#[derive(Debug)]
pub(super) struct Ring {
    consumer: Mapping,
    /// The producer's page and, behind it, the data twice.
    producer: Mapping,
    size: u64,
    page: usize,
}

#[derive(Debug)]
struct Mapping {
    start: NonNull<libc::c_void>,
    len: usize,
}

impl Drop for Mapping {
    #[expect(unsafe_code, reason = "memory is unmapped by address")]
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping, and nothing refers to it any more.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}

impl Ring {
    /// Maps the ring of `size` bytes behind `map`.
    pub(super) fn map(map: BorrowedFd<'_>, size: u32) -> io::Result<Self> {
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?;
        let page = page.and_then(|page| usize::try_from(page).ok()).unwrap_or(4096);
        let data = usize::try_from(size).map_err(io::Error::other)?;
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let consumer = mapping(map, page, 0, both)?;
        let producer = mapping(map, page + 2 * data, page, ProtFlags::PROT_READ)?;
        Ok(Self { consumer, producer, size: u64::from(size), page })
    }

    /// Bytes that were written and not yet taken.
    pub(super) fn waiting(&self) -> u64 {
        let taken = self.taken().load(Ordering::Relaxed);
        self.written().load(Ordering::Acquire).wrapping_sub(taken)
    }

    /// Hands over complete records, `most` at most; returns their number.
    pub(super) fn consume(&self, most: usize, take: &mut dyn FnMut(&[u8])) -> usize {
        let mut at = self.taken().load(Ordering::Relaxed);
        let mut count = 0;
        while count < most && at != self.written().load(Ordering::Acquire) {
            let Some((len, data)) = self.record(at) else { break };
            if let Some(data) = data {
                take(data);
                count += 1;
            }
            at = at.wrapping_add((HEADER + u64::from(len)).next_multiple_of(8));
            // At once: a program that waits for room should not wait longer than it must.
            self.taken().store(at, Ordering::Release);
        }
        count
    }

    /// Length and data of the record at a position; no data if it is to be left out, nothing at all as long as it is
    /// being written.
    #[expect(unsafe_code, reason = "the kernel writes this memory")]
    fn record(&self, at: u64) -> Option<(u32, Option<&[u8]>)> {
        let offset = usize::try_from(at % self.size).ok()?;
        let base = self.producer.start.as_ptr().cast::<u8>();
        // SAFETY: the mapping holds a page and then twice `size` bytes, and `offset` is below `size`; positions are
        // multiples of eight, so the header is aligned and inside.
        let header = unsafe { base.add(self.page + offset) };
        // SAFETY: the kernel writes the length atomically.
        let len = unsafe { AtomicU32::from_ptr(header.cast()) }.load(Ordering::Acquire);
        if len & BUSY != 0 {
            return None;
        }
        let bytes = len & !DISCARDED;
        if len & DISCARDED != 0 {
            return Some((bytes, None));
        }
        let size = usize::try_from(bytes).ok().filter(|len| *len <= self.size_bytes())?;
        // SAFETY: as above: the data follows the header.
        let start = unsafe { header.add(8) };
        // SAFETY: a record is no longer than `size`, and the kernel doesn't touch it again before we say that it was
        // taken.
        let data = unsafe { std::slice::from_raw_parts(start, size) };
        Some((bytes, Some(data)))
    }

    fn size_bytes(&self) -> usize {
        usize::try_from(self.size).unwrap_or(0)
    }

    fn taken(&self) -> &AtomicU64 {
        position(&self.consumer)
    }

    fn written(&self) -> &AtomicU64 {
        position(&self.producer)
    }
}

/// The position at the start of a page.
#[expect(unsafe_code, reason = "the kernel shares this memory")]
fn position(mapping: &Mapping) -> &AtomicU64 {
    // SAFETY: a mapping starts at a page, is there as long as the reference, and holds a number that both sides use
    // atomically; the producer's is only read.
    unsafe { AtomicU64::from_ptr(mapping.start.as_ptr().cast()) }
}

#[expect(unsafe_code, reason = "memory is mapped by system call")]
fn mapping(fd: BorrowedFd<'_>, len: usize, offset: usize, prot: ProtFlags) -> io::Result<Mapping> {
    let size = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
    let offset = i64::try_from(offset).map_err(io::Error::other)?;
    // SAFETY: the kernel chooses the address; nothing of ours is replaced.
    let start = unsafe { mmap(None, size, prot, MapFlags::MAP_SHARED, fd, offset) }?;
    Ok(Mapping { start, len })
}
