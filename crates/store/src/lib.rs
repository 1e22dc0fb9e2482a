//! Runs that last: what is kept of each run, where it is kept, and what later steps say of kept runs.
//!
//! A [`Store`] is a folder of records with an index. A [`Record`] is everything that is kept of a run. It never changes,
//! and its [`RecordId`] is the digest of its bytes.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]
#![forbid(unsafe_code)]

pub mod compare;
mod from_report;
pub mod gate;
pub mod history;
pub mod import;
mod keep;
pub mod listing;
mod measured;
mod merge;
mod push;
mod record;
mod shared;
pub mod shown;
mod sync;

pub(crate) use keep::{Batch, Looked};
pub use keep::{
    BenchmarkKey, CheckReport, Collected, Entry, Filter, Flaw, History, Imported, IndexError,
    NoPlace, Place, Point, Progress, Refused, Retention, Scope, SelectError, Selector, Series,
    Store, StoreError, Surroundings, Wanted,
};
pub use merge::{Merged, NotShards, merge};
pub use push::{Present, Pushed};
pub use record::{
    Better, CiRun, Column, CommitInfo, Environment, Inlined, Invalid, Kind, Metric, MetricUnit,
    Mode, Module, Outcome, Packed, Part, PartState, Processor, Record, RecordId, RecordedBenchmark,
    Rounds, StackNode, StackUnit, Stacks, Timeline, Tool, Verdict,
};
pub(crate) use shared::Listed;
pub use shared::{Patience, Purpose, SharedError, SharedKey, SharedStore, configures_shared_store};
pub use sync::{Depth, Look, SyncError};
