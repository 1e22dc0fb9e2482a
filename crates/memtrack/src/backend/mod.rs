//! Where events come from: what the tracer asks of every backend, and what it gets.

pub mod preload;

use std::{ffi::OsString, io};

use runner_shared::memory::Event;

/// Something that happened in the traced processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// An allocator was called.
    Call {
        /// The call.
        event: Event,
        /// Return addresses, innermost first; empty when stacks are not wanted or the call is a free.
        stack: &'a [u64],
    },
    /// A process became another program (`exec`); everything that it had allocated is gone.
    Exec {
        /// The process.
        pid: i32,
        /// Nanoseconds of `CLOCK_MONOTONIC`.
        timestamp: u64,
    },
    /// The last thread of a process has ended.
    Exit {
        /// The process.
        pid: i32,
        /// Nanoseconds of `CLOCK_MONOTONIC`.
        timestamp: u64,
    },
}

/// What a backend has to say at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Events that were seen and could not be kept.
    pub lost: u64,
    /// Files whose allocator is watched, each with the names of the allocators in it and the number of probes.
    pub objects: Vec<Covered>,
    /// Whatever the user must know about what is not seen, as sentences.
    pub notes: Vec<String>,
}

/// A file whose allocator is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The file.
    pub path: String,
    /// Names of the allocators in it, as `libc`.
    pub allocators: Vec<String>,
    /// Number of functions that are watched.
    pub probes: u32,
}

/// Sees the calls of allocators in a process tree.
///
/// The order of calls: `environment`, then the tracer starts its command with these variables, then any number of
/// `record` and `drain`, at last `finish`. Recording is off until `record(true)`.
pub trait Backend {
    /// Variables that the command must see besides its own; `env` holds what it would see without them.
    fn environment(&mut self, env: &[(OsString, OsString)]) -> Vec<(OsString, OsString)>;

    /// Switches recording. When it returns, the new state holds in all processes; the tracer drops events with a
    /// later time stamp than the return of `record(false)`.
    fn record(&mut self, on: bool) -> io::Result<()>;

    /// Hands over what there is, doesn't wait; returns the number of records. Records of one thread come in order.
    fn drain(&mut self, take: &mut dyn FnMut(Record<'_>)) -> io::Result<usize>;

    /// The command has ended: hands over what is left (all processes of the tree that are still running are no longer
    /// followed), removes every trace of the backend, and reports.
    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) -> io::Result<Coverage>;
}
