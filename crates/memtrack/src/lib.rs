//! `codspeed-memtrack` traces the allocations of a process tree.
//!
//! A `backend` sees the calls of allocators: `ebpf` from the kernel, `preload` from a library inside the processes.

pub mod allocators;
pub mod backend;
pub mod discovery;
mod symbols;
mod writer;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
