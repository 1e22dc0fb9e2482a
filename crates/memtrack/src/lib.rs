//! `codspeed-memtrack` traces the allocations of a process tree.
//!
//! A `backend` sees the calls of allocators: `ebpf` from the kernel, `preload` from a library inside the processes.
//! `track` is the loop that moves events from the backend to the `writer`; `app` chooses, reports, and ends.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

mod app;
pub mod backend;
mod cli;
mod command;
mod console;
mod control;
mod discovery;
mod doctor;
mod progress;
mod summary;
mod symbols;
mod track;
mod writer;

pub use app::main;
