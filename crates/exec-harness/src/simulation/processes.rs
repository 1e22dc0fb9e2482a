//! Processes that go on running when the command of a benchmark has ended.
//!
//! Orphans become children of ours, wherever they come from (`system::orphans`): so nothing that a command leaves
//! behind stays unseen.

use std::{collections::BTreeSet, fs};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{Pid, getpid},
};
use system::lineage::parent_of;

/// Processes that ran at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running(BTreeSet<Pid>);

impl Running {
    /// All processes of the system.
    pub(crate) fn now() -> Self {
        Self(all().collect())
    }

    /// Returns true if the process was running then, and so belongs to no command that was started later.
    pub(crate) fn contains(&self, pid: Pid) -> bool {
        self.0.contains(&pid)
    }

    /// Ends all children of ours that didn't run then, and what they leave in turn. Returns
    /// those that were found first.
    pub(crate) fn end_others(&self) -> Vec<Pid> {
        let mut found = Vec::new();
        loop {
            let us = getpid();
            let strangers: Vec<Pid> =
                all().filter(|pid| !self.contains(*pid) && parent(*pid) == Some(us)).collect();
            if strangers.is_empty() {
                return found;
            }
            for pid in &strangers {
                // It may have ended by itself; it has to be collected in any case.
                let _ = kill(*pid, Signal::SIGKILL);
                while waitpid(*pid, None) == Err(Errno::EINTR) {}
            }
            if found.is_empty() {
                found = strangers;
            }
        }
    }
}

fn all() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
}

fn parent(pid: Pid) -> Option<Pid> {
    parent_of(pid.as_raw()).map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_a_child_of_our_parent() {
        assert!(Running::now().contains(getpid()));
        assert_eq!(parent(getpid()), Some(nix::unistd::getppid()));
    }
}
