//! The built programs from outside: exit codes, what is printed where, what is left behind.
//!
//! Most tests are in `namespace`: they give each run a `/tmp` of its own, where the FIFOs are.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on shall stop"
)]

mod compare;
mod configuration;
mod gate;
mod gate_choice;
mod inspect;
mod namespace;
mod report;
mod service;
mod stage;
mod store;
mod stored;
mod stored_tables;
mod stored_trouble;
mod update;
mod usage;
mod variables;
