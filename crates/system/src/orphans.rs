//! Processes that outlive the command that has started them, wherever they have moved: another group, another session.
//! They become children of ours, so that none stays unseen.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, ErrorKind},
    path::PathBuf,
};

use nix::{
    errno::Errno,
    sys::{
        prctl::set_child_subreaper,
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::Pid,
};

use crate::files;

/// A process that goes on without the command that has started it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its id.
    pub pid: Pid,
    /// The name of its program, as the process has it; empty if it is gone.
    pub name: String,
}

/// Orphans that are no concern of the next command: servers that a hook has started, and what an earlier command has
/// left.
#[derive(Debug, Default)]
pub struct Orphans {
    known: BTreeSet<Pid>,
}

impl Orphans {
    /// Makes orphans children of ours from now on.
    pub fn adopt() -> Self {
        adopt();
        Self::default()
    }

    /// Notes the orphans that run already. One system call where there are none.
    pub fn note(&mut self) {
        self.known = living();
    }

    /// Notes our children as they are, and collects none. To be asked before the command is started: its orphans may come as
    /// soon as it runs.
    pub fn note_children(&mut self) {
        self.known = children_of(Pid::this());
    }

    /// Notes the command itself, which is a child of ours and no orphan.
    pub fn note_command(&mut self, command: Pid) {
        self.known.insert(command);
    }

    /// Notes all that runs below us: what one of these leaves behind later is no concern of the command either.
    pub fn note_descendants(&mut self) {
        self.known = descendants().into_keys().collect();
    }

    /// Returns every process below us that is neither noted nor below one that is, with its parent.
    pub fn strangers(&self) -> BTreeMap<Pid, Pid> {
        let mut found = all_below(Pid::this(), |pid| &children_of(pid) - &self.known);
        found.retain(|pid, _| !self.known.contains(pid));
        found
    }

    /// Returns whether others run than those that were noted. To be asked when the command is collected; one system call
    /// where there are none.
    pub fn have_come(&self) -> bool {
        !self.newcomers().is_empty()
    }

    /// Returns those that run and were not noted; as [`Orphans::have_come`].
    pub fn newcomers(&self) -> Vec<Leftover> {
        self.foreign(&living()).map(|pid| Leftover { pid, name: name(pid) }).collect()
    }

    /// Returns `command`, those that were not noted, running or not, and all below them. Collects none, so that it can be
    /// asked while the command runs.
    pub fn families(&self, command: Pid) -> BTreeSet<Pid> {
        let us = Pid::this();
        let children = |pid| {
            let all = children_of(pid);
            if pid != us {
                return all;
            }
            self.foreign(&all).chain([command]).collect()
        };
        all_below(us, children).into_keys().collect()
    }

    fn foreign<'a>(&'a self, children: &'a BTreeSet<Pid>) -> impl Iterator<Item = Pid> + 'a {
        let ours = fs::read_link("/proc/self/exe").ok();
        // A fork of ours is a helper: it may have been made at any time.
        let is_foreign = move |&pid: &Pid| match program(pid) {
            Program::At(theirs) => Some(theirs) != ours,
            Program::Hidden => true,
            Program::None => false,
        };
        children.difference(&self.known).copied().filter(is_foreign)
    }
}

/// Returns the name of the program of a process, as the process has it; an empty one if it is gone.
pub(crate) fn name(pid: Pid) -> String {
    let name = files::read_kernel(format!("/proc/{pid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(&name).trim_end().to_owned()
}

/// The program that a process runs.
#[derive(Debug, PartialEq, Eq)]
enum Program {
    /// The path of its file.
    At(PathBuf),
    /// We may not know.
    Hidden,
    /// None any more. A process that ends gives up its memory first, its files next, and can be collected last; so the
    /// reader at the other end of its pipe may see it end before its parent does.
    None,
}

/// Returns the program of a process. Its first thread alone doesn't tell: it may have ended while others go on.
fn program(pid: Pid) -> Program {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut answers = tasks.map(|task| match fs::read_link(task.path().join("exe")) {
        Ok(path) => Program::At(path),
        Err(err) if is_gone(&err) => Program::None,
        Err(_) => Program::Hidden,
    });
    answers.find(|answer| *answer != Program::None).unwrap_or(Program::None)
}

fn is_gone(err: &io::Error) -> bool {
    err.kind() == ErrorKind::NotFound
        || err.raw_os_error().map(Errno::from_raw) == Some(Errno::ESRCH)
}

/// Returns our children that run; those that have ended are collected.
fn living() -> BTreeSet<Pid> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    loop {
        match waitid(Id::All, flags) {
            Ok(WaitStatus::StillAlive) => return children_of(Pid::this()),
            Ok(status) => {
                let collected = status.pid().and_then(|pid| waitpid(pid, None).ok());
                if collected.is_none() {
                    return children_of(Pid::this());
                }
            }
            Err(_) => return BTreeSet::new(),
        }
    }
}

/// Returns the children of a process, as far as `/proc` shows them; see `proc_pid_task(5)`: `/proc/<pid>/task/<tid>/children`.
pub fn children_of(pid: Pid) -> BTreeSet<Pid> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| files::read_kernel_text(task.path().join("children")).ok());
    let all: Vec<String> = lists.collect();
    let numbers = all.iter().flat_map(|list| list.split_whitespace());
    numbers.filter_map(|number| number.parse().ok().map(Pid::from_raw)).collect()
}

/// Returns every process below this one with its parent, as far as `/proc` shows them.
pub fn descendants() -> BTreeMap<Pid, Pid> {
    all_below(Pid::this(), children_of)
}

/// The most walks through a tree of processes that changes all the time.
const WALKS: usize = 16;

/// Returns every process below `top` with its parent, by the children of each.
///
/// The tree is read piece by piece while it changes: a process whose parent ends moves up to where we have been already,
/// and the kernel skips children while one of them ends (`proc_pid_task(5)`). So it is walked until a walk finds nothing new.
fn all_below(top: Pid, children_of: impl Fn(Pid) -> BTreeSet<Pid>) -> BTreeMap<Pid, Pid> {
    let mut found = BTreeMap::new();
    for _ in 0..WALKS {
        let known = found.len();
        let mut seen = BTreeSet::from([top]);
        let mut ahead = vec![top];
        while let Some(parent) = ahead.pop() {
            for child in children_of(parent) {
                if seen.insert(child) {
                    found.insert(child, parent);
                    ahead.push(child);
                }
            }
        }
        if found.len() == known {
            break;
        }
    }
    found
}

/// Makes orphans below this process its children from now on, so that none can hide.
fn adopt() {
    // Kernels before 3.4 can't; then they go to the first process, as everywhere.
    let _ = set_child_subreaper(true);
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, process::Command};

    use super::*;

    #[test]
    fn a_process_that_moves_up_during_a_walk_is_found() {
        let pid = Pid::from_raw;
        let asked = Cell::new(0);
        // 3 is a child of 2 when the children of 1 are read, and one of 1 when those of 2 are.
        let children = |parent: Pid| {
            asked.set(asked.get() + 1);
            let of_first: &[i32] = if asked.get() == 1 { &[2] } else { &[2, 3] };
            let all: &[i32] = match parent.as_raw() {
                1 => of_first,
                3 => &[4],
                _ => &[],
            };
            all.iter().copied().map(pid).collect()
        };
        let all = BTreeMap::from([(pid(2), pid(1)), (pid(3), pid(1)), (pid(4), pid(3))]);
        assert_eq!(all_below(pid(1), children), all);
    }

    #[test]
    fn a_tree_that_grows_all_the_time_and_one_with_a_ring_end() {
        let last = Cell::new(1);
        let grows = |parent: Pid| {
            if parent.as_raw() != 1 {
                return BTreeSet::new();
            }
            last.set(last.get() + 1);
            BTreeSet::from([Pid::from_raw(last.get())])
        };
        assert_eq!(all_below(Pid::from_raw(1), grows).len(), WALKS);
        let ring = |parent: Pid| BTreeSet::from([Pid::from_raw(3 - parent.as_raw())]);
        assert_eq!(all_below(Pid::from_raw(1), ring).len(), 1);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process to look at, started as it comes")]
    fn only_a_running_process_has_a_program() {
        assert_eq!(program(Pid::this()), Program::At(fs::read_link("/proc/self/exe").unwrap()));
        let mut child = Command::new("true").spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed());
        let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(pid), ended).unwrap();
        // Not collected yet: there is a process still.
        assert_eq!(program(pid), Program::None);
        child.wait().unwrap();
        assert_eq!(program(pid), Program::None);
    }
}
