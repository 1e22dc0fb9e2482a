//! `codspeed` runs benchmarks under an instrument and shows the results.
//!
//! `app` parses the command line and dispatches to `commands`; these make a plan
//! (`settings`) and hand it to the `orchestrator`, which lets a `mode` start the benchmark
//! (`process`), serves the conversation with it (`session`) and reads the profile folder that
//! is left. Only `ui` prints. The page to read first is `crates/README.md`.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

mod ab;
mod app;
mod ci;
mod cli;
mod commands;
mod doctor;
mod env;
mod error;
mod event;
mod exposure;
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod instruments;
mod isolate;
mod mode;
mod orchestrator;
mod process;
mod profiler;
mod recording;
mod session;
mod settings;
mod tools;
mod ui;
mod upload;
mod workload;

pub use app::main;
