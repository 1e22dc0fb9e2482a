//! Processes that an ended benchmark has left running, wherever they have moved, and their children.

use std::os::fd::{AsFd, OwnedFd};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};
use runner_shared::clock::now;
use system::{
    guard,
    orphans::{Leftover, Orphans},
    pidfd,
};

/// A helper of a benchmark that ends when it notices the benchmark's end has this long for it.
const PATIENCE_NS: u64 = 500_000_000;

/// Kills every process below us but those that ran `before`, and collects it. Those of other users can't be killed, and go
/// on.
pub(crate) fn kill_descendants(before: &Orphans) {
    // A killed process may have started another one just before; the tree is finite.
    for _ in 0..100 {
        let found = before.strangers();
        let end = |pid: &Pid| {
            let end = pidfd::open(*pid).ok()?;
            kill(*pid, Signal::SIGKILL).is_ok().then_some(end)
        };
        let ends: Vec<OwnedFd> = found.keys().filter_map(end).collect();
        if ends.is_empty() {
            return;
        }
        // Waits for one of them, then collects all that have ended.
        wait_for_one(&ends, PATIENCE_NS);
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let Some(pid) = status.pid() else { break };
            guard::forget(pid);
        }
    }
}

/// Waits until one of these processes has ended, for so many nanoseconds at most.
fn wait_for_one(ends: &[OwnedFd], most: u64) {
    let mut watched: Vec<_> =
        ends.iter().map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN)).collect();
    let timeout = PollTimeout::try_from(most.div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX);
    // Whatever it says, we look again.
    let _ = poll(&mut watched, timeout);
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
        wait_for_one(&ends, time);
    }
}
