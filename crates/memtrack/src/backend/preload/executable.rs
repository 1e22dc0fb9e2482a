//! Programs that the library doesn't get into, and why.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use memmap2::Mmap;
use system::files::{self, Links};

use runner_shared::text;

use crate::discovery::examine;

/// As much of a file as is read: its head, and where its parts are.
const HEAD: u64 = 4096;
/// Scripts that are interpreted by scripts, at most.
const MAX_SCRIPTS: usize = 4;

/// The program that runs a file: the file itself, or what interprets the script in it. `None` when it can't be read, and
/// for the loader, which has no loader either.
fn program(path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_SCRIPTS {
        let Some(interpreter) = interpreter(&head(&path)?) else {
            let is_loader =
                path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld-"));
            return (!is_loader).then_some(path);
        };
        path = interpreter;
    }
    None
}

/// Says why the library doesn't get into a program that `user` starts, if that is known; `None` when it does, or when the file
/// can't be read.
pub(super) fn why_unseen(path: &Path, user: Option<u32>) -> Option<String> {
    let path = program(path)?;
    let shown = text::shown(&path);
    let about = fs::metadata(&path).ok()?;
    if changes_user(&about, user) {
        Some(format!(
            "{shown} runs as another user or group (it is set-user-ID or set-group-ID): the loader refuses to preload a library, so its allocations are not seen"
        ))
    } else {
        kind(&head(&path)?).map(|what| {
            format!("{shown} {what}: no library can be preloaded, so its allocations are not seen")
        })
    }
}

fn changes_user(about: &fs::Metadata, user: Option<u32>) -> bool {
    let mode = about.permissions().mode();
    mode & 0o2000 != 0 || (mode & 0o4000 != 0 && user != Some(about.uid()))
}

/// The file that is meant by what a program asked to be executed: a path from the root, or a name to be searched.
pub(super) fn find(asked: &[u8], search: &OsStr) -> Option<PathBuf> {
    let asked = Path::new(OsStr::from_bytes(asked));
    if asked.is_absolute() {
        return Some(asked.to_owned());
    }
    let folders = search.as_bytes().split(|byte| *byte == b':');
    folders
        .map(|folder| Path::new(OsStr::from_bytes(folder)).join(asked))
        .find(|file| file.is_file())
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    files::open(path, Links::Follow).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    Some(head)
}

/// Says which calls are not seen of a program that has allocators of its own: its calls of them don't come by any table of the
/// loader. `None` when it has none.
pub(super) fn own_allocators(path: &Path) -> Option<String> {
    let path = program(path)?;
    if kind(&head(&path)?).is_some() {
        // All of it is unseen, which is said.
        return None;
    }
    let names = names_of_allocators(&path)?;
    let shown = text::shown(&path);
    Some(format!(
        "{shown} contains an allocator of its own ({names}), whose calls the preloaded library doesn't see"
    ))
}

/// Names of the allocators that are linked into a program.
fn names_of_allocators(path: &Path) -> Option<String> {
    let file = files::open(path, Links::Follow).ok()?;
    #[expect(unsafe_code, reason = "programs are large")]
    // SAFETY: the bytes are only looked at here; who cuts a program that is being started ends it, too.
    let bytes = unsafe { Mmap::map(&file) }.ok()?;
    let names = examine(&bytes).ok()?.allocators;
    (!names.is_empty()).then(|| names.join(", "))
}

/// The program of a script's first line.
fn interpreter(head: &[u8]) -> Option<PathBuf> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    Some(PathBuf::from(OsStr::from_bytes(words.next()?)))
}

/// Says what is special about an ELF file, as the end of a sentence; `None` for one that the loader starts.
fn kind(head: &[u8]) -> Option<&'static str> {
    /// A part of the program that names its loader.
    const INTERPRETER: u32 = 3;
    const SIXTY_FOUR_BITS: u8 = 2;
    let rest = head.strip_prefix(b"\x7fELF")?;
    if *rest.first()? != SIXTY_FOUR_BITS {
        return Some("is a 32-bit program");
    }
    let number = |at: usize| {
        let bytes = head.get(at..at + 8)?.first_chunk()?;
        Some(u64::from_le_bytes(*bytes))
    };
    let short = |at: usize| Some(u16::from_le_bytes(*head.get(at..at + 2)?.first_chunk()?));
    let (table, size, count) = (number(32)?, usize::from(short(54)?), usize::from(short(56)?));
    let table = usize::try_from(table).ok()?;
    let parts: Option<Vec<u32>> = (0..count)
        .map(|part| {
            let at = table.checked_add(part * size)?;
            Some(u32::from_le_bytes(*head.get(at..at.checked_add(4)?)?.first_chunk()?))
        })
        .collect();
    let parts = parts?;
    (!parts.contains(&INTERPRETER)).then_some("is statically linked")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use runner_shared::text::shown;

    use super::*;

    /// The head of a program with parts of these types.
    fn elf(class: u8, parts: &[u32]) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..5].copy_from_slice(&[0x7f, b'E', b'L', b'F', class]);
        head[32] = 64;
        head[54] = 56;
        head[56] = u8::try_from(parts.len()).unwrap();
        for part in parts {
            head.extend(part.to_le_bytes());
            head.extend([0; 52]);
        }
        head
    }

    #[test]
    fn a_program_without_a_loader_is_static() {
        assert_eq!(kind(&elf(2, &[6, 3, 1, 2])), None);
        assert_eq!(kind(&elf(2, &[1, 2])), Some("is statically linked"));
        assert_eq!(kind(&elf(1, &[3, 1])), Some("is a 32-bit program"));
        assert_eq!(kind(b"text"), None);
        let mut beyond = elf(2, &[1]);
        beyond[39] = 0xff;
        assert_eq!(kind(&beyond), None, "parts outside of the file");
        for end in 0..64 {
            assert_eq!(kind(&beyond[..end]).filter(|_| end < 58), None);
        }
    }

    #[test]
    fn scripts_are_what_interprets_them() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, elf(2, &[1])).unwrap();
        let script = folder.path().join("script");
        write!(fs::File::create(&script).unwrap(), "#! {} -x\nbody", shown(&program)).unwrap();
        let why = why_unseen(&script, None).unwrap();
        assert!(why.starts_with(program.to_str().unwrap()) && why.contains("statically linked"));
        let endless = folder.path().join("endless");
        write!(fs::File::create(&endless).unwrap(), "#!{}", shown(&endless)).unwrap();
        assert_eq!(why_unseen(&endless, None), None);
        assert_eq!(why_unseen(folder.path(), None), None);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
        assert!(why_unseen(&script, None).unwrap().contains("another user"));
        let us = Some(fs::metadata(&program).unwrap().uid());
        assert!(why_unseen(&script, us).unwrap().contains("statically linked"), "no change");
    }

    #[test]
    fn programs_are_found_as_the_system_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "").unwrap();
        let search = folder.path().as_os_str();
        assert_eq!(find(b"/x/y", search), Some(PathBuf::from("/x/y")));
        assert_eq!(find(b"a", search), Some(file));
        assert_eq!(find(b"b", search), None);
    }
}
