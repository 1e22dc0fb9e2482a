//! Recordings of perf, from the recording to artifacts and stacks.

#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic, and starts what it records"
)]

mod client;
mod decode;
mod perf_records;
mod python;
mod record;
