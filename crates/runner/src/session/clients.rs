//! Finds the processes that hold the FIFOs, and pairs of them that could measure at the same time.
//!
//! The protocol has no connections: two clients read each other's answers, and each counts in the windows of the other.
//! A process and those that it started take turns (a test runner and its worker, a benchmark that isolates itself in a
//! child); two processes of which neither started the other do not wait for each other.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::{libc, unistd::Pid};
use runner_shared::text::one_line;

use crate::process::descendants;

/// A tool that runs benchmarks in worker processes, and the way to run them in one process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ParallelTool {
    pub name: &'static str,
    /// Part of a worker's command line.
    sign: &'static str,
    pub mend: &'static str,
    /// Its main process works on while a worker measures.
    pub main_is_busy: bool,
}

/// The known ones. The sign of pytest-xdist is the program that execnet 2 hands to the interpreter of a worker.
const PARALLEL_TOOLS: &[ParallelTool] = &[
    ParallelTool {
        name: "pytest-xdist",
        sign: "exec(eval(sys.stdin.readline()))",
        mend: "measure in one process: run pytest with `-n 0`",
        main_is_busy: true,
    },
    ParallelTool {
        name: "vitest",
        sign: "vitest/dist/workers/",
        mend: "measure in one process: run vitest with `--no-file-parallelism`",
        main_is_busy: false,
    },
    ParallelTool {
        name: "jest",
        sign: "jest-worker/build/workers/",
        mend: "measure in one process: run jest with `--runInBand`",
        main_is_busy: false,
    },
];

/// A process that holds the FIFOs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub pid: i32,
    /// The name of its program, on one line; empty if it is gone.
    pub name: String,
    pub tool: Option<&'static ParallelTool>,
}

impl Client {
    /// Describes the process with this id.
    pub(crate) fn of(pid: i32) -> Self {
        let proc = Path::new("/proc").join(pid.to_string());
        let name = fs::read_to_string(proc.join("comm")).unwrap_or_default();
        let line = fs::read(proc.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        let tool = PARALLEL_TOOLS.iter().find(|tool| line.contains(tool.sign));
        Self { pid, name: one_line(name.trim_end()), tool }
    }
}

/// A descriptor of a process below us that refers to the control FIFO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holder {
    pid: Pid,
    fd: u64,
}

/// Returns the processes below us that opened the FIFO with this identity (device and inode) themselves. A process that
/// we are starting holds copies of our own descriptors until it executes its program; these don't count.
pub(crate) fn clients(fifo: (u64, u64)) -> Vec<Client> {
    let parents = descendants();
    let ours = holders(std::iter::once(&Pid::this()), fifo);
    let mut theirs = holders(parents.keys(), fifo);
    theirs.retain(|&held| !ours.iter().any(|&own| same_file(own, held) == Some(true)));
    // A copy is never taken for a second client, also where the kernel doesn't tell.
    owners(&theirs, &parents, |a, b| same_file(a, b).unwrap_or(true))
        .into_iter()
        .map(|pid| Client::of(pid.as_raw()))
        .collect()
}

/// Returns the first pair of clients of which neither started the other.
pub(crate) fn unrelated(clients: &[Client]) -> Option<[Client; 2]> {
    let parents = descendants();
    let pids: Vec<Pid> = clients.iter().map(|client| Pid::from_raw(client.pid)).collect();
    let (first, second) = first_unrelated(&pids, &parents)?;
    Some([clients.get(first)?.clone(), clients.get(second)?.clone()])
}

fn first_unrelated(pids: &[Pid], parents: &BTreeMap<Pid, Pid>) -> Option<(usize, usize)> {
    let apart = |a: Pid, b: Pid| a != b && !is_below(a, b, parents) && !is_below(b, a, parents);
    pids.iter().enumerate().find_map(|(at, &first)| {
        let later = pids.iter().enumerate().skip(at + 1);
        later.into_iter().find(|&(_, &second)| apart(first, second)).map(|(other, _)| (at, other))
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

/// Reduces the holders to the processes that opened the FIFO: a copy that came by `fork` belongs to the process on top.
fn owners(
    holders: &[Holder],
    parents: &BTreeMap<Pid, Pid>,
    same: impl Fn(Holder, Holder) -> bool,
) -> Vec<Pid> {
    let mut owners: Vec<Holder> = Vec::new();
    for &holder in holders {
        match owners.iter_mut().find(|owner| same(**owner, holder)) {
            None => owners.push(holder),
            Some(owner) if is_below(owner.pid, holder.pid, parents) => *owner = holder,
            Some(_) => {}
        }
    }
    let mut pids: Vec<Pid> = owners.into_iter().map(|owner| owner.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

fn is_below(pid: Pid, above: Pid, parents: &BTreeMap<Pid, Pid>) -> bool {
    let up = std::iter::successors(parents.get(&pid), |pid| parents.get(pid));
    // The picture was taken while processes came and went: a circle can't be excluded.
    up.take(parents.len()).any(|&pid| pid == above)
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

    #[test]
    fn processes_of_one_line_take_turns() {
        for (pids, expected) in [
            (&[1, 2][..], None),
            (&[1, 2, 4], None),
            (&[2, 3], Some((0, 1))),
            (&[1, 3, 4], Some((1, 2))),
            (&[3, 3], None),
            (&[], None),
        ] {
            let pids: Vec<Pid> = pids.iter().map(|&raw| pid(raw)).collect();
            assert_eq!(first_unrelated(&pids, &family()), expected, "{pids:?}");
        }
    }

    #[test]
    fn a_copy_belongs_to_the_process_that_opened_the_file() {
        let holder = |raw, fd| Holder { pid: pid(raw), fd };
        let all = [holder(4, 5), holder(2, 5), holder(3, 5), holder(2, 6)];
        // 4 has a copy of 2's descriptor, 3 opened the file itself.
        let same = |a: Holder, b: Holder| a.fd == b.fd && (a.pid == pid(3)) == (b.pid == pid(3));
        assert_eq!(owners(&all, &family(), same), [pid(2), pid(3)]);
        assert_eq!(owners(&all, &family(), |_, _| true), [pid(2)]);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let circle = [(2, 3), (3, 2)].map(|(a, b)| (pid(a), pid(b))).into();
        assert!(!is_below(pid(2), pid(9), &circle));
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
        assert_eq!(clients(fifo), []);
        let mut client = hold("exec 2<> \"$0\"; echo; read x", ours.try_clone().unwrap());
        assert_eq!(clients(fifo), [Client::of(i32::try_from(client.id()).unwrap())]);
        for child in [&mut copy, &mut client] {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
}
