//! Processes below us that are stopped (`SIGSTOP`, `SIGTSTP`, `SIGTTIN`, `SIGTTOU`) and that nobody lets go on: a run would
//! wait for them for ever.
//!
//! The kernel tells a parent of the stops of its children, but nobody of those of grandchildren. So they are looked for
//! from time to time. A tracer stops processes as well, for moments: only one that has not moved between two looks counts.

use std::{collections::BTreeMap, time::Duration};

use nix::unistd::Pid;
use runner_shared::{
    clock::{Monotonic, now},
    text::processes,
};

use crate::{
    files,
    lineage::facts,
    orphans::{Leftover, descendants, name},
};

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// Looks for stopped processes.
#[derive(Debug)]
pub struct Stopped {
    next: Monotonic,
    seen: BTreeMap<Pid, Still>,
}

/// A process that was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Still {
    /// Numbers that change when it goes on, be it for a moment, or when another one has its number.
    moves: (u64, u64),
    /// The user knows.
    told: bool,
}

impl Default for Stopped {
    fn default() -> Self {
        Self { next: now().plus(nanos(LOOK)), seen: BTreeMap::new() }
    }
}

impl Stopped {
    /// Returns the time of the next look.
    #[must_use]
    pub fn next(&self) -> Monotonic {
        self.next
    }

    /// Looks, if it is time, and returns a sentence about processes that have been stopped since the last look, if there are
    /// some that were not told yet. Without looking it costs nothing.
    pub fn look(&mut self) -> Option<String> {
        if now() < self.next {
            return None;
        }
        self.next = now().plus(nanos(LOOK));
        let stopped = descendants().into_keys().filter_map(|pid| Some((pid, moves(pid)?)));
        let fresh = self.compare(stopped.collect());
        let fresh: Vec<_> =
            fresh.into_iter().map(|pid| Leftover { pid, name: name(pid) }).collect();
        sentence(&fresh)
    }

    /// Compares with the look before, and returns those that have not moved and were not told.
    fn compare(&mut self, stopped: BTreeMap<Pid, (u64, u64)>) -> Vec<Pid> {
        let mut fresh = Vec::new();
        let before = std::mem::take(&mut self.seen);
        for (pid, moves) in stopped {
            let same = before.get(&pid).filter(|still| still.moves == moves);
            if same.is_some_and(|still| !still.told) {
                fresh.push(pid);
            }
            self.seen.insert(pid, Still { moves, told: same.is_some() });
        }
        fresh
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns when a process started and how often it has given or lost its processor, if it is stopped.
fn moves(pid: Pid) -> Option<(u64, u64)> {
    let found = facts(pid.as_raw()).filter(|facts| facts.state == 'T')?;
    let status = files::read_kernel_text(format!("/proc/{pid}/status")).ok()?;
    Some((found.start, switches(&status)))
}

/// Adds up the lines `voluntary_ctxt_switches` and `nonvoluntary_ctxt_switches`, see `proc_pid_status(5)`.
fn switches(status: &str) -> u64 {
    let lines = status.lines().filter_map(|line| line.split_once("voluntary_ctxt_switches:"));
    lines.filter_map(|(_, number)| number.trim().parse::<u64>().ok()).sum()
}

fn sentence(stopped: &[Leftover]) -> Option<String> {
    let names = processes(stopped.iter().map(|process| (process.pid.as_raw(), &*process.name)));
    let pids: Vec<_> = stopped.iter().map(|process| process.pid.to_string()).collect();
    (!stopped.is_empty()).then(|| {
        format!(
            "the run is waiting for {names}, started by the benchmark and now stopped: run `kill -CONT {}` to continue",
            pids.join(" ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: i32) -> Pid {
        Pid::from_raw(number)
    }

    #[test]
    fn only_who_has_not_moved_between_two_looks_is_told_and_once() {
        let mut stopped = Stopped::default();
        let mut look = |found: &[(i32, (u64, u64))]| {
            stopped.compare(found.iter().map(|(of, moves)| (pid(*of), *moves)).collect())
        };
        assert_eq!(look(&[(1, (7, 1)), (2, (7, 1))]), []);
        assert_eq!(look(&[(1, (7, 1)), (2, (7, 3))]), [pid(1)], "2 has moved");
        assert_eq!(look(&[(1, (7, 1)), (2, (7, 3))]), [pid(2)], "1 was told");
        assert_eq!(look(&[(2, (9, 3))]), [], "another process with this number");
        assert_eq!(look(&[(1, (7, 1)), (2, (9, 3))]), [pid(2)], "1 was away");
    }

    #[test]
    fn switches_of_both_kinds_count() {
        let status = "Name:\tsh\nvoluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t4\n";
        assert_eq!(switches(status), 7);
        assert_eq!(switches(""), 0);
    }

    #[test]
    fn the_sentence_says_who_it_is_and_what_to_do() {
        let process = |number, name: &str| Leftover { pid: pid(number), name: name.to_owned() };
        let one = sentence(&[process(7, "sh")]).unwrap();
        assert_eq!(
            one,
            "the run is waiting for `sh` (process 7), started by the benchmark and now stopped: run `kill -CONT 7` to continue"
        );
        let two = sentence(&[process(7, "sh"), process(8, "cc")]).unwrap();
        assert!(two.ends_with("run `kill -CONT 7 8` to continue"), "{two}");
        assert_eq!(sentence(&[]), None);
    }
}
