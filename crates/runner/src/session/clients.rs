//! Finds the processes that can speak through the FIFOs, and pairs of them that could measure at the same time.
//!
//! The protocol has no connections: two clients read each other's answers, and each counts in the windows of the other.
//! A process and those that it started take turns (a test runner and its worker, a benchmark that isolates itself in a
//! child); two processes of which neither started the other do not wait for each other. Who has measured when, and
//! what follows from it, is in `turns.rs`.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::{libc, unistd::Pid};
use runner_shared::{text::one_line, workers::WorkerTool};
use system::{files, lineage::start_of, orphans::descendants};

/// A process that holds the FIFOs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub pid: i32,
    /// The name of its program, on one line; empty if it is gone.
    pub name: String,
    pub tool: Option<&'static WorkerTool>,
}

impl Client {
    /// Describes the process with this id.
    pub(crate) fn of(pid: i32) -> Self {
        let proc = Path::new("/proc").join(pid.to_string());
        let name = files::read_kernel_text(proc.join("comm")).unwrap_or_default();
        let line = files::read_kernel(proc.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        Self { pid, name: one_line(name.trim_end()), tool: WorkerTool::of(&line) }
    }
}

/// A process that can speak: it opened the FIFOs, or got them by `fork` from one that did and runs the same program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Speaker {
    pub client: Client,
    /// The time when it started, in ticks since the machine was started.
    pub start: u64,
    /// Its parent, the parent of that, and so on up to us.
    pub above: Vec<i32>,
    /// It opened the FIFOs itself.
    pub opened: bool,
}

impl Speaker {
    /// Returns whether both are the same process.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.client.pid, self.start) == (other.client.pid, other.start)
    }

    /// Returns whether they are the same, or one started the other.
    pub(crate) fn is_of_one_line_with(&self, other: &Self) -> bool {
        let below = |lower: &Self, upper: &Self| lower.above.contains(&upper.client.pid);
        self.client.pid == other.client.pid || below(self, other) || below(other, self)
    }
}

/// A descriptor of a process below us that refers to the control FIFO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holder {
    pid: Pid,
    fd: u64,
}

/// Returns the processes below us that can speak through the FIFO with this identity (device and inode). A process that
/// we are starting holds copies of our own descriptors until it executes its program; these don't count.
pub(crate) fn speakers(fifo: (u64, u64)) -> Vec<Speaker> {
    let parents = descendants();
    let ours = holders(std::iter::once(&Pid::this()), fifo);
    let mut theirs = holders(parents.keys(), fifo);
    theirs.retain(|&held| !ours.iter().any(|&own| same_file(own, held) == Some(true)));
    // A copy is never taken for a second client, also where the kernel doesn't tell.
    let found = voices(&theirs, &parents, |a, b| same_file(a, b).unwrap_or(true), same_program);
    found.into_iter().filter_map(|(pid, opened)| speaker(pid, opened, &parents)).collect()
}

fn speaker(pid: Pid, opened: bool, parents: &BTreeMap<Pid, Pid>) -> Option<Speaker> {
    let pid = pid.as_raw();
    let above = above(Pid::from_raw(pid), parents).map(Pid::as_raw).collect();
    Some(Speaker { client: Client::of(pid), start: start_of(pid)?, above, opened })
}

/// Returns the first pair of which neither started the other.
pub(crate) fn unrelated(speakers: &[Speaker]) -> Option<[&Speaker; 2]> {
    speakers.iter().enumerate().find_map(|(at, first)| {
        let mut later = speakers.iter().skip(at + 1);
        later.find(|second| !first.is_of_one_line_with(second)).map(|second| [first, second])
    })
}

fn holders<'a>(pids: impl Iterator<Item = &'a Pid>, fifo: (u64, u64)) -> Vec<Holder> {
    let mut found = Vec::new();
    for &pid in pids {
        let folder = PathBuf::from(format!("/proc/{pid}/fd"));
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // Looks at what the descriptor refers to; nothing is opened.
            let refers = fs::metadata(entry.path());
            let fd = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(fd) = fd
                && refers.is_ok_and(|data| (data.dev(), data.ino()) == fifo)
            {
                found.push(Holder { pid, fd });
            }
        }
    }
    found
}

/// Returns the processes that can speak, and whether each opened the FIFO itself: of those that have one opened file in
/// common this is the process on top. The others have a copy, which is of use to them only if they run its program.
fn voices(
    holders: &[Holder],
    parents: &BTreeMap<Pid, Pid>,
    same_file: impl Fn(Holder, Holder) -> bool,
    same_program: impl Fn(Pid, Pid) -> bool,
) -> BTreeMap<Pid, bool> {
    let mut files: Vec<Vec<Holder>> = Vec::new();
    for &holder in holders {
        let place = files
            .iter()
            .position(|file| file.first().is_some_and(|&first| same_file(first, holder)));
        match place.and_then(|place| files.get_mut(place)) {
            Some(file) => file.push(holder),
            None => files.push(vec![holder]),
        }
    }
    let mut found = BTreeMap::new();
    for file in files {
        let depth = |holder: &&Holder| above(holder.pid, parents).count();
        let Some(top) = file.iter().min_by_key(depth).map(|holder| holder.pid) else { continue };
        for Holder { pid, .. } in file {
            if pid == top {
                found.insert(pid, true);
            } else if same_program(pid, top) {
                found.entry(pid).or_insert(false);
            }
        }
    }
    found
}

/// Returns the parent, the parent of that, and so on.
pub(super) fn above(pid: Pid, parents: &BTreeMap<Pid, Pid>) -> impl Iterator<Item = Pid> {
    let up = std::iter::successors(parents.get(&pid), |pid| parents.get(pid));
    // The picture was taken while processes came and went: a circle can't be excluded.
    up.take(parents.len()).copied()
}

/// Returns whether both run the same file.
pub(super) fn same_program(a: Pid, b: Pid) -> bool {
    let program = |pid: Pid| fs::metadata(format!("/proc/{pid}/exe")).ok();
    let identity = |pid| program(pid).map(|data| (data.dev(), data.ino()));
    identity(a).is_some_and(|program| identity(b) == Some(program))
}

/// Returns whether both descriptors came from one call of `open`, by `kcmp(2)`, or `None` where the kernel doesn't tell.
#[expect(unsafe_code, reason = "no crate offers this system call")]
fn same_file(a: Holder, b: Holder) -> Option<bool> {
    const KCMP_FILE: libc::c_int = 0;
    // SAFETY: `kcmp` takes numbers only and touches no memory of ours.
    let order = unsafe {
        libc::syscall(libc::SYS_kcmp, a.pid.as_raw(), b.pid.as_raw(), KCMP_FILE, a.fd, b.fd)
    };
    (order >= 0).then_some(order == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn pid(raw: i32) -> Pid {
        Pid::from_raw(raw)
    }

    /// 1 started 2 and 3; 2 started 4.
    fn family() -> BTreeMap<Pid, Pid> {
        [(2, 1), (3, 1), (4, 2)].map(|(child, parent)| (pid(child), pid(parent))).into()
    }

    fn speaker(pid: i32) -> Speaker {
        let client = Client { pid, name: String::new(), tool: None };
        let parents = family();
        let above = above(Pid::from_raw(pid), &parents).map(Pid::as_raw).collect();
        Speaker { client, start: 0, above, opened: true }
    }

    #[test]
    fn processes_of_one_line_take_turns() {
        for (pids, expected) in [
            (&[1, 2][..], None),
            (&[1, 2, 4], None),
            (&[2, 3], Some([2, 3])),
            (&[1, 3, 4], Some([3, 4])),
            (&[3, 3], None),
            (&[], None),
        ] {
            let speakers: Vec<Speaker> = pids.iter().copied().map(speaker).collect();
            let pair = unrelated(&speakers).map(|pair| pair.map(|speaker| speaker.client.pid));
            assert_eq!(pair, expected, "{pids:?}");
        }
    }

    #[test]
    fn a_copy_belongs_to_the_process_that_opened_the_file() {
        let holder = |raw, fd| Holder { pid: pid(raw), fd };
        let all = [holder(4, 5), holder(2, 5), holder(3, 5), holder(2, 6)];
        // 4 has a copy of 2's descriptor, 3 opened the file itself.
        let same = |a: Holder, b: Holder| a.fd == b.fd && (a.pid == pid(3)) == (b.pid == pid(3));
        let found = |same: fn(Holder, Holder) -> bool, program: fn(Pid, Pid) -> bool| {
            let found = voices(&all, &family(), same, program);
            found.into_iter().map(|(pid, opened)| (pid.as_raw(), opened)).collect::<Vec<_>>()
        };
        assert_eq!(found(same, |_, _| true), [(2, true), (3, true), (4, false)]);
        assert_eq!(found(same, |_, _| false), [(2, true), (3, true)]);
        assert_eq!(found(|_, _| true, |_, _| false), [(2, true)]);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let circle = [(2, 3), (3, 2)].map(|(a, b)| (pid(a), pid(b))).into();
        assert_eq!(above(pid(2), &circle).count(), 2);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "processes that are not of a benchmark")]
    fn a_copy_of_our_own_descriptor_is_no_client() {
        use std::{
            fs::{File, OpenOptions},
            io::Read,
            process::{Command, Stdio},
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ctl");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let data = fs::metadata(&path).unwrap();
        let fifo = (data.dev(), data.ino());
        let ours = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let hold = |script: &str, copy: File| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).arg(&path).stdin(Stdio::piped());
            let mut child = command.stdout(Stdio::piped()).stderr(copy).spawn().unwrap();
            child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
            child
        };
        let mut copy = hold("echo; read x", ours.try_clone().unwrap());
        assert_eq!(speakers(fifo), []);
        let mut client = hold("exec 2<> \"$0\"; echo; read x", ours.try_clone().unwrap());
        let seen: Vec<i32> = speakers(fifo).iter().map(|speaker| speaker.client.pid).collect();
        assert_eq!(seen, [i32::try_from(client.id()).unwrap()]);
        for child in [&mut copy, &mut client] {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
}
