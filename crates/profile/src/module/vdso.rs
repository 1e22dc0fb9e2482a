//! The code that the kernel gives to every process (`[vdso]`), taken from our own memory.
//!
//! The recording was made on this machine since it booted, so it is the same code.

use std::{fs::File, os::unix::fs::FileExt};

use crate::{replay::VDSO, snapshot::executable_mappings};

/// No kernel's is larger.
const MOST: u64 = 1 << 20;

/// Its bytes: a whole ELF file.
pub(crate) fn own_vdso() -> Option<Vec<u8>> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let mapping = executable_mappings(&maps).into_iter().find(|mapping| mapping.path == VDSO)?;
    let length = mapping.end.checked_sub(mapping.start).filter(|length| *length <= MOST)?;
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, mapping.start).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::{Elf, Symbols};

    #[test]
    fn it_has_the_clock() {
        let bytes = own_vdso().unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        let symbols = Symbols::of(&elf, None);
        assert!(symbols.list.iter().any(|symbol| symbol.name.contains("clock_gettime")));
        assert!(elf.unwind_data(VDSO).is_some());
    }
}
