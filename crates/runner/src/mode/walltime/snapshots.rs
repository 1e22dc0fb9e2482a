//! What the processes of a benchmark have mapped at the edges of its windows, with the files themselves held open:
//! a library that is replaced or deleted during the run still yields its symbols.
//!
//! Taken while the client waits for an answer, so it costs no measured time; still, only what is new is looked at.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsStr,
    fs::{self, File},
    ops::Range,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use runner_shared::clock::now;

/// Files that are held open at most: a process may have 1024 of them as a rule.
const MOST_FILES: usize = 400;
/// Processes that are looked at. Most suites have one; a fork per benchmark is the exception.
const MOST_PROCESSES: usize = 256;

/// What a process had mapped at one point in time that was not there before.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The process.
    pub pid: i32,
    /// Nanoseconds on `CLOCK_MONOTONIC`.
    pub time: u64,
    /// Executable mappings of files.
    pub mappings: Vec<Mapping>,
}

/// A part of a file in the memory of a process, from which code runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Mapping {
    /// Addresses.
    pub addresses: Range<u64>,
    /// Where in the file it begins, bytes.
    pub offset: u64,
    /// Device and inode.
    pub file: FileId,
    /// The name of the file when it was mapped, as the process saw it.
    pub path: PathBuf,
}

/// What tells a file from all others: major and minor number of its device, and inode.
pub(crate) type FileId = (u32, u32, u64);

/// All snapshots of a run.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    taken: Vec<Snapshot>,
    pinned: BTreeMap<FileId, File>,
    seen: BTreeMap<i32, Seen>,
}

/// What is known of a process.
#[derive(Debug, Default)]
struct Seen {
    text: Vec<u8>,
    mappings: HashSet<Mapping>,
}

impl Snapshots {
    /// Looks at a process for the first time, or again.
    pub(crate) fn take(&mut self, pid: i32) {
        if self.seen.len() >= MOST_PROCESSES && !self.seen.contains_key(&pid) {
            return;
        }
        let process = Path::new("/proc").join(pid.to_string());
        let seen = self.seen.entry(pid).or_default();
        // One that has ended, or that counts its processes otherwise than we do, has nothing to show.
        let Ok(text) = fs::read(process.join("maps")) else { return };
        if text == seen.text {
            return;
        }
        let mut mappings: Vec<_> = text.split(|byte| *byte == b'\n').filter_map(parse).collect();
        seen.text = text;
        mappings.retain(|mapping| seen.mappings.insert(mapping.clone()));
        for mapping in &mappings {
            if self.pinned.len() < MOST_FILES && !self.pinned.contains_key(&mapping.file) {
                self.pinned.extend(pin(&process, mapping).map(|file| (mapping.file, file)));
            }
        }
        if !mappings.is_empty() {
            self.taken.push(Snapshot { pid, time: now().0, mappings });
        }
    }

    /// Looks again at all processes that were met.
    pub(crate) fn take_all(&mut self) {
        let pids: Vec<_> = self.seen.keys().copied().collect();
        for pid in pids {
            self.take(pid);
        }
    }

    /// All of it.
    pub(crate) fn into_parts(self) -> (Vec<Snapshot>, BTreeMap<FileId, File>) {
        (self.taken, self.pinned)
    }
}

/// A line of `/proc/<pid>/maps`, if code of a file runs there.
fn parse(line: &[u8]) -> Option<Mapping> {
    let (head, path) = line.split_at(line.iter().position(|byte| *byte == b'/')?);
    let mut words = std::str::from_utf8(head).ok()?.split_whitespace();
    let (addresses, rights, offset) = (words.next()?, words.next()?, words.next()?);
    let (device, inode) = (words.next()?, words.next()?);
    if !rights.contains('x') {
        return None;
    }
    let pair = |text: &str, sign: char| {
        let (first, second) = text.split_once(sign)?;
        Some((u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(second, 16).ok()?))
    };
    let ((start, end), (major, minor)) = (pair(addresses, '-')?, pair(device, ':')?);
    let number = |number: u64| u32::try_from(number).ok();
    Some(Mapping {
        addresses: start..end,
        offset: u64::from_str_radix(offset, 16).ok()?,
        file: (number(major)?, number(minor)?, inode.parse().ok()?),
        path: PathBuf::from(OsStr::from_bytes(path.strip_suffix(b" (deleted)").unwrap_or(path))),
    })
}

/// Opens the very file that is mapped: by the mapping itself, which needs rights, or by its name.
fn pin(process: &Path, mapping: &Mapping) -> Option<File> {
    let Range { start, end } = mapping.addresses;
    let inode = mapping.file.2;
    if let Ok(file) = File::open(process.join(format!("map_files/{start:x}-{end:x}"))) {
        return Some(file);
    }
    let below = mapping.path.strip_prefix("/").ok()?;
    let file = File::open(process.join("root").join(below)).ok()?;
    file.metadata().is_ok_and(|data| data.is_file() && data.ino() == inode).then_some(file)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    #[test]
    fn lines_with_code_of_files_are_read() {
        let line = b"7f1c0000-7f1c2000 r-xp 00001000 fe:01 4711      /usr/lib/a b (1).so";
        let expected = Mapping {
            addresses: 0x7f1c_0000..0x7f1c_2000,
            offset: 0x1000,
            file: (0xfe, 1, 4711),
            path: "/usr/lib/a b (1).so".into(),
        };
        assert_eq!(parse(line), Some(expected));
        let deleted = b"1000-2000 r-xp 00000000 00:1f 9 /tmp/x (deleted)";
        assert_eq!(parse(deleted).unwrap().path, Path::new("/tmp/x"));
        for other in [
            &b"7f1c0000-7f1c2000 r--p 00001000 fe:01 4711 /usr/lib/a.so"[..],
            b"7f1c0000-7f1c2000 r-xp 00000000 00:00 0",
            b"7ffd0000-7ffd2000 r-xp 00000000 00:00 0 [vdso]",
            b"/",
            b"x-y r-xp 0 0:0 0 /a",
            b"",
        ] {
            assert_eq!(parse(other), None);
        }
    }

    /// A copy of `cat` that waits, so that its file can be replaced.
    fn waiting(folder: &Path) -> (PathBuf, Child) {
        let program = folder.join("copy of cat");
        fs::copy("/bin/cat", &program).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a process to look at")]
        let mut command = Command::new(&program);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Its answer comes from its own code, not from the copy of this test that it was before.
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"x").unwrap();
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        (program, child)
    }

    #[test]
    fn a_program_that_is_deleted_stays_readable_and_is_looked_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (program, mut child) = waiting(folder.path());
        let pid = i32::try_from(child.id()).unwrap();
        let mut snapshots = Snapshots::default();
        snapshots.take(pid);
        fs::remove_file(&program).unwrap();
        snapshots.take_all();
        drop(child.stdin.take());
        child.wait().unwrap();
        snapshots.take_all();
        let (taken, mut pinned) = snapshots.into_parts();
        let mappings: Vec<_> = taken.iter().flat_map(|one| &one.mappings).collect();
        let mut of_program = mappings.iter().filter(|mapping| mapping.path == program);
        let id = of_program.next().unwrap().file;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut pinned.remove(&id).unwrap(), &mut bytes).unwrap();
        assert!(bytes == fs::read("/bin/cat").unwrap());
        assert!(mappings.iter().any(|mapping| mapping.path.to_string_lossy().contains("libc")));
    }

    #[test]
    fn a_process_that_is_not_there_is_no_trouble() {
        let mut snapshots = Snapshots::default();
        snapshots.take(-1);
        assert!(snapshots.into_parts().0.is_empty());
    }
}
