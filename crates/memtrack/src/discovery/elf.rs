//! Finds the allocators in a file by the symbols that it defines.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use allocators::{ALLOCATORS, Allocator, Function, Symbol};
use object::{
    Endianness, FileKind, Object, ObjectSegment, ObjectSymbol, SymbolKind,
    elf::{FileHeader64, PT_INTERP},
    read::elf::{ElfFile64, FileHeader, ProgramHeader},
};

use super::{cookie::cookie, entry};

/// The allocators of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Examined {
    /// Names of the allocators in it.
    pub allocators: Vec<&'static str>,
    /// Functions to be watched; one per address.
    pub probes: Vec<Probe>,
    /// A program that brings all its code along, in which no allocator could be found.
    pub may_hide_one: bool,
}

/// A place in a file where a function is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Offset in the file.
    pub offset: u64,
    /// The function, as the kernel's program wants to know it.
    pub cookie: u64,
    /// The function releases blocks: there is nothing to be learnt from its return.
    pub is_free: bool,
}

/// The reason for which a file was not examined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotExamined {
    /// No program and no library.
    #[error("not an ELF file")]
    NotElf,
    /// For 32 bits, where arguments lie elsewhere.
    #[error("a 32-bit program")]
    Short,
    /// For another processor.
    #[error("a program for another kind of processor")]
    Foreign,
    /// Damaged.
    #[error("a damaged ELF file: {0}")]
    Damaged(String),
}

const OUR_MACHINE: object::Architecture = if cfg!(target_arch = "aarch64") {
    object::Architecture::Aarch64
} else {
    object::Architecture::X86_64
};

/// Finds the allocators in the bytes of a file.
pub(crate) fn examine(bytes: &[u8]) -> Result<Examined, NotExamined> {
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf64) => {}
        Ok(FileKind::Elf32) => return Err(NotExamined::Short),
        Ok(_) | Err(_) => return Err(NotExamined::NotElf),
    }
    let damaged = |err: object::Error| NotExamined::Damaged(err.to_string());
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(damaged)?;
    if file.architecture() != OUR_MACHINE || !file.is_little_endian() {
        return Err(NotExamined::Foreign);
    }
    let defined = defined(&file);
    let present: Vec<&Described> =
        TABLE.iter().filter(|(allocator, _)| is_present(allocator, &defined)).collect();
    let probes = probes(&file, &present, &defined);
    Ok(Examined {
        // What is merely a part of another allocator's interface is no allocator of its own.
        allocators: named(&present),
        may_hide_one: probes.is_empty() && is_self_contained(&file),
        probes,
    })
}

/// An allocator with the full names of its functions.
type Described = (&'static Allocator, Vec<Symbol>);

static TABLE: LazyLock<Vec<Described>> = LazyLock::new(|| {
    ALLOCATORS.iter().map(|&allocator| (allocator, allocator.symbols().collect())).collect()
});

/// A function that a file defines.
#[derive(Debug, Clone, Copy)]
struct Defined {
    address: u64,
    size: u64,
}

/// The functions of our tables that the file defines.
fn defined(file: &ElfFile64<'_>) -> HashMap<&'static str, Defined> {
    let wanted = wanted();
    let mut defined = HashMap::new();
    for symbol in file.symbols().chain(file.dynamic_symbols()) {
        let Some(name) = symbol.name_bytes().ok().and_then(|name| wanted.get(name)) else {
            continue;
        };
        let is_function = symbol.is_definition() && symbol.kind() == SymbolKind::Text;
        if is_function && symbol.address() != 0 {
            let here = Defined { address: symbol.address(), size: symbol.size() };
            defined.entry(*name).or_insert(here);
        }
    }
    defined
}

/// All names of our tables.
fn wanted() -> HashMap<&'static [u8], &'static str> {
    let names = TABLE.iter().flat_map(|(_, symbols)| symbols).map(|symbol| &*symbol.name);
    let marks = ALLOCATORS.iter().flat_map(|allocator| allocator.marks);
    names.chain(marks.copied().flatten().copied()).map(|name| (name.as_bytes(), name)).collect()
}

fn is_present(allocator: &Allocator, defined: &HashMap<&str, Defined>) -> bool {
    let whole = |group: &&[&str]| group.iter().all(|mark| defined.contains_key(mark));
    allocator.marks.iter().any(whole)
}

fn named(present: &[&Described]) -> Vec<&'static str> {
    let known = present.iter().any(|(allocator, _)| !allocator.is_plain());
    let shown = present.iter().filter(|(allocator, _)| !(known && allocator.is_plain()));
    shown.map(|(allocator, _)| allocator.name).collect()
}

/// One probe per address, however many names it has.
fn probes(
    file: &ElfFile64<'_>,
    present: &[&Described],
    defined: &HashMap<&str, Defined>,
) -> Vec<Probe> {
    let mut chosen: BTreeMap<u64, (&Function, Defined)> = BTreeMap::new();
    for symbol in present.iter().flat_map(|(_, symbols)| symbols) {
        if let Some(here) = defined.get(&*symbol.name) {
            chosen.entry(here.address).or_insert((&symbol.function, *here));
        }
    }
    let frees = chosen.values().filter(|(function, _)| function.call.is_free()).count();
    let mut number = 0_u8;
    let mut probes = Vec::new();
    for (function, here) in chosen.values() {
        let Some((offset, code)) = place(file, *here) else { continue };
        let step = entry::first_cheap(code, function.call.last_argument());
        let is_free = function.call.is_free();
        let cookie = cookie(function, number, frees > 1);
        number = number.wrapping_add(u8::from(is_free));
        probes.push(Probe { offset: offset + step, cookie, is_free });
    }
    probes
}

/// Returns the offset of a function in the file, and its code.
fn place<'data>(file: &ElfFile64<'data>, here: Defined) -> Option<(u64, &'data [u8])> {
    for segment in file.segments() {
        let (start, len) = segment.file_range();
        let Some(inside) = here.address.checked_sub(segment.address()) else { continue };
        if inside < len {
            let from = usize::try_from(inside).ok()?;
            let code = segment.data().ok()?.get(from..)?;
            let size = usize::try_from(here.size).unwrap_or(0).min(code.len());
            return Some((start.checked_add(inside)?, code.get(..size)?));
        }
    }
    None
}

/// A program without a loader has nobody to get an allocator from.
fn is_self_contained(file: &ElfFile64<'_>) -> bool {
    let endian = file.endian();
    let headers = file.elf_program_headers();
    let has = |kind| headers.iter().any(|header| header.p_type(endian) == kind);
    let is_program = file.elf_header().e_entry(endian) != 0;
    is_program && !has(PT_INTERP) && file.elf_header().e_phnum(endian) > 0 && !is_library(file)
}

/// Libraries, the loader and the kernel's own have a name (`DT_SONAME`) or nothing to start.
fn is_library(file: &ElfFile64<'_>) -> bool {
    file.dynamic_symbols().any(|symbol| symbol.is_definition())
        && FileHeader64::<Endianness>::e_type(file.elf_header(), file.endian())
            == object::elf::ET_DYN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_of_ours_is_said() {
        assert_eq!(examine(b""), Err(NotExamined::NotElf));
        assert_eq!(examine(b"#!/bin/sh\necho malloc free\n"), Err(NotExamined::NotElf));
        let mut elf32 = vec![0; 64];
        elf32.splice(..8, *b"\x7fELF\x01\x01\x01\0");
        assert_eq!(examine(&elf32), Err(NotExamined::Short));
        let mut cut = vec![0; 20];
        cut.splice(..8, *b"\x7fELF\x02\x01\x01\0");
        assert!(matches!(examine(&cut), Err(NotExamined::Damaged(_))));
    }

    #[test]
    fn the_c_library_is_known_and_each_address_is_watched_once() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps.lines().find(|line| line.contains("libc.so.6")).unwrap();
        let path = &libc[libc.find('/').unwrap()..];
        let found = examine(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(found.allocators.len(), 1, "{found:?}");
        let mut offsets: Vec<_> = found.probes.iter().map(|probe| probe.offset).collect();
        offsets.dedup();
        assert_eq!(offsets.len(), found.probes.len());
        assert!(found.probes.len() >= 8, "{found:?}");
        assert!(!found.may_hide_one);
    }

    #[test]
    fn bytes_of_a_real_library_that_were_cut_or_changed_never_panic() {
        let path = std::env::current_exe().unwrap();
        let mut bytes = std::fs::read(path).unwrap();
        bytes.truncate(200_000);
        for cut in (0..bytes.len()).step_by(9_973) {
            drop(examine(&bytes[..cut]));
        }
        for at in 0..512 {
            let old = bytes[at];
            bytes[at] = !old;
            drop(examine(&bytes));
            bytes[at] = old;
        }
    }
}
