//! Runs that last: what is kept of each run, where it is kept, and what later steps say of kept runs.
//!
//! A [`Record`] is everything that is kept of a run. It never changes, and its [`RecordId`] is the digest of its bytes.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]
#![forbid(unsafe_code)]

mod record;

pub use record::{
    Better, CiRun, CommitInfo, Environment, Invalid, Kind, Metric, MetricUnit, Mode, Module,
    Outcome, Packed, Part, PartState, Processor, Record, RecordId, RecordedBenchmark, Rounds,
    StackNode, StackUnit, Stacks, Tool, Verdict,
};
