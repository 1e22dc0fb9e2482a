//! For tests only: a sandbox for our programs; a runner, an integration and a service that follow a script; and a loop that throws damaged bytes at readers.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that can't go on shall stop, and tests start programs in sandboxes"
)]

mod client;
mod fake_api;
pub mod fuzz;
mod run;
mod runner;
mod sandbox;
mod stored;
mod terminal;
mod wait;

pub use client::RawClient;
pub use fake_api::{Answer, FakeApi, Gate, Request};
pub use run::{Run, Running};
pub use runner::{ScriptedRunner, Transcript};
pub use sandbox::{Sandbox, redact};
pub use stored::{folder_address, record_file};
pub use terminal::Terminal;
pub use wait::Notice;
