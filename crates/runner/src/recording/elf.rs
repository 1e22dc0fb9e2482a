//! The few facts of an ELF file that tell which build it is, and which libraries it needs. Reads headers only.

use std::fs::File;

use object::{
    Endianness,
    elf::{
        DT_NEEDED, DT_RPATH, DT_RUNPATH, ELF_NOTE_GNU, FileHeader64, NT_GNU_BUILD_ID, PT_DYNAMIC,
        PT_INTERP, SHT_DYNAMIC, SHT_NOTE, SectionHeader64,
    },
    read::{
        ReadCache, ReadRef,
        elf::{Dyn, FileHeader, ProgramHeader, SectionHeader},
    },
};
use runner_shared::text::hex;

/// Notes and tables of an honest file are smaller.
const MOST_BYTES: u64 = 1 << 20;
/// Libraries that a file needs itself.
const MOST_NEEDED: usize = 256;

/// The facts in the headers of a program or library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Elf {
    /// The identity of its build, in hexadecimal.
    pub build_id: Option<String>,
    /// The loader that it asks for; `None` for a library or a program that needs none.
    pub interpreter: Option<String>,
    /// Names of the libraries that it needs.
    pub needed: Vec<String>,
    /// These are all that it needs. Otherwise its headers don't say, or are not read.
    pub names_all: bool,
    /// Folders in which these are looked for before those of the environment (`DT_RPATH`).
    pub before: Vec<String>,
    /// Folders in which these are looked for after those of the environment (`DT_RUNPATH`): then there are none before.
    pub after: Vec<String>,
}

impl Elf {
    /// Reads a file; `None` if it is no ELF file of 64 bits.
    pub(super) fn read(file: File) -> Option<Self> {
        let cache = ReadCache::new(file);
        Self::parse(&cache).ok()
    }

    fn parse<'d, R: ReadRef<'d>>(data: R) -> object::read::Result<Self> {
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let mut elf = Self::default();
        let (mut is_dynamic, mut wants_loader) = (false, false);
        for segment in header.program_headers(endian, data)? {
            is_dynamic |= segment.p_type(endian) == PT_DYNAMIC;
            wants_loader |= segment.p_type(endian) == PT_INTERP;
            if segment.p_type(endian) == PT_INTERP && segment.p_filesz(endian) <= MOST_BYTES {
                elf.interpreter = segment.interpreter(endian, data)?.map(text);
            }
        }
        let sections = header.sections(endian, data)?;
        let has_loader = elf.interpreter.is_some() || !wants_loader;
        // What is larger is not looked at, and nobody knows what it says.
        if sections
            .iter()
            .any(|section| is_read(section, endian) && section.sh_size(endian) > MOST_BYTES)
        {
            return Ok(elf);
        }
        for section in sections.iter() {
            let Some(mut notes) = section.notes(endian, data)? else { continue };
            while let Some(note) = notes.next()? {
                let is_id = note.name() == ELF_NOTE_GNU && note.n_type(endian) == NT_GNU_BUILD_ID;
                if is_id && !note.desc().is_empty() {
                    elf.build_id = Some(hex(note.desc()));
                }
            }
        }
        let Some((entries, strings)) = sections.dynamic(endian, data)? else {
            // The loader goes by segments, whatever became of the sections.
            elf.names_all = has_loader && !is_dynamic;
            return Ok(elf);
        };
        let strings = sections.strings(endian, data, strings)?;
        elf.names_all = has_loader;
        for entry in entries {
            let tag = entry.tag(endian);
            if ![DT_NEEDED, DT_RPATH, DT_RUNPATH].contains(&tag) {
                continue;
            }
            match entry.string(endian, strings).ok().map(text) {
                Some(name) if tag == DT_NEEDED && elf.needed.len() < MOST_NEEDED => {
                    elf.needed.push(name);
                }
                Some(list) if tag == DT_RPATH => elf.before = folders(&list),
                Some(list) if tag == DT_RUNPATH => elf.after = folders(&list),
                Some(_) | None => elf.names_all = false,
            }
        }
        if !elf.after.is_empty() {
            elf.before.clear();
        }
        Ok(elf)
    }
}

/// Returns whether all of a section is read.
fn is_read(section: &SectionHeader64<Endianness>, endian: Endianness) -> bool {
    [SHT_NOTE, SHT_DYNAMIC].contains(&section.sh_type(endian))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folders(list: &str) -> Vec<String> {
    list.split(':').filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
}
