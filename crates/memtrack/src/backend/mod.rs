//! The source of events: all that the tracer asks of a backend, and all that it gets.

pub(crate) mod ebpf;
pub mod preload;

use std::{ffi::OsString, io, os::fd::BorrowedFd, process::Command, sync::Arc};

use runner_shared::memory::Event;

pub use crate::maps::Mapping;

/// Something that happened in the traced processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// An allocator was called.
    Call {
        /// The call.
        event: Event,
        /// Its stack; empty when stacks are not wanted or the call is a free.
        stack: Stack<'a>,
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
    /// A process has the code of this file in its memory, too: said before the first stack, and when something was loaded,
    /// by backends that are in the process.
    Mapped {
        /// The process.
        pid: i32,
        /// The file, and where it is.
        mapping: &'a Mapping,
    },
    /// A process has this in its memory, and nothing else, but for what is said behind this.
    Memory {
        /// The process.
        pid: i32,
        /// Nanoseconds of `CLOCK_MONOTONIC` when it was so. It may be said long before the records of that time.
        timestamp: u64,
        /// The code of all files.
        mappings: &'a [Arc<Mapping>],
    },
    /// A process was made by another one, and has in its memory what that had: said before its first other record.
    Forked {
        /// The new process.
        pid: i32,
        /// The process that it was made by.
        parent: i32,
        /// Nanoseconds of `CLOCK_MONOTONIC`.
        timestamp: u64,
    },
}

/// All that a backend has taken of the stack of a call, where the call returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stack<'a> {
    /// Return addresses that were found by frame pointers, innermost first.
    pub addresses: &'a [u64],
    /// The registers, if there is a copy.
    pub registers: Registers,
    /// A copy of the stack from the stack pointer on, in words.
    pub copy: &'a [u64],
}

/// The registers that unwinding begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Registers {
    /// Address of the next instruction.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer, or whatever the program keeps in its register.
    pub fp: u64,
}

/// The wishes that a backend has to fulfil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Bytes of memory for events that were not taken yet; a power of two and at least a page.
    pub ring_size: u32,
    /// Rather lose events than hold the program back.
    pub lossy: bool,
    /// The way in which the stack of each allocation is taken.
    pub stacks: Stacks,
    /// With anonymous memory that was mapped outside of allocators.
    pub mappings: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { ring_size: 16 << 20, lossy: false, stacks: Stacks::None, mappings: false }
    }
}

/// The way in which stacks are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stacks {
    /// None are.
    #[default]
    None,
    /// By frame pointers, and by call frame information as far as a copy of the innermost part goes.
    FramePointers,
    /// By call frame information, from a copy.
    Copies,
}

impl Stacks {
    /// Bytes of a stack that are copied, at most.
    pub const fn copied(self) -> u32 {
        match self {
            Self::None => 0,
            Self::FramePointers => NEAR,
            Self::Copies => MOST_COPIED,
        }
    }

    /// Return addresses that are found by frame pointers, at most.
    pub const fn frames(self) -> u32 {
        match self {
            Self::None | Self::Copies => 0,
            Self::FramePointers => STACK_DEPTH,
        }
    }
}

/// Return addresses by frame pointers at most.
pub const STACK_DEPTH: u32 = 32;
/// Bytes that are copied besides those.
const NEAR: u32 = 512;
/// No more bytes of a stack are copied. A record of the library must fit into a block.
pub const MOST_COPIED: u32 = 15360;

/// The report of a backend at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Events that were seen and could not be kept.
    pub lost: u64,
    /// Processes that could not be followed.
    pub untracked: u64,
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
/// The order of calls: `environment` and `prepare`, then the tracer starts its command with these variables, then
/// `started`, any number of `record` and `drain`, at last `finish`. Recording is off until `record(true)`, which may
/// come before the start. While it is off there may be a `rest`, which ends with `wake`.
pub trait Backend {
    /// The name that a user chooses it by.
    fn name(&self) -> &'static str;

    /// The name of the way in which it is attached.
    fn method(&self) -> &'static str;

    /// Variables that the command must see besides its own; `env` holds what it would see without them.
    fn environment(&mut self, env: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
        let _ = env;
        Vec::new()
    }

    /// Changes the command before it is started.
    fn prepare(&mut self, command: &mut Command) -> io::Result<()> {
        let _ = command;
        Ok(())
    }

    /// The command was started, or could not be.
    fn started(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Nothing will be recorded for a while: what costs the programs something all the same is put aside until `wake`.
    fn rest(&mut self) {}

    /// Gets ready to record again.
    fn wake(&mut self) {}

    /// Switches recording. When it returns, the new state holds in all processes; the tracer drops events with a
    /// later time stamp than the return of `record(false)`.
    fn record(&mut self, on: bool) -> io::Result<()>;

    /// Readable when there is something to hand over that is not a call; calls come without notice. `None`: nothing ever
    /// comes with notice.
    fn readable(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Returns whether the calls of some milliseconds can wait to be handed over.
    fn has_room(&self) -> bool {
        true
    }

    /// Records of all threads come in the order of their times, not only those of one.
    fn is_ordered(&self) -> bool {
        false
    }

    /// Hands over what there is, doesn't wait; returns the number of records. Records of one thread come in order.
    fn drain(&mut self, take: &mut dyn FnMut(Record<'_>)) -> io::Result<usize>;

    /// The command has ended: hands over what is left (all processes of the tree that are still running are no longer
    /// followed), removes every trace of the backend, and reports.
    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) -> io::Result<Coverage>;
}
