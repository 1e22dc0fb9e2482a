//! Puts the records of all threads into one order by time, with bounded memory.
//!
//! A record can be handed out once no older one can come: the stamp lies before the time when all blocks were looked
//! for, and no thread is making a record since before that time.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use runner_shared::memory::Event;

use super::{
    asides::Aside,
    processes::{Key, Processes},
    segment::Segment,
    stream::{Next, Stream},
    wire::{Call, What},
};
use crate::backend::{Record, Stack};

/// Stores of a thread are seen by others after this time, nanoseconds. Far more than any processor needs.
const VISIBLE: u64 = 100_000;
/// A thread that makes a record for so long was stopped or killed meanwhile: its record will be late, nanoseconds.
const PATIENCE: u64 = 20_000_000;
/// The interval at which threads are asked whether they live, nanoseconds.
const SWEEP: u64 = 100_000_000;
/// The interval at which a thread that is making a record is looked at again.
const LOOKS: u32 = 200;
/// The interval at which blocks are looked for while there are new processes.
const MAX_SCANS: u32 = 4;
/// Waiting threads are woken after so many blocks.
const WAKE_AFTER: usize = 64;
/// More threads than blocks could ever be are a program's nonsense.
const MAX_STREAMS: usize = 1 << 17;

/// The receiver of the records.
pub(super) struct Sink<'a> {
    /// Calls and the lives of processes.
    pub record: &'a mut dyn FnMut(Record<'_>),
    /// The rest.
    pub aside: &'a mut dyn FnMut(Aside),
}

/// All threads and how far they are read.
#[derive(Debug)]
pub(super) struct Merger {
    streams: Vec<Option<Stream>>,
    by_id: HashMap<u64, usize>,
    vacant: Vec<usize>,
    /// The blocks of each stream.
    known: Vec<bool>,
    processes: Processes,
    /// Streams of images that are no more; from the next drain on.
    replaced: Vec<usize>,
    /// All records up to here are handed out.
    floor: u64,
    swept: u64,
    /// Later stamps are nonsense.
    horizon: u64,
    released: usize,
    damaged: u64,
    stack: Vec<u64>,
}

impl Merger {
    /// For a segment with so many blocks.
    pub(super) fn new(blocks: u32) -> Self {
        Self {
            streams: Vec::new(),
            by_id: HashMap::new(),
            vacant: Vec::new(),
            known: vec![false; usize::try_from(blocks).unwrap_or(0)],
            processes: Processes::new(),
            replaced: Vec::new(),
            floor: 0,
            swept: 0,
            horizon: 0,
            released: 0,
            damaged: 0,
            stack: Vec::new(),
        }
    }

    /// Blocks whose contents were destroyed by the program.
    pub(super) const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Hands out what is due; `now` is the time since the epoch. With `all`, hands out everything there is.
    pub(super) fn drain(
        &mut self,
        segment: &Segment,
        now: u64,
        all: bool,
        sink: &mut Sink<'_>,
    ) -> usize {
        // Once more for those that were not known: they may be dead by now, and then must end before others go on.
        let mut news = true;
        for _ in 0..MAX_SCANS {
            if news {
                self.look_after_processes(now, all);
                news = self.scan(segment);
            }
        }
        for key in self.processes.silent() {
            self.end_process(key, segment, sink);
        }
        let mut limit = if all { u64::MAX } else { now.saturating_sub(VISIBLE) };
        if !all {
            self.find_stuck(segment, now);
        }
        let mut heap = BinaryHeap::new();
        for slot in 0..self.streams.len() {
            self.advance(segment, slot, &mut heap, &mut limit, sink);
        }
        let mut count = 0;
        while let Some(Reverse((stamp, slot))) = heap.pop() {
            if stamp > limit {
                break;
            }
            // A thread goes on until another one has an older record.
            let until = heap.peek().map_or(u64::MAX, |Reverse((other, _))| *other).min(limit);
            count += self.run(segment, slot, until, sink);
            self.advance(segment, slot, &mut heap, &mut limit, sink);
        }
        self.floor = self.floor.max(limit.min(now));
        self.wake(segment, 1);
        count
    }

    /// Before blocks are looked for: those of whoever is dead by then are all there.
    fn look_after_processes(&mut self, now: u64, all: bool) {
        for slot in std::mem::take(&mut self.replaced) {
            if let Some(stream) = self.streams.get_mut(slot).and_then(Option::as_mut) {
                stream.gone = true;
            }
        }
        self.processes.look();
        let sweep = all || now.saturating_sub(self.swept) > SWEEP;
        if sweep {
            self.swept = now;
        }
        self.horizon = now.saturating_add(SECOND);
        for stream in self.streams.iter_mut().flatten() {
            stream.horizon = self.horizon;
            let dead = self.processes.get(stream.process).is_none_or(|process| process.dead);
            stream.gone |=
                dead || (sweep && self.processes.thread_is_gone(stream.process, stream.tid));
        }
    }

    /// Finds the blocks that were taken since the last time; true when there are new processes among them.
    fn scan(&mut self, segment: &Segment) -> bool {
        let before = self.processes.found();
        let mut starts = Vec::new();
        for number in segment.used() {
            let Some(known) = usize::try_from(number).ok().and_then(|at| self.known.get_mut(at))
            else {
                continue;
            };
            if *known || segment.owner(number).is_none() || !segment.state(number).ready {
                continue;
            }
            *known = true;
            self.adopt(segment, number, &mut starts);
        }
        for (process, id) in starts {
            let older = self.streams.iter().enumerate().filter_map(|(slot, stream)| {
                stream.as_ref().filter(|it| it.process == process && it.id < id).map(|_| slot)
            });
            self.replaced.extend(older);
        }
        self.processes.found() != before
    }

    fn adopt(&mut self, segment: &Segment, number: u32, starts: &mut Vec<(Key, u64)>) {
        let head = segment.head(number);
        let slot = match self.by_id.get(&head.stream) {
            Some(slot) => Some(*slot),
            None => self
                .processes
                .find(head.namespace, head.pid)
                .and_then(|process| self.new_stream(Stream::new(head.stream, process, head.tid))),
        };
        let stream = slot.and_then(|slot| self.streams.get_mut(slot)).and_then(Option::as_mut);
        let Some(stream) = stream else {
            self.damaged += 1;
            self.release(segment, number);
            return;
        };
        if head.sequence == 0 && segment.word(number, 0) & 15 == START {
            starts.push((stream.process, head.stream));
        }
        if let Some(unneeded) = stream.add(head.sequence, number) {
            self.damaged += 1;
            self.release(segment, unneeded);
        }
    }

    fn new_stream(&mut self, mut stream: Stream) -> Option<usize> {
        if self.by_id.len() >= MAX_STREAMS {
            return None;
        }
        if let Some(process) = self.processes.get_mut(stream.process) {
            process.threads += 1;
            // Seen before this search for blocks, or followed by another one.
            stream.gone = process.dead;
            stream.horizon = self.horizon;
        }
        let id = stream.id;
        let slot = self.vacant.pop().unwrap_or(self.streams.len());
        match self.streams.get_mut(slot) {
            Some(place) => *place = Some(stream),
            None => self.streams.push(Some(stream)),
        }
        self.by_id.insert(id, slot);
        Some(slot)
    }

    /// Notes which threads have been making the same record since before now.
    fn find_stuck(&mut self, segment: &Segment, now: u64) {
        let mut busy = Vec::new();
        for (slot, stream) in self.streams.iter_mut().enumerate() {
            let Some(stream) = stream else { continue };
            let block = stream.open_block().filter(|_| !stream.gone);
            let state = block.map(|block| (block, segment.state(block)));
            match state {
                Some((block, state)) if state.in_flight => busy.push((slot, block, state)),
                Some(_) | None => stream.stuck = None,
            }
        }
        for (slot, block, state) in busy {
            let mut looks = 0;
            while segment.state(block) == state && looks < LOOKS {
                looks += 1;
                std::hint::spin_loop();
            }
            if let Some(Some(stream)) = self.streams.get_mut(slot) {
                let since = stream.stuck.filter(|(_, before)| *before == state);
                let since = since.map_or(now, |(since, _)| since);
                let stuck = looks == LOOKS && now.saturating_sub(since) < PATIENCE;
                // The time of those that are not waited for any more is kept, too.
                stream.stuck = (looks == LOOKS).then_some((since, state));
                if !stuck && let Some((since, _)) = stream.stuck.as_mut() {
                    *since = 0;
                }
            }
        }
    }

    /// Puts a thread in line for its next record.
    fn advance(
        &mut self,
        segment: &Segment,
        slot: usize,
        heap: &mut BinaryHeap<Reverse<(u64, usize)>>,
        limit: &mut u64,
        sink: &mut Sink<'_>,
    ) {
        let Some(Some(stream)) = self.streams.get_mut(slot) else { return };
        let (known, released) = (&mut self.known, &mut self.released);
        let next = stream.peek(segment, |block| {
            *released += 1;
            release(segment, known, block);
        });
        match next {
            Next::Record(stamp) => heap.push(Reverse((stamp, slot))),
            // Whatever it is making has a later stamp than its last one.
            Next::Nothing if stream.stuck.is_some_and(|(since, _)| since > 0) => {
                *limit = (*limit).min(stream.last.max(self.floor));
            }
            Next::Nothing => {}
            Next::End => self.end_stream(segment, slot, sink),
        }
        self.wake(segment, WAKE_AFTER);
    }

    /// Hands out the records of a thread up to a stamp.
    fn run(&mut self, segment: &Segment, slot: usize, until: u64, sink: &mut Sink<'_>) -> usize {
        let mut count = 0;
        let Some(Some(stream)) = self.streams.get_mut(slot) else { return count };
        let Some(process) = self.processes.get_mut(stream.process) else { return count };
        let epoch = segment.shape().epoch;
        let (known, released) = (&mut self.known, &mut self.released);
        while let Next::Record(stamp) = stream.peek(segment, |block| {
            *released += 1;
            release(segment, known, block);
        }) {
            if stamp > until {
                break;
            }
            let (pid, timestamp) = (process.pid, epoch.saturating_add(stamp));
            let call = stream.take_call(segment, &mut self.stack);
            let other = if call.is_none() { stream.take(segment) } else { None };
            if call.is_none() && other.is_none() {
                self.damaged += 1;
                continue;
            }
            stream.last = stamp;
            process.last = process.last.max(stamp);
            count += 1;
            if let Some(Call { addr, kind, registers, copied, .. }) = call {
                let tid = process.outer_tid(stream.tid);
                let event = Event { pid, tid, timestamp, addr, kind };
                let (copy, addresses) = self.stack.split_at_checked(copied).unwrap_or_default();
                let stack = Stack { addresses, registers, copy };
                (sink.record)(Record::Call { event, stack });
            }
            let Some(other) = other else { continue };
            match other {
                What::Start => {
                    (sink.aside)(Aside::Start { who: process.who(None), stamp });
                    if process.started {
                        (sink.record)(Record::Exec { pid, timestamp });
                    }
                    process.started = true;
                }
                What::Object { probes, path } => (sink.aside)(Aside::Object { probes, path }),
                What::Mapped(mapping) => (sink.record)(Record::Mapped { pid, mapping: &mapping }),
                What::Unmapped => (sink.record)(Record::Memory { pid, timestamp, mappings: &[] }),
                What::Exec { pid, since, reach, path } => {
                    (sink.aside)(Aside::Exec { who: process.who(Some(pid)), since, reach, path });
                }
                What::Failed { pid } => {
                    (sink.aside)(Aside::Failed { who: process.who(Some(pid)) });
                }
                What::Past { how, path } => (sink.aside)(Aside::Past { how, path }),
            }
        }
        count
    }

    fn end_stream(&mut self, segment: &Segment, slot: usize, sink: &mut Sink<'_>) {
        let Some(stream) = self.streams.get_mut(slot).and_then(Option::take) else { return };
        self.by_id.remove(&stream.id);
        self.vacant.push(slot);
        let key = stream.process;
        for block in stream.into_blocks() {
            self.release(segment, block);
        }
        let Some(process) = self.processes.get_mut(key) else { return };
        process.threads = process.threads.saturating_sub(1);
        if process.dead && process.threads == 0 {
            self.end_process(key, segment, sink);
        }
    }

    /// All that a dead process had to say is said. It died after its last record, and after the last drain.
    fn end_process(&mut self, key: Key, segment: &Segment, sink: &mut Sink<'_>) {
        let Some(process) = self.processes.get(key) else { return };
        let timestamp = segment.shape().epoch.saturating_add(process.last.max(self.floor));
        (sink.record)(Record::Exit { pid: process.pid, timestamp });
        self.processes.remove(key);
    }

    fn release(&mut self, segment: &Segment, block: u32) {
        self.released += 1;
        release(segment, &mut self.known, block);
    }

    fn wake(&mut self, segment: &Segment, after: usize) {
        if self.released >= after {
            self.released = 0;
            segment.wake();
        }
    }
}

/// The kind of a record that begins an image.
const START: u64 = 6;
/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;

fn release(segment: &Segment, known: &mut [bool], block: u32) {
    if let Some(known) = usize::try_from(block).ok().and_then(|at| known.get_mut(at)) {
        *known = false;
    }
    segment.release(block);
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
