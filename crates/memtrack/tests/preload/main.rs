//! The backend `preload` against programs that say themselves what they do.
#![expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests"
)]

mod allocators;
mod becoming;
mod behaviour;
mod calls;
mod crowd;
#[path = "../programs/compile.rs"]
mod programs;
mod sandboxes;
mod shims;
mod support;
mod unseen;
mod ways;
