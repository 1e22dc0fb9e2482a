//! A trace whose number of calls is known: several threads that allocate, release, and start processes that do the same.
//!
//! A kernel that loads and attaches the program need not run it each time. One where this is not exact is not traced
//! from.

use std::{
    collections::BTreeSet,
    hint::black_box,
    io,
    os::fd::BorrowedFd,
    process::{Child, Command, Stdio},
    thread::Builder,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use runner_shared::{
    env_names::LD_PRELOAD,
    memory::{Event, EventKind},
};

use crate::backend::Record;

/// The word with which the tracer calls itself, to be the program that is traced.
pub(crate) const COMMAND: &str = "self-test";
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Bytes that nothing else asks for.
const SIZE: usize = 77_771;
const THREADS: usize = 4;
const PAIRS_OF_A_THREAD: usize = 250;
const PAIRS_OF_A_CHILD: usize = 10;
const EXPECTED: usize = THREADS * (PAIRS_OF_A_THREAD + PAIRS_OF_A_CHILD);

/// A machine that is so busy has no use for a trace.
const PATIENCE: Duration = Duration::from_secs(30);
/// A program that is held back for want of room gives no notice.
const PAUSE: Duration = Duration::from_millis(2);

/// Makes the calls, in the process that is traced. `child`: as one that a thread has started.
///
/// # Errors
/// A process could not be started.
pub(crate) fn run(child: bool) -> io::Result<()> {
    if child {
        make(PAIRS_OF_A_CHILD);
        return Ok(());
    }
    std::thread::scope(|scope| {
        let start = |_| Builder::new().spawn_scoped(scope, allocate_and_start);
        let threads = (0..THREADS).map(start).collect::<io::Result<Vec<_>>>();
        threads?.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread has panicked")))
        })
    })
}

fn allocate_and_start() -> io::Result<()> {
    make(PAIRS_OF_A_THREAD / 2);
    let status = own_program().arg("--child").status()?;
    make(PAIRS_OF_A_THREAD - PAIRS_OF_A_THREAD / 2);
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("a child: {status}"))) }
}

fn make(pairs: usize) {
    for _ in 0..pairs {
        drop(black_box(Vec::<u8>::with_capacity(black_box(SIZE))));
    }
}

/// This program, about to be the one that is traced. A foreign allocator in it would not be seen from its first call on.
#[expect(clippy::disallowed_methods, reason = "it is to see what the tracer itself sees")]
fn own_program() -> Command {
    let mut command = Command::new(OWN_PROGRAM);
    command.arg(COMMAND).env_remove(LD_PRELOAD.name);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Starts the program whose calls are known.
pub(super) fn start() -> io::Result<Child> {
    own_program().spawn()
}

/// Hands over to `drain` as long as the program runs and something is left. `readable` is so when a process has ended.
pub(super) fn follow(
    mut child: Child,
    readable: BorrowedFd<'_>,
    mut drain: impl FnMut() -> io::Result<usize>,
) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "an end to waiting, no measurement")]
    let began = Instant::now();
    loop {
        let ended = child.try_wait()?;
        if drain()? > 0 {
            continue;
        }
        if let Some(status) = ended {
            let failed =
                || io::Error::other(format!("the program of the self-test failed: {status}"));
            return if status.success() { Ok(()) } else { Err(failed()) };
        }
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other("the self-test did not finish"));
        }
        let pause = PollTimeout::try_from(PAUSE).unwrap_or(PollTimeout::ZERO);
        let _ = poll(&mut [PollFd::new(readable, PollFlags::POLLIN)], pause);
    }
}

/// The calls that were seen.
#[derive(Debug, Default)]
pub(super) struct Tally {
    live: BTreeSet<(i32, u64)>,
    allocations: usize,
    frees: usize,
    /// Blocks that were given out while they were live.
    twice: usize,
}

impl Tally {
    /// Counts a record.
    pub(super) fn take(&mut self, record: Record<'_>) {
        let Record::Call { event: Event { pid, addr, kind, .. }, .. } = record else { return };
        match kind {
            EventKind::Malloc { size } if usize::try_from(size).is_ok_and(|size| size == SIZE) => {
                self.allocations += 1;
                self.twice += usize::from(!self.live.insert((pid, addr)));
            }
            EventKind::Free => self.frees += usize::from(self.live.remove(&(pid, addr))),
            EventKind::Malloc { .. }
            | EventKind::Calloc { .. }
            | EventKind::Realloc { .. }
            | EventKind::AlignedAlloc { .. }
            | EventKind::Mmap { .. }
            | EventKind::Munmap { .. }
            | EventKind::Brk { .. } => {}
        }
    }

    /// Tells whether all calls were seen, each once and in their order.
    pub(super) fn judge(&self) -> io::Result<()> {
        let Self { allocations, frees, twice, .. } = *self;
        if (allocations, frees, twice) == (EXPECTED, EXPECTED, 0) {
            return Ok(());
        }
        let order = if twice > 0 { ", out of order" } else { "" };
        Err(io::Error::other(format!(
            "not exact on this kernel: a self-test saw {allocations} of {EXPECTED} allocations and {frees} of their frees{order}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Stack;

    fn call(addr: u64, kind: EventKind) -> Record<'static> {
        Record::Call {
            event: Event { pid: 1, tid: 2, timestamp: 3, addr, kind },
            stack: Stack::default(),
        }
    }

    const MALLOC: EventKind = EventKind::Malloc { size: 77_771 };

    fn pairs(number: usize) -> Tally {
        let mut tally = Tally::default();
        for _ in 0..number {
            tally.take(call(16, MALLOC));
            tally.take(call(16, EventKind::Free));
        }
        tally
    }

    #[test]
    fn each_call_counts_once() {
        let mut tally = pairs(EXPECTED);
        tally.take(call(32, EventKind::Malloc { size: 8 }));
        tally.take(call(32, EventKind::Free));
        tally.judge().unwrap();
    }

    #[test]
    fn one_call_less_one_more_or_out_of_order_is_noticed() {
        let judged = |tally: &Tally| tally.judge().unwrap_err().to_string();
        let few = judged(&pairs(EXPECTED - 1));
        assert!(few.contains("1039 of 1040 allocations"), "{few}");
        assert!(pairs(EXPECTED + 1).judge().is_err());
        let mut late = pairs(EXPECTED - 2);
        late.take(call(16, MALLOC));
        late.take(call(16, MALLOC));
        late.take(call(16, EventKind::Free));
        assert!(judged(&late).ends_with("out of order"));
    }
}
