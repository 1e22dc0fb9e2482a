//! Finds the processes that run beside a client: neither the client, nor above it, nor started by it. In memory mode the
//! allocations of all processes of the benchmark count in a window, also theirs.

use std::collections::BTreeMap;

use nix::unistd::Pid;
use system::{lineage::start_of, orphans::descendants};

use super::clients::{Client, Speaker, above, same_program};

/// Returns the processes beside these, who take turns, with the names of their programs.
pub(super) fn beside(speakers: &[Speaker]) -> BTreeMap<i32, String> {
    let facts = Facts { parents: &descendants(), start: &start_of, same_program: &same_program };
    let found = facts.beside(speakers).unwrap_or_default();
    found.into_iter().map(|pid| (pid, Client::of(pid).name)).collect()
}

/// The processes below us as they are.
struct Facts<'a> {
    parents: &'a BTreeMap<Pid, Pid>,
    /// The time of the start of a process, in ticks.
    start: &'a dyn Fn(i32) -> Option<u64>,
    same_program: &'a dyn Fn(Pid, Pid) -> bool,
}

impl Facts<'_> {
    /// Returns only processes of which it is sure; `None` where the descent of the speakers themselves is not.
    fn beside(&self, speakers: &[Speaker]) -> Option<Vec<i32>> {
        // The others are below it.
        let first = speakers.iter().min_by_key(|speaker| speaker.above.len())?;
        let client = first.client.pid;
        // Up to us: the last but one is the tracer, which orphans come to, and below it is the command.
        let mut down = first.above.iter().rev().skip(1).copied();
        let tracer = down.next()?;
        let command = down.next().unwrap_or(client);
        if self.orphans(tracer).any(|orphan| self.is_older(orphan, command)) {
            // Then the command is older still, and what looks like it is an orphan.
            return None;
        }
        let is_beside = |pid: i32| {
            let line = self.line(pid);
            let below = line.iter().position(|one| *one == tracer).and_then(|at| at.checked_sub(1));
            let Some(&top) = below.and_then(|below| line.get(below)) else { return false };
            let is_related = line.contains(&client) || first.above.contains(&pid);
            // An orphan may be the client's if it is younger.
            let is_sure = top == command
                || (self.is_older(top, client) && self.orphans(tracer).any(|one| one == top));
            !is_related && is_sure
        };
        Some(self.parents.keys().map(|pid| pid.as_raw()).filter(|&pid| is_beside(pid)).collect())
    }

    /// Returns the children of the tracer that are no forks of it: the command, and those who have lost their parents.
    fn orphans(&self, tracer: i32) -> impl Iterator<Item = i32> {
        let tracer = Pid::from_raw(tracer);
        let children = self.parents.iter().filter(move |(_, parent)| **parent == tracer);
        let others = children.filter(move |(child, _)| !(self.same_program)(**child, tracer));
        others.map(|(child, _)| child.as_raw())
    }

    /// Returns the process and those above it.
    fn line(&self, pid: i32) -> Vec<i32> {
        let above = above(Pid::from_raw(pid), self.parents).map(Pid::as_raw);
        std::iter::once(pid).chain(above).collect()
    }

    /// Within a tick the ids tell.
    fn is_older(&self, one: i32, other: i32) -> bool {
        let age = |pid| Some(((self.start)(pid)?, pid));
        age(one).zip(age(other)).is_some_and(|(one, other)| one < other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: i32 = 1;
    const TRACER: i32 = 2;
    const COMMAND: i32 = 3;
    const SUCCESSOR: i32 = 4;

    /// The processes beside the client 10, where these have these parents besides the usual ones. A process with a higher
    /// id is younger.
    fn found(more: &[(i32, i32)]) -> Option<Vec<i32>> {
        let usual = [(TRACER, US), (COMMAND, TRACER), (SUCCESSOR, TRACER), (10, COMMAND)];
        let all = usual.iter().chain(more);
        let parents: BTreeMap<Pid, Pid> =
            all.map(|&(child, parent)| (Pid::from_raw(child), Pid::from_raw(parent))).collect();
        let pid = Pid::from_raw(10);
        let speaker = Speaker {
            client: Client { pid: 10, name: String::new(), tool: None },
            start: 10,
            above: above(pid, &parents).map(Pid::as_raw).collect(),
            opened: true,
        };
        let facts = Facts {
            parents: &parents,
            start: &|pid| u64::try_from(pid).ok(),
            same_program: &|a, b| {
                [a, b].iter().all(|pid| [TRACER, SUCCESSOR].contains(&pid.as_raw()))
            },
        };
        facts.beside(&[speaker])
    }

    #[test]
    fn relatives_of_the_client_are_not_beside_it() {
        assert_eq!(found(&[]), Some(vec![]));
        // Wrappers above it, and its children.
        assert_eq!(found(&[(5, COMMAND), (10, 5), (11, 10), (12, 11)]), Some(vec![]));
        // What is not below the tracer, and who it has forked.
        assert_eq!(found(&[(5, US), (6, SUCCESSOR)]), Some(vec![]));
    }

    #[test]
    fn others_of_the_same_command_are() {
        assert_eq!(found(&[(5, COMMAND), (12, 5), (20, COMMAND)]), Some(vec![5, 12, 20]));
    }

    #[test]
    fn orphans_are_if_they_are_older_than_the_client() {
        assert_eq!(found(&[(5, TRACER), (6, 5), (20, TRACER), (21, 20)]), Some(vec![5, 6]));
    }

    #[test]
    fn nothing_is_known_beside_a_client_that_is_an_orphan() {
        assert_eq!(found(&[(10, TRACER), (5, COMMAND)]), None);
    }
}
