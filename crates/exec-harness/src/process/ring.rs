//! Lets the kernel stamp exec, preemption and exit of every process that we start.
//!
//! One software event per processor is opened on ourselves, once, and inherited by each child:
//! a round pays nothing but the inheritance. Needs `kernel.perf_event_paranoid` of 2 or less, or
//! `CAP_PERFMON`; works without hardware counters.

#![expect(unsafe_code, reason = "perf_event_open and its ring buffer have no safe wrapper")]

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{
    sched::{CpuSet, sched_getaffinity},
    unistd::Pid,
};

use super::ring_records::{Record, Stamps, parse, stamps};

/// Bytes of records that one processor can hold until they are read: about 10 000 switches.
const RING_BYTES: usize = 256 * 1024;
/// Each inherited event makes the creation of a process slower, by about a microsecond.
const MAX_PROCESSORS: usize = 32;

/// Why the kernel does not stamp for us.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StampError {
    /// `perf_event_open` was refused.
    #[error(
        "no kernel stamps (perf_event_open: {source}); `sysctl kernel.perf_event_paranoid=2` or CAP_PERFMON allows them"
    )]
    Refused {
        /// What the kernel says.
        source: io::Error,
    },
    /// The ring could not be mapped.
    #[error("no kernel stamps (ring buffer: {source}); a higher `ulimit -l` allows them")]
    Memory {
        /// What the kernel says.
        source: io::Error,
    },
    /// More processors than is reasonable.
    #[error(
        "no kernel stamps: this process may run on {count} processors, and more than {MAX_PROCESSORS} events would slow the benchmark down; `taskset -c 0-7` limits them"
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
        let rings = processors.iter().map(|cpu| Ring::open(*cpu)).collect::<Result<_, _>>()?;
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

    /// What the kernel saw of the process `pid`, which has ended.
    pub(crate) fn finish(&mut self, pid: Pid) -> Stamps {
        self.gather();
        let stamps = stamps(&mut self.records, pid.as_raw(), nix::unistd::getpid().as_raw());
        self.records.clear();
        stamps
    }
}

/// `struct perf_event_attr` up to the fields of its fifth version, 112 bytes.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_watermark: u32,
    breakpoint_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clockid: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

const TYPE_SOFTWARE: u32 = 1;
const COUNT_SW_DUMMY: u64 = 9;
const SAMPLE_TID_AND_TIME: u64 = 1 << 1 | 1 << 2;
const FLAG_INHERIT: u64 = 1 << 1;
const FLAG_EXCLUDE_KERNEL: u64 = 1 << 5;
const FLAG_COMM: u64 = 1 << 9;
const FLAG_TASK: u64 = 1 << 13;
const FLAG_WATERMARK: u64 = 1 << 14;
const FLAG_SAMPLE_ID_ALL: u64 = 1 << 18;
const FLAG_COMM_EXEC: u64 = 1 << 24;
const FLAG_USE_CLOCKID: u64 = 1 << 25;
const FLAG_CONTEXT_SWITCH: u64 = 1 << 26;
const OPEN_CLOEXEC: libc::c_ulong = 1 << 3;

/// Offsets in the first page of the mapping (`struct perf_event_mmap_page`).
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

/// The records of one processor.
#[derive(Debug)]
struct Ring {
    base: NonNull<u8>,
    page: usize,
    _event: OwnedFd,
}

impl Ring {
    fn open(cpu: usize) -> Result<Self, StampError> {
        let attributes = Attributes {
            kind: TYPE_SOFTWARE,
            size: u32::try_from(size_of::<Attributes>()).unwrap_or(0),
            config: COUNT_SW_DUMMY,
            sample_type: SAMPLE_TID_AND_TIME,
            flags: FLAG_INHERIT
                | FLAG_EXCLUDE_KERNEL
                | FLAG_COMM
                | FLAG_TASK
                | FLAG_WATERMARK
                | FLAG_SAMPLE_ID_ALL
                | FLAG_COMM_EXEC
                | FLAG_USE_CLOCKID
                | FLAG_CONTEXT_SWITCH,
            // Nobody polls the event: it is read after the round.
            wakeup_watermark: u32::MAX,
            clockid: libc::CLOCK_MONOTONIC,
            ..Attributes::default()
        };
        let no_pid: libc::c_int = 0;
        let no_group: libc::c_int = -1;
        let cpu = libc::c_int::try_from(cpu).unwrap_or(libc::c_int::MAX);
        // SAFETY: `attributes` is a live, fully initialised structure that states its own size.
        let event = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                no_pid,
                cpu,
                no_group,
                OPEN_CLOEXEC,
            )
        };
        let Ok(event @ 0..) = i32::try_from(event) else {
            return Err(StampError::Refused { source: io::Error::last_os_error() });
        };
        // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
        let event = unsafe { OwnedFd::from_raw_fd(event) };
        Self::map(event)
    }

    fn map(event: OwnedFd) -> Result<Self, StampError> {
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).unwrap_or(4096);
        // SAFETY: a new mapping at an address of the kernel's choice, of a descriptor that we own.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                page + RING_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                event.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(StampError::Memory { source: io::Error::last_os_error() });
        }
        let Some(base) = NonNull::new(base.cast()) else {
            return Err(StampError::Memory { source: io::ErrorKind::OutOfMemory.into() });
        };
        Ok(Self { base, page, _event: event })
    }

    fn field(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: `offset` is one of the two constants above, inside the first page.
        let field = unsafe { self.base.as_ptr().add(offset) };
        // SAFETY: aligned to eight bytes; the kernel, too, accesses these fields atomically, and
        // the mapping lives as long as `self`.
        unsafe { AtomicU64::from_ptr(field.cast()) }
    }

    fn skip(&mut self) {
        let head = self.field(DATA_HEAD).load(Ordering::Acquire);
        self.field(DATA_TAIL).store(head, Ordering::Release);
    }

    /// Appends all unread bytes to `out` and gives their space back to the kernel.
    fn read(&mut self, out: &mut Vec<u8>) {
        // Acquire: the records before `head` are written when we see it.
        let head = self.field(DATA_HEAD).load(Ordering::Acquire);
        let tail = self.field(DATA_TAIL).load(Ordering::Relaxed);
        let unread = usize::try_from(head.wrapping_sub(tail)).unwrap_or(0).min(RING_BYTES);
        let from = usize::try_from(tail).unwrap_or(0) % RING_BYTES;
        let first = unread.min(RING_BYTES - from);
        self.copy(from, first, out);
        self.copy(0, unread - first, out);
        // Release: the kernel may overwrite the records once it sees this.
        self.field(DATA_TAIL).store(head, Ordering::Release);
    }

    fn copy(&self, from: usize, len: usize, out: &mut Vec<u8>) {
        // SAFETY: `from + len` is at most RING_BYTES, the size of the data area after the first
        // page.
        let data = unsafe { self.base.as_ptr().add(self.page + from) };
        // SAFETY: these bytes lie before `data_head` and after `data_tail`: the kernel does not
        // touch them until we move the tail.
        let bytes = unsafe { std::slice::from_raw_parts(data, len) };
        out.extend_from_slice(bytes);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `map` made; no reference into it outlives `self`.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.page + RING_BYTES) };
    }
}
