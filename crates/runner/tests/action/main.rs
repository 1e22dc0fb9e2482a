//! The GitHub Action: every step of `action.yml` is run as GitHub does it, against releases that this machine serves.
//!
//! Most jobs install a `codspeed` that only writes down how it was called; those in `namespace` install the real one.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on shall stop"
)]

mod definition;
mod documents;
mod expression;
mod fakes;
mod inputs;
mod job;
mod namespace;
mod refusals;
mod releases;
mod versions;
