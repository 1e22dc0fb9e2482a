//! From a profile folder to the service: decided before anything is measured, without the network; done after all parts
//! were measured; possible hours later from the folder alone.
//!
//! The archive and what the service is told stay in the folder until the upload has succeeded.

mod account;
pub(crate) mod manifest;
mod outcome;
mod prepare;
mod repository;
mod send;
mod trouble;

pub(crate) use account::{Account, http};
pub(crate) use manifest::{Manifest, ManifestError, State, forget, how_to_go_on, runner};
pub(crate) use outcome::{Gate, Outlook};
pub(crate) use prepare::{Prepared, Upload, prepare};
pub(crate) use send::{Part, Sent};
pub(crate) use trouble::refused;

use api::Executor;

/// Returns what the service calls a way of measuring, from its name.
pub(crate) fn executor(name: &str) -> Executor {
    match name {
        "valgrind" => Executor::Valgrind,
        "memory" => Executor::Memory,
        _ => Executor::Walltime,
    }
}
