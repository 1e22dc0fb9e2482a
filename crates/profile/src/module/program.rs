//! Properties of a program that its file tells before it runs.

use std::path::Path;

use object::Object;
use system::files::{self, Links};

use super::Elf;
use crate::mapped::Mapped;

/// Sections that only the linker of Go writes.
const OF_GO: &[&str] = &[".go.buildinfo", ".note.go.buildid"];

/// Returns true if the program was built by Go: such programs keep frame pointers in all functions, and have no other
/// information for unwinding their stacks. Returns false for a file that can't be read.
pub fn is_built_by_go(program: &Path) -> bool {
    let Ok(file) = files::open(program, Links::Follow) else { return false };
    let Ok(bytes) = Mapped::file(&file) else { return false };
    let Some(elf) = Elf::parse(&bytes) else { return false };
    OF_GO.iter().any(|name| elf.file.section_by_name(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::wide;

    /// An ELF file with nothing but its table of sections: one of this name, and the names.
    fn with_section(name: &str) -> Vec<u8> {
        let names = format!("\0{name}\0.shstrtab\0");
        let (names_at, sections_at) = (64_u64, 64 + wide(names.len()).next_multiple_of(8));
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(16, 0);
        for (value, width) in [(2, 2), (62, 2), (1, 4), (0, 8), (0, 8), (sections_at, 8), (0, 4)] {
            bytes.extend(&u64::to_le_bytes(value)[..width]);
        }
        for half in [64_u16, 56, 0, 64, 3, 2] {
            bytes.extend(half.to_le_bytes());
        }
        bytes.extend(names.as_bytes());
        bytes.resize(sections_at.try_into().unwrap(), 0);
        let (length, second) = (wide(names.len()), u32::try_from(name.len()).unwrap() + 2);
        // Offset of the name, type, offset and size of each section.
        for (name_at, kind, at, size) in [(0, 0, 0, 0), (1, 1, 0, 0), (second, 3, names_at, length)]
        {
            bytes.extend([name_at, kind].map(u32::to_le_bytes).concat());
            for field in [0, 0, at, size, 0, 0, 0_u64] {
                bytes.extend(field.to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn programs_of_go_have_a_section_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let is_go = |bytes: &[u8]| {
            let path = folder.path().join("go java python");
            std::fs::write(&path, bytes).unwrap();
            is_built_by_go(&path)
        };
        assert!(is_go(&with_section(".go.buildinfo")) && is_go(&with_section(".note.go.buildid")));
        assert!(!is_go(&with_section(".gopclntab.old")) && !is_go(b"go") && !is_go(b""));
    }

    #[test]
    fn what_is_no_program_was_not_built_by_go() {
        let own = std::env::current_exe().unwrap();
        let others = [&own, Path::new("/no/such/file"), Path::new("/dev/null"), Path::new("/")];
        assert!(!others.into_iter().any(is_built_by_go));
    }
}
