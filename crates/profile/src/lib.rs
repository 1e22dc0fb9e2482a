//! Turns a recording of `perf record` into what a profile is made of: symbols, unwind data and
//! debug information for the service ([`write_artifacts`]), stacks for our own report
//! ([`read_stacks`]).
//!
//! ```text
//! perf.pipedata --perf::scan--> events --replay--> mappings per process --module, jit--> files, walltime.metadata
//!                                      \--stacks--> samples --unwound, named--> stacks per benchmark
//! ```
//!
//! Nothing here starts a program, prints, or needs the network.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

mod artifacts;
mod bytes;
mod error;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod jit;
mod mapped;
mod metadata;
mod module;
mod perf;
mod replay;
mod snapshot;
mod space;
mod stacks;
pub mod unwind_data;
mod window;

pub(crate) use artifacts::EXEC_HARNESS;
pub use artifacts::{
    Recording, Sources, UsedMapping, Written, is_interpreter, write_artifacts, write_artifacts_from,
};
pub use error::ProfileError;
pub use jit::JitUnwindForm;
pub use module::is_built_by_go;
pub use snapshot::{Mapping, PinnedFile, Snapshot, executable_mappings};
pub use stacks::{BenchmarkStacks, RunStacks, read_stacks, read_stacks_from};
