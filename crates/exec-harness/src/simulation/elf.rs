//! Reads as much of an ELF file as tells whether a library can be preloaded into it.

use std::io::{self, Read, Seek, SeekFrom};

const IDENT: &[u8] = b"\x7fELF";
const HEADER_BYTES: u64 = 64;
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const PT_INTERP: u64 = 3;
/// More program headers than this are in no program.
const MOST_HEADERS: u64 = 4096;
/// And no more than this of them: the size of one is what the file says.
const MOST_TABLE_BYTES: u64 = 1 << 20;

#[cfg(target_arch = "x86_64")]
const OUR_MACHINE: u64 = 62;
#[cfg(target_arch = "aarch64")]
const OUR_MACHINE: u64 = 183;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OUR_MACHINE: u64 = 0;

/// The kind of a file, for the purpose of preloading a library into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// It names a loader, which takes `LD_PRELOAD`.
    Dynamic,
    /// It names no loader: static, position independent or not.
    Static,
    /// It is for another processor.
    Foreign,
    /// It is no ELF file.
    NotElf,
}

/// Looks at the program headers.
pub(crate) fn linkage(file: &mut (impl Read + Seek)) -> io::Result<Linkage> {
    let mut header = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HEADER_BYTES).read_to_end(&mut header)?;
    if !header.starts_with(IDENT) {
        return Ok(Linkage::NotElf);
    }
    let ours = number(&header, 4, 1) == u64::from(CLASS_64)
        && number(&header, 5, 1) == u64::from(LITTLE_ENDIAN)
        && number(&header, 18, 2) == OUR_MACHINE;
    if !ours {
        return Ok(Linkage::Foreign);
    }
    let (offset, size, count) =
        (number(&header, 32, 8), number(&header, 54, 2), number(&header, 56, 2));
    let mut table = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take((size * count.min(MOST_HEADERS)).min(MOST_TABLE_BYTES)).read_to_end(&mut table)?;
    let size = usize::try_from(size.max(4)).unwrap_or(4);
    let names_loader = table.chunks(size).any(|entry| number(entry, 0, 4) == PT_INTERP);
    Ok(if names_loader { Linkage::Dynamic } else { Linkage::Static })
}

/// A little-endian number; what lies behind the end of a cut file reads as zero.
fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    let field = bytes.iter().skip(at).take(len);
    field.rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A 64-bit file with program headers of these types behind its header.
    fn elf(types: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..4].copy_from_slice(IDENT);
        bytes[4] = CLASS_64;
        bytes[5] = LITTLE_ENDIAN;
        bytes[18..20].copy_from_slice(&u16::try_from(OUR_MACHINE).unwrap().to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = u8::try_from(types.len()).unwrap();
        for kind in types {
            let mut entry = vec![0; 56];
            entry[..4].copy_from_slice(&kind.to_le_bytes());
            bytes.extend(entry);
        }
        bytes
    }

    #[track_caller]
    fn is(bytes: &[u8], expected: Linkage) {
        assert_eq!(linkage(&mut Cursor::new(bytes)).unwrap(), expected);
    }

    #[test]
    fn only_a_program_that_names_a_loader_takes_a_library() {
        is(&elf(&[6, 3, 1, 2]), Linkage::Dynamic);
        // A static-pie has a dynamic section (2) and still no loader (3).
        is(&elf(&[1, 2]), Linkage::Static);
        is(&elf(&[]), Linkage::Static);
    }

    #[test]
    fn other_processors_and_other_files_are_told_apart() {
        let mut short = elf(&[3]);
        short[4] = 1;
        is(&short, Linkage::Foreign);
        let mut other = elf(&[3]);
        other[18] = 243;
        is(&other, Linkage::Foreign);
        is(b"#!/bin/sh\n", Linkage::NotElf);
        is(b"", Linkage::NotElf);
        is(&elf(&[3])[..64], Linkage::Static);
    }

    #[test]
    fn our_own_program_is_dynamic() {
        let mut file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(linkage(&mut file).unwrap(), Linkage::Dynamic);
    }
}
