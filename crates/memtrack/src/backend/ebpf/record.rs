//! The records that `bpf/record.h` writes, read from their bytes.

use runner_shared::memory::{Event, EventKind};

use crate::backend::Record;

/// Frames of a stack at most, as in the kernel's program.
pub(super) const DEPTH: usize = 32;
/// Bytes of a record without a stack.
const FIXED: usize = 48;

/// Room for the addresses of a stack.
pub(super) type Stack = [u64; DEPTH];

/// Reads one record; `None` for what is no record of ours, which only another kernel program could have written.
pub(super) fn read<'a>(bytes: &[u8], stack: &'a mut Stack) -> Option<Record<'a>> {
    let timestamp = u64_at(bytes, 0)?;
    let pid = i32_at(bytes, 8)?;
    let tid = i32_at(bytes, 12)?;
    let addr = u64_at(bytes, 16)?;
    let size = u64_at(bytes, 24)?;
    let old = u64_at(bytes, 32)?;
    let kind = match i32_at(bytes, 40)? {
        1 => EventKind::Malloc { size },
        2 => EventKind::Calloc { size },
        3 => EventKind::Realloc { old_addr: Some(old), size },
        4 => EventKind::AlignedAlloc { size },
        5 => EventKind::Free,
        6 => return Some(Record::Exec { pid, timestamp }),
        7 => return Some(Record::Exit { pid, timestamp }),
        8 => EventKind::Mmap { size },
        9 => EventKind::Munmap { size },
        _ => return None,
    };
    let wanted = usize::try_from(i32_at(bytes, 44)?).unwrap_or(0) / 8;
    let mut depth = 0;
    for slot in stack.iter_mut().take(wanted) {
        let Some(address) = u64_at(bytes, FIXED + 8 * depth) else { break };
        *slot = address;
        depth += 1;
    }
    let event = Event { pid, tid, timestamp, addr, kind };
    Some(Record::Call { event, stack: stack.get(..depth)? })
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_ne_bytes)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().copied().map(i32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, stack: &[u64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(7_u64.to_ne_bytes());
        bytes.extend(1_i32.to_ne_bytes());
        bytes.extend(2_i32.to_ne_bytes());
        for value in [0x10_u64, 0x20, 0x30] {
            bytes.extend(value.to_ne_bytes());
        }
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(u32::try_from(stack.len() * 8).unwrap().to_ne_bytes());
        bytes.extend(stack.iter().flat_map(|address| address.to_ne_bytes()));
        bytes
    }

    #[test]
    fn every_kind_is_read() {
        let call = |kind| {
            let event = Event { pid: 1, tid: 2, timestamp: 7, addr: 0x10, kind };
            Some(Record::Call { event, stack: &[] })
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
        ] {
            assert_eq!(read(&record(kind, &[]), &mut [0; DEPTH]), expected, "{kind}");
        }
    }

    #[test]
    fn the_length_of_a_stack_is_limited_by_its_bytes() {
        let long = record(1, &[1, 2, 3]);
        let depth = |bytes: &[u8]| match read(bytes, &mut [0; DEPTH]) {
            Some(Record::Call { stack, .. }) => stack.len(),
            Some(Record::Exec { .. } | Record::Exit { .. } | Record::Mapped { .. }) | None => {
                usize::MAX
            }
        };
        assert_eq!(depth(&long), 3);
        assert_eq!(depth(&long[..long.len() - 1]), 2);
        assert_eq!(depth(&record(1, &[9; 40])), DEPTH);
        assert_eq!(depth(&long[..40]), usize::MAX);
    }
}
