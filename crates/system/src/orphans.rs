//! Processes that outlive the command that has started them, wherever they have moved: another group, another session.
//! They become children of ours, so that none stays unseen.

use std::{collections::BTreeSet, fs};

use nix::{
    sys::{
        prctl::set_child_subreaper,
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::Pid,
};

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

    /// Returns whether others run than those that were noted. To be asked when the command is collected; one system call
    /// where there are none.
    pub fn have_come(&self) -> bool {
        let living = living();
        let mut new = living.difference(&self.known);
        // A fork of ours is a helper: it may have been made at any time.
        let program = |pid: Pid| fs::read_link(format!("/proc/{pid}/exe")).ok();
        new.any(|&pid| program(pid).is_none_or(|theirs| Some(theirs) != program(Pid::this())))
    }
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
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let all: Vec<String> = lists.collect();
    let numbers = all.iter().flat_map(|list| list.split_whitespace());
    numbers.filter_map(|number| number.parse().ok().map(Pid::from_raw)).collect()
}

/// Makes orphans below this process its children from now on, so that none can hide.
pub fn adopt() {
    // Kernels before 3.4 can't; then they go to the first process, as everywhere.
    let _ = set_child_subreaper(true);
}
