//! One call of an allocator, and its bytes in the artifact.
//!
//! The artifact is a plain concatenation of MessagePack maps, one per event, inside zstd frames. Integers have the
//! shortest form, keys and tags are strings in a fixed order; readers accept any order and any width.

/// One call of an allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Process (thread group).
    pub pid: i32,
    /// Thread.
    pub tid: i32,
    /// Nanoseconds of `CLOCK_MONOTONIC`: the entry of a free, the return of everything else.
    pub timestamp: u64,
    /// The block: what was returned, or, for a free, what was passed.
    pub addr: u64,
    /// What was called.
    pub kind: EventKind,
}

/// What was called, and what was asked for in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// `malloc` and alike.
    Malloc {
        /// What was asked for.
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
        /// What was asked for.
        size: u64,
    },
    /// `aligned_alloc`, `posix_memalign` and alike.
    AlignedAlloc {
        /// What was asked for.
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

    /// What was asked for; `None` for a free.
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

    const fn old_addr(self) -> Option<u64> {
        match self {
            Self::Realloc { old_addr, .. } => old_addr,
            Self::Malloc { .. }
            | Self::Calloc { .. }
            | Self::AlignedAlloc { .. }
            | Self::Free
            | Self::Mmap { .. }
            | Self::Munmap { .. }
            | Self::Brk { .. } => None,
        }
    }
}

impl Event {
    /// Appends the bytes of this event.
    pub fn encode(&self, into: &mut Vec<u8>) {
        let Self { pid, tid, timestamp, addr, kind } = *self;
        let (size, old_addr) = (kind.size(), kind.old_addr());
        into.push(0x85 + u8::from(size.is_some()) + u8::from(old_addr.is_some()));
        text(into, "pid");
        signed(into, pid);
        text(into, "tid");
        signed(into, tid);
        text(into, "timestamp");
        unsigned(into, timestamp);
        text(into, "addr");
        unsigned(into, addr);
        text(into, "type");
        text(into, kind.tag());
        if let Some(old_addr) = old_addr {
            text(into, "old_addr");
            unsigned(into, old_addr);
        }
        if let Some(size) = size {
            text(into, "size");
            unsigned(into, size);
        }
    }
}

/// A string of less than 32 bytes, as all of ours are.
fn text(into: &mut Vec<u8>, text: &str) {
    into.push(0xa0 | u8::try_from(text.len()).unwrap_or(0));
    into.extend_from_slice(text.as_bytes());
}

fn unsigned(into: &mut Vec<u8>, value: u64) {
    if let Ok(small) = u8::try_from(value) {
        if small > 0x7f {
            into.push(0xcc);
        }
        into.push(small);
    } else if let Ok(value) = u16::try_from(value) {
        into.push(0xcd);
        into.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        into.push(0xce);
        into.extend_from_slice(&value.to_be_bytes());
    } else {
        into.push(0xcf);
        into.extend_from_slice(&value.to_be_bytes());
    }
}

fn signed(into: &mut Vec<u8>, value: i32) {
    if let Ok(value) = u64::try_from(value) {
        unsigned(into, value);
    } else if let Ok(value) = i8::try_from(value) {
        if value < -32 {
            into.push(0xd0);
        }
        into.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        into.push(0xd1);
        into.extend_from_slice(&value.to_be_bytes());
    } else {
        into.push(0xd2);
        into.extend_from_slice(&value.to_be_bytes());
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
    fn integers_have_the_shortest_form() {
        let of = |value| {
            let mut bytes = Vec::new();
            unsigned(&mut bytes, value);
            bytes
        };
        for (value, len) in [(0, 1), (127, 1), (128, 2), (255, 2), (256, 3), (65_535, 3)] {
            assert_eq!(of(value).len(), len, "{value}");
        }
        assert_eq!(of(0xffff_ffff), [0xce, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(of(0x1_0000_0000), [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]);
        let of = |value| {
            let mut bytes = Vec::new();
            signed(&mut bytes, value);
            bytes
        };
        assert_eq!(of(-1), [0xff]);
        assert_eq!(of(-33), [0xd0, 0xdf]);
        assert_eq!(of(-129), [0xd1, 0xff, 0x7f]);
        assert_eq!(of(i32::MIN), [0xd2, 0x80, 0, 0, 0]);
        assert_eq!(of(i32::MAX), [0xce, 0x7f, 0xff, 0xff, 0xff]);
    }
}
