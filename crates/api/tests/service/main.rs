//! The crate against a fake service on this machine. Nobody waits: pauses are only noted.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "helpers of tests: what is not expected fails the test"
)]

mod download;
mod graphql;
mod support;
mod upload;
