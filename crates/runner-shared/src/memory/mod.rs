//! Allocations of a process tree: events, the file that holds them, and what lies beside it.

mod event;

pub use event::{Event, EventKind};

/// What the file of events is called behind the number of the root process: `<pid>.MemtrackArtifact.msgpack`.
pub const EVENTS_FILE: &str = "MemtrackArtifact.msgpack";
