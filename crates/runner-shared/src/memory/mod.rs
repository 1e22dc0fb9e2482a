//! Allocations of a process tree: events, the file that holds them, what lies beside it, and what they amount to.
//!
//! A tracer leaves files named after the root process:
//!
//! | file | holds |
//! |---|---|
//! | `<pid>.MemtrackArtifact.msgpack` | [`Event`]s, in zstd frames |
//! | `<pid>.MemtrackStacks.msgpack` | optional: the stack of each event, in zstd frames (see [`encode_stack`]'s module) |
//! | `<pid>.MemtrackStats.json` | [`TracerStats`]: what was watched and what may be missing |
//! | `<pid>.MemtrackUsage.msgpack` | optional: [`TraceUsage`], what the windows of a benchmark amount to |

mod decode;
mod event;
mod stacks;
mod stats;
mod trace_usage;
mod usage;
mod wire;

pub use decode::EventDecoder;
pub use event::{Event, EventKind};
pub use stacks::{
    StackDecoder, StackFrame, StackTable, encode_event_stack, encode_frame, encode_stack,
};
pub use stats::{CoveredObject, EventCounts, TracerStats};
pub use trace_usage::{TraceUsage, WindowUsage};
pub use usage::{SiteUsage, SizeClass, SizeHistogram, Timeline, Usage, UsageSummary};
pub use wire::RecordError;

/// The name of the file of events after the number of the root process: `<pid>.MemtrackArtifact.msgpack`.
pub const EVENTS_FILE: &str = "MemtrackArtifact.msgpack";
/// The same for the file of stacks.
pub const STACKS_FILE: &str = "MemtrackStacks.msgpack";
/// The same for the word of the tracer.
pub const STATS_FILE: &str = "MemtrackStats.json";
/// The same for what the tracer has counted.
pub const USAGE_FILE: &str = "MemtrackUsage.msgpack";
