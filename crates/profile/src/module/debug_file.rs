//! Finds the file into which the debug information of a module was split off.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use object::Object;
use system::files::{self, Links};

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

/// Maps a regular file.
fn open(path: &Path) -> Option<Mapped> {
    Mapped::file(&files::open(path, Links::Follow).ok()?).ok()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes a debug file with the usual tools")]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    fn run(dir: &Path, words: &[&str]) {
        let (program, args) = words.split_first().unwrap();
        let output = Command::new(program).args(args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A program in its folder whose debug information was split off into `a.debug`.
    fn split_program() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.c"), "int main(void) { return 0; }").unwrap();
        run(dir.path(), &["cc", "-g", "-Wl,--build-id=0x1234abcd", "-o", "a", "a.c"]);
        run(dir.path(), &["objcopy", "--only-keep-debug", "a", "a.debug"]);
        run(dir.path(), &["objcopy", "--strip-all", "--add-gnu-debuglink=a.debug", "a"]);
        dir
    }

    #[test]
    fn by_its_link_if_the_checksum_is_right() {
        let dir = split_program();
        let path = dir.path().join("a");
        let bytes = fs::read(&path).unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        let found = DebugRoots(Vec::new()).find(&path, &elf).unwrap();
        let debug = Elf::parse(&found).unwrap();
        let names = |symbols: &super::super::Symbols<'_>| {
            symbols.list.iter().map(|symbol| symbol.name.to_owned()).collect::<Vec<_>>()
        };
        let main = "main".to_owned();
        assert!(!names(&super::super::Symbols::of(&elf, None)).contains(&main));
        assert!(names(&super::super::Symbols::of(&elf, Some(&debug))).contains(&main));
        assert!(debug.unwind_data("/a").is_none(), "its sections are empty");

        fs::create_dir(dir.path().join(".debug")).unwrap();
        fs::rename(dir.path().join("a.debug"), dir.path().join(".debug/a.debug")).unwrap();
        assert!(DebugRoots(Vec::new()).find(&path, &elf).is_some());
        let mut other = fs::read(dir.path().join(".debug/a.debug")).unwrap();
        other.push(0);
        fs::write(dir.path().join(".debug/a.debug"), other).unwrap();
        assert!(DebugRoots(Vec::new()).find(&path, &elf).is_none());
    }

    #[test]
    fn by_its_build_id_first() {
        let dir = split_program();
        let path = dir.path().join("a");
        let bytes = fs::read(&path).unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join(".build-id/12")).unwrap();
        fs::write(root.join(".build-id/12/34abcd.debug"), "the name says enough").unwrap();
        let roots = DebugRoots(vec![dir.path().join("missing"), root]);
        assert_eq!(&*roots.find(&path, &elf).unwrap(), b"the name says enough");
    }
}
