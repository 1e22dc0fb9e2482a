//! Threads by what they are in their program: the second thread of a program that is run a hundred times is one.
//!
//! A process is known by the name of its program and by a number among those of the same program that are there at the
//! same time; a thread by its number in its process, in the order in which they were created.

use std::collections::{BTreeSet, HashMap};

use crate::perf::Event;

/// Threads that are told apart, at most; all others are one. So many processes of a program, too.
const MOST: usize = 1 << 12;

/// A thread of a program, whatever process runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Role {
    /// The last name that it had.
    pub(super) name: String,
    /// The first process and thread that had the role.
    pub(super) pid: i32,
    pub(super) tid: i32,
}

#[derive(Debug, Default)]
struct Process {
    program: String,
    /// Among the processes of the program that are there.
    number: usize,
    /// Threads that it has had.
    threads: usize,
    /// Roles of its threads.
    roles: HashMap<i32, usize>,
}

/// All threads of a recording.
#[derive(Debug, Default)]
pub(super) struct Threads {
    processes: HashMap<i32, Process>,
    /// Numbers of processes that are taken, by program.
    taken: HashMap<String, BTreeSet<usize>>,
    /// Roles by program, number of the process, and number of the thread.
    numbers: HashMap<(String, usize, usize), usize>,
    pub(super) roles: Vec<Role>,
}

impl Threads {
    /// Follows what becomes of threads.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Exec { pid, name } => {
                self.end(*pid);
                self.begin(*pid, name);
            }
            Event::Fork { pid, parent, tid } if pid == parent => {
                self.role(*pid, *tid);
            }
            Event::Fork { pid, parent, .. } => {
                self.end(*pid);
                let program = self.processes.get(parent).map(|parent| parent.program.clone());
                self.begin(*pid, &program.unwrap_or_default());
            }
            Event::Exit { pid, tid } if pid == tid => self.end(*pid),
            Event::Rename { pid, tid, name } => {
                let role = self.role(*pid, *tid);
                if let Some(role) = self.roles.get_mut(role) {
                    role.name.clone_from(name);
                }
            }
            Event::Exit { .. } | Event::Mmap(_) | Event::Sample { .. } => {}
        }
    }

    /// The role of a thread, as its place in `roles`.
    pub(super) fn role(&mut self, pid: i32, tid: i32) -> usize {
        if !self.processes.contains_key(&pid) {
            self.begin(pid, "");
        }
        let Some(process) = self.processes.get_mut(&pid) else { return 0 };
        if let Some(role) = process.roles.get(&tid) {
            return *role;
        }
        // The first thread is the one that the process is named after, whichever is heard of first.
        let number = if pid == tid { 0 } else { process.threads.saturating_add(1) };
        process.threads = process.threads.max(number);
        let key = (process.program.clone(), process.number, number);
        let next = self.roles.len();
        let role = match self.numbers.get(&key) {
            Some(role) => *role,
            None if next >= MOST => MOST.saturating_sub(1),
            None => *self.numbers.entry(key).or_insert(next),
        };
        if role == next {
            self.roles.push(Role { name: process.program.clone(), pid, tid });
        }
        process.roles.insert(tid, role);
        role
    }

    fn begin(&mut self, pid: i32, program: &str) {
        let taken = self.taken.entry(program.to_owned()).or_default();
        let number = (0..MOST).find(|number| !taken.contains(number)).unwrap_or(MOST);
        taken.insert(number);
        let process = Process { program: program.to_owned(), number, ..Process::default() };
        self.processes.insert(pid, process);
        // Its first thread comes first, whichever works first.
        self.role(pid, pid);
    }

    fn end(&mut self, pid: i32) {
        if let Some(process) = self.processes.remove(&pid)
            && let Some(taken) = self.taken.get_mut(&process.program)
        {
            taken.remove(&process.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(events: &[Event]) -> Threads {
        let mut threads = Threads::default();
        for event in events {
            threads.event(event);
        }
        threads
    }

    fn exec(pid: i32, name: &str) -> Event {
        Event::Exec { pid, name: name.to_owned() }
    }

    #[test]
    fn rounds_of_a_program_have_the_same_threads() {
        let mut threads = Threads::default();
        let mut roles = Vec::new();
        for pid in [100, 200] {
            for event in [
                Event::Fork { pid, parent: 1, tid: pid },
                exec(pid, "prog"),
                Event::Fork { pid, parent: pid, tid: pid + 1 },
                Event::Fork { pid, parent: pid, tid: pid + 2 },
                Event::Rename { pid, tid: pid + 2, name: format!("worker of {pid}") },
            ] {
                threads.event(&event);
            }
            roles.push([0, 1, 2].map(|thread| threads.role(pid, pid + thread)));
            for thread in [2, 1, 0] {
                threads.event(&Event::Exit { pid, tid: pid + thread });
            }
        }
        assert_eq!(roles[0], roles[1]);
        let names = roles[0].map(|role| threads.roles[role].name.as_str());
        assert_eq!(names, ["prog", "prog", "worker of 200"]);
        assert_eq!(threads.roles[roles[0][1]].tid, 101);
    }

    #[test]
    fn what_runs_at_the_same_time_is_told_apart() {
        let fork = |pid, parent| Event::Fork { pid, parent, tid: pid };
        let mut threads = threads(&[exec(1, "make"), fork(2, 1), fork(3, 1), exec(3, "cc")]);
        let roles: BTreeSet<usize> =
            [1, 2, 3].into_iter().map(|pid| threads.role(pid, pid)).collect();
        assert_eq!(roles.len(), 3);
        threads.event(&Event::Exit { pid: 3, tid: 3 });
        for event in [fork(4, 1), exec(4, "cc")] {
            threads.event(&event);
        }
        assert!(roles.contains(&threads.role(4, 4)));
    }

    #[test]
    fn there_are_not_more_than_can_be_shown() {
        let mut threads = threads(&[exec(1, "x")]);
        for tid in 2..20_000 {
            threads.role(1, tid);
        }
        assert_eq!(threads.roles.len(), MOST);
    }
}
