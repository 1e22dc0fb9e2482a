//! The records that tell which file lies where in which process.

use byteorder::LittleEndian;
use linux_perf_event_reader::{
    CommOrExecRecord, ForkOrExitRecord, Mmap2FileId, Mmap2Record, MmapRecord, RawData, RecordType,
};
use runner_shared::text::bytes_as_text;

/// The identity of a mapped file, as the kernel gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Identity {
    /// Device and inode.
    Inode { device: (u32, u32), inode: u64 },
    /// A build id of up to 20 bytes, filled with zeros.
    BuildId { length: u8, bytes: [u8; 20] },
    /// A record without any (type 1).
    Unknown,
}

/// A mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mmap {
    pub(crate) pid: i32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The place in the file where it begins.
    pub(crate) offset: u64,
    pub(crate) identity: Identity,
    /// The file; `None` when the mapping holds no code.
    pub(crate) code: Option<String>,
}

/// An event in the life of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Mmap(Mmap),
    /// The process runs another program now, by which its first thread is named.
    Exec {
        pid: i32,
        name: String,
    },
    /// A thread has another name.
    Rename {
        pid: i32,
        tid: i32,
        name: String,
    },
    /// A process (`pid != parent`) or a thread was created.
    Fork {
        pid: i32,
        parent: i32,
        tid: i32,
    },
    /// A thread has ended.
    Exit {
        pid: i32,
        tid: i32,
    },
    /// The body of a sample as `sample::copy` leaves it, and which of the recording's attributes lays it out.
    Sample {
        attr: usize,
        body: Vec<u8>,
    },
}

/// A mapping says the build id of its file instead of the inode.
const MISC_MMAP_BUILD_ID: u16 = 1 << 14;
const PROT_EXEC: u32 = 4;
/// The place of the length of a build id in a record of type 2, and the greatest length.
const BUILD_ID_LENGTH: (usize, u8) = (32, 20);

/// Reads a record that isn't a sample, and the time that some have among their own fields; `None` if it is none of ours
/// or too short.
pub(super) fn parse(kind: RecordType, misc: u16, body: &[u8]) -> Option<(Event, Option<u64>)> {
    let data = RawData::Single(body);
    match kind {
        RecordType::MMAP => {
            let record = MmapRecord::parse::<LittleEndian>(data, misc).ok()?;
            let mmap = Mmap {
                pid: record.pid,
                start: record.address,
                end: record.address.checked_add(record.length)?,
                offset: record.page_offset,
                identity: Identity::Unknown,
                code: record.is_executable.then(|| path(record.path)),
            };
            mapped(mmap)
        }
        RecordType::MMAP2 => {
            let (at, most) = BUILD_ID_LENGTH;
            // The library panics beyond.
            if misc & MISC_MMAP_BUILD_ID != 0 && *body.get(at)? > most {
                return None;
            }
            let record = Mmap2Record::parse::<LittleEndian>(data, misc).ok()?;
            let mmap = Mmap {
                pid: record.pid,
                start: record.address,
                end: record.address.checked_add(record.length)?,
                offset: record.page_offset,
                identity: identity(&record.file_id)?,
                code: (record.protection & PROT_EXEC != 0).then(|| path(record.path)),
            };
            mapped(mmap)
        }
        RecordType::COMM => {
            let record = CommOrExecRecord::parse::<LittleEndian>(data, misc).ok()?;
            let (pid, tid, name) = (record.pid, record.tid, text(&record.name.as_slice()));
            let event = if record.is_execve {
                Event::Exec { pid, name }
            } else {
                Event::Rename { pid, tid, name }
            };
            Some((event, None))
        }
        RecordType::FORK => {
            let record = ForkOrExitRecord::parse::<LittleEndian>(data).ok()?;
            let event = Event::Fork { pid: record.pid, parent: record.ppid, tid: record.tid };
            Some((event, Some(record.timestamp)))
        }
        RecordType::EXIT => {
            let record = ForkOrExitRecord::parse::<LittleEndian>(data).ok()?;
            let event = Event::Exit { pid: record.pid, tid: record.tid };
            Some((event, Some(record.timestamp)))
        }
        _ => None,
    }
}

/// The kernel and what perf makes up for it have pid -1.
fn mapped(mmap: Mmap) -> Option<(Event, Option<u64>)> {
    (mmap.pid >= 0).then_some((Event::Mmap(mmap), None))
}

fn path(path: RawData<'_>) -> String {
    let path = path.as_slice();
    // A mark of the kernel, not a part of the name.
    text(path.strip_suffix(b" (deleted)").unwrap_or(&path))
}

fn text(bytes: &[u8]) -> String {
    bytes_as_text(bytes).into_owned()
}

fn identity(file: &Mmap2FileId) -> Option<Identity> {
    Some(match file {
        Mmap2FileId::InodeAndVersion(file) => {
            Identity::Inode { device: (file.major, file.minor), inode: file.inode }
        }
        Mmap2FileId::BuildId(id) => {
            let mut bytes = [0; 20];
            bytes.iter_mut().zip(id).for_each(|(to, from)| *to = *from);
            Identity::BuildId { length: u8::try_from(id.len()).ok()?, bytes }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: u32, misc: u16, body: &[u8]) -> Option<Event> {
        super::parse(RecordType(kind), misc, body).map(|(event, _)| event)
    }

    fn mmap2(protection: u32, identity: [u8; 24]) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(7_i32.to_le_bytes());
        body.extend(8_i32.to_le_bytes());
        for field in [0x1000_u64, 0x2000, 0x3000] {
            body.extend(field.to_le_bytes());
        }
        body.extend(identity);
        body.extend(protection.to_le_bytes());
        body.extend([0; 4]);
        body.extend(b"/bin/a (deleted)\0\0");
        body
    }

    #[test]
    fn a_mapping_by_inode_and_by_build_id() {
        let mut identity = [0; 24];
        identity[0] = 3;
        identity[8] = 9;
        let Some(Event::Mmap(mmap)) = parse(10, 2, &mmap2(5, identity)) else { panic!() };
        assert_eq!((mmap.pid, mmap.start, mmap.end, mmap.offset), (7, 0x1000, 0x3000, 0x3000));
        assert_eq!(mmap.identity, Identity::Inode { device: (3, 0), inode: 9 });
        assert_eq!(mmap.code.as_deref(), Some("/bin/a"));
        identity[0] = 2;
        identity[4] = 0xaa;
        let Some(Event::Mmap(mmap)) = parse(10, 1 << 14, &mmap2(1, identity)) else { panic!() };
        let mut bytes = [0; 20];
        bytes[0] = 0xaa;
        assert_eq!(mmap.identity, Identity::BuildId { length: 2, bytes });
        assert_eq!(mmap.code, None);
    }

    #[test]
    fn short_and_foreign_records_are_nothing() {
        let body = mmap2(5, [0; 24]);
        assert_eq!(parse(10, 0, &body[..60]), None);
        assert_eq!(parse(99, 0, &body), None);
        // A build id longer than there are.
        let mut identity = [0; 24];
        identity[0] = 21;
        assert_eq!(parse(10, 1 << 14, &mmap2(5, identity)), None);
    }

    #[test]
    fn threads_are_named_created_and_ended() {
        let mut body: Vec<u8> = [7_u32, 8, 9, 10, 77, 0].map(u32::to_le_bytes).concat();
        let fork = Event::Fork { pid: 7, parent: 8, tid: 9 };
        assert_eq!(super::parse(RecordType::FORK, 0, &body), Some((fork, Some(77))));
        let exit = Event::Exit { pid: 7, tid: 9 };
        assert_eq!(super::parse(RecordType::EXIT, 0, &body), Some((exit, Some(77))));
        assert_eq!(parse(4, 0, &body[..8]), None);
        body.truncate(8);
        body.extend(b"worker\0\0");
        let name = "worker".to_owned();
        assert_eq!(parse(3, 1 << 13, &body), Some(Event::Exec { pid: 7, name: name.clone() }));
        assert_eq!(parse(3, 0, &body), Some(Event::Rename { pid: 7, tid: 8, name }));
    }
}
