//! Ends what an ended benchmark left running: processes that left its group, and their children.

use std::{collections::BTreeMap, fs, path::Path};

use nix::{
    sys::{
        prctl::set_child_subreaper,
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, getpid},
};

/// From now on orphans of our descendants become our children, so that none can hide.
pub(crate) fn adopt_orphans() {
    // Older kernels can't; then orphans go to init, as everywhere.
    let _ = set_child_subreaper(true);
}

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
    let tasks = Path::new("/proc").join(pid.to_string()).join("task");
    let Ok(tasks) = fs::read_dir(tasks) else { return };
    for task in tasks.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
            let child = Pid::from_raw(child);
            if found.insert(child, pid).is_none() {
                collect(child, found);
            }
        }
    }
}
