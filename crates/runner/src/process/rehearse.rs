//! Work that a limit of this process may end: it is tried in a copy of the process first.
//!
//! A program that gets no more memory is aborted in the middle of its work, and one that has used up its processor time is killed. What
//! was measured is worth more than what such work would add to it.

use std::{
    fs::OpenOptions,
    io,
    os::fd::{AsFd, AsRawFd},
    panic::AssertUnwindSafe,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        resource::{Resource, UsageWho, getrlimit, getrusage},
        signal::{Signal, kill},
        time::TimeValLike,
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, fork, getpid},
};
use system::{fork_lock, guard, pidfd, signals::Signals, threads::alone};

/// Limits that may end us, and the options of `ulimit` that set them.
const LIMITS: [(Resource, &str); 3] = [
    (Resource::RLIMIT_AS, "ulimit -v"),
    (Resource::RLIMIT_DATA, "ulimit -d"),
    (Resource::RLIMIT_CPU, "ulimit -t"),
];

/// A copy that takes longer is given up, milliseconds.
const PATIENCE_MS: u32 = 30 * 60 * 1000;

/// Tries `work` in a copy of this process if there are such limits. Nothing of it is left but files.
///
/// # Errors
///
/// Returns a sentence about the limits that don't suffice.
pub(crate) fn rehearse(work: impl FnOnce()) -> Result<(), String> {
    let is_set =
        |resource| getrlimit(resource).is_ok_and(|(limit, _)| limit != libc::RLIM_INFINITY);
    let set: Vec<&str> =
        LIMITS.iter().filter(|(resource, _)| is_set(*resource)).map(|(_, name)| *name).collect();
    if set.is_empty() {
        return Ok(());
    }
    let before = processor_seconds(UsageWho::RUSAGE_CHILDREN);
    let ended = try_in_a_copy(work);
    if Signals::current().is_some_and(Signals::interrupted) {
        // Somebody wants an end, which the work itself has to notice.
        return Ok(());
    }
    if ended.is_ok_and(|ended| matches!(ended, WaitStatus::Exited(_, 0))) {
        let needed = processor_seconds(UsageWho::RUSAGE_CHILDREN) - before;
        let spent = processor_seconds(UsageWho::RUSAGE_SELF);
        let allowed =
            getrlimit(Resource::RLIMIT_CPU).map_or(libc::RLIM_INFINITY, |(limit, _)| limit);
        // A second in reserve for what follows.
        if i64::try_from(allowed).is_ok_and(|allowed| spent + needed + 1 > allowed) {
            return Err("the limit on processor time is too small (`ulimit -t`)".to_owned());
        }
        return Ok(());
    }
    Err(format!("the resource limits of this process are too small (`{}`)", set.join("`, `")))
}

/// Rounded up.
fn processor_seconds(who: UsageWho) -> i64 {
    getrusage(who).map_or(0, |usage| {
        let spent = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        spent.saturating_add(999_999) / 1_000_000
    })
}

#[expect(unsafe_code, reason = "only a copy of this process can be ended in place of it")]
fn try_in_a_copy(work: impl FnOnce()) -> io::Result<WaitStatus> {
    let parent = getpid();
    let still = fork_lock::hold();
    // SAFETY: the copy has none of our other threads: those that accompanied the benchmark have ended with it, that of
    // signals holds no lock now, and the workers of `rayon` are idle, hold none either, and are not used in the copy.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            drop(still);
            let ended = wait(child);
            guard::forget(child);
            ended
        }
        ForkResult::Child => {
            let tied = guard::tie(parent).is_ok();
            silence();
            let done = tied && std::panic::catch_unwind(AssertUnwindSafe(|| alone(work))).is_ok();
            // SAFETY: ends the copy without running what the original has to run at its end.
            unsafe { libc::_exit(i32::from(!done)) }
        }
    }
}

/// Waits for the copy to end. One that somebody's wish for an end has made needless is ended, and so is one that takes
/// longer than any profile should.
fn wait(copy: Pid) -> io::Result<WaitStatus> {
    if let (Ok(pidfd), Some(signals)) = (pidfd::open(copy), Signals::current()) {
        let mut watched = [
            PollFd::new(pidfd.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        let patience = PollTimeout::try_from(PATIENCE_MS).unwrap_or(PollTimeout::MAX);
        let mut ready = poll(&mut watched, patience);
        while ready == Err(Errno::EINTR) {
            ready = poll(&mut watched, patience);
        }
        if ready == Ok(0) || signals.interrupted() {
            // It may have ended by itself.
            let _ = kill(copy, Signal::SIGKILL);
        }
    }
    loop {
        match waitpid(copy, None) {
            Err(Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}

/// Sends the words of the copy to nobody: its end tells all.
#[expect(unsafe_code, reason = "descriptors by number")]
fn silence() {
    #[expect(clippy::disallowed_methods, reason = "a device that is known")]
    let null = OpenOptions::new().write(true).open("/dev/null");
    if let Ok(null) = null {
        for standard in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
            // SAFETY: numbers only.
            unsafe { libc::dup2(null.as_raw_fd(), standard) };
        }
    }
}
