//! Allocations of a process tree: events, the file that holds them, what lies beside it, and what they amount to.
//!
//! A tracer leaves files named after the root process (rows of [`profile_dir`](crate::profile_dir)):
//!
//! | file | holds |
//! |---|---|
//! | `EVENTS` | [`Event`]s, in zstd frames |
//! | `EVENT_STACKS` | optional: the stack of each event, in zstd frames (see [`encode_stack`]'s module) |
//! | `TRACER_STATS` | [`TracerStats`]: what was watched and what may be missing |
//! | `TRACE_USAGE` | optional: [`TraceUsage`], what the windows of a benchmark amount to |

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
