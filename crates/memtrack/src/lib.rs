//! `codspeed-memtrack` traces the allocations of a process tree.
//!
//! A `backend` sees the calls of allocators: `ebpf` from the kernel, `preload` from a library inside the processes.
//! `track` is the loop that moves events from the backend to the `writer`; `app` chooses, reports, and ends.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

mod app;
pub mod backend;
mod cfi;
mod cli;
mod command;
mod console;
mod control;
mod discovery;
mod doctor;
mod maps;
mod memory;
mod progress;
mod summary;
mod symbols;
mod track;
mod unwind;
mod writer;

pub use app::main;

/// Unwinds by the call frame information of a file that may be damaged, for the example that makes such files.
#[doc(hidden)]
pub fn fuzz_unwind_data(file: &[u8]) {
    unwind::unwind_with(file);
}
