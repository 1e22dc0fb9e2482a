//! The times at which benchmarks ran: the record of one conversation over the FIFOs.

use serde::{Deserialize, Serialize};

use super::Artifact;
use crate::{
    fifo::MarkerType,
    profile_dir::{ProfileFile, TIMESTAMPS},
};

/// Benchmarks and points in time, in the order in which the runner heard of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionTimestamps {
    /// `[nanoseconds, uri]`: when the runner was told that this benchmark has run.
    #[serde(rename = "uri_by_ts")]
    pub uri_by_ts: Vec<(u64, String)>,
    /// Windows (made by the runner) and rounds (made by the integration).
    #[serde(rename = "markers")]
    pub markers: Vec<MarkerType>,
}

impl Artifact for ExecutionTimestamps {
    const FILE: ProfileFile = TIMESTAMPS;
}
