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

    /// Notes our children as they are, and collects none: one of them is the command itself.
    pub fn note_children(&mut self) {
        self.known = children_of(Pid::this());
    }

    /// Notes all that runs below us: what one of these leaves behind later is no concern of the command either.
    pub fn note_descendants(&mut self) {
        self.known = descendants().into_keys().collect();
    }

    /// Returns every process below us that is neither noted nor below one that is, with its parent.
    pub fn strangers(&self) -> BTreeMap<Pid, Pid> {
        let mut found = BTreeMap::new();
        collect(Pid::this(), &self.known, &mut found);
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

    /// Returns those that were not noted, running or not, and all below them. Collects none, so that it can be asked while
    /// the command runs.
    pub fn families(&self) -> BTreeSet<Pid> {
        let heads: Vec<Pid> = self.foreign(&children_of(Pid::this())).collect();
        let all = heads.iter().flat_map(|head| below(*head));
        all.chain(heads.iter().copied()).collect()
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
    let mut found = BTreeMap::new();
    collect(Pid::this(), &BTreeSet::new(), &mut found);
    found
}

/// Returns every process below `pid`, without itself, as far as `/proc` shows them.
pub fn below(pid: Pid) -> BTreeSet<Pid> {
    let mut found = BTreeMap::new();
    collect(pid, &BTreeSet::new(), &mut found);
    found.into_keys().collect()
}

fn collect(pid: Pid, passed_over: &BTreeSet<Pid>, found: &mut BTreeMap<Pid, Pid>) {
    for child in children_of(pid) {
        if !passed_over.contains(&child) && found.insert(child, pid).is_none() {
            collect(child, passed_over, found);
        }
    }
}

/// Makes orphans below this process its children from now on, so that none can hide.
fn adopt() {
    // Kernels before 3.4 can't; then they go to the first process, as everywhere.
    let _ = set_child_subreaper(true);
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process to look at, started as it comes")]
    fn a_process_that_has_ended_runs_no_program_and_one_that_goes_on_runs_its_own() {
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
