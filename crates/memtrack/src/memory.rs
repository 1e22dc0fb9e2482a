//! The code in the memory of each process, as it was at the time of a call. No I/O.
//!
//! A backend says what a process has, and when; a call is looked at with what was said last before it. What is said later
//! only helps with addresses that were not there before: a process that loads a library, calls it and ends has said so
//! behind the call.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::backend::Mapping;

/// Code of a file in the memory of a process, and what is known of the file.
#[derive(Debug, Clone)]
pub(crate) struct Known<M> {
    /// The code.
    pub mapping: Arc<Mapping>,
    /// What is known of the file, once it was needed.
    pub module: Option<M>,
}

/// The difference between what is known of a process and what was known at its last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// There is none.
    None,
    /// There is more.
    More,
    /// What was at some addresses is gone; something else may be there now.
    Other,
}

/// All that a process had at a time.
#[derive(Debug)]
struct View {
    timestamp: u64,
    mappings: Vec<Arc<Mapping>>,
}

#[derive(Debug)]
struct Process<M> {
    now: Vec<Known<M>>,
    later: VecDeque<View>,
    change: Change,
}

impl<M> Default for Process<M> {
    fn default() -> Self {
        Self { now: Vec::new(), later: VecDeque::new(), change: Change::None }
    }
}

/// Processes; `M` stands for what is known of a file.
#[derive(Debug)]
pub(crate) struct Processes<M>(HashMap<i32, Process<M>>);

impl<M> Default for Processes<M> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<M: Clone> Processes<M> {
    /// A process has this in its memory, too, since what was said last.
    pub(crate) fn add(&mut self, pid: i32, mapping: Arc<Mapping>) {
        let process = self.process(pid);
        match process.later.back_mut() {
            Some(view) => view.mappings.push(mapping),
            None => process.add(mapping),
        }
    }

    /// A process has all this in its memory at this time, and nothing else.
    pub(crate) fn seen(&mut self, pid: i32, timestamp: u64, mappings: &[Arc<Mapping>]) {
        self.process(pid).later.push_back(View { timestamp, mappings: mappings.to_vec() });
    }

    /// From now on the process is looked at as it was at this time. Tells what has changed since the last call of this.
    pub(crate) fn go_to(&mut self, pid: i32, timestamp: u64) -> Change {
        let Some(process) = self.0.get_mut(&pid) else { return Change::None };
        while let Some(view) = process.later.pop_front_if(|view| view.timestamp <= timestamp) {
            process.become_like(&view.mappings);
        }
        std::mem::replace(&mut process.change, Change::None)
    }

    /// A process was made at this time: it has what its parent has.
    pub(crate) fn fork(&mut self, parent: i32, child: i32, timestamp: u64) {
        let change = self.go_to(parent, timestamp);
        let Some(process) = self.0.get_mut(&parent) else { return };
        process.change = change;
        let now = process.now.clone();
        self.process(child).now = now;
    }

    /// A process is gone, or has become another program, since this time.
    pub(crate) fn forget(&mut self, pid: i32, timestamp: u64) {
        let Some(process) = self.0.remove(&pid) else { return };
        let mut later = process.later;
        later.retain(|view| view.timestamp > timestamp);
        if !later.is_empty() {
            self.process(pid).later = later;
        }
    }

    /// The code around an address. If nothing was said that has it, and nothing later, `look` is asked what the process has
    /// now, with what is known of it.
    pub(crate) fn around(
        &mut self,
        pid: i32,
        address: u64,
        look: impl FnOnce(&[&Mapping]) -> Vec<Arc<Mapping>>,
    ) -> Option<&mut Known<M>> {
        let process = self.process(pid);
        if process.position(address).is_none() {
            let is_around = |it: &&Arc<Mapping>| (it.start..it.end).contains(&address);
            let said = process.later.iter().find_map(|view| view.mappings.iter().find(is_around));
            if let Some(mapping) = said.cloned() {
                process.add(mapping);
            } else if process.later.is_empty() {
                let known: Vec<&Mapping> = process.now.iter().map(|it| &*it.mapping).collect();
                let found = look(&known);
                for mapping in found {
                    process.add(mapping);
                }
            }
        }
        let at = process.position(address)?;
        process.now.get_mut(at)
    }

    fn process(&mut self, pid: i32) -> &mut Process<M> {
        self.0.entry(pid).or_default()
    }
}

impl<M: Clone> Process<M> {
    fn position(&self, address: u64) -> Option<usize> {
        let is_around = |it: &Known<M>| (it.mapping.start..it.mapping.end).contains(&address);
        self.now.iter().position(is_around)
    }

    /// What was where this is now is gone.
    fn add(&mut self, mapping: Arc<Mapping>) {
        if self.now.iter().any(|it| is_same(&it.mapping, &mapping)) {
            return;
        }
        let before = self.now.len();
        self.now.retain(|it| it.mapping.end <= mapping.start || mapping.end <= it.mapping.start);
        self.changed(if self.now.len() < before { Change::Other } else { Change::More });
        self.now.push(Known { mapping, module: None });
    }

    /// All that isn't among these is gone.
    fn become_like(&mut self, mappings: &[Arc<Mapping>]) {
        let before = self.now.len();
        self.now.retain(|it| mappings.iter().any(|mapping| is_same(&it.mapping, mapping)));
        if self.now.len() < before {
            self.changed(Change::Other);
        }
        for mapping in mappings {
            self.add(Arc::clone(mapping));
        }
    }

    fn changed(&mut self, change: Change) {
        if self.change != Change::Other {
            self.change = change;
        }
    }
}

/// Returns whether the same part of the same file is at the same place. Only where its last page ends may be told in two
/// ways.
fn is_same(one: &Mapping, other: &Mapping) -> bool {
    let is_same_file = match (one.identity, other.identity) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.path == other.path,
        (Some(_), None) | (None, Some(_)) => false,
    };
    is_same_file && (one.start, one.offset) == (other.start, other.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(start: u64, path: &str) -> Arc<Mapping> {
        let path = path.to_owned();
        Arc::new(Mapping { start, end: start + 10, offset: 0, path, identity: None })
    }

    /// The path at an address, if nobody looks at the process itself.
    fn path(processes: &mut Processes<()>, pid: i32, address: u64) -> String {
        let found = processes.around(pid, address, |_| Vec::new());
        found.map_or_else(String::new, |known| known.mapping.path.clone())
    }

    #[test]
    fn a_call_is_looked_at_with_what_was_said_last() {
        let mut processes = Processes::default();
        // A library is closed, and another one gets its place. All is said before the first call.
        for (timestamp, code) in [
            (10, vec![mapping(0, "/a")]),
            (20, vec![mapping(0, "/a"), mapping(100, "/b")]),
            (30, vec![mapping(0, "/a")]),
            (40, vec![mapping(0, "/a"), mapping(100, "/c")]),
        ] {
            processes.seen(1, timestamp, &code);
        }
        assert_eq!(processes.go_to(1, 12), Change::More);
        // It was loaded behind 10, and said at 20.
        assert_eq!([5, 105].map(|at| path(&mut processes, 1, at)), ["/a", "/b"]);
        assert_eq!(processes.go_to(1, 25), Change::More);
        assert_eq!(processes.go_to(1, 26), Change::None);
        assert_eq!(path(&mut processes, 1, 105), "/b");
        assert_eq!(processes.go_to(1, 35), Change::Other);
        assert_eq!([5, 105].map(|at| path(&mut processes, 1, at)), ["/a", "/c"]);
        assert_eq!(processes.go_to(1, 50), Change::More);
        assert_eq!(processes.go_to(2, 50), Change::None);
    }

    #[test]
    fn what_is_there_now_counts_if_nothing_is_said_later() {
        let mut processes: Processes<()> = Processes::default();
        processes.seen(1, 10, &[mapping(0, "/a")]);
        processes.go_to(1, 10);
        let mut asked = Vec::new();
        let mut look = |known: &[&Mapping], found| {
            asked.push(known.iter().map(|it| it.path.clone()).collect::<Vec<_>>());
            vec![found]
        };
        let found = processes.around(1, 105, |known| look(known, mapping(100, "/b"))).unwrap();
        assert_eq!(found.mapping.path, "/b");
        assert_eq!(processes.go_to(1, 11), Change::More);
        let found = processes.around(1, 114, |known| look(known, mapping(105, "/c"))).unwrap();
        assert_eq!(found.mapping.path, "/c");
        assert_eq!(processes.go_to(1, 11), Change::Other);
        processes.seen(1, 20, &[mapping(0, "/a")]);
        assert!(processes.around(1, 205, |known| look(known, mapping(200, "/d"))).is_none());
        assert_eq!(asked, [vec!["/a"], vec!["/a", "/b"]]);
    }

    #[test]
    fn programs_and_children_have_their_own() {
        let mut processes = Processes::default();
        for (timestamp, name) in [(10, "/a"), (20, "/a2"), (30, "/c")] {
            processes.seen(1, timestamp, &[mapping(0, name)]);
        }
        processes.fork(1, 2, 12);
        assert_eq!([1, 2].map(|pid| path(&mut processes, pid, 5)), ["/a", "/a"]);
        // It fails to become another program at 20, and becomes one at 21.
        processes.forget(1, 21);
        assert_eq!(path(&mut processes, 2, 5), "/a");
        processes.go_to(1, 31);
        assert_eq!(path(&mut processes, 1, 5), "/c");
        processes.fork(3, 4, 12);
        assert_eq!(path(&mut processes, 4, 5), "");
        for pid in 1..=4 {
            processes.forget(pid, 40);
        }
        assert!(processes.0.is_empty());
    }

    #[test]
    fn a_library_is_told_when_it_is_loaded() {
        let mut processes = Processes::default();
        processes.add(1, mapping(0, "/a"));
        processes.add(1, mapping(100, "/b"));
        assert_eq!(processes.go_to(1, 5), Change::More);
        processes.seen(1, 10, &[]);
        processes.add(1, mapping(0, "/a"));
        assert_eq!(path(&mut processes, 1, 105), "/b");
        assert_eq!(processes.go_to(1, 15), Change::Other);
        assert_eq!([5, 105].map(|at| path(&mut processes, 1, at)), ["/a", ""]);
        processes.add(1, mapping(100, "/c"));
        assert_eq!(processes.go_to(1, 16), Change::More);
        assert_eq!(path(&mut processes, 1, 105), "/c");
    }

    #[test]
    fn another_file_at_a_place_is_another_one() {
        let of = |identity| Arc::new(Mapping { identity, ..Mapping::clone(&mapping(0, "/a")) });
        let mut processes: Processes<()> = Processes::default();
        processes.add(1, of(Some((1, 1))));
        processes.go_to(1, 0);
        processes.add(1, Arc::new(Mapping { end: 16, ..Mapping::clone(&of(Some((1, 1)))) }));
        assert_eq!(processes.go_to(1, 0), Change::None);
        processes.add(1, of(Some((1, 2))));
        assert_eq!(processes.go_to(1, 0), Change::Other);
    }
}
