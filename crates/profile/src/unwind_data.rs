//! `<key>.unwind_data`: the sections of a module by which its stacks are unwound.
//!
//! The layout is that of bincode 1: little endian, numbers of fixed width, a tag of 32 bits for
//! the version, lengths of 64 bits before bytes, one byte before what may be missing.

use std::{io, ops::Range};

use crate::bytes::{Bytes, wide};

/// Bytes, and the addresses that the module's file gives to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'a> {
    /// The bytes.
    pub data: &'a [u8],
    /// From the first address to the one behind the last.
    pub svma: Range<u64>,
}

/// The content of a file, without what versions 1 and 2 say of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwindData<'a> {
    /// The module's file.
    pub path: &'a str,
    /// The address that the file gives to its first loaded byte.
    pub base_svma: u64,
    /// The index of `eh_frame`, if the module has one.
    pub eh_frame_hdr: Option<Section<'a>>,
    /// Descriptions of all functions' frames.
    pub eh_frame: Section<'a>,
}

/// Facts about the process in which the module was seen, in versions 1 and 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InProcess {
    /// The time when it was mapped, version 2 only.
    pub timestamp: Option<u64>,
    /// The addresses of its code.
    pub avma_range: Range<u64>,
    /// The address of its first byte.
    pub base_avma: u64,
}

/// A version of the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// Tag 0.
    V1(InProcess),
    /// Tag 1.
    V2(InProcess),
    /// Tag 2: one file per module, whatever the process. Needs an index.
    V3,
    /// Tag 3: the index may be missing.
    V4,
}

impl<'a> UnwindData<'a> {
    /// Writes the file in version 4, which runners write from 4.17.6 on.
    pub fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        out.write_all(&3_u32.to_le_bytes())?;
        write_bytes(out, self.path.as_bytes())?;
        out.write_all(&self.base_svma.to_le_bytes())?;
        let hdr = self.eh_frame_hdr.as_ref();
        let is_there = [u8::from(hdr.is_some())];
        out.write_all(&is_there)?;
        hdr.map_or(Ok(()), |hdr| write_bytes(out, hdr.data))?;
        out.write_all(&is_there)?;
        hdr.map_or(Ok(()), |hdr| write_range(out, &hdr.svma))?;
        write_bytes(out, self.eh_frame.data)?;
        write_range(out, &self.eh_frame.svma)
    }

    /// Reads a file of any version; `None` if it is none, or if something follows.
    pub fn read(file: &'a [u8]) -> Option<(Self, Version)> {
        let mut fields = Bytes::new(file);
        let tag = fields.u32()?;
        let path = std::str::from_utf8(read_bytes(&mut fields)?).ok()?;
        let version = match tag {
            0 => Version::V1(read_process(&mut fields, false)?),
            1 => Version::V2(read_process(&mut fields, true)?),
            2 => Version::V3,
            3 => Version::V4,
            _ => return None,
        };
        let base_svma = fields.u64()?;
        let eh_frame_hdr = if tag < 3 {
            Some(read_section(&mut fields)?)
        } else {
            let data = read_option(&mut fields, read_bytes)?;
            let svma = read_option(&mut fields, read_range)?;
            data.zip(svma).map(|(data, svma)| Section { data, svma })
        };
        let eh_frame = read_section(&mut fields)?;
        let data = Self { path, base_svma, eh_frame_hdr, eh_frame };
        fields.rest().is_empty().then_some((data, version))
    }
}

fn write_bytes(out: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&wide(bytes.len()).to_le_bytes())?;
    out.write_all(bytes)
}

fn write_range(out: &mut impl io::Write, range: &Range<u64>) -> io::Result<()> {
    out.write_all(&range.start.to_le_bytes())?;
    out.write_all(&range.end.to_le_bytes())
}

fn read_bytes<'a>(fields: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let length = fields.u64()?;
    fields.take64(length)
}

fn read_range(fields: &mut Bytes<'_>) -> Option<Range<u64>> {
    Some(fields.u64()?..fields.u64()?)
}

fn read_section<'a>(fields: &mut Bytes<'a>) -> Option<Section<'a>> {
    Some(Section { data: read_bytes(fields)?, svma: read_range(fields)? })
}

#[expect(clippy::option_option, reason = "not readable, missing, there: three cases")]
fn read_option<'a, T>(
    fields: &mut Bytes<'a>,
    read: impl FnOnce(&mut Bytes<'a>) -> Option<T>,
) -> Option<Option<T>> {
    match fields.u8()? {
        0 => Some(None),
        1 => read(fields).map(Some),
        _ => None,
    }
}

fn read_process(fields: &mut Bytes<'_>, has_timestamp: bool) -> Option<InProcess> {
    let timestamp = if has_timestamp { read_option(fields, Bytes::u64)? } else { None };
    Some(InProcess { timestamp, avma_range: read_range(fields)?, base_avma: fields.u64()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> UnwindData<'static> {
        UnwindData {
            path: "/x",
            base_svma: 0,
            eh_frame_hdr: Some(Section { data: &[0xaa, 0xbb], svma: 0x10..0x12 }),
            eh_frame: Section { data: &[0xcc], svma: 0x20..0x21 },
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.as_chunks().0.iter().map(pair).collect()
    }

    /// Holds that these bytes, and no part of them, say this.
    #[track_caller]
    fn reads(golden: &[u8], data: &UnwindData<'_>, version: &Version) {
        assert_eq!(UnwindData::read(golden), Some((data.clone(), version.clone())));
        for length in 0..golden.len() {
            assert_eq!(UnwindData::read(&golden[..length]), None);
        }
        let longer = [golden, &[0]].concat();
        assert_eq!(UnwindData::read(&longer), None);
    }

    #[track_caller]
    fn is_written_as(data: &UnwindData<'_>, golden: &[u8]) {
        let mut bytes = Vec::new();
        data.write(&mut bytes).unwrap();
        assert_eq!(bytes, golden);
        reads(golden, data, &Version::V4);
    }

    #[test]
    fn version_4_byte_by_byte() {
        let golden = hex("03000000 0200000000000000 2f78 0000000000000000
             01 0200000000000000 aabb 01 1000000000000000 1200000000000000
             0100000000000000 cc 2000000000000000 2100000000000000");
        assert_eq!(golden.len(), 75);
        is_written_as(&data(), &golden);
    }

    #[test]
    fn version_4_without_an_index() {
        let data = UnwindData { eh_frame_hdr: None, ..data() };
        let golden = hex("03000000 0200000000000000 2f78 0000000000000000 00 00
             0100000000000000 cc 2000000000000000 2100000000000000");
        assert_eq!(golden.len(), 49);
        is_written_as(&data, &golden);
    }

    #[test]
    fn the_older_versions_are_read() {
        let path = hex("0200000000000000 2f78");
        let in_process = hex("0100000000000000 0200000000000000 0300000000000000");
        let sections = hex("0000000000000000
             0200000000000000 aabb 1000000000000000 1200000000000000
             0100000000000000 cc 2000000000000000 2100000000000000");
        let golden =
            |tag: u8, middle: &[u8]| [&[tag, 0, 0, 0][..], &path, middle, &sections].concat();
        assert_eq!(golden(2, &[]).len(), 73);
        reads(&golden(2, &[]), &data(), &Version::V3);
        let process = InProcess { timestamp: None, avma_range: 1..2, base_avma: 3 };
        reads(&golden(0, &in_process), &data(), &Version::V1(process.clone()));
        let untimed = [&[0][..], &in_process].concat();
        reads(&golden(1, &untimed), &data(), &Version::V2(process.clone()));
        let timed = [&hex("01 0900000000000000")[..], &in_process].concat();
        let process = InProcess { timestamp: Some(9), ..process };
        reads(&golden(1, &timed), &data(), &Version::V2(process));
    }

    #[test]
    fn foreign_bytes_are_nothing() {
        assert_eq!(UnwindData::read(&[4, 0, 0, 0]), None);
        let mut endless = hex("03000000 0200000000000000 2f78 0000000000000000 00 00");
        endless[4..12].fill(0xff);
        assert_eq!(UnwindData::read(&endless), None);
    }
}
