//! Ends what an ended benchmark left running: processes that left its group, and their children.

use std::collections::BTreeMap;

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, getpid},
};
use system::orphans::children_of;

/// Kills every process below us and collects it.
pub(crate) fn kill_descendants() {
    // A killed process may have started another one just before; the tree is finite.
    for _ in 0..100 {
        let found = descendants();
        if found.is_empty() {
            return;
        }
        for &pid in found.keys() {
            let _ = kill(pid, Signal::SIGKILL);
        }
        // Waits for one of ours, if there is one, then collects the others that have ended.
        let mut flags = None;
        while let Ok(status) = waitpid(None, flags) {
            if status == WaitStatus::StillAlive {
                break;
            }
            flags = Some(WaitPidFlag::WNOHANG);
        }
    }
}

/// Returns every process below this one with its parent, as far as `/proc` shows them.
pub(crate) fn descendants() -> BTreeMap<Pid, Pid> {
    let mut found = BTreeMap::new();
    collect(getpid(), &mut found);
    found
}

fn collect(pid: Pid, found: &mut BTreeMap<Pid, Pid>) {
    for child in children_of(pid) {
        if found.insert(child, pid).is_none() {
            collect(child, found);
        }
    }
}
