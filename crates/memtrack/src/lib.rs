//! `codspeed-memtrack` traces the allocations of a process tree.
//!
//! A `backend` sees the calls of allocators: `ebpf` from the kernel, `preload` from a library inside the processes.

pub mod backend;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
