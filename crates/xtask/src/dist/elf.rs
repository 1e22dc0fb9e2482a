//! Requirements of a program on the system that runs it: libraries, and the minimum version of glibc. Reads ELF.

use anyhow::{Context, Result};
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader};

/// These come with glibc, or, as the last one, with every system that has it.
const WITH_GLIBC: [&str; 7] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libgcc_s.so.1",
    "ld-linux",
];

/// Libraries that a program is linked with when it starts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Linkage {
    /// Names of libraries, in the order of the file.
    pub(super) needed: Vec<String>,
    /// The newest version of glibc of which it uses a function.
    pub(super) glibc: Option<Glibc>,
}

/// A version of glibc, as in `2.34`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Glibc(pub(super) u32, pub(super) u32);

impl std::fmt::Display for Glibc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Linkage {
    /// Libraries that a system with glibc can lack.
    pub(super) fn foreign(&self) -> Vec<&str> {
        let is_known = |name: &&str| WITH_GLIBC.iter().any(|known| name.starts_with(known));
        self.needed.iter().map(String::as_str).filter(|name| !is_known(name)).collect()
    }

    pub(super) fn shown(&self) -> String {
        let Self { needed, glibc } = self;
        match glibc {
            Some(glibc) => format!("needs glibc {glibc} ({})", needed.join(" ")),
            None if needed.is_empty() => "needs no libraries".to_owned(),
            None => format!("needs {}", needed.join(" ")),
        }
    }
}

/// Reads the dynamic section and the versions of a program.
pub(super) fn read(bytes: &[u8]) -> Result<Linkage> {
    let header = FileHeader64::<Endianness>::parse(bytes).context("not a 64-bit ELF file")?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut linkage = Linkage::default();
    if let Some((entries, link)) = sections.dynamic(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        for entry in entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED) {
            let name = entry.string(endian, strings)?;
            linkage.needed.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    if let Some((mut libraries, link)) = sections.gnu_verneed(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                let name = version.name(endian, strings)?;
                linkage.glibc = linkage.glibc.max(glibc(&String::from_utf8_lossy(name)));
            }
        }
    }
    Ok(linkage)
}

/// The version in the name of a version, as in `GLIBC_2.2.5`.
fn glibc(name: &str) -> Option<Glibc> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    Some(Glibc(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_this_machine_names_its_c_library() {
        let own = std::env::current_exe().unwrap();
        let linkage = read(&std::fs::read(own).unwrap()).unwrap();
        assert!(linkage.needed.iter().any(|name| name == "libc.so.6"), "{linkage:?}");
        assert!(linkage.glibc > Some(Glibc(2, 2)), "{linkage:?}");
        assert_eq!(linkage.foreign(), [""; 0]);
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(glibc("GLIBC_2.34") > glibc("GLIBC_2.4"));
        assert_eq!(glibc("GLIBC_2.2.5"), Some(Glibc(2, 2)));
        assert_eq!(glibc("GLIBC_PRIVATE"), None);
        assert_eq!(glibc("GCC_3.0"), None);
    }

    #[test]
    fn other_libraries_are_named() {
        let needed = ["libc.so.6", "libelf.so.1"].map(str::to_owned).to_vec();
        let linkage = Linkage { needed, glibc: Some(Glibc(2, 34)) };
        assert_eq!(linkage.foreign(), ["libelf.so.1"]);
        assert_eq!(linkage.shown(), "needs glibc 2.34 (libc.so.6 libelf.so.1)");
    }

    #[test]
    fn what_is_no_program_is_an_error() {
        assert!(read(b"#!/bin/sh\n").is_err());
        assert!(read(b"").is_err());
    }
}
