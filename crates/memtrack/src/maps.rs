//! The files of which a process has code in its memory, as the kernel tells (`proc_pid_maps(5)`).

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::Path,
};

use runner_shared::clock::now;
use system::files::{self, Links};

/// Code of a file in the memory of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its first address.
    pub start: u64,
    /// The address behind its last.
    pub end: u64,
    /// The beginning of the file's part, in bytes.
    pub offset: u64,
    /// The file, as the process calls it.
    pub path: String,
    /// Device and inode of the file, if it is to be told from another one with this path.
    pub identity: Option<(u64, u64)>,
}

/// A process, and the code of files in its memory.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The process.
    pub pid: i32,
    /// Nanoseconds of `CLOCK_MONOTONIC` when it was so.
    pub timestamp: u64,
    /// All that it has.
    pub mappings: Vec<Mapping>,
}

/// Returns what the process of a thread has in its memory, while it waits for us. Its files are told by their identity, as
/// they are looked up when it is gone; `None` if nothing can be known.
pub(crate) fn memory(tid: u32) -> Option<Memory> {
    let status = files::read_kernel(format!("/proc/{tid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let pid = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()?;
    let mut mappings = mappings(pid);
    for mapping in &mut mappings {
        let path = format!("/proc/{pid}/root{}", mapping.path);
        mapping.identity =
            files::open(Path::new(&path), Links::Follow).ok().as_ref().and_then(identity);
    }
    (!mappings.is_empty()).then(|| Memory { pid, timestamp: now().0, mappings })
}

/// Device and inode.
pub(crate) fn identity(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|about| (about.dev(), about.ino()))
}

/// The path of a mapping as the kernel says it: a loader finds its files by links.
pub(crate) fn canonical(mapping: &Mapping) -> Option<String> {
    let path = fs::canonicalize(Path::new(&mapping.path)).ok()?;
    let same =
        files::open(&path, Links::Follow).ok().and_then(|file| identity(&file)) == mapping.identity;
    path.to_str().filter(|_| same).map(str::to_owned)
}

/// Executable files in the memory of a process (`proc_pid_maps(5)`).
pub(crate) fn mappings(pid: i32) -> Vec<Mapping> {
    let text = files::read_kernel(format!("/proc/{pid}/maps")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().filter_map(parse_mapping).collect()
}

fn parse_mapping(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let (rights, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let path = rest.get(rest.find('/')?..)?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let mapping = Mapping {
        start: hex(start)?,
        end: hex(end)?,
        offset: hex(offset)?,
        path: path.to_owned(),
        identity: None,
    };
    rights.contains('x').then_some(mapping)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps_are_read() {
        let line = "7f00-7f80 r-xp 00001000 fe:00 12 /lib/a b.so";
        let mapping = parse_mapping(line).unwrap();
        assert_eq!((mapping.start, mapping.end, mapping.offset), (0x7f00, 0x7f80, 0x1000));
        assert_eq!(mapping.path, "/lib/a b.so");
        for line in
            ["7f00-7f80 rw-p 0 fe:00 12 /lib/a.so", "7f00-7f80 r-xp 0 0:0 0 [vdso]", "x", ""]
        {
            assert!(parse_mapping(line).is_none(), "{line}");
        }
    }

    #[test]
    fn files_of_a_process_are_told_by_their_identity() {
        let memory = memory(std::process::id()).unwrap();
        assert_eq!(memory.pid, i32::try_from(std::process::id()).unwrap());
        let path = std::env::current_exe().unwrap();
        let own = memory.mappings.iter().find(|mapping| Path::new(&mapping.path) == path).unwrap();
        assert_eq!(own.identity, identity(&File::open(path).unwrap()));
        assert!(own.identity.is_some());
        assert!(super::memory(u32::MAX).is_none());
    }
}
