//! The built program.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "helpers of tests: what is not expected fails the test"
)]

mod namespace;
