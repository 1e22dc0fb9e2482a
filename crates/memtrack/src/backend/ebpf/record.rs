//! The records that `bpf/record.h` writes, read from their bytes.

use std::collections::HashMap;

use runner_shared::memory::{Event, EventKind};

use crate::backend::{MOST_COPIED, Record, Registers, STACK_DEPTH, Stack, Stacks};

/// Bytes of a record without a stack.
const FIXED: usize = 48;
/// Bytes of the registers that follow, if there is a stack.
const REGISTERS: usize = 24;

/// Processes that were made and have said nothing yet, at most.
const MOST_SILENT: usize = 1 << 16;

/// Reads records.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The words of the stack in hand.
    words: Vec<u64>,
    /// By the number of a new process in the initial namespace: the process that made it, and when. The kernel tells its
    /// number in ours with its first record.
    silent: HashMap<u32, (i32, u64)>,
}

impl Reader {
    /// Hands one record over, perhaps behind one that says where its process is from; nothing for what is no record of ours,
    /// which only another kernel program could have written.
    pub(super) fn read(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        let _ = self.try_read(bytes, take);
    }

    fn try_read(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) -> Option<()> {
        let timestamp = u64_at(bytes, 0)?;
        let pid = i32_at(bytes, 8)?;
        let tid = i32_at(bytes, 12)?;
        let addr = u64_at(bytes, 16)?;
        let size = u64_at(bytes, 24)?;
        let old = u64_at(bytes, 32)?;
        let [kind, group @ ..] = u32_at(bytes, 40)?.to_le_bytes();
        let group = u32::from_le_bytes([group[0], group[1], group[2], 0]);
        if let Some((parent, timestamp)) = self.silent.remove(&group) {
            take(Record::Forked { pid, parent, timestamp });
        }
        let kind = match kind {
            1 => EventKind::Malloc { size },
            2 => EventKind::Calloc { size },
            3 => EventKind::Realloc { old_addr: Some(old), size },
            4 => EventKind::AlignedAlloc { size },
            5 => EventKind::Free,
            6 | 7 => {
                let exec = kind == 6;
                let ends = Record::Exit { pid, timestamp };
                take(if exec { Record::Exec { pid, timestamp } } else { ends });
                return Some(());
            }
            8 => EventKind::Mmap { size },
            9 => EventKind::Munmap { size },
            10 => {
                if self.silent.len() < MOST_SILENT {
                    self.silent.insert(u32::try_from(addr).ok()?, (pid, timestamp));
                }
                return Some(());
            }
            _ => return None,
        };
        let event = Event { pid, tid, timestamp, addr, kind };
        take(Record::Call { event, stack: read_stack(bytes, &mut self.words)? });
        Some(())
    }
}

/// The stack behind the fixed part: registers, a copy, and, at a fixed place, return addresses.
fn read_stack<'a>(bytes: &[u8], words: &'a mut Vec<u64>) -> Option<Stack<'a>> {
    words.clear();
    let depth = u16_at(bytes, 44)?.min(STACK_DEPTH.try_into().unwrap_or(u16::MAX));
    let copied = u16_at(bytes, 46)?.min(MOST_COPIED.try_into().unwrap_or(u16::MAX));
    if bytes.len() == FIXED {
        return Some(Stack::default());
    }
    let [ip, sp, fp] = [0, 8, 16].map(|at| u64_at(bytes, FIXED + at));
    let registers = Registers { ip: ip?, sp: sp?, fp: fp? };
    let near = usize::try_from(Stacks::FramePointers.copied()).ok()?;
    let mut add = |from: usize, len: usize| {
        let part = bytes.get(from..).unwrap_or_default();
        let part = part.get(..len).unwrap_or(part);
        let whole = part.chunks_exact(8).filter_map(|word| word.try_into().ok());
        words.extend(whole.map(u64::from_ne_bytes));
        words.len()
    };
    let start = FIXED + REGISTERS;
    let split = add(start, usize::from(copied));
    add(start + near, 8 * usize::from(depth));
    let (copy, addresses) = words.split_at_checked(split)?;
    Some(Stack { addresses, registers, copy })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().copied().map(i32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, addresses: u16, copied: u16, rest: &[u64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(7_u64.to_ne_bytes());
        bytes.extend(1_i32.to_ne_bytes());
        bytes.extend(2_i32.to_ne_bytes());
        for value in [0x10_u64, 0x20, 0x30] {
            bytes.extend(value.to_ne_bytes());
        }
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(addresses.to_ne_bytes());
        bytes.extend(copied.to_ne_bytes());
        bytes.extend(rest.iter().flat_map(|word| word.to_ne_bytes()));
        bytes
    }

    /// What is handed over for some records, one after the other. Stacks are not for this.
    fn read(records: &[&[u8]]) -> Vec<String> {
        let mut reader = Reader::default();
        let mut found = Vec::new();
        for bytes in records {
            reader.read(bytes, &mut |record| found.push(format!("{record:?}")));
        }
        found
    }

    #[test]
    fn every_kind_is_read() {
        let call = |kind| {
            let event = Event { pid: 1, tid: 2, timestamp: 7, addr: 0x10, kind };
            Some(Record::Call { event, stack: Stack::default() })
        };
        let size = 0x20;
        for (kind, expected) in [
            (0, None),
            (1, call(EventKind::Malloc { size })),
            (2, call(EventKind::Calloc { size })),
            (3, call(EventKind::Realloc { old_addr: Some(0x30), size })),
            (4, call(EventKind::AlignedAlloc { size })),
            (5, call(EventKind::Free)),
            (6, Some(Record::Exec { pid: 1, timestamp: 7 })),
            (7, Some(Record::Exit { pid: 1, timestamp: 7 })),
            (8, call(EventKind::Mmap { size })),
            (9, call(EventKind::Munmap { size })),
            (10, None),
            (11, None),
        ] {
            let expected: Vec<_> = expected.iter().map(|record| format!("{record:?}")).collect();
            for group in [0, 0x0003_ffff, 0x00ff_ffff] {
                let bytes = record(kind | group << 8, 0, 0, &[]);
                assert_eq!(read(&[&bytes]), expected, "{kind}");
                assert!(read(&[&bytes[..40]]).is_empty(), "{kind}");
            }
        }
    }

    #[test]
    fn a_child_is_told_before_its_first_record() {
        // The address is the child's number in the initial namespace.
        let fork = record(10, 0, 0, &[]);
        let mut child = record(7 | 0x10 << 8, 0, 0, &[]);
        child[8] = 9;
        let told = format!("{:?}", Record::Forked { pid: 9, parent: 1, timestamp: 7 });
        let exit = format!("{:?}", Record::Exit { pid: 9, timestamp: 7 });
        let other = record(7 | 0x11 << 8, 0, 0, &[]);
        let of_other = format!("{:?}", Record::Exit { pid: 1, timestamp: 7 });
        let expected = [of_other, told, exit.clone(), exit];
        assert_eq!(read(&[&fork, &other, &child, &child]), expected);
    }

    fn stack_of(bytes: &[u8]) -> Option<(Vec<u64>, Registers, Vec<u64>)> {
        let mut found = None;
        Reader::default().read(bytes, &mut |record| {
            if let Record::Call { stack: Stack { addresses, registers, copy }, .. } = record {
                found = Some((addresses.to_vec(), registers, copy.to_vec()));
            }
        });
        found
    }

    #[test]
    fn a_copy_follows_the_registers() {
        let bytes = record(1, 0, 20, &[100, 200, 300, 1, 2, 3, 4]);
        let registers = Registers { ip: 100, sp: 200, fp: 300 };
        assert_eq!(stack_of(&bytes), Some((vec![], registers, vec![1, 2])));
        assert_eq!(stack_of(&bytes[..bytes.len() - 20]), Some((vec![], registers, vec![1])));
        assert_eq!(stack_of(&bytes[..FIXED + 8]), None);
    }

    #[test]
    fn addresses_follow_the_room_of_the_copy() {
        let mut rest = vec![100, 200, 300, 1, 2];
        rest.resize(3 + 64, 0);
        rest.extend([7; 40]);
        let bytes = record(1, 40, 16, &rest);
        let (addresses, _, copy) = stack_of(&bytes).unwrap();
        assert_eq!((addresses, copy), (vec![7; 32], vec![1, 2]));
    }
}
