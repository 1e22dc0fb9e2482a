//! One call of an allocator, and its bytes in the artifact.
//!
//! The artifact is a plain concatenation of MessagePack maps, one per event, inside zstd frames. Integers have the
//! shortest form, keys and tags are strings in a fixed order; readers accept any order and any width.

use super::wire::{Line, put_line};

/// One call of an allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Process (thread group).
    pub pid: i32,
    /// Thread; [`Event::NO_THREAD`] for a block that no thread freed.
    pub tid: i32,
    /// Nanoseconds of `CLOCK_MONOTONIC`: the entry of a free, the return of everything else.
    pub timestamp: u64,
    /// The block: what was returned, or, for a free, what was passed.
    pub addr: u64,
    /// The kind of call.
    pub kind: EventKind,
}

/// The kind of call, with the number of bytes that were requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// `malloc` and alike.
    Malloc {
        /// The requested bytes.
        size: u64,
    },
    /// `calloc` and alike.
    Calloc {
        /// Number times size of the members.
        size: u64,
    },
    /// `realloc` and alike, of a block that was there.
    Realloc {
        /// The block before; very old files don't have it.
        old_addr: Option<u64>,
        /// The requested bytes.
        size: u64,
    },
    /// `aligned_alloc`, `posix_memalign` and alike.
    AlignedAlloc {
        /// The requested bytes.
        size: u64,
    },
    /// `free` and alike.
    Free,
    /// A mapping; only on request.
    Mmap {
        /// Its length.
        size: u64,
    },
    /// The end of a mapping; only on request.
    Munmap {
        /// Its length.
        size: u64,
    },
    /// The heap's end was moved; only on request.
    Brk {
        /// Always 0.
        size: u64,
    },
}

impl EventKind {
    /// The tag in the artifact.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Malloc { .. } => "Malloc",
            Self::Calloc { .. } => "Calloc",
            Self::Realloc { .. } => "Realloc",
            Self::AlignedAlloc { .. } => "AlignedAlloc",
            Self::Free => "Free",
            Self::Mmap { .. } => "Mmap",
            Self::Munmap { .. } => "Munmap",
            Self::Brk { .. } => "Brk",
        }
    }

    /// Returns the requested bytes; `None` for a free.
    pub const fn size(self) -> Option<u64> {
        match self {
            Self::Malloc { size }
            | Self::Calloc { size }
            | Self::Realloc { size, .. }
            | Self::AlignedAlloc { size }
            | Self::Mmap { size }
            | Self::Munmap { size }
            | Self::Brk { size } => Some(size),
            Self::Free => None,
        }
    }
}

impl Event {
    /// No thread: the tracer's word that a block was still there when its process ended or became another program.
    pub const NO_THREAD: i32 = 0;

    /// The end of a block that its process `pid` never freed; the process ended at `timestamp`. Other readers take it
    /// for a free; ours count the block as live at the end.
    pub const fn released(pid: i32, addr: u64, timestamp: u64) -> Self {
        Self { pid, tid: Self::NO_THREAD, timestamp, addr, kind: EventKind::Free }
    }

    /// See [`Event::released`].
    pub const fn is_release(&self) -> bool {
        self.tid == Self::NO_THREAD && matches!(self.kind, EventKind::Free)
    }

    /// Appends the bytes of this event.
    #[inline]
    pub fn encode(&self, into: &mut Vec<u8>) {
        put_line(into, |line| self.write(line));
    }

    #[inline]
    fn write(&self, line: &mut Line<'_>) {
        let Self { pid, tid, timestamp, addr, kind } = *self;
        line.put(match kind {
            EventKind::Free => b"\x85\xa3pid",
            EventKind::Realloc { old_addr: Some(_), .. } => b"\x87\xa3pid",
            EventKind::Malloc { .. }
            | EventKind::Calloc { .. }
            | EventKind::Realloc { old_addr: None, .. }
            | EventKind::AlignedAlloc { .. }
            | EventKind::Mmap { .. }
            | EventKind::Munmap { .. }
            | EventKind::Brk { .. } => b"\x86\xa3pid",
        });
        line.put_signed(pid);
        line.put(b"\xa3tid");
        line.put_signed(tid);
        line.put(b"\xa9timestamp");
        line.put_unsigned(timestamp);
        line.put(b"\xa4addr");
        line.put_unsigned(addr);
        match kind {
            EventKind::Malloc { .. } => line.put(b"\xa4type\xa6Malloc"),
            EventKind::Calloc { .. } => line.put(b"\xa4type\xa6Calloc"),
            EventKind::Realloc { .. } => line.put(b"\xa4type\xa7Realloc"),
            EventKind::AlignedAlloc { .. } => line.put(b"\xa4type\xacAlignedAlloc"),
            EventKind::Free => line.put(b"\xa4type\xa4Free"),
            EventKind::Mmap { .. } => line.put(b"\xa4type\xa4Mmap"),
            EventKind::Munmap { .. } => line.put(b"\xa4type\xa6Munmap"),
            EventKind::Brk { .. } => line.put(b"\xa4type\xa3Brk"),
        }
        if let EventKind::Realloc { old_addr: Some(old_addr), .. } = kind {
            line.put(b"\xa8old_addr");
            line.put_unsigned(old_addr);
        }
        if let Some(size) = kind.size() {
            line.put(b"\xa4size");
            line.put_unsigned(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let kind = EventKind::Realloc { old_addr: Some(0x564e_afd4_42b0), size: 2003 };
        let event = Event {
            pid: 26178,
            tid: 26178,
            timestamp: 0x029c_bb0e_075b,
            addr: 0x564e_afd4_42b0,
            kind,
        };
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let expected = b"\x87\xa3pid\xcd\x66\x42\xa3tid\xcd\x66\x42\xa9timestamp\xcf\0\0\x02\x9c\xbb\x0e\x07\x5b\
            \xa4addr\xcf\0\0\x56\x4e\xaf\xd4\x42\xb0\xa4type\xa7Realloc\
            \xa8old_addr\xcf\0\0\x56\x4e\xaf\xd4\x42\xb0\xa4size\xcd\x07\xd3";
        assert_eq!(bytes, expected);
        assert_eq!(bytes.len(), 87);
    }

    #[test]
    fn the_longest_event_is_whole() {
        let kind = EventKind::Realloc { old_addr: Some(u64::MAX), size: u64::MAX };
        let event =
            Event { pid: i32::MIN, tid: i32::MIN, timestamp: u64::MAX, addr: u64::MAX, kind };
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        assert_eq!(bytes.len(), 97);
        let end = b"\xa4size\xcf\xff\xff\xff\xff\xff\xff\xff\xff";
        assert!(bytes.ends_with(end));
    }
}
