//! Looks for probes in the C library: the kernel puts them into the code of every process, so that our own mapping differs
//! from the file. A probe ends each program below Valgrind that comes upon it.

use std::{io::IoSliceMut, os::unix::fs::FileExt, path::Path};

use nix::{
    sys::uio::{RemoteIoVec, process_vm_readv},
    unistd::getpid,
};
use system::files::{self, Links};

/// The code of the C library, compared with its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LibcText {
    /// It is as in the file.
    Clean,
    /// In so many places it is not.
    Probed(usize),
    /// It can't be compared; why.
    Unknown(String),
}

/// A mapping of code.
#[derive(Debug, PartialEq, Eq)]
struct Mapping<'a> {
    start: usize,
    length: usize,
    /// Its beginning in the file.
    offset: u64,
    path: &'a str,
}

/// Longer than any C library.
const MOST_BYTES: usize = 64 << 20;

/// Compares.
pub(super) fn look() -> LibcText {
    let maps = files::read_kernel_text("/proc/self/maps").unwrap_or_default();
    let mut found = maps.lines().filter_map(libc_code).peekable();
    if found.peek().is_none() {
        return LibcText::Unknown("this program has none mapped".to_owned());
    }
    let mut places = 0;
    for mapping in found {
        match differing(&mapping) {
            Ok(count) => places += count,
            Err(err) => return LibcText::Unknown(err.to_string()),
        }
    }
    if places == 0 { LibcText::Clean } else { LibcText::Probed(places) }
}

/// A line of `/proc/self/maps` (proc(5)) that is about code of the C library.
fn libc_code(line: &str) -> Option<Mapping<'_>> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let hex = |text: &str| usize::from_str_radix(text, 16).ok();
    let (start, end) = (hex(start)?, hex(end)?);
    if !fields.next()?.contains('x') {
        return None;
    }
    let offset = u64::from_str_radix(fields.next()?, 16).ok()?;
    let path = fields.nth(2)?;
    let name = Path::new(path).file_name()?.to_str()?;
    let is_libc = ["libc.so", "libc-", "ld-musl"].iter().any(|known| name.starts_with(known));
    let length = end.checked_sub(start).filter(|length| *length <= MOST_BYTES)?;
    (is_libc && path.starts_with('/')).then_some(Mapping { start, length, offset, path })
}

/// Runs of bytes that differ.
fn differing(mapping: &Mapping<'_>) -> std::io::Result<usize> {
    let Mapping { start, length, offset, path } = *mapping;
    let mut in_file = vec![0; length];
    let file = files::open(Path::new(path), Links::Follow)?;
    // The last page may go beyond the end.
    let mut filled = 0;
    while let Some(rest) = in_file.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(u64::try_from(filled).unwrap_or(0)))? {
            0 => break,
            count => filled += count,
        }
    }
    let mut in_memory = vec![0; length];
    let remote = RemoteIoVec { base: start, len: length };
    let read = process_vm_readv(getpid(), &mut [IoSliceMut::new(&mut in_memory)], &[remote])?;
    let pairs = in_file.iter().zip(&in_memory).take(filled.min(read));
    Ok(runs(pairs.map(|(file, memory)| file != memory)))
}

fn runs(differs: impl Iterator<Item = bool>) -> usize {
    let mut before = false;
    differs.filter(|now| !std::mem::replace(&mut before, *now) && *now).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_the_c_library_is_compared() {
        let line = "7f0000001000-7f0000003000 r-xp 00028000 fe:00 1234   /usr/lib/libc.so.6";
        let expected = Mapping {
            start: 0x7f00_0000_1000,
            length: 0x2000,
            offset: 0x28000,
            path: "/usr/lib/libc.so.6",
        };
        assert_eq!(libc_code(line), Some(expected));
        for other in [
            "7f0000001000-7f0000003000 r--p 00028000 fe:00 1234   /usr/lib/libc.so.6",
            "7f0000001000-7f0000003000 r-xp 00028000 fe:00 1234   /usr/lib/libcurl.so",
            "7f0000001000-7f0000003000 r-xp 00000000 00:00 0      [vdso]",
            "7f0000003000-7f0000001000 r-xp 00028000 fe:00 1234   /usr/lib/libc.so.6",
            "",
            "x",
        ] {
            assert_eq!(libc_code(other), None, "{other}");
        }
    }

    #[test]
    fn bytes_beside_each_other_are_one_place() {
        assert_eq!(runs([false, true, true, false, true].into_iter()), 2);
        assert_eq!(runs([false, false].into_iter()), 0);
    }

    #[test]
    fn our_own_library_can_be_compared() {
        // Others may trace on this machine right now.
        assert!(!matches!(look(), LibcText::Unknown(_)), "{:?}", look());
    }
}
