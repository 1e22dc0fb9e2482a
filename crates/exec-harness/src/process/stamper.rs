//! Lets the kernel stamp exec, preemption and exit of every process that we start.
//!
//! One software event per processor is opened on ourselves, once, and inherited by each child:
//! a round pays nothing but the inheritance. Needs `kernel.perf_event_paranoid` of 2 or less, or
//! `CAP_PERFMON`; works without hardware counters.

use std::io;

use nix::{
    sched::{CpuSet, sched_getaffinity},
    unistd::Pid,
};
use system::perf::{self, Attributes, Record, Ring, flags, parse};

use super::stamps::{Stamps, stamps};

/// Bytes of records that one processor can hold until they are read: about 10 000 switches.
const RING_BYTES: usize = 256 * 1024;
/// Each inherited event makes the creation of a process slower, by about a microsecond.
const MAX_PROCESSORS: usize = 32;

/// The reason why the kernel does not stamp for us.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StampError {
    /// `perf_event_open` was refused.
    #[error(
        "no kernel timestamps (perf_event_open: {source}); run `sysctl kernel.perf_event_paranoid=2` or grant \
            CAP_PERFMON"
    )]
    Refused {
        /// The answer of the kernel.
        source: io::Error,
    },
    /// The ring could not be mapped.
    #[error("no kernel timestamps (ring buffer: {source}); raise `ulimit -l`")]
    Memory {
        /// The answer of the kernel.
        source: io::Error,
    },
    /// More processors than is reasonable.
    #[error(
        "no kernel timestamps: this process may run on {count} processors, and more than {MAX_PROCESSORS} events would \
            slow down the benchmark; use `taskset -c 0-7` to limit the processors"
    )]
    Processors {
        /// Processors that we may run on.
        count: usize,
    },
}

/// Collects kernel stamps of processes that are started from now on.
#[derive(Debug)]
pub(crate) struct Stamper {
    rings: Vec<Ring>,
    scratch: Vec<u8>,
    records: Vec<Record>,
}

impl Stamper {
    /// Opens the events.
    pub(crate) fn open() -> Result<Self, StampError> {
        let refused = |errno: nix::Error| StampError::Refused { source: errno.into() };
        let allowed = sched_getaffinity(Pid::from_raw(0)).map_err(refused)?;
        let processors: Vec<usize> =
            (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).collect();
        if processors.len() > MAX_PROCESSORS {
            return Err(StampError::Processors { count: processors.len() });
        }
        let rings = processors.iter().map(|cpu| open(*cpu)).collect::<Result<_, _>>()?;
        Ok(Self {
            rings,
            scratch: Vec::with_capacity(RING_BYTES),
            records: Vec::with_capacity(RING_BYTES / 24),
        })
    }

    /// Forgets what happened until now.
    pub(crate) fn skip(&mut self) {
        for ring in &mut self.rings {
            ring.skip();
        }
        self.records.clear();
    }

    /// Takes the records out of the rings so that these don't overflow during a long round.
    pub(crate) fn gather(&mut self) {
        for ring in &mut self.rings {
            self.scratch.clear();
            ring.read(&mut self.scratch);
            parse(&self.scratch, &mut self.records);
        }
        // A round that switches for hours must not fill the memory; the stamps then stay unknown.
        self.records.truncate(4 * RING_BYTES);
    }

    /// Returns the stamps of the process `pid`, which has ended.
    pub(crate) fn finish(&mut self, pid: Pid) -> Stamps {
        self.gather();
        let stamps = stamps(&mut self.records, pid.as_raw(), nix::unistd::getpid().as_raw());
        self.records.clear();
        stamps
    }
}

/// Opens the event of one processor.
fn open(processor: usize) -> Result<Ring, StampError> {
    // Nobody polls the event: it is read after the round.
    let also = flags::INHERIT | flags::COMM | flags::COMM_EXEC;
    let attributes = Attributes::records(also, u32::MAX);
    let event = perf::open(&attributes, Pid::from_raw(0), Some(processor))
        .map_err(|errno| StampError::Refused { source: errno.into() })?;
    Ring::map(event, RING_BYTES).map_err(|source| StampError::Memory { source })
}
