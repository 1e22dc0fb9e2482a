//! The words of a record, as the library in the traced programs writes them (`preload/segment.h`). No I/O.
//!
//! A traced program can write anything: every number is checked.

use runner_shared::{memory::EventKind, text::bytes_as_text};

use super::asides::{Past, Reach};
use crate::backend::{Mapping, Registers};

/// Most return addresses of a record.
pub(super) const MAX_FRAMES: usize = 32;
/// Most bytes of a text.
const MAX_TEXT: usize = 1024;
/// Most words of a copied stack.
const MAX_COPIED: u64 = 15360 / 8;
/// Number of words of a copy and the registers before it.
const COPY_HEAD: usize = 4;
const RECORD_SHIFT: u32 = 11;
const COPIED: u64 = 1 << 10;
const FRAMES_SHIFT: u32 = 4;
const KIND_MASK: u64 = 15;
const FRAMES_MASK: u64 = 63;

/// The content of a record that is not that of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A process image, or a copy of one, begins.
    Start,
    /// The file of an allocator.
    Object {
        /// Number of functions that are watched.
        probes: u32,
        /// The file, as the loader knows it.
        path: Vec<u8>,
    },
    /// A program is about to be executed, or was.
    Exec {
        /// Its process, in the namespace of the one who says so; 0 when that isn't known.
        pid: i32,
        /// It begins after this stamp.
        since: u64,
        /// The parts of us that it finds.
        reach: Reach,
        /// The file.
        path: Vec<u8>,
    },
    /// A program could not be executed.
    Failed {
        /// The process.
        pid: i32,
    },
    /// The allocator of a file may be called without us.
    Past {
        /// The way past us.
        how: Past,
        /// The file.
        path: Vec<u8>,
    },
    /// A file is in the memory of the process.
    Mapped(Mapping),
    /// None of those that were is any more, but those that follow.
    Unmapped,
}

/// A record without its stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its content.
    pub what: What,
    /// Number of words from its first to its first return address.
    pub head: usize,
    /// Number of return addresses.
    pub frames: usize,
}

impl Item {
    /// Words of the whole record.
    pub(super) const fn words(&self) -> usize {
        self.head + self.frames
    }
}

/// The record of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// The address that was returned, or passed to a free.
    pub addr: u64,
    /// The kind of function.
    pub kind: EventKind,
    /// The registers, if the stack was copied.
    pub registers: Registers,
    /// Number of words from its first to its stack.
    pub head: usize,
    /// Number of words of the stack, which come first.
    pub copied: usize,
    /// Number of return addresses.
    pub frames: usize,
}

impl Call {
    /// Words of the whole record.
    pub(super) const fn words(&self) -> usize {
        self.head + self.copied + self.frames
    }
}

/// Returns the time of a record, in nanoseconds since the epoch of the segment.
pub(super) const fn stamp(first: u64) -> u64 {
    first >> RECORD_SHIFT
}

/// Reads the record of a call, as nearly all are, whose words `word` gives by their number; `None` when it is none, or
/// has more than `len` words.
#[inline]
pub(super) fn decode_call(word: impl Fn(usize) -> u64, len: usize) -> Option<Call> {
    let first = word(0);
    let frames = usize::try_from(first >> FRAMES_SHIFT & FRAMES_MASK).ok()?;
    let head = match first & KIND_MASK {
        1 | 2 | 4 => 3,
        3 => 4,
        5 => 2,
        _ => return None,
    };
    if frames > MAX_FRAMES || head > len {
        return None;
    }
    let mut call = Call {
        addr: word(1),
        kind: EventKind::Free,
        registers: Registers::default(),
        head,
        copied: 0,
        frames,
    };
    if first & COPIED != 0 {
        let copied = word(head);
        if copied > MAX_COPIED || head + COPY_HEAD > len {
            return None;
        }
        call.copied = usize::try_from(copied).ok()?;
        call.registers = Registers { ip: word(head + 1), sp: word(head + 2), fp: word(head + 3) };
        call.head += COPY_HEAD;
    }
    if call.words() > len {
        return None;
    }
    call.kind = match first & KIND_MASK {
        1 => EventKind::Malloc { size: word(2) },
        2 => EventKind::Calloc { size: word(2) },
        3 => EventKind::Realloc { old_addr: Some(word(3)), size: word(2) },
        4 => EventKind::AlignedAlloc { size: word(2) },
        _ => EventKind::Free,
    };
    Some(call)
}

/// Reads any other record in the same way.
pub(super) fn decode(word: impl Fn(usize) -> u64, len: usize) -> Option<Item> {
    let first = word(0);
    let frames = usize::try_from(first >> FRAMES_SHIFT & FRAMES_MASK).ok()?;
    let (what, head) = match first & KIND_MASK {
        6 => (What::Start, 1),
        7 => {
            let (probes, path, head) = text(&word, len)?;
            (What::Object { probes, path }, head)
        }
        8 => {
            let (reach, bytes, head) = text(&word, len)?;
            let (since, pid, path) = process(&bytes)?;
            let reach = match reach {
                0 => Reach::All,
                1 => Reach::NoVariables,
                2 => Reach::Nowhere,
                _ => return None,
            };
            (What::Exec { pid, since, reach, path }, head)
        }
        9 => {
            let (_, bytes, head) = text(&word, len)?;
            let mapping = mapping(&bytes)?;
            let is_end = mapping.path.is_empty();
            (if is_end { What::Unmapped } else { What::Mapped(mapping) }, head)
        }
        10 => {
            let (_, bytes, head) = text(&word, len)?;
            let (_, pid, _) = process(&bytes)?;
            (What::Failed { pid }, head)
        }
        11 => {
            let (how, path, head) = text(&word, len)?;
            let how = match how {
                1 => Past::Namespace,
                2 => Past::Address,
                3 => Past::Strict,
                4 => Past::Deep,
                _ => return None,
            };
            (What::Past { how, path }, head)
        }
        _ => return None,
    };
    let item = Item { what, head, frames };
    (frames <= MAX_FRAMES && item.words() <= len).then_some(item)
}

fn text(word: impl Fn(usize) -> u64, len: usize) -> Option<(u32, Vec<u8>, usize)> {
    let second = word(1);
    let extra = u32::try_from(second >> 32).ok()?;
    let bytes = usize::try_from(second & u64::from(u32::MAX)).ok()?;
    let head = 2 + bytes.div_ceil(8);
    if bytes > MAX_TEXT || head > len {
        return None;
    }
    let mut text: Vec<u8> = (2..head).flat_map(|at| word(at).to_ne_bytes()).collect();
    text.truncate(bytes);
    Some((extra, text, head))
}

/// A stamp, a process, and a text.
fn process(bytes: &[u8]) -> Option<(u64, i32, Vec<u8>)> {
    let (since, rest) = bytes.split_first_chunk()?;
    let (pid, path) = rest.split_first_chunk()?;
    let pid = i32::try_from(u64::from_ne_bytes(*pid)).ok()?;
    Some((u64::from_ne_bytes(*since), pid, path.to_vec()))
}

/// `struct mapped` and a path.
fn mapping(bytes: &[u8]) -> Option<Mapping> {
    let (words, path) = bytes.split_at_checked(5 * 8)?;
    let mut words = words.chunks_exact(8).filter_map(|word| word.try_into().ok());
    let mut next = || words.next().map(u64::from_ne_bytes);
    Some(Mapping {
        start: next()?,
        end: next()?,
        offset: next()?,
        identity: Some((next()?, next()?)),
        path: bytes_as_text(path).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[u64]) -> Option<Item> {
        decode(|at| words.get(at).copied().unwrap_or(0), words.len())
    }

    fn read_call(words: &[u64]) -> Option<Call> {
        decode_call(|at| words.get(at).copied().unwrap_or(0), words.len())
    }

    const fn first(stamp: u64, frames: u64, kind: u64) -> u64 {
        stamp << 11 | frames << 4 | kind
    }

    #[test]
    fn a_copy_lies_before_the_frames() {
        let copied = first(7, 2, 1) | COPIED;
        let words = [copied, 0x1000, 24, 3, 10, 20, 30, 1, 2, 3, 4, 5];
        let call = read_call(&words).unwrap();
        assert_eq!(call.registers, Registers { ip: 10, sp: 20, fp: 30 });
        assert_eq!((call.head, call.copied, call.frames, call.words()), (7, 3, 2, 12));
        assert_eq!(read_call(&words[..11]), None, "cut off");
        assert_eq!(read_call(&[copied, 1, 2]), None, "no registers");
        let endless = [copied, 1, 2, u64::MAX, 4, 5, 6];
        assert_eq!(read_call(&endless), None, "longer than we ask for");
    }

    #[test]
    fn each_kind_has_its_words() {
        let registers = Registers::default();
        let copied = 0;
        let size = 24;
        for (number, kind) in [
            (1, EventKind::Malloc { size }),
            (2, EventKind::Calloc { size }),
            (4, EventKind::AlignedAlloc { size }),
        ] {
            let read = read_call(&[first(7, 2, number), 0x1000, size, 1, 2]);
            assert_eq!(
                read,
                Some(Call { addr: 0x1000, kind, registers, head: 3, copied, frames: 2 })
            );
        }
        let kind = EventKind::Realloc { old_addr: Some(0x1000), size: 30 };
        let realloc = Call { addr: 0x2000, kind, registers, head: 4, copied, frames: 0 };
        assert_eq!(read_call(&[first(7, 0, 3), 0x2000, 30, 0x1000]), Some(realloc));
        let kind = EventKind::Free;
        let free = Call { addr: 0x1000, kind, registers, head: 2, copied, frames: 0 };
        assert_eq!(read_call(&[first(7, 0, 5), 0x1000]), Some(free));
        assert_eq!(read(&[first(7, 0, 6)]).unwrap().what, What::Start);
        let text = [first(7, 0, 7), 13 << 32 | 9, u64::from_ne_bytes(*b"/lib/lib"), 0x63];
        let object = What::Object { probes: 13, path: b"/lib/libc".to_vec() };
        assert_eq!(read(&text).unwrap().what, object);
        let path = u64::from_ne_bytes(*b"/bin/ls\0");
        let exec = read(&[first(7, 0, 8), 2 << 32 | 0x17, 5, 70, path]).unwrap().what;
        let path_of_exec = b"/bin/ls".to_vec();
        let expected = What::Exec { pid: 70, since: 5, reach: Reach::Nowhere, path: path_of_exec };
        assert_eq!(exec, expected);
        assert_eq!(read(&[first(7, 0, 10), 16, 0, 70]).unwrap().what, What::Failed { pid: 70 });
        let past = What::Past { how: Past::Address, path: b"/bin/ls".to_vec() };
        assert_eq!(read(&[first(7, 0, 11), 2 << 32 | 7, path]).unwrap().what, past);
        let mapped = read(&[first(7, 0, 9), 47, 0x1000, 0x2000, 3, 4, 5, path]).unwrap();
        let mapping = Mapping {
            start: 0x1000,
            end: 0x2000,
            offset: 3,
            path: "/bin/ls".to_owned(),
            identity: Some((4, 5)),
        };
        assert_eq!(mapped.what, What::Mapped(mapping));
        let none = read(&[first(7, 0, 9), 40, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(none.what, What::Unmapped);
        assert_eq!(stamp(first(7, 63, 15)), 7);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        assert_eq!(read(&[first(7, 0, 0)]), None, "no such kind");
        assert_eq!(read(&[first(7, 0, 12)]), None, "no such kind");
        assert_eq!(read(&[first(7, 0, 8), 3 << 32 | 16, 0, 70]), None, "no such reach");
        assert_eq!(read(&[first(7, 0, 8), 8, 0]), None, "no process");
        assert_eq!(read(&[first(7, 0, 11), 0]), None, "no such way");
        assert_eq!(read(&[first(7, 0, 9), 8, 1]), None, "not all of its numbers");
        assert_eq!(read_call(&[first(7, 0, 1), 1]), None, "cut off");
        assert_eq!(read_call(&[first(7, 1, 5), 1]), None, "its stack is cut off");
        assert_eq!(read_call(&[first(7, 0, 6), 1, 2, 3]), None, "no call");
        let mut deep = [0; 70];
        deep[0] = first(7, 33, 5);
        assert_eq!(read_call(&deep), None, "deeper than we ask for");
        assert_eq!(read(&[first(7, 0, 7), 9, 0]), None, "a text that is cut off");
        assert_eq!(read(&[first(7, 0, 7), 0xffff_ffff, 0]), None, "a text without end");
    }
}
