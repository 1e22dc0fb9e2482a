//! Processes that an ended benchmark has left running, wherever they have moved, and their children.

use std::os::fd::{AsFd, OwnedFd};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
};
use runner_shared::clock::now;
use system::{
    guard,
    orphans::{Leftover, Orphans},
    pidfd,
};

/// A helper of a benchmark that ends when it notices the benchmark's end has this long for it.
const PATIENCE_NS: u64 = 500_000_000;

/// Kills every process below us but those that ran `before`, and collects it.
pub(crate) fn kill_descendants(before: &Orphans) {
    // A killed process may have started another one just before; the tree is finite.
    for _ in 0..100 {
        let found = before.strangers();
        if found.is_empty() {
            return;
        }
        for &pid in found.keys() {
            let _ = kill(pid, Signal::SIGKILL);
        }
        // Waits for one of ours, if there is one, then collects the others that have ended.
        let mut flags = None;
        while let Ok(status) = waitpid(None, flags) {
            let Some(pid) = status.pid() else { break };
            guard::forget(pid);
            flags = Some(WaitPidFlag::WNOHANG);
        }
    }
}

/// Returns the children of ours that did not run `before` and do not end with the benchmark that has just ended. Takes
/// time only if there are some.
pub(crate) fn left_running(before: &Orphans) -> Vec<Leftover> {
    let deadline = now().plus(PATIENCE_NS);
    loop {
        let left = before.newcomers();
        let time = deadline.since(now());
        if left.is_empty() || time == 0 {
            return left;
        }
        let ends: Vec<OwnedFd> =
            left.iter().filter_map(|process| pidfd::open(process.pid).ok()).collect();
        let mut watched: Vec<_> =
            ends.iter().map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN)).collect();
        let timeout = PollTimeout::try_from(time.div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX);
        // Whatever it says, we look again.
        let _ = poll(&mut watched, timeout);
    }
}
