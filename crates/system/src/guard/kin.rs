//! Finds all that a process had started when that process is gone, and ends it.
//!
//! Each process that is found is stopped first, and what is found is looked through again until nobody is new: a process
//! that is stopped starts no other one and does not lose its children, so that none gets away.

use std::{collections::BTreeSet, time::Duration};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::{Pid, getpid},
};
use runner_shared::{clock::now, env_names};

use super::marks_in;
use crate::{files, lineage};

/// Nanoseconds for all to stand still, and then again for all to be gone.
const PATIENCE_NS: u64 = 2_000_000_000;
/// Time between two looks of which the first has found nobody new.
const PAUSE: Duration = Duration::from_millis(1);

/// A process as the system shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    pid: i32,
    parent: i32,
    group: i32,
    start: u64,
    /// It is stopped, and starts no other one.
    is_still: bool,
}

/// The signs by which a process is known that was started by the guarded program, or by one that it started.
#[derive(Debug)]
pub(super) struct Mark {
    /// A mark in the variable [`env_names::GUARD`] of its environment.
    pub text: String,
    /// Its soft limit of file locks.
    pub limit: u64,
    /// It has started at this time or later, in ticks since the machine was started.
    pub since: u64,
}

impl Mark {
    fn is_on(&self, seen: &Seen) -> bool {
        let read = |name| files::read_kernel(format!("/proc/{}/{name}", seen.pid));
        seen.start >= self.since
            && (self.is_in(&read("environ").unwrap_or_default())
                || file_locks(&read("limits").unwrap_or_default()) == Some(self.limit))
    }

    /// Returns true if the mark is in this environment, also as that of a guard above another one.
    fn is_in(&self, environment: &[u8]) -> bool {
        let value = |entry: &[u8]| {
            let entry = str::from_utf8(entry).ok()?;
            entry.strip_prefix(env_names::GUARD.name)?.strip_prefix('=').map(str::to_owned)
        };
        let mut values = environment.split(|byte| *byte == 0).filter_map(value);
        values.any(|value| marks_in(&value).any(|mark| mark == self.text))
    }
}

/// Ends these processes, their descendants, and all that have the mark.
pub(super) fn end(roots: impl Iterator<Item = i32>, mark: &Mark) {
    let roots: BTreeSet<i32> = roots.collect();
    let look = || {
        let all = processes();
        let kin = kin(&all, &roots, |seen| mark.is_on(seen));
        all.into_iter().filter(|seen| kin.contains(&seen.pid)).collect::<Vec<_>>()
    };
    stop_and_kill(&look);
    // Where `/proc` shows nobody: those who were enrolled lead groups of their own.
    for &root in &roots {
        let _ = killpg(Pid::from_raw(root), Signal::SIGKILL);
    }
    repeat(Signal::SIGKILL, &look, <[Seen]>::is_empty);
}

/// Ends all processes below this one but those in `spared`, and whoever is below these.
pub(super) fn end_descendants(spared: &BTreeSet<Pid>) {
    stop_and_kill(&|| {
        let all = processes();
        let below = below(&all, getpid().as_raw(), spared);
        all.into_iter().filter(|seen| below.contains(&seen.pid)).collect()
    });
}

/// Stops each process that `look` finds until nobody is new, and then kills them.
fn stop_and_kill(look: &impl Fn() -> Vec<Seen>) {
    // A signal is heard on the way out of a system call: a process that is in the middle of a fork ends that first.
    let found = repeat(Signal::SIGSTOP, look, |kin| kin.iter().all(|seen| seen.is_still));
    // All of them, before one that ends takes with it the knowledge of who its children are.
    for pid in found {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Sends a signal to each one that is found until nobody is new and `done` is so for all. Returns them.
fn repeat(
    signal: Signal,
    look: &impl Fn() -> Vec<Seen>,
    done: impl Fn(&[Seen]) -> bool,
) -> BTreeSet<i32> {
    let until = now().plus(PATIENCE_NS);
    let mut found = BTreeSet::new();
    while now() < until {
        let kin = look();
        let fresh: Vec<i32> =
            kin.iter().map(|seen| seen.pid).filter(|pid| found.insert(*pid)).collect();
        for &pid in &fresh {
            // It may have ended, or become somebody else's, whom we may not end.
            let _ = kill(Pid::from_raw(pid), signal);
        }
        if fresh.is_empty() {
            if done(&kin) {
                break;
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "nobody tells when a process stands still"
            )]
            std::thread::sleep(PAUSE);
        }
    }
    found
}

/// Returns who belongs to the roots: they themselves, those in a group that one of them leads or led, their children and
/// those in groups of these, and so on, and those with the mark.
fn kin(all: &[Seen], roots: &BTreeSet<i32>, has_mark: impl Fn(&Seen) -> bool) -> BTreeSet<i32> {
    let mut kin: BTreeSet<i32> = all
        .iter()
        .filter(|seen| roots.contains(&seen.pid) || has_mark(seen))
        .map(|seen| seen.pid)
        .collect();
    loop {
        let before = kin.len();
        for seen in all {
            let is_below = kin.contains(&seen.parent) || kin.contains(&seen.group);
            if is_below || roots.contains(&seen.group) {
                kin.insert(seen.pid);
            }
        }
        if kin.len() == before {
            return kin;
        }
    }
}

/// Returns the descendants of a process, without those that are spared and theirs.
fn below(all: &[Seen], top: i32, spared: &BTreeSet<Pid>) -> BTreeSet<i32> {
    let mut below = BTreeSet::new();
    loop {
        let before = below.len();
        for seen in all.iter().filter(|seen| !spared.contains(&Pid::from_raw(seen.pid))) {
            if seen.parent == top || below.contains(&seen.parent) {
                below.insert(seen.pid);
            }
        }
        if below.len() == before {
            return below;
        }
    }
}

/// Returns all processes that have not ended, but this one and the first.
fn processes() -> Vec<Seen> {
    let us = getpid().as_raw();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| *pid != us && *pid > 1)
        .filter_map(|pid| {
            let lineage::Facts { state, parent, group, start } = lineage::facts(pid)?;
            let is_still = matches!(state, 'T' | 't');
            // Who has ended has neither children nor an environment any more.
            (!matches!(state, 'Z' | 'X')).then_some(Seen { pid, parent, group, start, is_still })
        })
        .collect()
}

/// Returns the soft limit of file locks in a text of the kernel, `/proc/PID/limits`, unless it is unlimited:
/// `Max file locks            123                  unlimited            locks`.
fn file_locks(limits: &[u8]) -> Option<u64> {
    let line =
        limits.split(|byte| *byte == b'\n').find_map(|it| it.strip_prefix(b"Max file locks"));
    str::from_utf8(line?).ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_beside_that_of_another_guard() {
        let mark = Mark { text: "7-8".to_owned(), limit: 0, since: 0 };
        for (environment, expected) in [
            ("A=b\0CODSPEED_GUARD=7-8+7-8\0", true),
            ("CODSPEED_GUARD=1-2+7-8\0A=b\0", true),
            ("CODSPEED_GUARD=17-8+1-2\0", false),
            ("MY_CODSPEED_GUARD=7-8+7-8\0CODSPEED_GUARDS=7-8\0", false),
            ("", false),
        ] {
            assert_eq!(mark.is_in(environment.as_bytes()), expected, "{environment:?}");
        }
    }

    #[test]
    fn the_limit_of_file_locks_is_read_as_the_kernel_writes_it() {
        let text = b"Limit   Soft Limit   Hard Limit   Units     \n\
            Max locked memory         8388608              8388608              bytes     \n\
            Max file locks            288230376151711744   unlimited            locks     \n";
        assert_eq!(file_locks(text), Some(1 << 58));
        for odd in
            [&b""[..], b"Max file locks   unlimited   unlimited   locks\n", b"Max file locks"]
        {
            assert_eq!(file_locks(odd), None);
        }
    }

    #[test]
    fn kin_are_descendants_group_members_and_marked_processes() {
        let seen = |pid, parent, group| Seen { pid, parent, group, start: 0, is_still: false };
        let all = [
            seen(2, 1, 2),
            // A root, a child in a session of its own, and an orphan that has stayed in its group.
            seen(10, 1, 10),
            seen(11, 10, 11),
            seen(12, 1, 11),
            // A member of the group of a root that has ended.
            seen(21, 1, 20),
            // A daemon with the mark, and its child.
            seen(31, 30, 30),
            seen(30, 1, 30),
            // Somebody who is in no way ours.
            seen(41, 2, 41),
        ];
        let found = kin(&all, &BTreeSet::from([10, 20]), |seen| seen.pid == 30);
        assert_eq!(found, BTreeSet::from([10, 11, 12, 21, 30, 31]));
        assert_eq!(kin(&all, &BTreeSet::new(), |_| false), BTreeSet::new());
        assert_eq!(below(&all, 10, &BTreeSet::new()), BTreeSet::from([11]));
        assert_eq!(
            below(&all, 1, &[2, 30].map(Pid::from_raw).into()),
            BTreeSet::from([10, 11, 12, 21])
        );
    }
}
