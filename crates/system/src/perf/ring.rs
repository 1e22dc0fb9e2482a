//! The ring of records of an event, which the kernel writes and we read.

#![expect(unsafe_code, reason = "the ring buffer of an event has no safe wrapper")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{out_of_memory, page_bytes};

/// Offsets in the first page of the mapping (`struct perf_event_mmap_page`).
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

/// The ring of an event.
#[derive(Debug)]
pub struct Ring {
    base: NonNull<u8>,
    page: usize,
    bytes: usize,
    event: OwnedFd,
}

// SAFETY: the mapping belongs to this value alone, and is as good in one thread as in another.
unsafe impl Send for Ring {}

impl AsFd for Ring {
    /// Readable once the ring has as many bytes as were asked for.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl Ring {
    /// Maps a ring of this many bytes, a power of two and whole pages, for an event.
    ///
    /// # Errors
    ///
    /// If the system has no memory that may be locked, or if the size is none for a ring.
    pub fn map(event: OwnedFd, bytes: usize) -> io::Result<Self> {
        let page = page_bytes();
        // SAFETY: a new mapping at an address of the kernel's choice, of a descriptor that we own.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                page + bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                event.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(out_of_memory)?;
        Ok(Self { base, page, bytes, event })
    }

    fn field(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: `offset` is one of the two constants above, inside the first page.
        let field = unsafe { self.base.as_ptr().add(offset) };
        // SAFETY: aligned to eight bytes; the kernel, too, accesses these fields atomically, and
        // the mapping lives as long as `self`.
        unsafe { AtomicU64::from_ptr(field.cast()) }
    }

    /// Forgets all unread records.
    pub fn skip(&mut self) {
        let head = self.field(DATA_HEAD).load(Ordering::Acquire);
        self.field(DATA_TAIL).store(head, Ordering::Release);
    }

    /// Appends all unread bytes to `out` and gives their space back to the kernel.
    pub fn read(&mut self, out: &mut Vec<u8>) {
        // Acquire: the records before `head` are written when we see it.
        let head = self.field(DATA_HEAD).load(Ordering::Acquire);
        let tail = self.field(DATA_TAIL).load(Ordering::Relaxed);
        let unread = usize::try_from(head.wrapping_sub(tail)).unwrap_or(0).min(self.bytes);
        let from = usize::try_from(tail).unwrap_or(0) % self.bytes;
        let first = unread.min(self.bytes - from);
        self.copy(from, first, out);
        self.copy(0, unread - first, out);
        // Release: the kernel may overwrite the records once it sees this.
        self.field(DATA_TAIL).store(head, Ordering::Release);
    }

    fn copy(&self, from: usize, len: usize, out: &mut Vec<u8>) {
        // SAFETY: `from + len` is at most `self.bytes`, the size of the data area after the first
        // page.
        let data = unsafe { self.base.as_ptr().add(self.page + from) };
        // SAFETY: these bytes lie before `data_head` and after `data_tail`: the kernel does not
        // touch them until we move the tail.
        let bytes = unsafe { std::slice::from_raw_parts(data, len) };
        out.extend_from_slice(bytes);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `map` made; no reference into it outlives `self`.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.page + self.bytes) };
    }
}
