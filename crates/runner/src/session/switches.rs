//! Watches, from the start to the stop of a window, when the threads of a client leave their processors: time that other
//! programs took is then known round by round.
//!
//! One event per thread, opened while the client waits for its answer. The benchmark pays nothing but the kernel's own
//! record at each switch. We look at them when the window ends, or when a ring is half full.

use std::{collections::BTreeMap, fs, io, os::fd::AsFd};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use runner_shared::{
    artifact::{Preemptions, Span, WatchedWindow},
    bounds::{Allowance, SWITCHES_BYTES, size},
    clock::now,
};
use system::{
    files,
    orphans::descendants,
    perf::{self, Attributes, Record, Refused, Ring, What, parse},
};

use super::clients::{Speaker, above};

/// A client with more threads is no program that computes in one of them.
const MOST_THREADS: usize = 16;
/// Bytes of the rings of all threads. A record of a switch takes 24, and the kernel lets a user lock 512 KiB for each
/// processor.
const RINGS_BYTES: usize = 256 << 10;
/// Bytes of a window without its spans.
const WINDOW_BYTES: u64 = 128;
/// Bytes of a span.
const SPAN_BYTES: u64 = 16;

/// The windows so far, and the one that is open.
#[derive(Debug)]
pub(crate) struct Switches {
    is_on: bool,
    seen: Preemptions,
    room: Allowance,
    open: Option<Open>,
}

/// A window that is open.
#[derive(Debug)]
struct Open {
    start: u64,
    threads: Vec<Thread>,
    /// Processor time so far of the processes that speak and of those below them, nanoseconds.
    processes: BTreeMap<i32, u64>,
    /// The reason that nothing will be known; empty if it will.
    missing: String,
}

/// A thread of a client.
#[derive(Debug)]
struct Thread {
    ring: Ring,
    /// It has not ended: the descriptor of one that has is always ready.
    lives: bool,
    pid: i32,
    tid: i32,
    /// Processor time when the window was opened, nanoseconds.
    before_ns: u64,
    timeline: Timeline,
}

impl Default for Switches {
    fn default() -> Self {
        let room = Allowance::of(SWITCHES_BYTES);
        Self { is_on: true, seen: Preemptions::default(), room, open: None }
    }
}

impl Switches {
    /// Watches nobody.
    pub(crate) fn off() -> Self {
        Self { is_on: false, ..Self::default() }
    }

    /// A window begins, in one of these processes. One that is open is forgotten.
    pub(super) fn open(&mut self, speakers: &[Speaker]) {
        self.abandon();
        if !self.is_on {
            return;
        }
        let pids: Vec<i32> = speakers.iter().map(|speaker| speaker.client.pid).collect();
        let (threads, missing) = match threads_of(&pids) {
            Ok(threads) => (threads, String::new()),
            Err(why) => (Vec::new(), why.to_string()),
        };
        let processes = processor_times(&pids);
        self.open = Some(Open { start: now().0, threads, processes, missing });
    }

    /// Forgets the window that is open.
    pub(super) fn abandon(&mut self) {
        if let Some(Open { threads, .. }) = self.open.take() {
            for thread in threads {
                self.room.give_back(thread.timeline.bytes());
            }
        }
    }

    /// The window ends: keeps what is known of the thread that has worked most.
    pub(super) fn close(&mut self) {
        let end = now().0;
        self.gather();
        let Some(Open { start, threads, processes, missing }) = self.open.take() else { return };
        let pids: Vec<i32> = threads.iter().map(|thread| thread.pid).collect();
        let after = processor_times(&pids);
        let grown = |(pid, after): (&i32, &u64)| {
            after.saturating_sub(processes.get(pid).copied().unwrap_or(0))
        };
        let all: u64 = after.iter().map(grown).fold(0, u64::saturating_add);
        let is_alone = threads.len() == 1;
        let forked = threads.iter().any(|thread| thread.timeline.forked);
        let worked = |thread: &Thread| match thread_time(thread.pid, thread.tid) {
            Some(after) => after.saturating_sub(thread.before_ns),
            // Not every kernel tells of threads.
            None if is_alone => all,
            None => 0,
        };
        let mut threads: Vec<(u64, Timeline)> =
            threads.into_iter().map(|thread| (worked(&thread), thread.timeline)).collect();
        threads.sort_by_key(|(worked, _)| *worked);
        let chosen = threads.pop();
        for (_, timeline) in threads {
            self.room.give_back(timeline.bytes());
        }
        let (thread_ns, timeline) = chosen.unwrap_or_default();
        if !self.room.take(WINDOW_BYTES + size(missing.len())) {
            self.seen.left_out += 1;
            return;
        }
        let Timeline { preempted, waited, lost, .. } = timeline.until(end);
        self.seen.windows.push(WatchedWindow {
            start_ns: start,
            end_ns: end,
            missing,
            preempted,
            waited,
            lost,
            thread_ns,
            others_ns: all.saturating_sub(thread_ns),
            forked,
        });
    }

    /// Takes the records out of the rings.
    pub(super) fn gather(&mut self) {
        let Some(open) = &mut self.open else { return };
        let (mut bytes, mut records) = (Vec::new(), Vec::new());
        for thread in &mut open.threads {
            bytes.clear();
            records.clear();
            thread.ring.read(&mut bytes);
            parse(&bytes, &mut records);
            for record in &records {
                thread.timeline.add(*record, &mut self.room);
            }
            let mut state = [PollFd::new(thread.ring.as_fd(), PollFlags::empty())];
            let has_ended = poll(&mut state, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
            thread.lives &= !has_ended;
        }
    }

    /// Descriptors that are ready when [`Self::gather`] is to be called.
    pub(super) fn full(&self) -> impl Iterator<Item = PollFd<'_>> {
        let threads = self.open.iter().flat_map(|open| &open.threads);
        let living = threads.filter(|thread| thread.lives);
        living.map(|thread| PollFd::new(thread.ring.as_fd(), PollFlags::POLLIN))
    }

    /// The windows that were seen.
    pub(super) fn finish(self) -> Preemptions {
        self.seen
    }
}

/// The reason that a window can't be watched. Shown behind figures that are then not known.
#[derive(Debug, thiserror::Error)]
enum Unwatched {
    #[error("the benchmark process can't be observed")]
    Unseen,
    #[error("the benchmark has {0} threads, more than the {MOST_THREADS} that can be watched")]
    Threads(usize),
    #[error("the kernel reports no context switches: {0}")]
    Refused(#[from] Refused),
    #[error("the kernel has no memory for its records ({0}); raise `ulimit -l`")]
    Memory(io::Error),
}

/// Begins to watch all threads of these processes.
fn threads_of(pids: &[i32]) -> Result<Vec<Thread>, Unwatched> {
    let tids = |pid: i32| {
        let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        entries.filter_map(move |entry| Some((pid, entry.file_name().to_str()?.parse().ok()?)))
    };
    let found: Vec<(i32, i32)> = pids.iter().copied().flat_map(tids).collect();
    if found.len() > MOST_THREADS {
        return Err(Unwatched::Threads(found.len()));
    }
    let bytes = ring_bytes(found.len(), perf::page_bytes());
    let wakeup = u32::try_from(bytes / 2).unwrap_or(u32::MAX);
    let attributes = Attributes::records(0, wakeup);
    let mut threads = Vec::new();
    for (pid, tid) in found {
        let event = match perf::open(&attributes, Pid::from_raw(tid), None) {
            Ok(event) => event,
            // It is gone.
            Err(Errno::ESRCH) => continue,
            Err(errno) => return Err(Refused::of(errno, 2).into()),
        };
        let ring = Ring::map(event, bytes).map_err(Unwatched::Memory)?;
        let before_ns = thread_time(pid, tid).unwrap_or(0);
        threads.push(Thread {
            ring,
            lives: true,
            pid,
            tid,
            before_ns,
            timeline: Timeline::default(),
        });
    }
    if threads.is_empty() { Err(Unwatched::Unseen) } else { Ok(threads) }
}

/// Bytes of the ring of each of so many threads: the largest power of two that leaves all of them their share, and a page
/// at least, as the kernel maps no less.
fn ring_bytes(threads: usize, page: usize) -> usize {
    let share = RINGS_BYTES / threads.max(1);
    (1 << share.max(1).ilog2()).max(page)
}

/// Processor time of a thread so far, nanoseconds, if the kernel tells (`CONFIG_SCHED_INFO`).
fn thread_time(pid: i32, tid: i32) -> Option<u64> {
    let text = files::read_kernel_text(format!("/proc/{pid}/task/{tid}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Processor time so far, nanoseconds, of these processes and of all below them.
fn processor_times(pids: &[i32]) -> BTreeMap<i32, u64> {
    let parents = descendants();
    let is_meant = |pid: &Pid| {
        let mut line = std::iter::once(*pid).chain(above(*pid, &parents));
        line.any(|pid| pids.contains(&pid.as_raw()))
    };
    let meant = parents.keys().copied().filter(is_meant);
    meant.filter_map(|pid| Some((pid.as_raw(), process_time(pid)?))).collect()
}

fn process_time(pid: Pid) -> Option<u64> {
    let time = clock_gettime(clock_getcpuclockid(pid).ok()?).ok()?;
    let (seconds, nanos) =
        (u64::try_from(time.tv_sec()).ok()?, u64::try_from(time.tv_nsec()).ok()?);
    Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// The sum of the records of a thread. Pure.
#[derive(Debug, Default, PartialEq, Eq)]
struct Timeline {
    /// The time when it left its processor, and whether it could have gone on.
    out: Option<(u64, bool)>,
    /// Time of the last record.
    last: u64,
    preempted: Vec<Span>,
    waited: Vec<Span>,
    lost: Vec<Span>,
    forked: bool,
    /// There was no room for what came from here on.
    full: Option<u64>,
}

impl Timeline {
    /// Adds the next record, if there is room for what it says.
    fn add(&mut self, record: Record, room: &mut Allowance) {
        let Record { what, time, .. } = record;
        match what {
            What::Out { preempted } => self.out = Some((time, preempted)),
            What::In => {
                if let Some((since, preempted)) = self.out.take() {
                    let span = (since, time.saturating_sub(since));
                    if self.full.is_none() && room.take(SPAN_BYTES) {
                        let spans = if preempted { &mut self.preempted } else { &mut self.waited };
                        spans.push(span);
                    } else {
                        self.full.get_or_insert(since);
                    }
                }
            }
            What::Lost => {
                self.out = None;
                if self.full.is_none() && room.take(SPAN_BYTES) {
                    self.lost.push((self.last, time.saturating_sub(self.last)));
                } else {
                    self.full.get_or_insert(self.last);
                }
            }
            What::Fork => self.forked = true,
            What::Exec | What::Exit => {}
        }
        self.last = time;
    }

    /// The same at the end of the window: what had no room counts as lost.
    fn until(mut self, end: u64) -> Self {
        if let Some(since) = self.full {
            self.lost.push((since, end.saturating_sub(since)));
        }
        self
    }

    /// Bytes that were taken of the room.
    fn bytes(&self) -> u64 {
        let spans = self.preempted.len() + self.waited.len() + self.lost.len();
        size(spans) * SPAN_BYTES
    }
}

#[cfg(test)]
#[path = "switches_tests.rs"]
mod tests;
