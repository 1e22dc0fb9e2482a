//! Follows every process through time: what was mapped, inherited, replaced and given up.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    perf::{Event, Identity, Mmap},
    space::{Mapping, Space},
};

/// A mapped file as the recording names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct MappedFile {
    pub(crate) path: Arc<str>,
    pub(crate) identity: Identity,
}

/// A mapping that a process had from `from` to before `until`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lived {
    pub(crate) pid: i32,
    pub(crate) mapping: Mapping,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// The process went on as another program.
    pub(crate) is_replaced: bool,
}

#[derive(Debug, Default)]
struct Process {
    /// Shared with the parent until one of them maps something.
    space: Arc<Space>,
    since: u64,
    /// Threads besides the first one.
    more_threads: u32,
}

impl Process {
    /// Tells of a mapping that ends at this time.
    fn lived(&self, pid: i32, mapping: Mapping, until: u64) -> Lived {
        let from = mapping.since.max(self.since);
        Lived { pid, mapping, from, until, is_replaced: false }
    }
}

/// All processes of a recording. What is over is handed to `lived` and forgotten.
#[derive(Debug)]
pub(crate) struct Replay {
    processes: HashMap<i32, Process>,
    numbers: HashMap<Arc<str>, Vec<(Identity, u32)>>,
    /// Every mapped file once, in the order of their first appearance.
    pub(crate) files: Vec<MappedFile>,
    /// Those that are followed; `None`: all.
    tracked: Option<BTreeSet<i32>>,
    /// Mappings in all spaces, shared ones once.
    held: usize,
    /// There were more mappings than can be followed.
    pub(crate) is_overfull: bool,
}

/// Mappings of code in one process, and in all together; no real recording comes near. With more,
/// a made-up recording could use up all memory.
const MOST_PER_PROCESS: usize = 1 << 13;
const MOST_HELD: usize = 1 << 22;

impl Replay {
    /// Follows these processes and all that descend from them; `None`: every process.
    pub(crate) fn new(tracked: Option<BTreeSet<i32>>) -> Self {
        Self {
            processes: HashMap::new(),
            numbers: HashMap::new(),
            files: Vec::new(),
            tracked,
            held: 0,
            is_overfull: false,
        }
    }

    pub(crate) fn is_tracked(&self, pid: i32) -> bool {
        self.tracked.as_ref().is_none_or(|tracked| tracked.contains(&pid))
    }

    /// Those that are followed by their number; `None`: all.
    pub(crate) const fn tracked(&self) -> Option<&BTreeSet<i32>> {
        self.tracked.as_ref()
    }

    /// The code of a process now.
    pub(crate) fn space(&self, pid: i32) -> Option<&Space> {
        self.processes.get(&pid).map(|process| &*process.space)
    }

    /// Follows one event.
    pub(crate) fn event(&mut self, time: u64, event: &Event, lived: impl FnMut(Lived)) {
        match event {
            Event::Mmap(mmap) => self.map(mmap, time, time, lived),
            Event::Exec { pid, .. } => self.exec(*pid, time, lived),
            Event::Fork { pid, parent, .. } => self.fork(*pid, *parent, time, lived),
            Event::Exit { pid, .. } => self.exit(*pid, time, lived),
            Event::Rename { .. } | Event::Sample { .. } => {}
        }
    }

    /// Something is mapped at this time, and was there `since` then.
    pub(crate) fn map(&mut self, mmap: &Mmap, since: u64, now: u64, mut lived: impl FnMut(Lived)) {
        let file = mmap.code.as_deref().filter(|path| is_file(path) || *path == VDSO);
        let file = file.and_then(|path| self.number(path, mmap.identity));
        let process = self.processes.entry(mmap.pid).or_default();
        let is_used = process.space.is_used(mmap.start, mmap.end);
        if !is_used && file.is_none() {
            return;
        }
        let before = process.space.len();
        let is_shared = Arc::strong_count(&process.space) > 1;
        let copied = if is_shared { before } else { 0 };
        if before >= MOST_PER_PROCESS || self.held.saturating_add(copied) >= MOST_HELD {
            self.is_overfull = true;
            return;
        }
        let space = Arc::make_mut(&mut process.space);
        let mut over = Vec::new();
        if is_used {
            space.clear(mmap.start, mmap.end, |mapping| over.push(mapping));
        }
        if let Some(file) = file {
            let Mmap { start, end, offset, .. } = *mmap;
            space.insert(Mapping { start, end, offset, file, since });
        }
        let others = self.held.saturating_sub(if is_shared { 0 } else { before });
        self.held = others.saturating_add(space.len());
        for mapping in over {
            lived(process.lived(mmap.pid, mapping, now));
        }
    }

    /// The number of a file; `None` after four thousand million of them.
    fn number(&mut self, path: &str, identity: Identity) -> Option<u32> {
        let same_path = self.numbers.get_mut(path);
        let known = same_path.as_ref().and_then(|files| {
            files.iter().find(|(known, _)| *known == identity).map(|(_, number)| *number)
        });
        if known.is_some() {
            return known;
        }
        let number = u32::try_from(self.files.len()).ok()?;
        let path: Arc<str> = path.into();
        match same_path {
            Some(files) => files.push((identity, number)),
            None => drop(self.numbers.insert(Arc::clone(&path), vec![(identity, number)])),
        }
        self.files.push(MappedFile { path, identity });
        Some(number)
    }

    fn fork(&mut self, pid: i32, parent: i32, time: u64, lived: impl FnMut(Lived)) {
        if pid == parent {
            let process = self.processes.entry(pid).or_default();
            process.more_threads = process.more_threads.saturating_add(1);
            return;
        }
        // The number may have belonged to a process whose end got lost.
        self.end(pid, time, lived);
        let space = self.processes.get(&parent).map(|parent| Arc::clone(&parent.space));
        let child = Process { space: space.unwrap_or_default(), since: time, more_threads: 0 };
        self.processes.insert(pid, child);
        if let Some(tracked) = &mut self.tracked
            && tracked.contains(&parent)
        {
            tracked.insert(pid);
        }
    }

    fn exit(&mut self, pid: i32, time: u64, lived: impl FnMut(Lived)) {
        match self.processes.get_mut(&pid) {
            Some(process) if process.more_threads > 0 => {
                process.more_threads = process.more_threads.saturating_sub(1);
            }
            _ => self.end(pid, time, lived),
        }
    }

    /// A process becomes another program. What it only inherited is forgotten as if it had never been there: with
    /// fixed addresses the new program lies where the one of its parent did, and nobody could tell the two apart.
    fn exec(&mut self, pid: i32, time: u64, mut lived: impl FnMut(Lived)) {
        let born = self.processes.get(&pid).map_or(0, |process| process.since);
        self.end(pid, time, |over| {
            if over.mapping.since >= born {
                lived(Lived { is_replaced: true, ..over });
            }
        });
    }

    /// A process has no mappings any longer.
    fn end(&mut self, pid: i32, time: u64, lived: impl FnMut(Lived)) {
        if let Some(process) = self.processes.remove(&pid) {
            if Arc::strong_count(&process.space) == 1 {
                self.held = self.held.saturating_sub(process.space.len());
            }
            let over = process.space.iter().map(|mapping| process.lived(pid, *mapping, time));
            over.for_each(lived);
        }
    }

    /// The recording is over, the processes need not be.
    pub(crate) fn finish(&mut self, mut lived: impl FnMut(Lived)) {
        for (pid, process) in self.processes.drain() {
            let over = process.space.iter().map(|mapping| process.lived(pid, *mapping, u64::MAX));
            over.for_each(&mut lived);
        }
    }
}

/// The kernel's name of the code that it gives to every process.
pub(crate) const VDSO: &str = "[vdso]";

/// Beginnings of names that look like files but are memory, as the kernel writes them; generated code may be there.
const IN_MEMORY: &[&str] = &["//", "/memfd:", "/dev/", "/SYSV", "/anon_hugepage"];

/// Returns true if the name of a mapping is that of a file.
pub(crate) fn is_file(path: &str) -> bool {
    path.starts_with('/') && !IN_MEMORY.iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mmap(pid: i32, start: u64, path: Option<&str>) -> Event {
        let code = path.map(str::to_owned);
        let identity = Identity::Unknown;
        Event::Mmap(Mmap { pid, start, end: start + 10, offset: 0, identity, code })
    }

    fn fork(pid: i32, parent: i32) -> Event {
        Event::Fork { pid, parent, tid: pid }
    }

    fn exit(pid: i32) -> Event {
        Event::Exit { pid, tid: pid }
    }

    fn play(replay: &mut Replay, events: &[Event]) -> Vec<(i32, u64, u64, u64)> {
        let mut lives = Vec::new();
        let mut push = |lived: Lived| {
            lives.push((lived.pid, lived.mapping.start, lived.from, lived.until));
        };
        for (time, event) in (1..).zip(events) {
            replay.event(time, event, &mut push);
        }
        replay.finish(&mut push);
        lives.sort_unstable();
        lives
    }

    #[test]
    fn children_inherit_and_exec_forgets_what_they_inherited() {
        let events = [
            mmap(1, 10, Some("/a")),
            fork(2, 1),
            mmap(2, 30, Some("/b")),
            Event::Exec { pid: 2, name: String::new() },
            mmap(2, 50, Some("/c")),
            exit(1),
        ];
        let lives = play(&mut Replay::new(None), &events);
        let expected = [(1, 10, 1, 6), (2, 30, 3, 4), (2, 50, 5, u64::MAX)];
        assert_eq!(lives, expected);
    }

    #[test]
    fn data_and_nameless_code_replace_code() {
        let events = [mmap(1, 10, Some("/a")), mmap(1, 10, None), mmap(1, 30, Some("//anon"))];
        assert_eq!(play(&mut Replay::new(None), &events), [(1, 10, 1, 2)]);
    }

    #[test]
    fn a_process_ends_with_its_last_thread() {
        let events = [mmap(1, 10, Some("/a")), fork(1, 1), exit(1), exit(1)];
        assert_eq!(play(&mut Replay::new(None), &events), [(1, 10, 1, 4)]);
    }

    #[test]
    fn memory_is_bounded_whatever_the_recording_says() {
        let mut replay = Replay::new(None);
        for at in 0..20_000 {
            replay.event(1, &mmap(1, at * 10, Some("/a")), |_| ());
        }
        assert!(replay.is_overfull);
        assert_eq!(replay.held, MOST_PER_PROCESS);
        replay.event(2, &mmap(2, 10, Some("/a")), |_| ());
        for pid in 3..2000 {
            replay.event(2, &fork(pid, 2), |_| ());
            replay.event(2, &mmap(pid, 50, Some("/b")), |_| ());
        }
        assert_eq!(replay.held, MOST_PER_PROCESS + 1 + 1997 * 2);
        for pid in 1..2000 {
            replay.event(3, &exit(pid), |_| ());
        }
        assert_eq!(replay.held, 0);
    }

    #[test]
    fn descendants_are_tracked_and_files_are_numbered_once() {
        let mut replay = Replay::new(Some([1].into()));
        let events = [
            fork(2, 1),
            fork(3, 2),
            fork(9, 8),
            mmap(3, 10, Some("/a")),
            mmap(3, 10, Some("/a")),
            mmap(9, 10, Some("[vdso]")),
            mmap(9, 30, Some("[heap]")),
            mmap(9, 50, Some("/memfd:jit (deleted)")),
        ];
        play(&mut replay, &events);
        assert_eq!([1, 2, 3, 9].map(|pid| replay.is_tracked(pid)), [true, true, true, false]);
        let paths: Vec<&str> = replay.files.iter().map(|file| &*file.path).collect();
        assert_eq!(paths, ["/a", "[vdso]"]);
    }
}
