//! What the processes of a benchmark have mapped at the edges of its windows, with the files themselves held open:
//! a library that is replaced or deleted during the run still yields its symbols.
//!
//! Taken while the client waits for an answer, so it costs no measured time; still, only what is new is looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    os::unix::fs::MetadataExt,
    path::Path,
};

use profile::{Mapping, PinnedFile, Snapshot, executable_mappings};
use runner_shared::{clock::now, text::bytes_as_text};
use system::files::{self, Links};

/// Files that are held open at most: a process may have 1024 of them as a rule.
const MOST_FILES: usize = 400;
/// Processes that are looked at. Most suites have one; a fork per benchmark is the exception.
const MOST_PROCESSES: usize = 256;

/// All snapshots of a run.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    taken: Vec<Snapshot>,
    pinned: BTreeSet<FileId>,
    seen: BTreeMap<i32, Seen>,
}

/// What tells a file from all others: major and minor number of its device, and inode.
type FileId = (u32, u32, u64);

/// What is known of a process.
#[derive(Debug, Default)]
struct Seen {
    text: String,
    mappings: Vec<Mapping>,
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
        let Ok(text) = files::read_kernel(process.join("maps")) else { return };
        // Paths as perf's records have them.
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(bytes_as_text).collect();
        let text = lines.join("\n");
        if text.is_empty() || text == seen.text {
            return;
        }
        let mappings = executable_mappings(&text);
        seen.text = text;
        // Most of what changes is the heap.
        if mappings == seen.mappings {
            return;
        }
        seen.mappings.clone_from(&mappings);
        let mut files = Vec::new();
        for mapping in mappings.iter().filter(|mapping| mapping.path.starts_with('/')) {
            let (device, inode) = (mapping.device, mapping.inode);
            let is_new =
                self.pinned.len() < MOST_FILES && self.pinned.insert((device.0, device.1, inode));
            if is_new && let Some(file) = pin(&process, mapping) {
                files.push(PinnedFile { device, inode, path: mapping.path.clone(), file });
            }
        }
        self.taken.push(Snapshot { pid, time: now().0, mappings, files });
    }

    /// Looks again at all processes that were met.
    pub(crate) fn take_all(&mut self) {
        let pids: Vec<_> = self.seen.keys().copied().collect();
        for pid in pids {
            self.take(pid);
        }
    }

    /// All of them, in the order of time.
    pub(crate) fn taken(&self) -> &[Snapshot] {
        &self.taken
    }
}

/// Opens the very file that is mapped: by the mapping itself, which needs rights, or by its name.
fn pin(process: &Path, mapping: &Mapping) -> Option<File> {
    let Mapping { start, end, inode, ref path, .. } = *mapping;
    let mapped = process.join(format!("map_files/{start:x}-{end:x}"));
    if let Ok(file) = files::open(&mapped, Links::Follow) {
        return Some(file);
    }
    let below = path.strip_prefix('/')?;
    let file = files::open(&process.join("root").join(below), Links::Follow).ok()?;
    file.metadata().is_ok_and(|data| data.ino() == inode).then_some(file)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::PathBuf,
        process::{Child, Command, Stdio},
    };

    use super::*;

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
    fn a_deleted_program_stays_readable_and_is_read_once() {
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
        // Once when it was met, and once because the name of its file has changed.
        assert!((1..=2).contains(&snapshots.taken().len()));
        let first = &snapshots.taken()[0];
        let path = program.to_str().unwrap();
        let mut of_program = first.files.iter().filter(|file| file.path == path);
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut &of_program.next().unwrap().file, &mut bytes).unwrap();
        assert!(bytes == fs::read("/bin/cat").unwrap());
        assert!(first.mappings.iter().any(|mapping| mapping.path.contains("libc")));
    }

    #[test]
    fn a_process_that_is_not_there_is_no_trouble() {
        let mut snapshots = Snapshots::default();
        snapshots.take(-1);
        assert!(snapshots.taken().is_empty());
    }
}
