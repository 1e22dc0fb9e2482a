//! The code that the kernel gives to every process (`[vdso]`), taken from our own memory.
//!
//! The recording was made on this machine since it booted, so it is the same code.

use std::{io::IoSliceMut, os::unix::fs::FileExt};

use nix::{
    sys::uio::{RemoteIoVec, process_vm_readv},
    unistd::Pid,
};
use system::files;

use crate::{replay::VDSO, snapshot::executable_mappings};

/// No kernel's is larger.
const MOST: u64 = 1 << 20;

/// Its bytes: a whole ELF file.
pub(crate) fn own_vdso() -> Option<Vec<u8>> {
    let maps = files::read_kernel_text("/proc/self/maps").ok()?;
    let mapping = executable_mappings(&maps).into_iter().find(|mapping| mapping.path == VDSO)?;
    let length = mapping.end.checked_sub(mapping.start).filter(|length| *length <= MOST)?;
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    if !by_file(&mut bytes, mapping.start) && !by_call(&mut bytes, mapping.start) {
        return None;
    }
    Some(bytes)
}

fn by_file(bytes: &mut [u8], at: u64) -> bool {
    files::open_kernel("/proc/self/mem").is_ok_and(|memory| memory.read_exact_at(bytes, at).is_ok())
}

/// The same for a thread that uses files as another user than the process is: the file isn't theirs.
fn by_call(bytes: &mut [u8], at: u64) -> bool {
    let (Ok(base), len) = (usize::try_from(at), bytes.len()) else { return false };
    let remote = [RemoteIoVec { base, len }];
    process_vm_readv(Pid::this(), &mut [IoSliceMut::new(bytes)], &remote) == Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::{Elf, Symbols};

    #[test]
    fn both_ways_to_it_give_the_same_bytes() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let all = executable_mappings(&maps);
        let start = all.iter().find(|mapping| mapping.path == VDSO).unwrap().start;
        let mut bytes = own_vdso().unwrap();
        let expected = bytes.clone();
        for read in [by_file, by_call] {
            bytes.fill(0);
            assert!(read(&mut bytes, start));
            assert_eq!(bytes, expected);
        }
        assert!(!by_file(&mut bytes, 0) && !by_call(&mut bytes, 0));
    }

    #[test]
    fn it_has_the_clock() {
        let bytes = own_vdso().unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        let symbols = Symbols::of(&elf, None);
        assert!(symbols.list.iter().any(|symbol| symbol.name.contains("clock_gettime")));
        assert!(elf.unwind_data(VDSO).is_some());
    }
}
