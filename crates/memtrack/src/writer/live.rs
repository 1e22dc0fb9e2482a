//! The live blocks of a process, as far as the tracer has seen them: for frees that the program did not make, and
//! for blocks that it never freed.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use runner_shared::{
    bounds::TRACED_ADDRESSES,
    memory::{Event, EventKind},
};

/// The state of an address that was seen: live, or freed in this window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Allocated by this thread.
    Live(i32),
    /// Allocated by this thread while it was still live: `realloc` of another thread, which has not returned yet, has
    /// given it back.
    Displaced(i32),
    /// Freed in the window of this number.
    Freed(u32),
}

/// The addresses of a process.
type Blocks = HashMap<u64, State, FixedState>;

/// The blocks of all processes. Grows with the number of addresses that a program uses at a time, and some more, never
/// with the number of events.
#[derive(Debug)]
pub(super) struct Live {
    /// The process of the last event: nearly always that of the next one.
    current: (i32, Blocks),
    /// All others.
    processes: HashMap<i32, Blocks, FixedState>,
    /// Addresses of those.
    elsewhere: usize,
    window: u32,
    /// So many addresses are followed.
    most: usize,
    untracked: u64,
}

impl Default for Live {
    fn default() -> Self {
        Self::within(TRACED_ADDRESSES)
    }
}

impl Live {
    /// At most so many addresses.
    fn within(most: usize) -> Self {
        let (current, processes) = Default::default();
        Self { current, processes, elsewhere: 0, window: 0, most, untracked: 0 }
    }

    /// Blocks that were not followed, as there were too many.
    pub(super) fn untracked(&self) -> u64 {
        self.untracked
    }

    /// A new window of recording begins. What happened since the last one is not known, so that an address which was
    /// freed then may be live now.
    pub(super) fn open_window(&mut self) {
        self.window = self.window.wrapping_add(1);
    }

    /// Notes an event. Returns whether it is one that the program made: the C library frees what is left in the cache of
    /// a thread that ends, long after the program has freed it.
    pub(super) fn note(&mut self, event: &Event) -> bool {
        let Event { pid, tid, timestamp: _, addr, kind } = *event;
        let window = self.window;
        if self.current.0 != pid {
            self.turn_to(pid);
        }
        let is_full = self.current.1.len() + self.elsewhere >= self.most;
        let blocks = &mut self.current.1;
        if is_full && !blocks.contains_key(&addr) {
            let is_map = matches!(
                kind,
                EventKind::Mmap { .. } | EventKind::Munmap { .. } | EventKind::Brk { .. }
            );
            self.untracked += u64::from(!is_map && kind != EventKind::Free);
            return true;
        }
        match kind {
            EventKind::Malloc { .. }
            | EventKind::Calloc { .. }
            | EventKind::AlignedAlloc { .. } => {
                allocated(blocks, addr, tid);
            }
            EventKind::Realloc { old_addr, .. } => {
                if let Some(old) = old_addr.filter(|old| *old != addr) {
                    match blocks.get(&old) {
                        // Somebody else has got it meanwhile.
                        Some(State::Displaced(owner)) if *owner != tid => {
                            let owner = *owner;
                            blocks.insert(old, State::Live(owner));
                        }
                        Some(_) | None => drop(blocks.insert(old, State::Freed(window))),
                    }
                    allocated(blocks, addr, tid);
                } else {
                    blocks.insert(addr, State::Live(tid));
                }
            }
            EventKind::Free => match blocks.insert(addr, State::Freed(window)) {
                Some(State::Freed(freed)) => return freed != window,
                Some(State::Live(_) | State::Displaced(_)) | None => {}
            },
            EventKind::Mmap { .. } | EventKind::Munmap { .. } | EventKind::Brk { .. } => {}
        }
        true
    }

    fn turn_to(&mut self, pid: i32) {
        if self.current.0 == pid {
            return;
        }
        let next = (pid, self.processes.remove(&pid).unwrap_or_default());
        self.elsewhere -= next.1.len();
        let (before, blocks) = std::mem::replace(&mut self.current, next);
        self.elsewhere += blocks.len();
        if !blocks.is_empty() {
            self.processes.insert(before, blocks);
        }
    }

    /// A process has ended, or become another program: hands out the addresses that are still live, in their order.
    pub(super) fn end(&mut self, pid: i32) -> Vec<u64> {
        self.turn_to(pid);
        let blocks = std::mem::take(&mut self.current.1);
        let live = blocks.into_iter().filter(|(_, state)| !matches!(state, State::Freed(_)));
        let mut addresses: Vec<u64> = live.map(|(addr, _)| addr).collect();
        addresses.sort_unstable();
        addresses
    }
}

fn allocated(blocks: &mut Blocks, addr: u64, tid: i32) {
    let before = blocks.insert(addr, State::Live(tid));
    if let Some(State::Live(owner) | State::Displaced(owner)) = before
        && owner != tid
    {
        blocks.insert(addr, State::Displaced(tid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(tid: i32, addr: u64, kind: EventKind) -> Event {
        Event { pid: 1, tid, timestamp: 0, addr, kind }
    }

    const MALLOC: EventKind = EventKind::Malloc { size: 8 };

    fn moved(from: u64) -> EventKind {
        EventKind::Realloc { old_addr: Some(from), size: 9 }
    }

    #[test]
    fn a_free_of_what_was_freed_is_not_the_programs() {
        let mut live = Live::default();
        assert!(live.note(&event(1, 16, EventKind::Free)), "from before the trace");
        assert!(live.note(&event(1, 16, MALLOC)));
        assert!(live.note(&event(1, 16, EventKind::Free)));
        assert!(!live.note(&event(1, 16, EventKind::Free)));
        live.open_window();
        assert!(live.note(&event(1, 16, EventKind::Free)), "allocated between the windows");
        assert_eq!(live.end(1), Vec::<u64>::new());
    }

    #[test]
    fn what_is_live_at_the_end_is_handed_out_once() {
        let mut live = Live::default();
        for addr in [32, 16, 48] {
            live.note(&event(1, addr, MALLOC));
        }
        live.note(&event(1, 16, moved(16)));
        live.note(&event(1, 64, moved(48)));
        live.note(&event(1, 32, EventKind::Free));
        assert_eq!(live.end(1), [16, 64]);
        assert_eq!(live.end(1), Vec::<u64>::new());
    }

    #[test]
    fn an_address_reused_before_realloc_returned_stays_live() {
        let mut live = Live::default();
        live.note(&event(1, 16, MALLOC));
        // Thread 1 is in realloc(16); thread 2 gets 16.
        live.note(&event(2, 16, MALLOC));
        live.note(&event(1, 32, moved(16)));
        assert!(live.note(&event(2, 16, EventKind::Free)));
        assert!(!live.note(&event(2, 16, EventKind::Free)));
        assert_eq!(live.end(1), [32]);
    }

    #[test]
    fn addresses_beyond_the_bound_are_counted_until_a_process_ends() {
        let mut live = Live::within(2);
        live.note(&event(1, 16, MALLOC));
        let other = Event { pid: 2, ..event(2, 16, MALLOC) };
        assert!(live.note(&other));
        for addr in [32, 48] {
            assert!(live.note(&event(1, addr, MALLOC)));
        }
        assert!(
            live.note(&event(1, 32, EventKind::Free)) && live.note(&event(1, 32, EventKind::Free))
        );
        assert_eq!((live.untracked(), live.end(1)), (2, vec![16]));
        live.note(&event(1, 32, MALLOC));
        assert_eq!((live.untracked(), live.end(1), live.end(2)), (2, vec![32], vec![16]));
    }

    #[test]
    fn processes_are_apart() {
        let mut live = Live::default();
        live.note(&event(1, 16, MALLOC));
        let child = Event { pid: 2, ..event(2, 16, EventKind::Free) };
        assert!(live.note(&child));
        assert_eq!(live.end(2), Vec::<u64>::new());
        assert_eq!(live.end(1), [16]);
    }
}
