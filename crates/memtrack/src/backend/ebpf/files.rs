//! The file that a question of the kernel is about, seen from the asking process: its folders, its root.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    os::unix::{ffi::OsStringExt, fs::FileExt},
    path::{Path, PathBuf},
};

use object::{
    Endianness,
    elf::{FileHeader64, PT_INTERP},
    read::elf::{FileHeader, ProgramHeader},
};
use system::files::{self, Links};

use super::notify::Question;

/// A path is no longer than this (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;
/// Interpreters of interpreters, as the kernel allows.
const MOST_INTERPRETERS: usize = 5;

/// A file that is about to be mapped.
#[derive(Debug)]
pub(super) struct Mapped {
    /// Open for reading.
    pub file: File,
    /// Its name for the user.
    pub path: PathBuf,
}

/// All files that the answer to this question will map: a library, or a program with its interpreters.
pub(super) fn asked_about(question: Question) -> Vec<Mapped> {
    match question {
        Question::Map { tid, fd, .. } => {
            let path = PathBuf::from(format!("/proc/{tid}/fd/{fd}"));
            let named = std::fs::read_link(&path).unwrap_or_else(|_| path.clone());
            open(&path).map(|file| Mapped { file, path: named }).into_iter().collect()
        }
        Question::Exec { tid, dir, path } => {
            let Ok(path) = read_path(tid, path) else { return Vec::new() };
            program(tid, dir, &path)
        }
        Question::Start { .. } | Question::Other => Vec::new(),
    }
}

fn program(tid: u32, dir: i64, path: &Path) -> Vec<Mapped> {
    let mut found = Vec::new();
    let mut next = Some((seen_from(tid, dir, path), path.to_owned()));
    while let Some((place, path)) = next.take() {
        let Some(file) = open(&place) else { break };
        if found.len() < MOST_INTERPRETERS {
            let wanted = interpreter(&file);
            next = wanted.map(|wanted| (seen_from(tid, libc::AT_FDCWD.into(), &wanted), wanted));
        }
        // A relative path means nothing to the reader of a result.
        let path =
            if path.is_absolute() { path } else { std::fs::canonicalize(&place).unwrap_or(path) };
        found.push(Mapped { file, path });
    }
    found
}

/// Names by which a process finds itself; to us they would mean ourselves.
const OWN: &[(&str, &str)] =
    &[("/proc/self", ""), ("/proc/thread-self", ""), ("/dev/fd", "fd"), ("/dev/stdin", "fd/0")];

/// Returns the path by which we reach a file of another process.
fn seen_from(tid: u32, dir: i64, path: &Path) -> PathBuf {
    let process = PathBuf::from(format!("/proc/{tid}"));
    for (own, place) in OWN {
        if let Ok(below) = path.strip_prefix(own) {
            return process.join(place).join(below);
        }
    }
    if let Ok(below) = path.strip_prefix("/") {
        return process.join("root").join(below);
    }
    if dir == i64::from(libc::AT_FDCWD) {
        return process.join("cwd").join(path);
    }
    let dir = process.join("fd").join(dir.to_string());
    // An empty path is the descriptor itself.
    if path.as_os_str().is_empty() { dir } else { dir.join(path) }
}

/// Opens what is a plain file; a device or FIFO would hold us up.
fn open(path: &Path) -> Option<File> {
    files::open(path, Links::Follow).ok()
}

/// The text at an address of another process, up to its NUL.
fn read_path(tid: u32, address: u64) -> io::Result<PathBuf> {
    let memory = files::open_kernel(format!("/proc/{tid}/mem"))?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 256];
    while bytes.len() < LONGEST_PATH {
        // Up to the next border of a chunk: what lies behind a page may not be there.
        let at = address.wrapping_add(u64::try_from(bytes.len()).map_err(io::Error::other)?);
        let room = chunk.len() - usize::try_from(at % 256).unwrap_or(0);
        let Some(room) = chunk.get_mut(..room) else { break };
        let len = memory.read_at(room, at)?;
        let read = room.get(..len).unwrap_or_default();
        if let Some(end) = read.iter().position(|byte| *byte == 0) {
            bytes.extend(read.iter().take(end));
            return Ok(OsString::from_vec(bytes).into());
        }
        if len == 0 {
            break;
        }
        bytes.extend(read);
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Returns the file that the kernel starts in place of this one, or maps beside it: the program of a `#!` line, the loader
/// of an ELF file, which for musl is the C library itself.
fn interpreter(file: &File) -> Option<PathBuf> {
    let mut head = Vec::new();
    Read::by_ref(&mut &*file).take(4096).read_to_end(&mut head).ok()?;
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?;
        let mut words =
            line.split(|byte| *byte == b' ' || *byte == b'\t').filter(|word| !word.is_empty());
        return Some(OsString::from_vec(words.next()?.to_vec()).into());
    }
    let header = FileHeader64::<Endianness>::parse(&*head).ok()?;
    let endian = header.endian().ok()?;
    let headers = header.program_headers(endian, &*head).ok()?;
    let found = headers.iter().find(|header| header.p_type(endian) == PT_INTERP)?;
    let mut path =
        vec![0; usize::try_from(found.p_filesz(endian)).ok().filter(|len| *len <= LONGEST_PATH)?];
    file.read_exact_at(&mut path, found.p_offset(endian)).ok()?;
    path.truncate(path.iter().position(|byte| *byte == 0).unwrap_or(path.len()));
    Some(OsString::from_vec(path).into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use runner_shared::text::shown;

    use super::*;

    #[test]
    fn interpreters_of_scripts_and_programs_are_found() {
        let mut script = tempfile::NamedTempFile::new().unwrap();
        script.write_all(b"#! /usr/bin/env  python3\nprint()\n").unwrap();
        let open = |path: &Path| File::open(path).unwrap();
        assert_eq!(interpreter(&open(script.path())), Some("/usr/bin/env".into()));
        let loader = interpreter(&open(Path::new("/bin/sh"))).unwrap();
        assert!(loader.is_absolute() && loader.exists(), "{}", shown(&loader));
        let mut text = tempfile::NamedTempFile::new().unwrap();
        text.write_all(b"hello").unwrap();
        assert_eq!(interpreter(&open(text.path())), None);
    }

    #[test]
    fn a_path_is_read_from_memory_across_chunks() {
        let path = format!("/{}\0", "long/".repeat(200));
        let address = u64::try_from(path.as_ptr().addr()).unwrap();
        let read = read_path(std::process::id(), address).unwrap();
        assert_eq!(read.to_str().unwrap(), path.trim_end_matches('\0'));
        assert!(read_path(std::process::id(), 8).is_err());
    }

    #[test]
    fn what_a_process_calls_its_own_is_its_own() {
        let seen = |path: &str| seen_from(7, libc::AT_FDCWD.into(), Path::new(path));
        assert_eq!(seen("/proc/self/fd/3"), Path::new("/proc/7/fd/3"));
        assert_eq!(seen("/proc/self/exe"), Path::new("/proc/7/exe"));
        assert_eq!(seen("/dev/fd/3"), Path::new("/proc/7/fd/3"));
        assert_eq!(seen("a/b"), Path::new("/proc/7/cwd/a/b"));
    }

    #[test]
    fn our_own_program_is_found_with_its_loader() {
        let exe = std::env::current_exe().unwrap();
        let found = program(std::process::id(), libc::AT_FDCWD.into(), &exe);
        assert_eq!(found.first().unwrap().path, exe);
        assert!(found.len() <= 2);
        assert!(
            program(std::process::id(), libc::AT_FDCWD.into(), Path::new("/no/such")).is_empty()
        );
    }
}
