//! The times in which the thread that ran a suite's benchmarks was off its processor, as the kernel recorded them.

use serde::{Deserialize, Serialize};

use super::Artifact;
use crate::profile_dir::{PREEMPTIONS, ProfileFile};

/// All windows of a run that were watched, in the order of time. Nanoseconds on `CLOCK_MONOTONIC`.
///
/// Lies in the part of the profile folder that no archive has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preemptions {
    /// One entry per window.
    pub windows: Vec<WatchedWindow>,
    /// Windows for which there was no room.
    pub left_out: u64,
}

impl Artifact for Preemptions {
    const FILE: ProfileFile = PREEMPTIONS;
}

/// Some time, in nanoseconds: when it began, and how long it was.
pub type Span = (u64, u64);

/// The time between the start and the stop of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedWindow {
    /// From here on everything is known.
    pub start_ns: u64,
    /// Up to here.
    pub end_ns: u64,
    /// The reason why nothing is known; empty if it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub missing: String,
    /// Times in which the thread could have gone on and another one had its processor, ascending.
    pub preempted: Vec<Span>,
    /// Times in which the thread waited by itself, ascending.
    pub waited: Vec<Span>,
    /// Times of which records were lost, ascending.
    pub lost: Vec<Span>,
    /// Processor time of the thread in the window.
    pub thread_ns: u64,
    /// Processor time of the other threads of its process, and of the processes below it.
    pub others_ns: u64,
    /// The thread has started threads or processes.
    pub forked: bool,
}
