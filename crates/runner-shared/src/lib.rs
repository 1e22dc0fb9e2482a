//! The contract between the processes of CodSpeed: what crosses a pipe, the environment or the profile folder.
//!
//! Types, names and encodings only. Nothing here opens a file, starts a program or prints; the system is asked something
//! only by `run_as` (for users), `program` (where it is) and `reach` (what may be read and written).

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]
#![forbid(unsafe_code)]

pub mod artifact;
pub mod bounds;
pub mod clock;
#[cfg(feature = "cli")]
pub mod command_line;
pub mod command_text;
pub mod conditions;
pub mod counters;
pub mod duration;
pub mod env_names;
pub mod fault;
pub mod fifo;
pub mod harness;
pub mod inlining;
pub mod memory;
pub mod mode;
mod os_text;
pub mod profile_dir;
pub mod program;
pub mod reach;
pub mod run_as;
pub mod share;
pub mod stacks;
pub mod statistics;
pub mod text;
pub mod verdict;
pub mod walltime;
pub mod workers;
