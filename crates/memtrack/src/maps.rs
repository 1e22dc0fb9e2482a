//! The files of which a process has code in its memory, as the kernel tells (`proc_pid_maps(5)`).

use std::{
    collections::HashMap,
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
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
    pub mappings: Vec<Arc<Mapping>>,
}

/// Looks at processes again and again.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    last: HashMap<i32, Vec<Arc<Mapping>>>,
}

/// So many processes are known, as nobody says when one is gone.
const MOST_WATCHED: usize = 1024;

impl Watcher {
    /// Returns what the process of a thread has in its memory, or will have with what comes `next`; `None` if that is what
    /// it had the last time, or if nothing can be known.
    pub(crate) fn look(&mut self, tid: u32, next: Option<Mapping>) -> Option<Memory> {
        let status = files::read_kernel(format!("/proc/{tid}/status")).ok()?;
        let status = String::from_utf8_lossy(&status);
        let pid =
            status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()?;
        let last = self.last.get(&pid).map_or(&[][..], Vec::as_slice);
        // Later than this a file may have been closed again.
        let timestamp = now().0;
        let known: Vec<&Mapping> = last.iter().map(|mapping| &**mapping).collect();
        let mut mappings = mappings(pid, &known);
        if let Some(next) = next {
            mappings.retain(|mapping| mapping.end <= next.start || next.end <= mapping.start);
            mappings.push(Arc::new(next));
        }
        if mappings.is_empty() || mappings == last {
            return None;
        }
        if self.last.len() >= MOST_WATCHED {
            self.last.clear();
        }
        self.last.insert(pid, mappings.clone());
        Some(Memory { pid, timestamp, mappings })
    }
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

/// Executable files in the memory of a process (`proc_pid_maps(5)`), none if it is gone. Files are told by their identity,
/// as they are looked up when it is gone; those that are `known` aren't asked for theirs again.
pub(crate) fn mappings(pid: i32, known: &[&Mapping]) -> Vec<Arc<Mapping>> {
    let text = files::read_kernel(format!("/proc/{pid}/maps")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let identified = |(mut mapping, inode): (Mapping, u64)| {
        let is_known = |it: &&&Mapping| {
            let place = (it.start, it.end, it.offset, &it.path);
            let is_it = it.identity.is_some_and(|(_, known)| known == inode);
            is_it && place == (mapping.start, mapping.end, mapping.offset, &mapping.path)
        };
        mapping.identity = known.iter().find(is_known).map_or_else(
            || {
                let path = format!("/proc/{pid}/root{}", mapping.path);
                files::open(Path::new(&path), Links::Follow).ok().as_ref().and_then(identity)
            },
            |known| known.identity,
        );
        Arc::new(mapping)
    };
    text.lines().filter_map(parse_mapping).map(identified).collect()
}

/// A mapping with the inode of its file.
fn parse_mapping(line: &str) -> Option<(Mapping, u64)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let (rights, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (_, rest) = rest.split_once(' ')?;
    let (inode, _) = rest.split_once(' ')?;
    let path = rest.get(rest.find('/')?..)?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let mapping = Mapping {
        start: hex(start)?,
        end: hex(end)?,
        offset: hex(offset)?,
        path: path.to_owned(),
        identity: None,
    };
    let inode = inode.parse().ok()?;
    rights.contains('x').then_some((mapping, inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps_are_read() {
        let line = "7f00-7f80 r-xp 00001000 fe:00 12 /lib/a b.so";
        let (mapping, inode) = parse_mapping(line).unwrap();
        assert_eq!(inode, 12);
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
        let mut watcher = Watcher::default();
        let memory = watcher.look(std::process::id(), None).unwrap();
        assert_eq!(memory.pid, i32::try_from(std::process::id()).unwrap());
        let path = std::env::current_exe().unwrap();
        let own = memory.mappings.iter().find(|mapping| Path::new(&mapping.path) == path).unwrap();
        assert_eq!(own.identity, identity(&File::open(path).unwrap()));
        assert!(own.identity.is_some());
        // Nothing has changed.
        assert!(watcher.look(std::process::id(), None).is_none());
        assert!(watcher.look(u32::MAX, None).is_none());
        let next = Mapping { path: "/next".to_owned(), ..Mapping::clone(own) };
        let replaced = watcher.look(std::process::id(), Some(next.clone())).unwrap();
        assert_eq!(replaced.mappings.len(), memory.mappings.len());
        assert!(!replaced.mappings.contains(own) && replaced.mappings.contains(&Arc::new(next)));
    }

    #[test]
    fn a_file_that_is_known_is_not_asked_again() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let fresh = mappings(pid, &[]);
        let (_, inode) = fresh[0].identity.unwrap();
        let known = Mapping { identity: Some((u64::MAX, inode)), ..Mapping::clone(&fresh[0]) };
        assert_eq!(*mappings(pid, &[&known])[0], known);
        let other = Mapping { identity: Some((u64::MAX, 0)), ..Mapping::clone(&fresh[0]) };
        assert_eq!(mappings(pid, &[&other]), fresh);
    }
}
