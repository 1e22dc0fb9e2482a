//! The records that tell which file lies where in which process.

use runner_shared::text::bytes_as_text;

use crate::bytes::Bytes;

/// Which file is mapped, as the kernel says.
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
    /// Where in the file it begins.
    pub(crate) offset: u64,
    pub(crate) identity: Identity,
    /// The file; `None` when the mapping holds no code.
    pub(crate) code: Option<String>,
}

/// What happened.
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
    /// The body of a sample, and which of the recording's attributes lays it out.
    Sample {
        attr: usize,
        body: Vec<u8>,
    },
}

/// Kinds of records of the kernel.
pub(super) mod kind {
    pub(in crate::perf) const MMAP: u32 = 1;
    pub(in crate::perf) const LOST: u32 = 2;
    pub(in crate::perf) const COMM: u32 = 3;
    pub(in crate::perf) const EXIT: u32 = 4;
    pub(in crate::perf) const FORK: u32 = 7;
    pub(in crate::perf) const SAMPLE: u32 = 9;
    pub(in crate::perf) const MMAP2: u32 = 10;
    pub(in crate::perf) const LOST_SAMPLES: u32 = 13;
}

const MISC_COMM_EXEC: u16 = 1 << 13;
const MISC_MMAP_DATA: u16 = 1 << 13;
const MISC_MMAP_BUILD_ID: u16 = 1 << 14;
const PROT_EXEC: u32 = 4;

/// Reads a record that isn't a sample; `None` if it is none of ours or too short.
pub(super) fn parse(kind: u32, misc: u16, body: &[u8]) -> Option<Event> {
    let mut fields = Bytes::new(body);
    match kind {
        kind::MMAP | kind::MMAP2 => parse_mmap(kind, misc, fields).map(Event::Mmap),
        kind::COMM => {
            let (pid, tid) = (fields.i32()?, fields.i32()?);
            let name = bytes_as_text(fields.c_str()).into_owned();
            let is_exec = misc & MISC_COMM_EXEC != 0;
            Some(if is_exec { Event::Exec { pid, name } } else { Event::Rename { pid, tid, name } })
        }
        kind::FORK => {
            let (pid, parent) = (fields.i32()?, fields.i32()?);
            Some(Event::Fork { pid, parent, tid: fields.i32()? })
        }
        kind::EXIT => {
            let (pid, _parent) = (fields.i32()?, fields.i32()?);
            Some(Event::Exit { pid, tid: fields.i32()? })
        }
        _ => None,
    }
}

/// The time that FORK and EXIT have among their own fields.
pub(super) fn own_time(kind: u32, body: &[u8]) -> Option<u64> {
    matches!(kind, kind::FORK | kind::EXIT).then(|| {
        let mut fields = Bytes::new(body);
        fields.skip(16)?;
        fields.u64()
    })?
}

fn parse_mmap(kind: u32, misc: u16, mut fields: Bytes<'_>) -> Option<Mmap> {
    let pid = fields.i32()?;
    fields.skip(4)?;
    let (start, length, offset) = (fields.u64()?, fields.u64()?, fields.u64()?);
    let (identity, is_code) = if kind == kind::MMAP2 {
        let identity = parse_identity(misc, Bytes::new(fields.take(24)?))?;
        let protection = fields.u32()?;
        fields.skip(4)?;
        (identity, protection & PROT_EXEC != 0)
    } else {
        (Identity::Unknown, misc & MISC_MMAP_DATA == 0)
    };
    // The kernel and what perf makes up for it have pid -1.
    if pid < 0 {
        return None;
    }
    let path = fields.c_str();
    // A mark of the kernel, not a part of the name.
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let code = is_code.then(|| bytes_as_text(path).into_owned());
    Some(Mmap { pid, start, end: start.checked_add(length)?, offset, identity, code })
}

fn parse_identity(misc: u16, mut fields: Bytes<'_>) -> Option<Identity> {
    if misc & MISC_MMAP_BUILD_ID == 0 {
        let device = (fields.u32()?, fields.u32()?);
        return Some(Identity::Inode { device, inode: fields.u64()? });
    }
    let length = fields.u8()?.min(20);
    fields.skip(3)?;
    let mut bytes = [0; 20];
    let id = fields.take(usize::from(length))?;
    bytes.iter_mut().zip(id).for_each(|(to, from)| *to = *from);
    Some(Identity::BuildId { length, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn threads_are_named_created_and_ended() {
        let mut body: Vec<u8> = [7_u32, 8, 9, 10].map(u32::to_le_bytes).concat();
        assert_eq!(parse(7, 0, &body), Some(Event::Fork { pid: 7, parent: 8, tid: 9 }));
        assert_eq!(parse(4, 0, &body), Some(Event::Exit { pid: 7, tid: 9 }));
        assert_eq!(parse(4, 0, &body[..8]), None);
        body.truncate(8);
        body.extend(b"worker\0\0");
        let name = "worker".to_owned();
        assert_eq!(parse(3, 1 << 13, &body), Some(Event::Exec { pid: 7, name: name.clone() }));
        assert_eq!(parse(3, 0, &body), Some(Event::Rename { pid: 7, tid: 8, name }));
    }
}
