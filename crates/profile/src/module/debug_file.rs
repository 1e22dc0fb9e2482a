//! Finds the file into which the debug information of a module was split off.

use std::{
    fmt::Write as _,
    fs::File,
    path::{Path, PathBuf},
};

use object::Object;

use super::elf::Elf;
use crate::mapped::Mapped;

/// Folders that hold debug files, first the one that is looked at first.
#[derive(Debug, Clone)]
pub(crate) struct DebugRoots(pub(crate) Vec<PathBuf>);

impl Default for DebugRoots {
    fn default() -> Self {
        Self(["/usr/lib/debug", "/run/current-system/sw/lib/debug"].map(PathBuf::from).into())
    }
}

impl DebugRoots {
    /// The debug file of the module at this path, by its build id or else by its link.
    pub(crate) fn find(&self, path: &Path, elf: &Elf<'_>) -> Option<Mapped> {
        self.by_build_id(elf).or_else(|| self.by_link(path, elf))
    }

    /// `<root>/.build-id/12/3456....debug`: the name says enough.
    fn by_build_id(&self, elf: &Elf<'_>) -> Option<Mapped> {
        let mut hex = String::new();
        for byte in elf.build_id()? {
            write!(hex, "{byte:02x}").ok()?;
        }
        let (first, rest) = hex.split_at_checked(2)?;
        let name = format!(".build-id/{first}/{rest}.debug");
        self.0.iter().find_map(|root| open(&root.join(&name)))
    }

    /// `.gnu_debuglink`: a name to look for at usual places, and a checksum of the content.
    fn by_link(&self, path: &Path, elf: &Elf<'_>) -> Option<Mapped> {
        let (name, checksum) = elf.file.gnu_debuglink().ok().flatten()?;
        let name = Path::new(std::str::from_utf8(name).ok()?);
        // A name, not a way to other folders.
        (name.components().count() == 1).then_some(())?;
        let dir = path.parent()?;
        let beside = [dir.join(name), dir.join(".debug").join(name)];
        let below_root = dir.strip_prefix("/").unwrap_or(dir);
        let in_roots = self.0.iter().map(|root| root.join(below_root).join(name));
        beside.into_iter().chain(in_roots).filter(|found| found != path).find_map(|found| {
            let file = open(&found)?;
            (crc32fast::hash(&file) == checksum).then_some(file)
        })
    }
}

/// Maps a regular file; a pipe of that name would block.
fn open(path: &Path) -> Option<Mapped> {
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    Mapped::file(&File::open(path).ok()?).ok()
}
